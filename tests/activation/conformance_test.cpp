#include "cairn/activation/conformance.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>
#include <sstream>

#include "cairn/ops/compare.h"
#include "cairn/ops/reduce.h"
#include "cairn/tensor/create.h"

using namespace cairn;

namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || !defined(NDEBUG)
constexpr ConformanceOptions effort{.points = 300, .samples = 40000, .scan = 2048, .timing = false};
#else
constexpr ConformanceOptions effort{.timing = false};
#endif

// The names of the verdicts that failed, in their order.
std::string failed(const ConformanceReport& report) {
  std::string names;
  for (const Verdict& v : report.verdicts)
    if (!v.passed) names += (names.empty() ? "" : ", ") + v.name;
  return names;
}

ConformanceReport tested(const Subject& s) { return conformance(s, effort); }

#define EXPECT_FAILS(subject, names)                  \
  {                                                   \
    const ConformanceReport seen = tested subject;    \
    EXPECT_EQ(failed(seen), names) << seen;           \
    EXPECT_EQ(seen.ok(), std::string(names).empty()); \
  }

// ---- the catalogue -----------------------------------------------------------------------------------------------------

// Every entry with its default parameters, and with half of them.
std::vector<std::string> catalogue() {
  std::vector<std::string> texts;
  for (const ActivationInfo& info : activations()) {
    if (!info.elementwise()) continue;
    texts.push_back(info.name);
    if (info.parameters.empty()) continue;
    std::vector<double> halves;
    for (const auto& p : info.parameters) halves.push_back(p.value / 2);
    texts.push_back(Activation(info, halves).text());
  }
  return texts;
}

class Catalogue : public ::testing::TestWithParam<std::string> {};

TEST_P(Catalogue, Conforms) {
  const ConformanceReport r = tested(activation(GetParam()));
  EXPECT_TRUE(r.ok()) << r;
  EXPECT_EQ(r.verdicts.size(), 9u);
}

INSTANTIATE_TEST_SUITE_P(Activations, Catalogue, ::testing::ValuesIn(catalogue()), [](const auto& each) {
  std::string name = each.param;
  for (char& c : name)
    if (!std::isalnum(static_cast<unsigned char>(c))) c = '_';
  return name;
});

// ---- sound functions of other shapes -------------------------------------------------------------------------------------

TEST(Conformance, OwnFormulas) {
  const Subject subjects[] = {
      {"mine", [](auto x) { return gate(x, tanh(softplus(x))); }},
      {"sin", [](const Tensor& x) { return sin(x); }},  // no limits: NaN
      {"exp", [](const Tensor& x) { return exp(x); }},  // overflows, rightly
      {"squared_relu", [](const Tensor& x) { return square(maximum(x, 0.0)); }},
      {"gaussian", [](const Tensor& x) { return gaussian(x); }},
      {"narrow", [](const Tensor& x) { return gaussian(x * 1000.0); }},
      {"small", [](const Tensor& x) { return tanh(x) * 1e-6; }},
      {"log log", [](const Tensor& x) { return log1p(log1p(abs(x))); }, {0}},
      {"step", [](const Tensor& x) { return where(x > 0.0, 1.0, where(x <= 0.0, 0.0, x)); }, {0}},
      {"hard_sigmoid", [](const Tensor& x) { return clamp(x / 6.0 + 0.5, 0.0, 1.0); }, {-3, 3}},
      {"hard_shrink", [](const Tensor& x) { return where(abs(x) <= 0.1, 0.0, x); }, {-0.1, 0.1}},
      {"hard_swish", [](const Tensor& x) { return gate(x, clamp(x / 6.0 + 0.5, 0.0, 1.0)); }, {-3, 3}},
  };
  for (const Subject& s : subjects) EXPECT_TRUE(tested(s).ok()) << tested(s);
  // A function of tensors, which has no formula.
  EXPECT_TRUE(tested([](const Tensor& x) { return tanh(x) * 2.0; }).ok());
  EXPECT_EQ(tested([](const Tensor& x) { return tanh(x); }).name, "activation");
}

// ---- facts -------------------------------------------------------------------------------------------------------------

TEST(Conformance, Facts) {
  const ConformanceReport gelu = tested(activation("gelu"));
  EXPECT_EQ(gelu.name, "gelu");
  EXPECT_NEAR(gelu.range.low, -0.16997120747990369, 1e-13);  // minimum of x Φ(x)
  EXPECT_NEAR(gelu.range.low_at, -0.75179142467, 1e-6);
  EXPECT_TRUE(gelu.range.low_attained);
  EXPECT_EQ(gelu.range.high, INFINITY);
  EXPECT_EQ(gelu.monotone, "no");
  EXPECT_NEAR(gelu.lipschitz, 0.5 * std::erfc(-1) + std::exp(-1) / std::sqrt(std::numbers::pi), 1e-13);
  EXPECT_NEAR(*gelu.steepest_at, std::numbers::sqrt2, 1e-5);
  EXPECT_NEAR(*gelu.saturates_below, -3.81, 5e-3);
  EXPECT_FALSE(gelu.saturates_above);
  EXPECT_NEAR(gelu.mean, 1 / (2 * std::sqrt(std::numbers::pi)), 1e-13);  // E[z Φ(z)]
  EXPECT_TRUE(gelu.keeps_zero_sign);

  const ConformanceReport relu = tested(activation("relu"));
  EXPECT_EQ(relu.range.low, 0);
  EXPECT_TRUE(relu.range.low_attained);
  EXPECT_EQ(relu.monotone, "non-decreasing");
  EXPECT_EQ(relu.lipschitz, 1);
  EXPECT_NEAR(relu.mean, 1 / std::sqrt(2 * std::numbers::pi), 1e-11);
  EXPECT_NEAR(relu.variance, 0.5 - 1 / (2 * std::numbers::pi), 1e-11);
  EXPECT_NEAR(relu.gain, std::numbers::sqrt2, 1e-10);
  EXPECT_NEAR(relu.slope_gain, std::numbers::sqrt2, 1e-10);
  EXPECT_FALSE(relu.keeps_zero_sign);

  const ConformanceReport logistic = tested(activation("sigmoid"));  // open, though rounding reaches 1
  EXPECT_EQ(logistic.range.low, 0);
  EXPECT_EQ(logistic.range.high, 1);
  EXPECT_FALSE(logistic.range.low_attained || logistic.range.high_attained);
  EXPECT_NEAR(*logistic.saturates_above, 6.9057, 1e-3);  // s (1 - s) = 1e-3
  EXPECT_NEAR(*logistic.saturates_below, -6.9057, 1e-3);
  EXPECT_NEAR(logistic.mean, 0.5, 1e-12);

  const ConformanceReport clipped = tested({"relu6", [](const Tensor& x) { return clamp(x, 0.0, 6.0); }, {0, 6}});
  EXPECT_TRUE(clipped.range.low_attained && clipped.range.high_attained);
  EXPECT_EQ(clipped.range.high, 6);
  const ConformanceReport sine = tested({"sin", [](const Tensor& x) { return sin(x); }});
  EXPECT_NEAR(sine.range.high_at, std::numbers::pi / 2, 1e-6);
  EXPECT_TRUE(sine.range.high_attained);
  EXPECT_EQ(tested({"exp", [](const Tensor& x) { return exp(x); }}).lipschitz, INFINITY);
  EXPECT_EQ(tested({"down", [](const Tensor& x) { return 1.0 - sigmoid(x); }}).monotone, "non-increasing");
}

TEST(Conformance, Text) {
  const ConformanceReport relu = tested(activation("relu"));
  const std::string text = relu.text();
  EXPECT_TRUE(text.starts_with("relu: 9 checks, all passed\n  element-wise        ok      ")) << text;
  EXPECT_NE(text.find("\n  kinks               ok      x = 0: slope 0 | 1\n"), std::string::npos) << text;
  EXPECT_NE(text.find("\n  range               [0, ∞); lowest at 0\n"), std::string::npos) << text;
  std::ostringstream out;
  out << relu;
  EXPECT_EQ(out.str(), text);
  EXPECT_EQ(tested(activation("relu")).text(), text);  // the same twice
  EXPECT_EQ(text.find("cost"), std::string::npos);
  const ConformanceReport timed = conformance(activation("relu"), {.points = 50, .samples = 5000, .scan = 200});
  EXPECT_NE(timed.text().find("cost"), std::string::npos);
  EXPECT_TRUE(*timed.forward_ns > 0 && *timed.forward_backward_ns > 0);
  EXPECT_THROW(relu.verdict("colour"), NameError);
  EXPECT_TRUE(relu.verdict("derivative").passed);
}

TEST(Conformance, Errors) {
  EXPECT_THROW(conformance(activation("softmax")), ValueError);
  EXPECT_THROW(conformance({"nothing", std::function<Tensor(const Tensor&)>()}), ValueError);
  EXPECT_THROW(conformance(activation("relu"), {.points = 0}), ValueError);
  for (const double kink : {double(NAN), double(INFINITY), -double(INFINITY)})
    EXPECT_THROW(tested({"relu", [](const Tensor& x) { return maximum(x, 0.0); }, {0, kink}}), ValueError) << kink;
}

// ---- what is wrong is caught, by the check whose matter it is ------------------------------------------------------------

TEST(Caught, WrongDerivative) {
  const auto wrong = [](const Tensor& x) {
    Tensor y;
    {
      const NoGrad no_grad;
      y = tanh(x);
    }
    return record("wrong_tanh", y, {x}, Keep::inputs(), [](const Backward& s) -> Grads {
      const Tensor v = tanh(s.input(0));
      return {s.grad * (1.0 - v * v) * 1.00001};
    });
  };
  const ConformanceReport r = tested({"wrong_tanh", wrong});
  EXPECT_EQ(failed(r), "derivative") << r;
  EXPECT_FALSE(r.ok());
  EXPECT_NE(r.text().find("derivative          FAILED  at x = "), std::string::npos) << r;
}

// The derivative is lost in one place of the line only.
TEST(Caught, DerivativeWrongFarOut) {
  const auto cut = [](const Tensor& x) {
    Tensor y;
    {
      const NoGrad no_grad;
      y = softplus(x);
    }
    return record("cut", y, {x}, Keep::inputs(), [](const Backward& s) -> Grads {
      return {s.grad * where(s.input(0).detach() > 5000.0, 0.999999, sigmoid(s.input(0)))};
    });
  };
  EXPECT_FALSE(tested({"cut", cut}).verdict("derivative").passed);
}

TEST(Caught, WrongSecondDerivative) {
  const auto with_twin = [](auto twin) {
    return [twin](const Tensor& x) {
      Tensor y;
      {
        const NoGrad no_grad;
        y = square(x);
      }
      return record_fused(
          "fused", y, {x}, Keep::inputs(), [](const Backward& s) -> Grads { return {s.grad * 2.0 * s.input(0)}; },
          twin);
    };
  };
  // The twin's first derivative is another.
  const auto other = [](std::span<const Tensor> in) { return square(in[0]) * 1.000001; };
  EXPECT_FAILS(({"fused", with_twin(other)}), "second derivative");
  // The twin's first derivative is right, and forgets where it came from.
  const auto forgetful = [](std::span<const Tensor> in) { return in[0] * in[0].detach() * 2.0; };
  EXPECT_FAILS(({"fused", with_twin(forgetful)}), "second derivative");
  const auto right = [](std::span<const Tensor> in) { return square(in[0]); };
  EXPECT_FAILS(({"fused", with_twin(right)}), "");
}

TEST(Caught, WrongBranchOfF32) {
  const auto f = [](const Tensor& x) { return x.dtype() == f32 ? tanh(x) * (1 + 1e-6) : tanh(x); };
  const ConformanceReport r = tested({"wrong_f32", f});
  EXPECT_EQ(failed(r), "f32") << r;
  // Digits lost near 0.
  EXPECT_FAILS(({"tanhshrink", [](const Tensor& x) { return x - tanh(x); }}), "f32");
}

TEST(Caught, Overflow) {
  const ConformanceReport r = tested({"softplus", [](const Tensor& x) { return log(exp(x) + 1.0); }});
  EXPECT_EQ(failed(r), "f32, finite") << r;  // and the digits of its left tail
  EXPECT_NE(r.verdict("finite").detail.find("f in f32 at x = 88.7"), std::string::npos) << r;
  // Of f64 alone: exp(x) beyond 709.
  const auto far = [](const Tensor& x) { return x.dtype() == f32 ? softplus(x) : log(exp(x) + 1.0); };
  EXPECT_NE(tested({"far", far}).verdict("finite").detail.find("f in f64 at x = 709.78"), std::string::npos);
  // Of the slope alone.
  const auto steep = [](const Tensor& x) { return atan(x * x * x); };
  EXPECT_NE(tested({"steep", steep}).verdict("finite").detail.find("f' in "), std::string::npos);
}

TEST(Caught, UndeclaredKinks) {
  EXPECT_FAILS(({"abs", [](const Tensor& x) { return abs(x); }}), "kinks");
  const ConformanceReport r = tested({"bend", [](const Tensor& x) { return where(x > 7.7, x * 1.0001 - 0.00077, x); }});
  EXPECT_EQ(failed(r), "kinks") << r;
  EXPECT_NE(r.verdict("kinks").detail.find("at x = 7.7 the slope jumps from 1 to 1.0001"), std::string::npos) << r;
  EXPECT_FAILS(({"half", [](const Tensor& x) { return clamp(x, -1.0, 1.0); }, {-1}}), "kinks");
  const ConformanceReport jump = tested({"jump", [](const Tensor& x) { return where(x > 0.3, x + 1e-3, x); }});
  EXPECT_EQ(failed(jump), "kinks") << jump;
  EXPECT_NE(jump.verdict("kinks").detail.find("the value jumps"), std::string::npos) << jump;
  // A smaller one beside one that is declared.
  const auto beside = [](const Tensor& x) { return maximum(x, 0.0) + 0.1 * maximum(x - 0.001, 0.0); };
  const ConformanceReport small = tested({"beside", beside, {0}});
  EXPECT_EQ(failed(small), "kinks") << small;
  EXPECT_NE(small.verdict("kinks").detail.find("the slope jumps from 1 to 1.1"), std::string::npos) << small;
  EXPECT_FAILS(({"beside", beside, {0, 0.001}}), "");
}

TEST(Caught, KinksThatAreNone) {
  EXPECT_FAILS(({"tanh", [](const Tensor& x) { return tanh(x); }, {1}}), "kinks");
  EXPECT_FAILS(({"elu", [](const Tensor& x) { return where(x > 0.0, x, expm1(minimum(x, 0.0))); }, {0}}),
               "");  // f'' jumps
  // A slope at the kink that is that of neither side, nor between.
  const auto f = [](const Tensor& x) {
    Tensor y;
    {
      const NoGrad no_grad;
      y = maximum(x, zeros_like(x));
    }
    return record("relu2", y, {x}, Keep::inputs(), [](const Backward& s) -> Grads {
      const Tensor v = s.input(0).detach();
      return {where(v == 0.0, s.grad * 2.0, where(v > 0.0, s.grad, 0.0))};
    });
  };
  EXPECT_FALSE(tested({"relu2", f, {0}}).verdict("kinks").passed);
  // The same where the value jumps.
  for (const double slope : {1e9, -1.0, double(NAN), double(INFINITY)}) {
    const auto step = [slope](const Tensor& x) {
      Tensor y;
      {
        const NoGrad no_grad;
        y = where(x > 0.0, x + 1.0, x);
      }
      return record("step", y, {x}, Keep::inputs(), [slope](const Backward& s) -> Grads {
        return {where(s.input(0).detach() == 0.0, s.grad * slope, s.grad)};
      });
    };
    EXPECT_FALSE(tested({"step", step, {0}}).verdict("kinks").passed) << slope;
  }
  EXPECT_FAILS(({"step", [](const Tensor& x) { return where(x > 0.0, x + 1.0, x); }, {0}}), "");
}

TEST(Caught, SwallowedNaN) {
  EXPECT_FAILS(({"relu", [](const Tensor& x) { return where(x > 0.0, x, 0.0); }, {0}}), "nan");
}

TEST(Caught, WrongLimits) {
  const ConformanceReport r = tested({"softsign", [](auto x) { return x / (abs(x) + 1.0); }});
  EXPECT_EQ(failed(r), "infinity") << r;
  EXPECT_NE(r.verdict("infinity").detail.find("f(-∞) in f64 is nan, the limit is -1"), std::string::npos) << r;
  EXPECT_FAILS(({"silu", [](const Tensor& x) { return x * sigmoid(x); }}), "infinity");
  // It goes to 0 so slowly that 1e300 is far from it.
  EXPECT_FAILS(({"slow", [](const Tensor& x) { return 1.0 / log1p(abs(x) + 1.0); }, {0}}), "");
  EXPECT_FAILS(
      ({"slow", [](const Tensor& x) { return where(abs(x) == INFINITY, 0.1, 1.0 / log1p(abs(x) + 1.0)); }, {0}}),
      "infinity");
  // It grows and swings.
  EXPECT_FALSE(
      tested({"gcu", [](const Tensor& x) { return where(abs(x) < 1e307, x * cos(x), x); }}).verdict("infinity").passed);
}

TEST(Caught, Zeros) {
  EXPECT_FALSE(tested({"reciprocal", [](const Tensor& x) { return 1.0 / x; }, {0}}).verdict("zero").passed);
  const auto hole = [](const Tensor& x) { return where(x == 0.0, 1.0, sin(x) / where(x == 0.0, 1.0, x) * 0.5); };
  EXPECT_FALSE(tested({"hole", hole}).verdict("zero").passed);
}

TEST(Caught, NotElementWise) {
  EXPECT_FAILS(({"centred", [](const Tensor& x) { return x - mean(x); }}), "element-wise");
  EXPECT_FAILS(({"turned", [](const Tensor& x) { return x.reshape({-1}); }}), "element-wise");
  EXPECT_FAILS(({"f64", [](const Tensor& x) { return tanh(x.to(f64)); }}), "element-wise");
  int calls = 0;
  EXPECT_FAILS(({"restless", [&calls](const Tensor& x) { return x * (1.0 + 1e-3 * ++calls); }}), "element-wise");
  const auto thrower = [](const Tensor& x) {
    require<ValueError>(x.dtype() == f64, "thrower", "only f64");
    return tanh(x);
  };
  const ConformanceReport r = tested({"thrower", thrower});
  EXPECT_EQ(failed(r), "element-wise");
  EXPECT_NE(r.text().find("thrower: only f64"), std::string::npos) << r;
}

// Every check that was begun has its verdict.
TEST(Caught, ThrowsForLargeNumbers) {
  const auto thrower = [](const Tensor& x) {
    const Tensor size = abs(x.detach());
    if (x.dtype() == f32)
      for (const float v : size.to_vector<float>())
        require<ValueError>(!(v > 1e37f && std::isfinite(v)), "thrower", "too large");
    return tanh(x);
  };
  const ConformanceReport r = tested({"thrower", thrower});
  EXPECT_EQ(failed(r), "f32, finite") << r;
  EXPECT_EQ(r.verdict("finite").detail, "thrower: too large");
  EXPECT_EQ(r.verdicts.size(), 9u);
}

}  // namespace
