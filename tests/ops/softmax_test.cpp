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

#include <algorithm>
#include <cmath>
#include <limits>

#include "ops/operands.h"

using namespace cairn;
using Inputs = std::vector<Tensor>;
using V = std::vector<double>;

namespace {

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

// ---- sparsemax ---------------------------------------------------------------------------------------------------------------

// The definition: with z sorted from the largest down, k is the last j with 1 + j z_j > Σ z_1 … z_j.
V by_sorting(const V& x) {
  V z = x;
  std::sort(z.rbegin(), z.rend());
  long double total = 0, tau = 0;
  for (size_t j = 0; j < z.size(); ++j) {
    total += z[j];
    const auto count = static_cast<long double>(j + 1);
    if (1 + count * z[j] > total) tau = (total - 1) / count;
  }
  V y;
  for (const double v : x) y.push_back(static_cast<double>(std::max(v - tau, 0.0L)));
  return y;
}

TEST(Sparsemax, ByHand) {
  // 0.5 + 0.3 − 1 = −0.2 is shared by two; the third lies below.
  Tensor x = tensor({{0.5, 0.3, -1.}, {2., 0., 0.}, {7., 7., 7.}, {3., 2., 3.}}, f64).requires_grad_();
  const Tensor y = sparsemax(x, 1);
  expect_near(values(y), {0.6, 0.4, 0, 1, 0, 0, 1. / 3, 1. / 3, 1. / 3, 0.5, 0, 0.5}, f64_tolerance);
  EXPECT_EQ(values(y)[2], 0);
  y.backward(tensor({{1., 2., 5.}, {1., 2., 5.}, {1., 2., 6.}, {1., 2., 6.}}, f64));
  expect_near(values(x.grad()), {-0.5, 0.5, 0, 0, 0, 0, -2, -1, 3, -2.5, 0, 2.5}, f64_tolerance);
  EXPECT_EQ(values(sparsemax(x.t(), 0)), values(y.t()));
  EXPECT_EQ(values(sparsemax(tensor(7.0), 0)), V({1}));
  EXPECT_EQ(sparsemax(tensor(7.0), -1).shape(), Shape());
  EXPECT_EQ(values(sparsemax(tensor({{-3.}, {4.}}), 1)), V({1, 1}));
  // Of two numbers it is the piecewise linear sigmoid: 1 apart, or more, is all for one.
  for (const double t : {-3.0, -1.0, -0.25, 0.0, 0.5, 1.0, 2.0})
    expect_near(values(sparsemax(tensor({t, 0.}, f64), 0)),
                {std::clamp((t + 1) / 2, 0., 1.), std::clamp((1 - t) / 2, 0., 1.)}, f64_tolerance);
}

TEST(Sparsemax, IsTheProjectionForRowsOfEveryLength) {
  for (const int64_t n : {1, 2, 7, 16, 17, 33, 100, 1000, 5000})
    for (const double scale : {1e-4, 0.1, 1.0, 30.0}) {
      const Tensor x = randn({1, n}, f64) * scale, y = sparsemax(x, 1);
      expect_near(values(y), by_sorting(values(x)), 1e-13);
      EXPECT_NEAR(sum(y).item<double>(), 1, 1e-12);
      EXPECT_GE(amin(y).item<double>(), 0);
      expect_near(values(sparsemax(x.to(f32), 1)), by_sorting(values(x.to(f32))), 1e-7);
    }
  // Numbers that fall off geometrically make the search take its time.
  V far;
  for (int i = 0; i < 60; ++i) far.push_back(-std::pow(0.7, i));
  expect_near(values(sparsemax(tensor(0.0, f64) + from_vector(far, {60}), 0)), by_sorting(far), f64_tolerance);
}

TEST(Sparsemax, OfLargeAndInfiniteNumbers) {
  EXPECT_EQ(values(sparsemax(tensor({1e30, 0., -1e30}), 0)), V({1, 0, 0}));
  expect_near(values(sparsemax(tensor({1e6, 1e6, -inf}, f64), 0)), {0.5, 0.5, 0}, f64_tolerance);
  for (const Tensor& hopeless : {tensor({-inf, -inf}), tensor({inf, 1.}), tensor({std::nan(""), 1.}),
                                 tensor({1., std::nan("")}), tensor({5., std::nan(""), 0.})}) {
    Tensor x = hopeless.detach().requires_grad_();
    const Tensor y = sparsemax(x, 0);
    sum(y).backward();
    const Tensor twice = grad({sum(sparsemax(x, 0))}, {x}, {}, false, true)[0];
    for (const Tensor& t : {y, x.grad(), twice})
      for (const double v : values(t)) EXPECT_TRUE(std::isnan(v));
  }
  // A row that is NaN leaves its neighbours alone.
  const V two = values(sparsemax(tensor({{inf, 0.}, {1., 0.}}), 1));
  EXPECT_TRUE(std::isnan(two[0]));
  EXPECT_EQ(V({two[2], two[3]}), V({1, 0}));
  Tensor masked = tensor({1., 0.5, -inf}, f64).requires_grad_();
  sparsemax(masked, 0).select(0, 0).backward();
  expect_near(values(masked.grad()), {0.5, -0.5, 0}, f64_tolerance);
}

TEST(Sparsemax, OfNothing) {
  EXPECT_EQ(sparsemax(zeros({0, 3}), 1).shape(), Shape({0, 3}));
  EXPECT_EQ(sparsemax(zeros({3, 0}), 1).shape(), Shape({3, 0}));
}

TEST(Sparsemax, SameBitsOnAnyNumberOfThreads) {
  const Tensor x = (randn({300, 101}) * 0.2).requires_grad_();
  expect_same_on_any_threads([&] {
    const Tensor y = sparsemax(x, 1);
    return std::pair(values(y), values(grad({sum(y * y)}, {x})[0]));
  });
}

TEST(Sparsemax, Gradients) {
  const Tensor x = randn({2, 3, 5}, f64) * 0.4;
  for (const int64_t dim : {0, 1, 2}) {
    const auto f = [&](const Inputs& in) { return sparsemax(in[0], dim); };
    EXPECT_GRADIENTS(f, {x});
    EXPECT_GRADIENTS(f, {x.transpose(0, 2)});
    EXPECT_GRADIENTS(f, {x.slice(2, 0, 5, 2)});
    EXPECT_GRADIENTS(f, {x.slice(dim, 0, 1)});
  }
  EXPECT_GRADIENTS([](const Inputs& in) { return sparsemax(in[0], 1); }, {randn({3, 19}, f64) * 0.1});
}

TEST(Sparsemax, Errors) {
  EXPECT_THAT(text_of<IndexError>([] { sparsemax(zeros({2, 3}), 2); }), ::testing::HasSubstr("sparsemax: dimension"));
  EXPECT_THROW(sparsemax(tensor(1.0), 1), IndexError);
  EXPECT_THAT(text_of<DtypeError>([] { sparsemax(zeros({2, 3}, i64), 1); }), ::testing::HasSubstr("sparsemax: needs"));
}

}  // namespace
