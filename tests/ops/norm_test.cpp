#include "cairn/ops/norm.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "cairn/autograd/backward.h"
#include "cairn/ops/arithmetic.h"
#include "cairn/ops/elementwise.h"
#include "cairn/ops/reduce.h"
#include "cairn/tensor/create.h"
#include "cairn/tensor/random.h"
#include "support.h"

using namespace cairn;
using ::testing::HasSubstr;

namespace {

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

// A block of rows begins with a value that is no likeness of the others, as a dark corner in each image would be.
TEST(BatchNorm, StatisticsStandAValueFarOff) {
  Generator random(13);
  const NoGrad off;
  const Tensor x = randn({8, 16, 32, 32}, f32, random) + 100.0;
  x.slice(2, 0, 1).slice(3, 0, 1).fill_(0);
  Tensor running_mean = zeros({16}), running_var = zeros({16});
  batch_norm(x, running_mean, running_var, Tensor(), Tensor(), true, 1.0);
  const Tensor exact = x.to(f64), d = exact - mean(exact, {0, 2, 3}, true);
  const Tensor expected = sum(d * d, {0, 2, 3}) / (8.0 * 32 * 32 - 1);
  // About the first row alone the error is 1e-4.
  EXPECT_LE(amax(abs(running_var.to(f64) / expected - 1.0)).item<double>(), 2e-6);
  EXPECT_LE(amax(abs(running_mean.to(f64) / mean(exact, {0, 2, 3}) - 1.0)).item<double>(), 1e-6);
}

// The fused f32 backward, over vectors that are full and that are not, held to the definition in f64.
TEST(BatchNorm, GradientsAgreeWithTheDefinition) {
  Generator random(14);
  for (const bool training : {true, false})
    for (const int64_t c : {1, 3, 16, 20, 64, 130})
      for (const bool image : {true, false}) {
        const Shape shape = image ? Shape{7, c, 5, 9} : Shape{315, c};
        Tensor x = (randn(shape, f32, random) * 2.0 + 1.0).detach().requires_grad_();
        Tensor w = randn({c}, f32, random).requires_grad_(), b = randn({c}, f32, random).requires_grad_();
        const Tensor g = randn(shape, f32, random), m = randn({c}, f32, random), v = rand({c}, f32, random) + 0.5;
        const Dims over = image ? Dims{0, 2, 3} : Dims{0};
        const Shape by_channel = image ? Shape{1, c, 1, 1} : Shape{1, c};
        const auto exact = [&](const Tensor& t) { return t.to(f64).reshape(by_channel); };
        const Tensor e = x.to(f64), d = e - (training ? mean(e, over, true) : exact(m));
        const Tensor y = d * rsqrt((training ? mean(d * d, over, true) : exact(v)) + 1e-5) * exact(w) + exact(b);
        const auto expected = grad({y}, {x, w, b}, {g.to(f64)});
        const auto ours = grad({batch_norm(x, m, v, w, b, training)}, {x, w, b}, {g});
        for (size_t i = 0; i < 3; ++i) {
          const double size = std::max(1.0, amax(abs(expected[i])).item<double>());
          EXPECT_LE(amax(abs(ours[i] - expected[i])).item<double>(), 2e-6 * size)  // a few roundings of f32
              << "input " << i << ", " << c << " channels" << (training ? ", training" : "");
        }
      }
}

TEST(BatchNorm, OfNothing) {
  for (const Shape& shape : {Shape{0, 3, 2, 2}, Shape{2, 3, 0, 2}, Shape{0, 3}, Shape{2, 0, 3, 3}}) {
    const int64_t c = shape[1];
    Tensor x = zeros(shape).requires_grad_(), w = ones({c}).requires_grad_();
    const Tensor y = batch_norm(x, zeros({c}), ones({c}), w);
    EXPECT_EQ(y.shape(), shape);
    sum(y).backward();
    EXPECT_EQ(x.grad().shape(), shape);
    EXPECT_EQ(values(w.grad()), Values(static_cast<size_t>(c), 0.0));
    Tensor mean = zeros({c}), var = ones({c});
    EXPECT_THROW(batch_norm(x, mean, var, w, Tensor(), true), ValueError);
  }
}

TEST(BatchNorm, NotANumberReachesTheStatistics) {
  Tensor mean = zeros({1}), var = ones({1});
  batch_norm(full({4, 1}, NAN), mean, var, Tensor(), Tensor(), true);
  EXPECT_TRUE(std::isnan(mean.item<double>()) && std::isnan(var.item<double>()));
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
  EXPECT_THAT(text_of<ValueError>([&] {
                batch_norm(ones({2, 3}), mean, Tensor(), Tensor(), Tensor(), true);
              }),
              HasSubstr("together"));
  EXPECT_THAT(text_of<ShapeError>([&] { batch_norm(x, ones({2}), ones({2})); }),
              AllOf(HasSubstr("(c)"), HasSubstr("running_mean (2,)")));
  EXPECT_THAT(text_of<DtypeError>([&] { batch_norm(x, mean, ones({3}, f64)); }), HasSubstr("running_var (3,) f64"));
  EXPECT_THAT(text_of<ShapeError>([&] {
                batch_norm(x, mean, var, ones({3}), ones({1, 3}));
              }),
              HasSubstr("bias (1, 3)"));
  EXPECT_THAT(text_of<ValueError>([&] { batch_norm(x, mean, var, Tensor(), Tensor(), false, 0.1, -1); }),
              HasSubstr("eps"));
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

TEST(GroupNorm, GradientsAgreeWithTheDefinition) {
  Generator random(15);
  for (const int64_t groups : {1, 4, 20}) {
    Tensor x = (randn({6, 20, 5, 7}, f32, random) * 2.0 + 1.0).detach().requires_grad_();
    Tensor w = randn({20}, f32, random).requires_grad_(), b = randn({20}, f32, random).requires_grad_();
    const Tensor g = randn(x.shape(), f32, random);
    const Tensor rows = x.to(f64).reshape({6, groups, -1}), d = rows - mean(rows, {2}, true);
    const Tensor normed = (d * rsqrt(mean(d * d, {2}, true) + 1e-5)).reshape(x.shape());
    const Tensor y = normed * w.to(f64).reshape({20, 1, 1}) + b.to(f64).reshape({20, 1, 1});
    const auto expected = grad({y}, {x, w, b}, {g.to(f64)});
    const auto ours = grad({group_norm(x, groups, w, b)}, {x, w, b}, {g});
    for (size_t i = 0; i < 3; ++i) {
      const double size = std::max(1.0, amax(abs(expected[i])).item<double>());
      EXPECT_LE(amax(abs(ours[i] - expected[i])).item<double>(), 2e-6 * size) << "input " << i << ", " << groups;
    }
  }
}

TEST(GroupNorm, OfNothing) {
  Tensor x = zeros({0, 4, 2, 2}, f64).requires_grad_(), w = ones({4}, f64).requires_grad_();
  sum(group_norm(x, 2, w)).backward();
  EXPECT_EQ(x.grad().shape(), x.shape());
  EXPECT_EQ(values(w.grad()), (Values{0, 0, 0, 0}));
  EXPECT_NO_THROW(grad({sum(group_norm(x, 2, w))}, {x, w}, {}, true, true));
  EXPECT_THROW(group_norm(zeros({2, 4, 0, 2}), 2), ValueError);
}

TEST(Norms, GiveTheSameBitsOnAnyNumberOfThreads) {
  expect_same_on_any_threads([] {
    Generator random(5);
    const Tensor x = randn({32, 24, 16, 16}, f32, random).requires_grad_(),
                 w = randn({24}, f32, random).requires_grad_();
    const Tensor y = batch_norm(x, Tensor(), Tensor(), w, Tensor(), true) + group_norm(x, 3, w);
    sum(y * y * y).backward();
    return std::vector<Values>{values(y), values(x.grad()), values(w.grad())};
  });
}

}  // namespace
