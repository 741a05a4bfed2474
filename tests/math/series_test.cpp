#include "cairn/math/series.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "cairn/base/error.h"
#include "cairn/math/program.h"

using namespace cairn;

namespace {

using V = std::vector<double>;

Series t(size_t size) { return Series::variable(0, 1, size); }

void expect_near(const Series& found, const V& expected, double tolerance = 1e-15) {
  ASSERT_EQ(found.size(), expected.size());
  for (size_t k = 0; k < expected.size(); ++k) EXPECT_NEAR(found[k], expected[k], tolerance) << "of t^" << k;
}

double value(const Series& s, double at) {
  double y = 0;
  for (size_t k = s.size(); k-- > 0;) y = y * at + s[k];
  return y;
}

TEST(Series, ArithmeticByHand) {
  const Series a(V{1, 2, 3}), b(V{2, -1, 4});
  expect_near(a + b, {3, 1, 7});
  expect_near(a - b, {-1, 3, -1});
  expect_near(a * b, {2, 3, 8});
  expect_near(a / b, {0.5, 1.25, 1.125});
  expect_near(-a, {-1, -2, -3});
  expect_near(2.0 - a, {1, -2, -3});
  expect_near(a - 2.0, {-1, 2, 3});
  expect_near(3.0 * a / 2.0, {1.5, 3, 4.5});
  expect_near(6.0 / Series(V{2, 0, 0}), {3, 0, 0});
  expect_near(a * Series(V{1, 1}), {1, 3});  // no more is known of the product
}

TEST(Series, HasACoefficient) {
  EXPECT_THROW(Series::constant(2, 0), ValueError);
  EXPECT_THROW(Series::variable(0, 1, 0), ValueError);
  expect_near(Series::variable(2, 1, 1), {2});
}

TEST(Series, KnownCoefficients) {
  expect_near(exp(t(5)), {1, 1, 1. / 2, 1. / 6, 1. / 24});
  expect_near(tanh(t(9)), {0, 1, 0, -1. / 3, 0, 2. / 15, 0, -17. / 315, 0});
  expect_near(sin(t(6)), {0, 1, 0, -1. / 6, 0, 1. / 120});
  expect_near(cos(t(5)), {1, 0, -1. / 2, 0, 1. / 24});
  expect_near(atan(t(6)), {0, 1, 0, -1. / 3, 0, 1. / 5});
  expect_near(log1p(t(5)), {0, 1, -1. / 2, 1. / 3, -1. / 4});
  expect_near(sigmoid(t(6)), {1. / 2, 1. / 4, 0, -1. / 48, 0, 1. / 480});
  expect_near(softplus(t(5)), {std::log(2), 1. / 2, 1. / 8, 0, -1. / 192});
  expect_near(gaussian(t(7)), {1, 0, -1, 0, 1. / 2, 0, -1. / 6});
  expect_near(sqrt(1.0 + t(4)), {1, 1. / 2, -1. / 8, 1. / 16});
}

// Every function of one number, beside the function itself a little way off; the remainder is below 0.2³⁰.
TEST(Series, EveryFunctionIsItsSeries) {
  const auto check = [](auto rule) {
    using Rule = decltype(rule);
    for (const double at : {0.3, 1.7}) {
      const Series right = Rule::value(Series::variable(at, 1, 31)), left = Rule::value(Series::variable(at, -1, 31));
      for (const double h : {1e-3, 0.02, 0.06}) {
        EXPECT_NEAR(value(right, h), Rule::value(at + h), 4e-15) << Rule::name << " at " << at << " + " << h;
        EXPECT_NEAR(value(left, h), Rule::value(at - h), 4e-15) << Rule::name << " at " << at << " - " << h;
      }
    }
  };
  std::apply([&](auto... rules) { (check(rules), ...); }, UnaryRules());
}

// tanh has the coefficients ±2 (2/π)^(2m) Σ n^(−2m) over odd n, of which the first term is left at high degrees.
TEST(Series, KeepsItsDigitsAtHighDegrees) {
  const Series y = tanh(t(200));
  for (const int m : {15, 40, 100}) {
    const double expected = (m % 2 == 1 ? 2 : -2) * std::pow(2 / std::numbers::pi, 2 * m) * (1 + std::pow(3, -2 * m));
    EXPECT_NEAR(y[static_cast<size_t>(2 * m - 1)] / expected, 1, 1e-12) << m;
  }
}

TEST(Series, LooksToOneSide) {
  const Series x = t(4), left = -x;
  EXPECT_TRUE(x > 0.0 && left < 0.0 && x >= 0.0 && !(x == 0.0) && x != 0.0 && 0.0 < x);
  EXPECT_TRUE(x - x == 0.0 && x - x <= 0.0 && !(x - x < 0.0));
  EXPECT_TRUE(square(left) > 0.0 && x < 1e-9);  // t is smaller than any number
  expect_near(abs(left), {0, 1, 0, 0});
  expect_near(sign(left), {-1, 0, 0, 0});
  expect_near(sign(x - x), {0, 0, 0, 0});
  expect_near(floor(2.0 + x), {2, 0, 0, 0});
  expect_near(floor(2.0 - x), {1, 0, 0, 0});
  expect_near(floor(2.5 - x), {2, 0, 0, 0});
  expect_near(maximum(x, left), {0, 1, 0, 0});
  expect_near(minimum(x, left), {0, -1, 0, 0});
  expect_near(maximum(left, 0.0), {0, 0, 0, 0});
  expect_near(clamp(1.0 + x, 0.0, 1.0), {1, 0, 0, 0});
  expect_near(clamp(1.0 + left, 0.0, 1.0), {1, -1, 0, 0});
  expect_near(where(x > 0.0, 3.0, x), {3, 0, 0, 0});
  expect_near(gate(x, x - x), {0, 0, 0, 0});
}

TEST(Series, LimitsOfQuotientsAndRoots) {
  const Series x = t(6);
  expect_near(sin(x) / x, {1, 0, -1. / 6, 0, 1. / 120});
  expect_near((cos(x) - 1.0) / square(x), {-1. / 2, 0, 1. / 24, 0});
  expect_near(sqrt(square(x)), {0, 1, 0, 0, 0});
  expect_near(sqrt(square(-x)), {0, 1, 0, 0, 0});
  expect_near(sqrt(x - x), {0, 0, 0, 0, 0, 0});
  for (const Series& none : {1.0 / x, x / square(x), sqrt(x), rsqrt(x), log(x), reciprocal(x), x / (x - x)})
    EXPECT_FALSE(isfinite(none));
  EXPECT_TRUE(isnan(sqrt(x)) && isnan(sqrt(x - 1.0)));
}

TEST(Series, Powers) {
  const Series x = t(5), y = 2.0 + x;
  expect_near(pow(x, 3), {0, 0, 0, 1, 0});
  expect_near(pow(-y, 2), {4, 4, 1, 0, 0});
  expect_near(pow(y, 0), {1, 0, 0, 0, 0});
  expect_near(pow(y, -1), (1.0 / y).coefficients());
  expect_near(pow(y, 0.5), sqrt(y).coefficients());
  expect_near(pow(square(x), 1.5), {0, 0, 0, 1, 0});
  expect_near(pow(2.0, x), exp(x * std::log(2)).coefficients());
  expect_near(pow(y, Series::constant(3, 5)), pow(y, 3).coefficients());
  expect_near(pow(1.0 + x, 1.0 + x), {1, 1, 1, 1. / 2, 1. / 3});
  for (const Series& none : {pow(x, 0.5), pow(x, -1), pow(-y, 0.5), pow(x, x)}) EXPECT_FALSE(isfinite(none));
}

TEST(Series, ProgramsRunOverIt) {
  const auto f = [](auto x) {
    return where(x > 0.5, tanh(x) / (1.0 + abs(x)), maximum(x, 0.25) * exp(minimum(x, 0.0)));
  };
  const Expr e = f(Expr::variable("x"));
  for (const double at : {-1.0, 0.1, 0.25, 0.5, 2.0}) {
    const Series x = Series::variable(at, 1, 8);
    const Series found =
        Program({e}, {"x"}).on<Series>(std::span(&x, 1), [](double c) { return Series::constant(c, 8); })[0];
    expect_near(found, f(x).coefficients());
  }
}

}  // namespace
