#include "cairn/graph/branches.h"

#include <gtest/gtest.h>

#include "cairn/tensor/create.h"

using namespace cairn;

namespace {

template <class... Patterns>
uint64_t fingerprint(const Patterns&... patterns) {
  const BranchTrace trace;
  (report_branches(patterns), ...);
  return trace.fingerprint();
}

TEST(Branches, NobodyListensByDefault) {
  EXPECT_FALSE(branches_wanted());
  report_branches(tensor({true, false}));
  const BranchTrace trace;
  EXPECT_TRUE(branches_wanted());
}

TEST(Branches, AFingerprintTellsPatternsApart) {
  const Tensor a = tensor({true, false, true}), b = tensor({true, true, true});
  EXPECT_EQ(fingerprint(a), fingerprint(a.clone()));
  EXPECT_NE(fingerprint(a), fingerprint(b));
  EXPECT_NE(fingerprint(a, b), fingerprint(b, a));
  EXPECT_NE(fingerprint(a), fingerprint(a, a));
  EXPECT_NE(fingerprint(a), fingerprint());
  EXPECT_NE(fingerprint(a), fingerprint(a.unsqueeze(0)));
  EXPECT_NE(fingerprint(tensor({0, 1, 2})), fingerprint(tensor({0, 2, 1})));
}

TEST(Branches, OrderIsLogicalNotThatOfMemory) {
  const Tensor a = tensor({{1, 2}, {3, 4}});
  EXPECT_EQ(fingerprint(a.t()), fingerprint(a.t().contiguous()));
}

TEST(Branches, TracesNest) {
  const Tensor a = tensor({true, false});
  const BranchTrace outer;
  const uint64_t before = outer.fingerprint();
  EXPECT_EQ(fingerprint(a), fingerprint(a));
  EXPECT_EQ(outer.fingerprint(), before) << "only the innermost one listens";
  report_branches(a);
  EXPECT_NE(outer.fingerprint(), before);
}

}  // namespace
