#include "cairn/activation/taylor.h"

#include <gmock/gmock.h>

#include <cmath>
#include <limits>
#include <map>
#include <numbers>

#include "cairn/autograd/backward.h"
#include "cairn/math/program.h"
#include "cairn/ops/arithmetic.h"
#include "cairn/tensor/create.h"
#include "support.h"

using namespace cairn;

namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using V = std::vector<double>;
using std::numbers::pi;

constexpr double infinity = std::numeric_limits<double>::infinity();

void expect_coefficients(const char* f, const V& expected) {
  const V found = taylor_series(activation(f), static_cast<int64_t>(expected.size()) - 1).coefficients;
  ASSERT_EQ(found.size(), expected.size());
  for (size_t k = 0; k < expected.size(); ++k) EXPECT_NEAR(found[k], expected[k], 2e-16) << f << ", of x^" << k;
}

TEST(Taylor, KnownCoefficients) {
  const double top = 1 / std::sqrt(2 * pi);  // of the normal density
  expect_coefficients("tanh", {0, 1, 0, -1. / 3, 0, 2. / 15, 0, -17. / 315});
  expect_coefficients("gelu", {0, 0.5, top, 0, -top / 6, 0, top / 40});
  expect_coefficients("softplus", {std::log(2), 1. / 2, 1. / 8, 0, -1. / 192});
  expect_coefficients("silu", {0, 1. / 2, 1. / 4, 0, -1. / 48, 0, 1. / 480});
  expect_coefficients("swish(2)", {0, 1. / 2, 1. / 2, 0, -1. / 6});
  expect_coefficients("erf", {0, 2 / std::sqrt(pi), 0, -2 / std::sqrt(pi) / 3});
  expect_coefficients("snake", {0, 1, 1, 0, -1. / 3});
  expect_coefficients("sinc", {1, 0, -1. / 6, 0, 1. / 120});
  expect_coefficients("tanhshrink", {0, 0, 0, 1. / 3, 0, -2. / 15});
  expect_coefficients("squareplus", {1, 1. / 2, 1. / 8, 0, -1. / 128});
  expect_coefficients("identity", {0, 1, 0});
  expect_coefficients("sin(x) / x", {1, 0, -1. / 6});  // 0 / 0 at 0 itself
}

// The derivatives of the formula, which are made by other means, over k!.
TEST(Taylor, AgreesWithTheDerivativesOfTheFormula) {
  for (const ActivationInfo& info : activations()) {
    // The derivatives of |x²| at 0 are those of a constant, by convention.
    if (!info.elementwise() || info.name == "rational") continue;
    SCOPED_TRACE(info.name);
    const Activation f = activation(info.name);
    V c;
    try {
      c = taylor_series(f, 4).coefficients;
    } catch (const ValueError&) {
      continue;
    }
    Expr derivative = f.expression();
    double factorial = 1;
    for (int k = 0; k < 5; ++k, derivative = derivatives(derivative, {"x"})[0], factorial *= k)
      EXPECT_NEAR(Program({derivative}, {"x"}).on({0.0})[0], c[static_cast<size_t>(k)] * factorial, 1e-13) << k;
  }
}

// What is not refused is the function, as far as half the way to where it ends; what is refused names the derivative.
TEST(Taylor, TheWholeCatalogueIsExpandedOrRefused) {
  const std::map<std::string, int> jumps = {
      {"step", 0},  {"relu", 1},         {"relu6", 1},     {"leaky_relu", 1},     {"rrelu", 1},
      {"elu", 2},   {"selu", 1},         {"celu", 2},      {"elish", 2},          {"prelu", 1},
      {"isrlu", 3}, {"squared_relu", 2}, {"star_relu", 2}, {"penalized_tanh", 1}, {"softsign", 2}};
  for (const ActivationInfo& info : activations()) {
    SCOPED_TRACE(info.name);
    const Activation f = activation(info.name);
    if (const auto at = jumps.find(info.name); at != jumps.end()) {
      const std::string what =
          at->second == 0 ? "the function jumps" : "its derivative of order " + std::to_string(at->second) + " jumps";
      EXPECT_THAT(text_of<ValueError>([&] { taylor_series(f, 1); }), AllOf(HasSubstr(what), HasSubstr(info.name)));
    } else if (!info.elementwise()) {
      EXPECT_THAT(text_of<ValueError>([&] { taylor_series(f, 1); }), HasSubstr("a fold is no function of one number"));
    } else {
      const TaylorSeries series = taylor_series(f, 60);
      EXPECT_LT(taylor_error(f, series.coefficients, 0.5 * std::min({series.radius, series.reach, 4.0})), 1e-13);
    }
  }
}

TEST(Taylor, RadiusOfConvergence) {
  const std::map<std::string, double> known = {
      {"tanh", pi / 2},
      {"lisht", pi / 2},
      {"tanhshrink", pi / 2},
      {"sigmoid", pi},
      {"log_sigmoid", pi},
      {"softplus", pi},
      {"silu", pi},
      {"swish(2)", pi / 2},
      {"gelu_sigmoid", pi / 1.702},
      {"logish", pi},
      {"mish", std::hypot(std::log(2) / 2, 3 * pi / 4)},
      {"telu", std::hypot(std::log(pi / 2), pi / 2)},
      {"gelu_tanh", 2.826868},
      {"sigmoid(x - 3)", std::hypot(3, pi)},
      {"arctan", 1},
      {"isru", 1},
      {"isru(4)", 0.5},
      {"squareplus", 2},
      {"bent_identity", 1},
      {"multiquadric", 1},
      {"inverse_multiquadric", 1},
      {"inverse_quadratic", 1},
      {"rational", 2.17169},
      {"tanh(1000 * x)", pi / 2000},
      {"tanh(x / 1000)", 500 * pi},
      {"atan(2 * x + 1)", std::sqrt(0.5)},
      {"1 / (1 + 25 * x^2)", 0.2},
      {"x / tanh(x)", pi},
      {"log(2 + x)", 2},
      // Few of their coefficients are not 0.
      {"1 / (1 + x^5)", 1},
      {"1 / (1 + x^10)", 1},
      {"1 / (1 + x^12)", 1},
      {"1 / (1 + x^20)", 1},
      {"1 / (1 + x^100)", 1},
      {"1 / (1 + (x / 10)^30)", 10},
      {"tanh(x^12)", std::pow(pi / 2, 1. / 12)},
      {"x + x^3 / (1 + x^12 / 2)", std::pow(2, 1. / 12)},
  };
  for (const auto& [f, radius] : known) EXPECT_NEAR(taylor_series(activation(f), 1).radius / radius, 1, 2e-3) << f;
  EXPECT_NEAR(taylor_series(activation("serf"), 1).radius, pi, 0.012 * pi);
  for (const char* f : {"identity",
                        "hardtanh",
                        "smelu",
                        "exp",
                        "gelu",
                        "erf",
                        "gaussian",
                        "sin",
                        "sin(30)",
                        "snake",
                        "sinc",
                        "exp(x^4)",
                        "exp(x^12)",
                        "sin(x^9)",
                        "x + x^40",
                        "1 + x^12",
                        "normal_cdf(3 * x)",
                        "gaussian(x - 4)",
                        "sin(x) / x",
                        "taylor(tanh, 5, 1)"})
    EXPECT_EQ(taylor_series(activation(f), 1).radius, infinity) << f;
}

TEST(Taylor, ReachesAsFarAsTheFunctionIsTheSame) {
  const std::map<std::string, double> known = {{"hardtanh", 1},
                                               {"hardtanh(-2, 0.5)", 0.5},
                                               {"hardsigmoid", 3},
                                               {"hardswish", 3},
                                               {"hardshrink", 0.5},
                                               {"softshrink(0.001)", 0.001},
                                               {"threshold", 1},
                                               {"smelu", 2},  // its second derivative jumps, which is no kink
                                               {"max(tanh(x), -0.5)", std::atanh(0.5)},
                                               {"abs(x - 2)^5", 2},
                                               {"floor(x + 0.5)", 0.5},
                                               {"floor(10 * x + 0.5)", 0.05}};  // one of two thousand places
  for (const auto& [f, reach] : known) EXPECT_NEAR(taylor_series(activation(f), 1).reach, reach, 1e-9) << f;
  // Written in pieces that are one function.
  for (const char* f : {"tanh", "sinc", "tanhshrink", "inverse_quadratic", "inverse_multiquadric", "telu", "squareplus",
                        "where(x > 1, tanh(x), -tanh(-x))", "where(x > 0, tanh(x), -tanh(-x))"})
    EXPECT_EQ(taylor_series(activation(f), 1).reach, infinity) << f;
}

TEST(Taylor, RefusesWithAReason) {
  const auto text = [](const char* f, int64_t degree, double interval) {
    return text_of<ValueError>([&] { taylor_activation(activation(f), degree, interval); });
  };
  EXPECT_EQ(text("relu", 3, 1),
            "taylor: it is no power series at 0: its derivative of order 1 jumps there; got function 'relu', left 0, "
            "right 1");
  EXPECT_EQ(text("tanh", 3, 2),
            "taylor: the interval must end within the radius of convergence of the series at 0; got function 'tanh', "
            "interval 2, radius " +
                describe(taylor_series(activation("tanh"), 3).radius));
  EXPECT_EQ(text("hardtanh", 3, 2),
            "taylor: the interval must end where the function goes over into another one, or before; got function "
            "'hardtanh(-1, 1)', interval 2, place 1");
  EXPECT_THAT(text("1 / (1 + x^12)", 24, 5), HasSubstr("within the radius of convergence"));
  EXPECT_THAT(text("where(x == 0, 1, sin(x))", 3, 1), HasSubstr("the function jumps there"));
  for (const char* f : {"log(x)", "sqrt(x)", "1 / x", "x^x", "tanh(1e11 * x)"})
    EXPECT_THAT(text(f, 3, 1), HasSubstr("infinite there")) << f;
  EXPECT_EQ(text("tanh", -1, 1), "taylor: the degree must be from 0 to 100; got degree -1");
  EXPECT_THAT(text("tanh", 101, 1), HasSubstr("the degree must be"));
  for (const double interval : {0.0, -1.0, infinity, double(NAN)})
    EXPECT_THAT(text("tanh", 3, interval), HasSubstr("the interval must be above 0 and finite"));
}

TEST(Taylor, TheLargestErrorIsFound) {
  EXPECT_NEAR(taylor_error(activation("exp"), {1, 1}, 1), std::numbers::e - 2, 1e-15);  // at the end
  EXPECT_NEAR(taylor_error(activation("sin"), {0}, 3), 1, 1e-14);                       // between
  EXPECT_NEAR(taylor_error(activation("sin(x) / x"), {1}, 1), 1 - std::sin(1), 1e-15);
  EXPECT_EQ(taylor_error(activation("hardtanh"), taylor_series(activation("hardtanh"), 7).coefficients, 1), 0);
  // Where the function is NaN there is nothing to compare; a polynomial that is NaN is as wrong as can be.
  EXPECT_EQ(taylor_error(activation("where(x > 0.5, x / 0 * 0, x)"), {0, 1}, 1), 0);
  EXPECT_EQ(taylor_error(activation("tanh"), {0, NAN}, 1), infinity);
  EXPECT_EQ(taylor_error(activation("tanh"), {infinity, -infinity}, 1), infinity);
  EXPECT_THROW(taylor_error(activation("tanh"), {0}, 0), ValueError);
}

TEST(Taylor, IsAnActivationWithAText) {
  const Activation f = activation(" taylor( tanh ,5, 1.5 ) ");
  EXPECT_EQ(f.text(), "taylor(tanh, 5, 1.5)");
  EXPECT_EQ(f.formula(), "taylor(tanh(x), 5, 1.5)");
  EXPECT_EQ(f.info().family, "taylor");
  EXPECT_TRUE(f.kinks().empty());
  const Tensor x = linspace(-2, 2, 9, f64);
  const Tensor expected = x - x * x * x / 3.0 + 2.0 / 15 * x * x * x * x * x;
  EXPECT_TRUE(allclose(f(x), expected, 1e-15, 1e-15));
  EXPECT_TRUE(equal(activation(f.text())(x), f(x)));
  EXPECT_TRUE(allclose(f(x.to(f32)).to(f64), expected, 1e-6, 1e-6));
  EXPECT_EQ(activation("taylor(sigmoid, 3, 1)").expression().text(),
            "x * (x * (x * (-0.020833333333333332)) + 0.25) + 0.5");
  // Whatever can be named can be expanded: parameters, formulas with commas and parameters of their own, polynomials.
  for (const char* text :
       {"taylor(swish(0.5), 3, 1)", "taylor(where(x > 9, 0, x * tanh(x)), 4, 1)",
        "taylor(x * sigmoid(a * x + b); a = 2, b = 0.5, 3, 0.25)", "taylor(taylor(tanh, 5, 1), 3, 2)"})
    EXPECT_EQ(activation(text).text(), text);
  register_activation("test_taylor", [](auto v, auto a) { return v * exp(a * v); }, {{"a", 2.0}});
  EXPECT_EQ(activation("taylor(test_taylor(3), 2, 1)").expression().text(), "x * (x * 3 + 1)");
  EXPECT_THROW(register_activation("taylor", [](auto v) { return v; }), NameError);
}

TEST(Taylor, WrongTextsAreRefused) {
  const std::string usage = "is written taylor(activation, degree, interval), as taylor(tanh, 7, 1.5)";
  for (const char* text : {"taylor", "taylor()", "taylor(tanh)", "taylor(tanh, 3)", "taylor(tanh, 3, x)",
                           "taylor(tanh, 2.5, 1)", "taylor(tanh, 3, 1", "taylor(tanh, 3, 1,)"})
    EXPECT_THAT(text_of<ValueError>([&] { activation(text); }), HasSubstr(usage)) << text;
  EXPECT_THAT(text_of<NameError>([&] { activation("taylor(tanhh, 3, 1)"); }), HasSubstr("did you mean 'tanh'"));
  EXPECT_THROW(activation("taylor(, 3, 1)"), Error);
  EXPECT_THROW(activation("taylor(tanh, 3, 1) + x"), ValueError);  // a formula, and no formula takes functions
  std::string deep;
  for (int i = 0; i < 100'000; ++i) deep += "taylor(";
  EXPECT_THROW(activation(deep), ValueError);
}

TEST(Taylor, GoesOnBeyondTheInterval) {
  const Activation f = activation("taylor(tanh, 3, 1)");
  const V y = f(tensor({2., 3., infinity, -infinity, double(NAN)}, f64)).to_vector<double>();
  EXPECT_NEAR(y[0], 2 - 8. / 3, 1e-15);
  EXPECT_NEAR(y[1], 3 - 9, 1e-14);
  EXPECT_EQ(y[2], -infinity);
  EXPECT_EQ(y[3], infinity);
  EXPECT_TRUE(std::isnan(y[4]));
  // A constant keeps NaN too.
  const V c = activation("taylor(exp, 0, 1)")(tensor({7., infinity, double(NAN)}, f64)).to_vector<double>();
  EXPECT_EQ(c[0], 1);
  EXPECT_EQ(c[1], 1);
  EXPECT_TRUE(std::isnan(c[2]));
}

// Coefficients that f32 does not hold: 1 / 60! and 1000⁶¹ π-ths.
TEST(Taylor, IsSoundInSinglePrecision) {
  const Tensor x = linspace(-1, 1, 101, f64);
  for (const auto& [f, interval] : {std::pair("exp", 12.0), {"tanh(1000 * x)", 0.001}, {"gelu", 2.0}}) {
    const TaylorSeries series = taylor_series(activation(f), 61);
    const Activation taylor = taylor_activation(activation(f), series, interval);
    const Tensor at = x * interval;
    const V places = at.to_vector<double>(), in_double = taylor(at).to_vector<double>(),
            in_single = taylor(at.to(f32)).to(f64).to_vector<double>(), exact = activation(f)(at).to_vector<double>();
    for (size_t i = 0; i < places.size(); ++i) {
      // Horner's rule is off by some 2 · 61 roundings of Σ |c[k] xᵏ| (Higham 2002, § 5.1), and a rounding of x by as much:
      // 2e-5 and 5e-14 of it.
      double scale = 0;
      for (size_t k = 62; k-- > 0;) scale = scale * std::abs(places[i]) + std::abs(series.coefficients[k]);
      EXPECT_NEAR(in_double[i], exact[i], 5e-14 * scale + 1e-5 * std::abs(exact[i])) << f << " at " << places[i];
      EXPECT_NEAR(in_single[i], in_double[i], 2e-5 * scale) << f << " at " << places[i];
    }
  }
}

}  // namespace
