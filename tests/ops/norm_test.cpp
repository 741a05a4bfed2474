#include "cairn/ops/norm.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "cairn/autograd/backward.h"
#include "cairn/base/threads.h"
#include "cairn/ops/arithmetic.h"
#include "cairn/ops/elementwise.h"
#include "cairn/ops/reduce.h"
#include "cairn/tensor/create.h"
#include "cairn/tensor/random.h"
#include "support.h"

using namespace cairn;
using ::testing::HasSubstr;

namespace {

using Values = std::vector<double>;
Values values(const Tensor& t) { return t.to_vector<double>(); }

TEST(BatchNorm, ByHand) {
  const Tensor x = tensor({{1., 10.}, {3., 10.}}, f64);
  Tensor mean = zeros({2}, f64), var = ones({2}, f64);
  EXPECT_EQ(values(batch_norm(x, mean, var, Tensor(), Tensor(), true, 0.5, 0.0).slice(1, 0, 1)), (Values{-1, 1}));
  EXPECT_EQ(values(mean), (Values{1, 5}));
  EXPECT_EQ(values(var), (Values{1.5, 0.5}));  // the unbiased variances are 2 and 0
  const Tensor y = batch_norm(x, tensor({1., 8.}, f64), tensor({4., 1.}, f64), tensor({2., 1.}, f64),
                              tensor({0., 7.}, f64), false, 0.1, 0.0);
  EXPECT_EQ(values(y), (Values{0, 9, 2, 9}));
}

// Channel counts that fill vectors and that do not, and values far from zero, where sums of squares would cancel.
TEST(BatchNorm, AgreesWithTheDefinition) {
  Generator random(11);
  for (const int64_t c : {1, 3, 16, 20, 64, 130})
    for (const Dtype dtype : {f32, f64}) {
      const Tensor x = randn({9, c, 7, 5}, dtype, random) * 0.5 + 100.0;
      const Tensor exact = x.to(f64), center = exact - mean(exact, {0, 2, 3}, true);
      const Tensor expected = center * rsqrt(mean(center * center, {0, 2, 3}, true) + 1e-5);
      const Tensor y = batch_norm(x, Tensor(), Tensor(), Tensor(), Tensor(), true);
      const double error = amax(abs(y.to(f64) - expected)).item<double>();
      EXPECT_LE(error, dtype == f32 ? 1e-4 : 1e-11) << c;  // the product x · scale is 200 and rounds as such
      EXPECT_EQ(y.strides()[1], 1);
    }
}

TEST(BatchNorm, SaysWhatIsWrong) {
  const Tensor x = ones({1, 3}), images = ones({1, 3, 1, 1});
  Tensor mean = zeros({3}), var = ones({3});
  EXPECT_THAT(text_of<ValueError>([&] { batch_norm(x, mean, var, Tensor(), Tensor(), true); }),
              AllOf(HasSubstr("more than one value a channel"), HasSubstr("(1, 3) f32")));
  EXPECT_THROW(batch_norm(images, mean, var, Tensor(), Tensor(), true), ValueError);
  EXPECT_EQ(values(mean), (Values{0, 0, 0}));  // nothing has moved
  EXPECT_NO_THROW(batch_norm(x, mean, var));
  EXPECT_THAT(text_of<ValueError>([&] { batch_norm(x, Tensor(), Tensor()); }), HasSubstr("running mean"));
  EXPECT_THAT(text_of<ShapeError>([&] { batch_norm(x, ones({2}), ones({2})); }), HasSubstr("(c)"));
  EXPECT_THAT(text_of<ShapeError>([&] { batch_norm(ones({3}), mean, var); }), HasSubstr("(n, c, …)"));
  EXPECT_THAT(text_of<DtypeError>([&] { batch_norm(ones({2, 3}, i64), mean, var); }), HasSubstr("f32 or f64"));
}

TEST(GroupNorm, AgreesWithTheDefinition) {
  Generator random(12);
  const Tensor x = randn({3, 12, 5, 2}, f64, random) + 4.0;
  for (const int64_t groups : {1, 3, 12}) {
    const Tensor rows = x.reshape({3, groups, -1}), d = rows - mean(rows, {2}, true);
    const Tensor expected = (d * rsqrt(mean(d * d, {2}, true) + 1e-5)).reshape(x.shape());
    EXPECT_LE(amax(abs(group_norm(x, groups) - expected)).item<double>(), 1e-13 * 10) << groups;
  }
  EXPECT_THAT(text_of<ValueError>([&] { group_norm(x, 5); }), HasSubstr("divide"));
  EXPECT_THAT(text_of<ValueError>([&] { group_norm(ones({2, 3, 1, 1}), 3); }), HasSubstr("one value a group"));
}

TEST(Norms, GiveTheSameBitsOnAnyNumberOfThreads) {
  const int before = num_threads();
  const WholeTeams teams;
  std::vector<Values> first;
  for (const int threads : {1, 2, 3, 8}) {
    set_num_threads(threads);
    Generator random(5);
    const Tensor x = randn({32, 24, 16, 16}, f32, random).requires_grad_(),
                 w = randn({24}, f32, random).requires_grad_();
    const Tensor y = batch_norm(x, Tensor(), Tensor(), w, Tensor(), true) + group_norm(x, 3, w);
    sum(y * y * y).backward();
    const std::vector<Values> now{values(y), values(x.grad()), values(w.grad())};
    if (first.empty()) first = now;
    EXPECT_EQ(now, first) << threads << " threads";
  }
  set_num_threads(before);
}

}  // namespace
