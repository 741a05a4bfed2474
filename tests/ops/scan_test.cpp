#include "cairn/ops/scan.h"

#include <cairn/base/threads.h>
#include <cairn/ops/arithmetic.h>
#include <cairn/tensor/create.h>
#include <cairn/tensor/random.h>
#include <cairn/testing.h>
#include <gmock/gmock.h>

#include "support.h"

using namespace cairn;
using Inputs = std::vector<Tensor>;
using V = std::vector<double>;

namespace {

TEST(Cumsum, ByHand) {
  const Tensor x = tensor({{1., 2., 3.}, {4., 5., 6.}});
  EXPECT_EQ(values(cumsum(x, 1)), V({1, 3, 6, 4, 9, 15}));
  EXPECT_EQ(values(cumsum(x, 0)), V({1, 2, 3, 5, 7, 9}));
  EXPECT_EQ(values(cumsum(x.t(), -1)), V({1, 5, 2, 7, 3, 9}));
  EXPECT_EQ(values(cumsum(tensor(4.0), 0)), V({4}));
}

TEST(Cumsum, WholeNumbersAndTruthGiveI64) {
  EXPECT_EQ(values(cumsum(tensor({1, -2, 5}), 0)), V({1, -1, 4}));
  EXPECT_EQ(cumsum(tensor({true, true, false}), 0).dtype(), i64);
  EXPECT_EQ(values(cumsum(tensor({true, true, false}), 0)), V({1, 2, 2}));
}

TEST(Cumsum, OfNothing) {
  EXPECT_EQ(cumsum(zeros({0, 3}), 0).shape(), Shape({0, 3}));
  EXPECT_EQ(cumsum(zeros({2, 0}), 1).shape(), Shape({2, 0}));
}

// Each value is rounded once: a plain f32 loop would be off by more than a hundred by then.
TEST(Cumsum, IsAccurate) {
  const Tensor y = cumsum(full({1000000}, 0.1), 0);
  EXPECT_EQ(y.select(0, -1).item<float>(), static_cast<float>(1000000 * static_cast<double>(0.1F)));
}

TEST(Cumsum, SameBitsOnAnyNumberOfThreads) {
  const Tensor x = randn({40, 70, 130});
  const int before = num_threads();
  set_num_threads(1);
  const V one = values(cumsum(x, 1));
  set_num_threads(3);
  EXPECT_EQ(values(cumsum(x, 1)), one);
  set_num_threads(before);
}

TEST(Cumsum, Gradients) {
  const Tensor x = randn({3, 4, 2}, f64);
  for (int64_t dim : {0, 1, -1}) {
    EXPECT_GRADIENTS([&](const Inputs& in) { return cumsum(in[0], dim); }, {x});
    EXPECT_GRADIENTS([&](const Inputs& in) { return cumsum(in[0], dim) * in[0]; }, {x.transpose(0, 1)});
    EXPECT_GRADIENTS([&](const Inputs& in) { return cumsum(in[0].expand({3, 4, 2}), dim); }, {x.slice(1, 0, 1)});
  }
}

TEST(Cumsum, Errors) {
  EXPECT_THROW(cumsum(zeros({2}), 1), IndexError);
  EXPECT_THROW(cumsum(tensor(1.0), 1), IndexError);
  EXPECT_THROW(cumsum(zeros({2}, u8), 0), DtypeError);
}

}  // namespace
