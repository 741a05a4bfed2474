#include "cairn/math/dual.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <set>
#include <string>
#include <vector>

#include "support.h"

namespace cairn {
namespace {

using L = Lanes<double>;
using D = Dual<L>;
using DD = Dual<D>;

template <class F>
double value(F f, double x) {
  return L(f(L(x)))[0];
}
template <class F>
double slope(F f, double x) {
  return D(f(D::variable(L(x)))).tangent[0][0];
}
template <class F>
double curvature(F f, double x) {
  return DD(f(DD::variable(D::variable(L(x))))).tangent[0].tangent[0][0];
}

// Central differences of two step widths, extrapolated: an error of order h⁴ = 1e-12 from the fifth derivative, and
// rounding of 1e-16 / h = 1e-13 in the first derivative; both relative to the size of the function nearby.
constexpr double step = 1e-3;
constexpr double tolerance = 2e-11;

template <class F>
double difference(F f, double x) {
  const auto central = [&](double h) { return (f(x + h) - f(x - h)) / (2 * h); };
  return (4 * central(step / 2) - central(step)) / 3;
}

template <class F>
void expect_derivatives(const std::string& name, F f, const std::vector<double>& points, double scale = 1) {
  for (double x : points) {
    const double first = slope(f, x), second = curvature(f, x);
    EXPECT_NEAR(first, difference([&](double t) { return value(f, t); }, x), scale * tolerance * (1 + std::fabs(first)))
        << name << " at " << x;
    EXPECT_NEAR(second, difference([&](double t) { return slope(f, t); }, x),
                scale * tolerance * (1 + std::fabs(second)))
        << name << " at " << x;
    EXPECT_NEAR(value(f, x), D(f(D::variable(L(x)))).value[0], 1e-15 * (1 + std::fabs(value(f, x)))) << name;
  }
}

// Every rule against differences, at points where the fifth derivative is moderate and no kink is near.
template <class Rule>
void check_rule(std::set<std::string>& names) {
  const std::string name = Rule::name;
  EXPECT_TRUE(names.insert(name).second) << name << " stands twice";
  const bool positive = name == "log" || name == "sqrt" || name == "rsqrt" || name == "reciprocal" || name == "log1p";
  const std::vector<double> points = positive ? std::vector<double>{0.6, 0.9, 1.7, 3.1, 8.5}
                                              : std::vector<double>{-3.3, -1.2, -0.4, 0.3, 0.9, 1.6, 2.7};
  const auto f = [](auto x) { return Rule::value(x); };
  expect_derivatives(name, f, points, 20);

  // A slope reads what the rule says it keeps, and nothing else.
  const L x(0.7), y = Rule::value(x), none(NAN);
  const L kept = Rule::slope(Rule::keeps_input ? x : none, Rule::keeps_output ? y : none);
  EXPECT_EQ(kept[0], L(Rule::slope(x, y))[0]) << name;
  EXPECT_EQ(std::isnan(L(Rule::slope(none, y))[0]), Rule::keeps_input) << name;
  EXPECT_EQ(std::isnan(L(Rule::slope(x, none))[0]), Rule::keeps_output) << name;
}

template <class... Rules>
void check_rules(std::tuple<Rules...>) {
  std::set<std::string> names;
  (check_rule<Rules>(names), ...);
  EXPECT_EQ(names.size(), sizeof...(Rules));
}

TEST(Rules, AgreeWithDifferences) { check_rules(UnaryRules{}); }

// The tester can fail.
TEST(Rules, AWrongSlopeIsSeen) {
  const auto wrong = [](auto x) {
    auto y = x * x;
    if constexpr (requires { y.tangent; }) y = x.chain(y.value, x.value * 2.000001);
    return y;
  };
  const double x = 1.3;
  EXPECT_GT(std::fabs(slope(wrong, x) - difference([&](double t) { return value(wrong, t); }, x)), 100 * tolerance);
}

TEST(Rules, AtTheKinks) {
  EXPECT_EQ(slope([](auto x) { return abs(x); }, 0.0), 0);
  EXPECT_EQ(slope([](auto x) { return sign(x); }, 0.0), 0);
  EXPECT_EQ(slope([](auto x) { return floor(x); }, 2.0), 0);
  EXPECT_EQ(slope([](auto x) { return sqrt(x); }, 0.0), inf);
  static_assert(std::is_same_v<decltype(floor_rule::slope(L(), L())), double>);
}

TEST(Duals, ProductsQuotientsAndConstants) {
  expect_derivatives("polynomial", [](auto x) { return 2.0 * x * x - x / 3.0 + (1.0 - x) * x - 4 + 1 * x; },
                     {-2.1, 0.3, 5.0});
  expect_derivatives(
      "quotient", [](auto x) { return (x + 1.0) / (x * x + 2.0) - 3.0 / x - -x; }, {-2.1, 0.8, 5.0}, 10);
  expect_derivatives("assignment",
                     [](auto x) {
                       auto y = x;
                       y += x * x;
                       y *= x;
                       y -= 2.0;
                       y /= x + 5.0;
                       return y;
                     },
                     {-2.1, 0.8, 3.0});
  expect_derivatives("identity", [](auto x) { return x; }, {1.0});
  expect_derivatives("constant",
                     [](auto x) {
                       (void)x;
                       return 1.0;
                     },
                     {1.0});
}

TEST(Duals, Powers) {
  for (double c : {0.0, 1.0, 2.0, 3.0, -1.0, -2.0, 0.5, 1.7, -2.3}) {
    expect_derivatives(
        "pow(x, c)", [c](auto x) { return pow(x, c); }, {0.7, 1.9, 3.2}, 50);
  }
  expect_derivatives(
      "pow(c, x)", [](auto x) { return pow(2.5, x); }, {-1.1, 0.4, 2.2}, 5);
  expect_derivatives(
      "pow(x, x)", [](auto x) { return pow(x, x); }, {0.7, 1.3, 2.2}, 50);
  EXPECT_EQ(slope([](auto x) { return pow(x, 2.0); }, 0.0), 0);
  EXPECT_EQ(slope([](auto x) { return pow(x, 3.0); }, -2.0), 12);
}

TEST(Duals, ActivationFormulas) {
  const std::vector<double> points = {-6.0, -2.5, -0.6, 0.4, 1.5, 5.0};
  expect_derivatives(
      "gelu", [](auto x) { return x * normal_cdf(x); }, points);
  expect_derivatives(
      "gelu_tanh", [](auto x) { return 0.5 * x * (1.0 + tanh(0.7978845608 * (x + 0.044715 * x * x * x))); }, points);
  expect_derivatives(
      "mish", [](auto x) { return x * tanh(softplus(x)); }, points);
  expect_derivatives(
      "silu", [](auto x) { return x * sigmoid(x); }, points);
  expect_derivatives(
      "gated gelu", [](auto x) { return gate(x, normal_cdf(x)); }, points);
  expect_derivatives(
      "gated gelu_tanh", [](auto x) { return gate(x, normal_cdf_tanh(x)); }, points);
  expect_derivatives(
      "elu", [](auto x) { return where(x > 0.0, x, 0.5 * expm1(minimum(x, 0.0))); }, points);
  expect_derivatives(
      "snake", [](auto x) { return x + square(sin(x)); }, points);
  expect_derivatives(
      "softsign", [](auto x) { return x / (1.0 + abs(x)); }, points);
  expect_derivatives(
      "hardswish", [](auto x) { return x * clamp(x + 3.0, 0.0, 6.0) / 6.0; }, points);
}

TEST(Duals, LimitsOfActivations) {
  const auto gelu = [](auto x) { return gate(x, normal_cdf(x)); };
  const auto gelu_tanh = [](auto x) { return gate(x, normal_cdf_tanh(x)); };
  const auto mish = [](auto x) { return gate(x, tanh(softplus(x))); };
  const auto silu = [](auto x) { return gate(x, sigmoid(x)); };
  const auto limits = [](const char* name, auto f) {
    EXPECT_EQ(value(f, -inf), 0) << name;
    EXPECT_EQ(value(f, inf), inf) << name;
    EXPECT_EQ(slope(f, -inf), 0) << name;
    EXPECT_EQ(slope(f, inf), 1) << name;
    EXPECT_EQ(slope(f, -1e4), 0) << name;
    EXPECT_EQ(slope(f, 1e4), 1) << name;
    EXPECT_TRUE(std::isnan(value(f, NAN)) && std::isnan(slope(f, NAN))) << name;
  };
  limits("gelu", gelu);
  limits("gelu_tanh", gelu_tanh);
  limits("mish", mish);
  limits("silu", silu);
  limits("softplus", [](auto x) { return softplus(x); });
}

TEST(Duals, KinksOfMaximumAndClamp) {
  const auto relu = [](auto x) { return where(x > 0.0, x, 0.0); };
  EXPECT_EQ(slope(relu, 0.0), 0);
  EXPECT_EQ(slope([](auto x) { return maximum(x, 0.0); }, 0.0), 1);
  EXPECT_EQ(slope([](auto x) { return minimum(0.0, x); }, 0.0), 1);
  EXPECT_EQ(slope([](auto x) { return maximum(2.0, x); }, 1.0), 0);
  EXPECT_EQ(slope([](auto x) { return maximum(x, x * 3.0); }, 0.0), 2);  // half of 1 and half of 3
  EXPECT_EQ(slope([](auto x) { return maximum(x, x * 3.0); }, 1.0), 3);
  EXPECT_EQ(slope([](auto x) { return minimum(x, x * 3.0); }, 1.0), 1);
  for (double x : {0.0, 3.0, 6.0}) EXPECT_EQ(slope([](auto v) { return clamp(v, 0.0, 6.0); }, x), 1) << x;
  for (double x : {-0.1, 6.1}) EXPECT_EQ(slope([](auto v) { return clamp(v, 0.0, 6.0); }, x), 0) << x;
  EXPECT_TRUE(std::isnan(value([](auto x) { return maximum(x, x * 3.0); }, NAN)));
}

TEST(Duals, SeveralDirections) {
  using D2 = Dual<Lanes<float>, 2>;
  const auto prelu = [](auto x, auto a) { return where(x > 0.0, x, a * x); };
  const D2 y = prelu(D2::variable(-3.0, 0), D2::variable(0.25, 1));
  EXPECT_EQ(y.value[0], -0.75f);
  EXPECT_EQ(y.tangent[0][0], 0.25f);
  EXPECT_EQ(y.tangent[1][0], -3.0f);
  const D2 z = D2::variable(3.0, 0) * Lanes<float>(2.0);  // a vector of constants is a Dual without tangent
  EXPECT_EQ(z.tangent[0][0], 2.0f);
  EXPECT_EQ(z.tangent[1][0], 0.0f);
}

template <class T>
void expect_compiles() {
  const auto mish = [](auto x) { return x * tanh(softplus(x)); };
  const auto elu = [](auto x) { return where(x > 0.0, x, 0.5 * expm1(minimum(x, 0.0))); };
  const auto one = [](auto x) {
    (void)x;
    return 1.0;
  };
  const auto stairs = [](auto x) { return where(x > 0.0, 1.0, 0.0) * x + where(x < 0.0, 1, 2); };
  const T x(0.5);
  EXPECT_TRUE(all(T(mish(x)) > T(0.3)) && all(T(elu(x)) == x) && all(T(one(x)) == T(1.0)) &&
              all(T(stairs(x)) == T(2.5)));
}
TEST(Duals, OneFormulaForAllTypes) {
  expect_compiles<Lanes<float>>();
  expect_compiles<Lanes<double>>();
  expect_compiles<Dual<Lanes<float>>>();
  expect_compiles<Dual<Lanes<double>>>();
  expect_compiles<Dual<Dual<Lanes<double>>>>();
  expect_compiles<Dual<Lanes<float>, 3>>();
  const auto mish = [](auto x) { return x * tanh(softplus(x)); };
  EXPECT_NEAR(mish(Dual<double>::variable(0.5)).tangent[0], slope(mish, 0.5), 1e-15);
  EXPECT_NEAR(mish(0.5f), mish(0.5), 1e-7);
}

}  // namespace
}  // namespace cairn
