#include "cairn/autograd/functional.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cairn/autograd/backward.h"
#include "cairn/ops/arithmetic.h"
#include "cairn/ops/compare.h"
#include "cairn/ops/elementwise.h"
#include "cairn/ops/matmul.h"
#include "cairn/ops/reduce.h"
#include "cairn/tensor/create.h"
#include "cairn/testing.h"
#include "support.h"

using namespace cairn;
using ::testing::HasSubstr;

namespace {

using Function = std::function<Tensor(const Tensor&)>;

const Function cubes_sum = [](const Tensor& x) { return sum(x * x * x) + x[0] * x[1]; };

TEST(Jacobian, ByHand) {
  const Tensor x = tensor({2., 3.}, f64);
  const Tensor j = jacobian([](const Tensor& v) { return v * v[0]; }, x);  // (x0², x0 x1)
  EXPECT_EQ(j.shape(), (Shape{2, 2}));
  EXPECT_EQ(values(j), (Values{4, 0, 3, 2}));
  EXPECT_FALSE(j.requires_grad());
}

TEST(Jacobian, OfAMatrixProductIsTheMatrix) {
  const Tensor a = tensor({{1., 2., 3.}, {4., 5., 6.}}, f64);
  const Tensor j = jacobian([&](const Tensor& x) { return matmul(a, x); }, tensor({7., 8., 9.}, f64));
  EXPECT_TRUE(equal(j, a));
}

TEST(Jacobian, HasTheShapesOfOutputAndInput) {
  const Tensor x = ones({2, 3}, f64);
  EXPECT_EQ(jacobian([](const Tensor& v) { return sum(v, {1}); }, x).shape(), (Shape{2, 2, 3}));
  EXPECT_EQ(jacobian([](const Tensor& v) { return sum(v); }, x).shape(), (Shape{2, 3}));
  EXPECT_EQ(jacobian([](const Tensor& v) { return v.slice(0, 2); }, x).shape(), (Shape{0, 3, 2, 3}));
  EXPECT_EQ(values(jacobian([](const Tensor&) { return ones({2}, f64); }, ones({1}, f64))), (Values{0, 0}));
}

TEST(Jacobian, CanBeDifferentiatedThroughTheInput) {
  const Tensor x = tensor({2., 3.}, f64).requires_grad_();
  const Tensor j = jacobian([](const Tensor& v) { return v * v * v; }, x, true);
  EXPECT_EQ(values(grad({sum(j)}, {x})[0]), (Values{12, 18}));
  EXPECT_FALSE(x.grad().defined());
  EXPECT_GRADIENTS(
      [](const std::vector<Tensor>& in) {
        return jacobian([](const Tensor& v) { return sin(v) * v[0]; }, in[0], true);
      },
      {tensor({0.3, 0.7}, f64)});
}

TEST(Hessian, ByHand) {
  const Tensor h = hessian(cubes_sum, tensor({2., 3., 4.}, f64));
  EXPECT_EQ(h.shape(), (Shape{3, 3}));
  EXPECT_EQ(values(h), (Values{12, 1, 0, 1, 18, 0, 0, 0, 24}));
  EXPECT_EQ(hessian([](const Tensor& x) { return sum(x * x); }, ones({2, 2}, f64)).shape(), (Shape{2, 2, 2, 2}));
  EXPECT_EQ(values(hessian([](const Tensor& x) { return sum(x); }, ones({2}, f64))), (Values{0, 0, 0, 0}));
}

// One Hessian, seven ways.
TEST(Hessian, SevenWays) {
  const Tensor x = tensor({0.2, -0.5, 0.9}, f64);
  const Function f = [](const Tensor& v) { return sum(exp(v) * sin(v)) * v[0] + v[1] * v[2]; };
  const Function gradient = [&](const Tensor& v) { return jacobian(f, v, true); };
  const auto rows = [&](const std::function<Tensor(const Tensor&)>& row) {
    Values all;
    for (int64_t i = 0; i < 3; ++i) {
      Tensor unit = zeros({3}, f64);
      unit[i].fill_(1);
      const Values r = values(row(unit));
      all.insert(all.end(), r.begin(), r.end());
    }
    return all;
  };
  Tensor leaf = x.clone().requires_grad_();
  const Values by_backward = rows([&](const Tensor& unit) {
    leaf.set_grad({});
    const Tensor g = grad({f(leaf)}, {leaf}, {}, false, true)[0];
    sum(g * unit).backward();
    return leaf.grad();
  });
  const double h = 1e-5;
  const Values by_differences =
      rows([&](const Tensor& unit) { return (jacobian(f, x + unit * h) - jacobian(f, x - unit * h)) / (2 * h); });
  const std::vector<Values> ways = {
      values(hessian(f, x)),
      values(jacobian(gradient, x)),
      rows([&](const Tensor& unit) { return hvp(f, x, unit); }),
      rows([&](const Tensor& unit) { return vjp(gradient, x, unit); }),
      rows([&](const Tensor& unit) { return jvp(gradient, x, unit); }),
      by_backward,
  };
  for (const Values& way : ways)
    for (size_t i = 0; i < 9; ++i) EXPECT_NEAR(way[i], ways[0][i], 1e-14);
  for (size_t i = 0; i < 9; ++i) EXPECT_NEAR(by_differences[i], ways[0][i], 1e-9) << "as far as differences go";
}

TEST(Vectors, TimesJacobianAndJacobianTimes) {
  const Tensor a = tensor({{1., 2., 3.}, {4., 5., 6.}}, f64), x = tensor({1., 1., 1.}, f64);
  const Function f = [&](const Tensor& v) { return matmul(a, v); };
  EXPECT_EQ(values(vjp(f, x, tensor({1., 10.}, f64))), (Values{41, 52, 63}));
  EXPECT_EQ(values(jvp(f, x, tensor({1., 10., 100.}, f64))), (Values{321, 654}));
  EXPECT_EQ(values(hvp(cubes_sum, tensor({2., 3.}, f64), tensor({1., 10.}, f64))), (Values{22, 181}));
  EXPECT_EQ(values(jvp([](const Tensor&) { return ones({2}, f64); }, x, x)), (Values{0, 0})) << "a constant";
}

TEST(Vectors, ResultsCanBeDifferentiated) {
  const Function f = [](const Tensor& v) { return exp(v) * v[0]; };
  const Function scalar = [](const Tensor& v) { return sum(exp(v) * v[0]); };
  const Tensor x = tensor({0.3, 0.7}, f64), v = tensor({1., -2.}, f64);
  EXPECT_GRADIENTS([&](const std::vector<Tensor>& in) { return vjp(f, in[0], in[1], true); }, {x, v});
  EXPECT_GRADIENTS([&](const std::vector<Tensor>& in) { return jvp(f, in[0], in[1], true); }, {x, v});
  EXPECT_GRADIENTS([&](const std::vector<Tensor>& in) { return hvp(scalar, in[0], in[1], true); }, {x, v});
  EXPECT_FALSE(hvp(scalar, x.clone().requires_grad_(), v).requires_grad());
}

TEST(Functional, Misuse) {
  const Function square = [](const Tensor& v) { return v * v; };
  const Tensor x = ones({2}, f64);
  EXPECT_THAT(text_of<DtypeError>([&] { jacobian(square, tensor({1, 2})); }), HasSubstr("jacobian: only f32 and f64"));
  EXPECT_THAT(text_of<ShapeError>([&] { hessian(square, x); }),
              HasSubstr("hessian: the function must give one element"));
  EXPECT_THAT(text_of<ShapeError>([&] { hvp(square, x, x); }), HasSubstr("hvp: the function must give one element"));
  EXPECT_THAT(text_of<ShapeError>([&] { vjp(square, x, ones({3}, f64)); }),
              HasSubstr("vjp: v must have the shape of f(x)"));
  EXPECT_THAT(text_of<ShapeError>([&] { jvp(square, x, ones({3}, f64)); }),
              HasSubstr("jvp: v must have the shape of x"));
  EXPECT_THAT(text_of<DtypeError>([&] { jvp(square, x, ones({2})); }), HasSubstr("v must have the dtype of x"));
  EXPECT_THAT(text_of<ShapeError>([&] {
                jacobian(square, ones({1, 1, 1, 1, 1}, f64));
              }),
              HasSubstr("more than 8 dimensions"));
}

TEST(Functional, WorksUnderNoGrad) {
  const NoGrad off;
  EXPECT_EQ(values(jacobian([](const Tensor& v) { return v * v; }, tensor({3.}, f64))), (Values{6}));
  EXPECT_EQ(values(hessian(cubes_sum, tensor({1., 1.}, f64))), (Values{6, 1, 1, 6}));
}

}  // namespace
