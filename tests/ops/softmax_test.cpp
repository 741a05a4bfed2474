#include "cairn/ops/softmax.h"

#include <cairn/autograd/backward.h>
#include <cairn/base/threads.h>
#include <cairn/ops/arithmetic.h>
#include <cairn/ops/elementwise.h>
#include <cairn/ops/reduce.h>
#include <cairn/tensor/create.h>
#include <cairn/tensor/random.h>
#include <cairn/testing.h>
#include <gmock/gmock.h>

#include <cmath>
#include <limits>

using namespace cairn;
using Inputs = std::vector<Tensor>;
using V = std::vector<double>;

namespace {

constexpr double inf = std::numeric_limits<double>::infinity();
constexpr double f64_tolerance = 1e-14;  // some ten roundings

V values(const Tensor& t) { return t.to_vector<double>(); }

void expect_near(const V& a, const V& b, double tolerance) {
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) EXPECT_NEAR(a[i], b[i], tolerance) << "at " << i;
}

TEST(Softmax, ByHand) {
  const Tensor x = tensor({{0., std::log(3.)}, {5., 5.}}, f64);
  expect_near(values(softmax(x, 1)), {0.25, 0.75, 0.5, 0.5}, f64_tolerance);
  expect_near(values(log_softmax(x, 1)), {std::log(0.25), std::log(0.75), std::log(0.5), std::log(0.5)}, f64_tolerance);
  expect_near(values(softmin(x, 1)), {0.75, 0.25, 0.5, 0.5}, f64_tolerance);
  expect_near(values(softmax(x.t(), 0)), {0.25, 0.5, 0.75, 0.5}, f64_tolerance);
  EXPECT_EQ(values(softmax(tensor(7.0), 0)), V({1}));
  EXPECT_EQ(softmax(tensor(7.0), -1).shape(), Shape());
}

TEST(Softmax, OfLargeAndInfiniteNumbers) {
  EXPECT_EQ(values(softmax(tensor({1e30, 0., -1e30}), 0)), V({1, 0, 0}));
  expect_near(values(softmax(tensor({1000., 1000., -inf}), 0)), {0.5, 0.5, 0}, 1e-7);
  EXPECT_EQ(values(log_softmax(tensor({0., -inf}), 0)), V({0, -inf}));
  // What softmax cannot hold, its logarithm can.
  EXPECT_EQ(values(log_softmax(tensor({0., -1000.}), 0)), V({0, -1000}));
  EXPECT_EQ(values(log_softmax(tensor({3e8, 3e8 - 64}, f32), 0)), V({0, -64}));
  for (const Tensor& hopeless : {tensor({-inf, -inf}), tensor({inf, 1.}), tensor({std::nan(""), 1.})})
    EXPECT_TRUE(std::isnan(values(softmax(hopeless, 0))[0]));
}

TEST(Softmax, RowsOfEveryLength) {
  for (int64_t n : {1, 2, 7, 15, 16, 17, 32, 33, 100, 1000, 5000}) {
    const Tensor x = randn({3, n}), exact = x.to(f64);
    const Tensor e = exp(exact - amax(exact, {1}, true)), y = e / sum(e, {1}, true);
    expect_near(values(softmax(x, 1)), values(y), 3e-7);
    expect_near(values(log_softmax(x, 1)), values(log(y)), 3e-6);
  }
}

TEST(Softmax, EveryDimensionAndLayout) {
  const Tensor x = randn({2, 3, 4, 5}, f64), last = x.permute({0, 2, 3, 1}).contiguous().permute({0, 3, 1, 2});
  for (int64_t dim = -4; dim < 4; ++dim) {
    const Tensor e = exp(x), y = e / sum(e, {dim}, true);
    expect_near(values(softmax(x, dim)), values(y), f64_tolerance);
    expect_near(values(softmax(last, dim)), values(y), f64_tolerance);
    EXPECT_TRUE(softmax(x, dim).is_contiguous());
  }
  EXPECT_EQ(softmax(last, 1).strides(), last.strides());
  expect_near(values(softmax(x.slice(3, 0, 5, 2), 3)), values(softmax(x.slice(3, 0, 5, 2).contiguous(), 3)), 0);
}

TEST(Softmax, OfNothing) {
  EXPECT_EQ(softmax(zeros({0, 3}), 1).shape(), Shape({0, 3}));
  EXPECT_EQ(softmax(zeros({3, 0}), 1).shape(), Shape({3, 0}));
  EXPECT_EQ(log_softmax(zeros({3, 0}), 0).shape(), Shape({3, 0}));
}

TEST(Softmax, SameBitsOnAnyNumberOfThreads) {
  const Tensor x = randn({300, 101}).requires_grad_();
  const auto run = [&] {
    const Tensor y = softmax(x, 1) + log_softmax(x, 1);
    return std::pair(values(y), values(grad({sum(y * y)}, {x})[0]));
  };
  const int before = num_threads();
  set_num_threads(1);
  const auto one = run();
  set_num_threads(3);
  EXPECT_EQ(run(), one);
  set_num_threads(before);
}

TEST(Softmax, Gradients) {
  const Tensor x = randn({2, 3, 5}, f64);
  using F = Tensor (*)(const Tensor&, int64_t);
  for (F f : {F(softmax), F(log_softmax), F(softmin)})
    for (int64_t dim : {0, 1, 2}) {
      EXPECT_GRADIENTS([&](const Inputs& in) { return f(in[0], dim); }, {x});
      EXPECT_GRADIENTS([&](const Inputs& in) { return f(in[0], dim); }, {x.transpose(0, 2)});
      EXPECT_GRADIENTS([&](const Inputs& in) { return f(in[0], dim); }, {x.slice(2, 0, 5, 2)});
      EXPECT_GRADIENTS([&](const Inputs& in) { return f(in[0].expand({2, 3, 5}), dim); }, {x.slice(1, 0, 1)});
      EXPECT_GRADIENTS([&](const Inputs& in) { return f(in[0], dim); }, {x.slice(dim, 0, 1)});
    }
  EXPECT_GRADIENTS([](const Inputs& in) { return softmax(in[0], 1); }, {randn({3, 19}, f64)});
  EXPECT_GRADIENTS([](const Inputs& in) { return log_softmax(in[0], 1); }, {randn({3, 19}, f64)});
}

// The mask of an attention: what is at −∞ takes no part, and passes no NaN back.
TEST(Softmax, GradientBesideInfinity) {
  Tensor x = tensor({1., 2., -inf}, f64).requires_grad_();
  softmax(x, 0).select(0, 0).backward();
  const double p = 1 / (1 + std::exp(1));
  expect_near(values(x.grad()), {p * (1 - p), -p * (1 - p), 0}, f64_tolerance);
  x.set_grad({});
  log_softmax(x, 0).select(0, 0).backward();
  expect_near(values(x.grad()), {1 - p, p - 1, 0}, f64_tolerance);
}

TEST(Softmax, Errors) {
  EXPECT_THROW(softmax(zeros({2, 3}), 2), IndexError);
  EXPECT_THROW(softmax(tensor(1.0), 1), IndexError);
  EXPECT_THROW(log_softmax(zeros({2, 3}, i64), 1), DtypeError);
  EXPECT_THROW(softmin(zeros({2, 3}), -3), IndexError);
}

}  // namespace
