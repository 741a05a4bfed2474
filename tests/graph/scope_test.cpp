#include "cairn/graph/scope.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

#include "cairn/graph/record.h"
#include "cairn/ops/arithmetic.h"
#include "cairn/tensor/create.h"

namespace cairn {
namespace {

TEST(Scope, NestsAndGoesBack) {
  EXPECT_EQ(current_scope(), "");
  {
    const Scope outer("encoder");
    EXPECT_EQ(current_scope(), "encoder");
    {
      const Scope inner("encoder.fc");
      EXPECT_EQ(current_scope(), "encoder.fc");
    }
    EXPECT_EQ(current_scope(), "encoder");
  }
  EXPECT_EQ(current_scope(), "");
}

TEST(Scope, IsEachThreadsOwn) {
  const Scope here("here");
  std::string there = "unset";
  std::thread([&] { there = current_scope(); }).join();
  EXPECT_EQ(there, "");
}

TEST(Scope, ObserversAreToldIt) {
  std::vector<std::string> seen;
  const Observer observer([&](const Operation& o) { seen.emplace_back(o.scope); });
  const Tensor x = ones({2});
  const Tensor before = x + x;
  const Scope scope("block");
  const Tensor inside = x + x;
  EXPECT_EQ(seen, (std::vector<std::string>{"", "block"}));
}

TEST(Scope, NumbersItsCalls) {
  EXPECT_EQ(current_call(), 0u);
  uint64_t first = 0, inner = 0;
  {
    const Scope outer("encoder");
    first = current_call();
    EXPECT_GT(first, 0u);
    {
      const Scope scope("encoder.fc");
      inner = current_call();
      EXPECT_GT(inner, first);
    }
    EXPECT_EQ(current_call(), first) << "the call goes on";
  }
  EXPECT_EQ(current_call(), 0u);
  const Scope again("encoder");
  EXPECT_GT(current_call(), inner);
}

}  // namespace
}  // namespace cairn
