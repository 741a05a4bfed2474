#include "cairn/activation/activation.h"

#include <gmock/gmock.h>

#include <cmath>
#include <limits>
#include <set>

#include "cairn/autograd/backward.h"
#include "cairn/graph/node.h"
#include "cairn/ops/reduce.h"
#include "cairn/tensor/create.h"
#include "cairn/testing.h"
#include "support.h"

using namespace cairn;

namespace {

using Inputs = std::vector<Tensor>;
using Values = std::vector<double>;

// Value, first and second derivative at one place.
struct Jet {
  double y, dy, d2y;
};
Jet jet(const Activation& f, double at) {
  const Tensor x = tensor({at}, f64).requires_grad_(), one = ones({1}, f64);
  const Tensor y = f(x);
  const Tensor dy = grad({y}, {x}, {one}, true, true)[0];
  const Tensor fused = grad({y}, {x}, {one}, true)[0];
  EXPECT_NEAR(fused.item<double>(), dy.item<double>(), 1e-14) << f << " at " << at;
  const double d2y = dy.requires_grad() ? grad({dy}, {x}, {one}, false, false, true)[0].item<double>() : 0;
  return {y.item<double>(), dy.item<double>(), d2y};
}

// Numbers of torch.float64, at x = −1.425549147741451.
TEST(Activations, KnownNumbers) {
  const double x = -1.425549147741451;
  const struct {
    const char* text;
    Jet expected;
  } cases[] = {
      {"elu(0.5)", {-0.379811787606705, 0.120188212393295, 0.120188212393295}},
      {"selu", {-1.335493706874824, 0.422605633972553, 0.422605633972553}},
      {"gelu", {-0.109766232204954, -0.128877689227287, -0.004648914267931}},
      {"gelu_tanh", {-0.109996730337628, -0.128982955246827, -0.002863885671638}},
      {"silu", {-0.276261625619511, -0.028930895586068, 0.176075447810088}},
      {"mish", {-0.302421129636253, -0.051684895702831, 0.179135640331267}},
      {"relu", {0, 0, 0}},
      {"leaky_relu(0.2)", {0.2 * x, 0.2, 0}},
      {"tanh", {std::tanh(x), 1 - std::tanh(x) * std::tanh(x), -2 * std::tanh(x) * (1 - std::tanh(x) * std::tanh(x))}},
  };
  constexpr double printed = 1e-14;  // the numbers above have 15 digits
  for (const auto& c : cases) {
    const Jet got = jet(activation(c.text), x);
    EXPECT_NEAR(got.y, c.expected.y, printed) << c.text;
    EXPECT_NEAR(got.dy, c.expected.dy, printed) << c.text;
    EXPECT_NEAR(got.d2y, c.expected.d2y, printed) << c.text;
  }
}

TEST(Activations, AllHaveExactGradientsOfAnyLayout) {
  const Tensor x = tensor({{-3.1, -1.2, -0.4, 0.3}, {0.9, 1.7, 2.6, -0.8}, {-5.2, 4.4, 0.05, -0.07}}, f64);
  for (const ActivationInfo& info : activations()) {
    if (!info.elementwise()) continue;
    SCOPED_TRACE(info.name);
    const Activation f = activation(info.name);
    const auto call = [&](const Inputs& v) { return f(v[0]) * 1.0; };
    EXPECT_GRADIENTS(call, {x});
    EXPECT_GRADIENTS(call, {x.t()});
    EXPECT_GRADIENTS(call, {x.slice(1, 0, 4, 2)});
    EXPECT_GRADIENTS(call, {x.slice(0, 0, 1).expand({2, 4})});
    EXPECT_GRADIENTS(call, {zeros({0, 2}, f64)});
    EXPECT_THROW(f(tensor({1, 2})) + 0.5, DtypeError);
  }
}

TEST(Activations, KinksAreWhereTheFormulaHasThem) {
  for (const ActivationInfo& info : activations()) {
    if (!info.elementwise()) continue;
    SCOPED_TRACE(info.name);
    const Activation usual = activation(info.name);
    EXPECT_EQ(find_kinks(usual.expression()), usual.kinks());
    std::vector<double> other;
    for (const auto& p : info.parameters) other.push_back(p.value * 0.7 + 0.05);
    const Activation another(info, other);
    EXPECT_THAT(find_kinks(another.expression()), ::testing::Pointwise(::testing::DoubleNear(1e-9), another.kinks()));
  }
  EXPECT_EQ(activation("elu(0.5)").kinks(), Values{0});
  EXPECT_EQ(activation("elu").kinks(), Values());
  // Of more than 64, those nearest to 0.
  const Values steps = activation("floor(x)").kinks();
  ASSERT_EQ(steps.size(), 64u);
  EXPECT_TRUE(std::is_sorted(steps.begin(), steps.end()));
  EXPECT_EQ(steps.front(), -32);
  EXPECT_EQ(steps.back(), 31);
  EXPECT_EQ(activation("floor(maximum(x, 0))").kinks().back(), 64);
  EXPECT_EQ(jet(activation("relu"), 0).dy, 0);
  EXPECT_EQ(jet(activation("leaky_relu"), 0).dy, 0.01);
}

// No finite number gives an infinity or NaN, unless the function itself is that large; NaN is handed on.
TEST(Activations, FiniteForEveryFiniteNumber) {
  const float top = std::numeric_limits<float>::max(), tiny = std::numeric_limits<float>::min();
  Tensor x = tensor({0.,  -0.,  double(tiny), -double(tiny), 1.,  -1.,  14.,  -14.,  88.,         -88.,
                     89., -89., 104.,         -104.,         1e4, -1e4, 1e19, -1e19, double(top), -double(top)})
                 .requires_grad_();
  for (const ActivationInfo& info : activations()) {
    // Folds are no functions of one number; these overflow, rightly.
    const std::set<std::string> large = {"selu", "exp", "squared_relu", "star_relu", "bent_identity", "rational"};
    if (!info.elementwise() || large.contains(info.name)) continue;
    const Tensor y = activation(info.name)(x) * 1.0;
    EXPECT_TRUE(all(isfinite(y)).item<bool>()) << info.name;
    EXPECT_TRUE(all(isfinite(grad({y}, {x}, {ones({20})}, true)[0])).item<bool>()) << info.name;
    EXPECT_TRUE(std::isnan(activation(info.name)(tensor({double(NAN)})).item<double>())) << info.name;
  }
}

TEST(Activations, LimitsAtInfinity) {
  const double inf = INFINITY;
  for (const char* name : {"gelu", "gelu_tanh", "silu", "mish"})
    for (Dtype d : {f32, f64}) {
      Tensor x = tensor({inf, -inf}, d).requires_grad_();
      const Tensor y = activation(name)(x);
      EXPECT_EQ(y.to_vector<double>(), (Values{inf, 0})) << name;
      EXPECT_EQ(grad({y}, {x}, {ones({2}, d)})[0].to_vector<double>(), (Values{1, 0})) << name;
    }
}

// 2e-6 wherever the true value is a normal number: no digits are lost in the left tail.
TEST(Gelu, KeepsItsDigits) {
  const int64_t n = 400000;
  const Tensor x = arange(0, n, 1, f32) * (40.0 / n) - 20.0;
  const Tensor y = gelu(x);
  const float* at = x.pointer<float>();
  double worst = 0;
  for (int64_t i = 0; i < n; ++i) {
    const long double v = at[i];
    const long double exact = 0.5L * v * std::erfc(-v / std::sqrt(2.0L));
    if (std::abs(exact) < std::numeric_limits<float>::min()) continue;
    worst = std::max(worst, static_cast<double>(std::abs((y.pointer<float>()[i] - exact) / exact)));
  }
  EXPECT_LE(worst, 2e-6);
  EXPECT_LT(gelu(tensor({-13.0})).item<float>(), 0);  // 8e-38
}

// A user's one line is as good as the catalogue's.
TEST(OwnActivation, MatchesTheBuiltInMish) {
  const auto mish2 = [](auto x) { return x * tanh(softplus(x)); };
  const Tensor x = (arange(0, 200, 1, f64) * 0.1 - 10.03).requires_grad_(), seed = ones({200}, f64);
  const auto derivatives = [&](const Tensor& y) {
    const Tensor dy = grad({y}, {x}, {seed}, true, true)[0];
    return std::vector<Tensor>{y, grad({y}, {x}, {seed}, true)[0], dy, grad({dy}, {x}, {seed})[0]};
  };
  const std::vector<Tensor> own = derivatives(elementwise("mish2", mish2, x)), built_in = derivatives(mish(x));
  // The built-in one keeps the digits that 1 - tanh² loses on the right, 7e-15 in the second derivative.
  for (size_t i = 0; i < own.size(); ++i)
    EXPECT_TRUE(allclose(own[i].detach(), built_in[i].detach(), 1e-13, i < 3 ? 1e-15 : 1e-14)) << i;
  // By 50 digits of f(x + h) - 2 f(x) + f(x - h).
  for (const auto& [at, exact] :
       {std::pair{140, -0.0076921191472562962}, {162, -0.00017907339150561912}, {194, -4.8636646032229603e-7}})
    EXPECT_NEAR(built_in[3].detach().data<double>()[at], exact, 5e-16) << at;
  EXPECT_GRADIENTS([&](const Inputs& v) { return elementwise("mish2", mish2, v[0]); },
                   {x.detach().slice(0, 0, 200, 9)});
}

// ---- names ----

TEST(Names, SavedFormReadsBack) {
  EXPECT_EQ(activation("gelu").text(), "gelu");
  EXPECT_EQ(activation("elu").text(), "elu(1)");
  EXPECT_EQ(activation(" elu( 0.5 ) ").text(), "elu(0.5)");
  EXPECT_EQ(activation("leaky_relu(negative_slope=0.2)").text(), "leaky_relu(0.2)");
  EXPECT_EQ(activation("leaky_relu(negative_slope = -1e-3)").text(), "leaky_relu(-0.001)");
  EXPECT_EQ(activation("relu()").text(), "relu");
  for (const ActivationInfo& info : activations()) {
    const std::string text = activation(info.name).text();
    EXPECT_EQ(activation(text).text(), text);
  }
  const Tensor x = tensor({-1., 2.});
  EXPECT_TRUE(equal(activation("elu(0.5)")(x), elu(x, 0.5)));
  EXPECT_TRUE(equal(activation("elu")(x), elu(x)));
}

TEST(Names, Formulas) {
  EXPECT_EQ(activation("elu(0.5)").formula(), "where(x > 0, x, 0.5 * expm1(minimum(x, 0)))");
  EXPECT_EQ(activation("elu").info().formula, "where(x > 0, x, alpha * expm1(minimum(x, 0)))");
  EXPECT_EQ(activation("gelu").formula(), "x * normal_cdf(x)");
  EXPECT_EQ(activation("mish").formula(), "x * (sigmoid(x) * (2 - sigmoid(x)) / (1 + square(1 - sigmoid(x))))");
  EXPECT_EQ(activation("mish").info().formula, "x * tanh(softplus(x))");
  EXPECT_EQ(activation("relu").formula(), "where(x <= 0, 0, x)");
  EXPECT_EQ(activation("tanh").formula(), "tanh(x)");
  EXPECT_EQ(activation("identity").formula(), "x");
}

TEST(Names, Catalogue) {
  std::set<std::string> names;
  for (const ActivationInfo& info : activations()) {
    EXPECT_TRUE(names.insert(info.name).second) << info.name;
    EXPECT_FALSE(info.family.empty() || info.source.empty() || info.formula.empty()) << info.name;
  }
  EXPECT_GE(names.size(), 45u);
  for (const char* name : {"identity", "relu", "leaky_relu", "elu", "selu", "gelu", "gelu_tanh", "silu", "mish",
                           "softplus", "sigmoid", "tanh"})
    EXPECT_TRUE(names.contains(name)) << name;
  EXPECT_EQ(activation("leaky_relu").info().parameters[0].name, "negative_slope");
}

// A function of the alphabet is recorded under its own name, once.
TEST(Names, OneOperationEach) {
  const Tensor x = ones({2}).requires_grad_();
  for (const ActivationInfo& info : activations()) {
    if (!info.elementwise()) continue;
    std::vector<std::string> seen;
    const Observer observer([&](const Operation& o) { seen.push_back(o.name); });
    activation(info.name)(x);
    EXPECT_EQ(seen, info.name == "identity" ? std::vector<std::string>() : std::vector<std::string>{info.name});
  }
}

TEST(Names, Errors) {
  EXPECT_EQ(text_of<NameError>([] { activation("gleu"); }).substr(0, 55),
            "activation: unknown name 'gleu'; did you mean 'gelu'? K");
  EXPECT_NE(text_of<NameError>([] { activation("gleu"); }).find("leaky_relu"), std::string::npos);
  EXPECT_THROW(activation(""), NameError);
  EXPECT_NE(text_of<NameError>([] { activation("elu(alfa=1)"); }).find("did you mean 'alpha'?"), std::string::npos);
  EXPECT_EQ(text_of<ValueError>([] { activation("elu(0.5"); }),
            "activation: the list of parameters must end with ')'; got text 'elu(0.5'");
  EXPECT_EQ(text_of<ValueError>([] { activation("elu(1e)"); }),
            "activation: a parameter is not a finite number; got parameter '1e', in 'elu(1e)'");
  EXPECT_THROW(activation("elu(nan)"), ValueError);
  EXPECT_THROW(activation("elu(1,)x"), Error);
  EXPECT_EQ(text_of<ValueError>([] { activation("elu(1, 2)"); }),
            "activation: more parameters than it has; got text 'elu(1, 2)', parameters 1");
  EXPECT_EQ(text_of<ValueError>([] { activation("elu(1, alpha=2)"); }),
            "activation: a parameter is given twice; got text 'elu(1, alpha=2)'");
  EXPECT_THROW(activation("relu(1)"), ValueError);
}

// In f32 no digit is lost on the way down, whichever side goes to zero; but below 2e-37, near the smallest normal number,
// the factor of x in a gate is subnormal and has fewer digits of its own: its rounding is 2^-150, that of the result x
// times as much.
TEST(Floats, KeepTheirDigitsDownToTheSmallestResults) {
  std::vector<double> places;
  for (double size = 1e-37; size < 1e4; size *= 1.013)
    for (const double sign : {-1.0, 1.0}) places.push_back(static_cast<float>(sign * size));
  const Tensor x = from_vector(places);
  for (const char* name : {"gelu", "silu", "mish", "softplus", "tanh", "sigmoid"}) {
    const Values exact = activation(name)(x).to_vector<double>(),
                 found = activation(name)(x.to(f32)).to_vector<double>();
    for (size_t i = 0; i < places.size(); ++i) {
      if (std::abs(exact[i]) < std::numeric_limits<float>::min()) continue;
      const double of_gate = std::abs(exact[i]) < 2e-37 ? std::ldexp(std::abs(places[i]), -150) : 0;
      ASSERT_LE(std::abs(found[i] - exact[i]), 1e-6 * std::abs(exact[i]) + of_gate) << name << " at " << places[i];
    }
  }
}

// A rectifier's output tells its slope, so the graph does not hold its input; that of others does.
TEST(Rectifiers, LetTheirInputGo) {
  const auto holds_input = [](const char* text) {
    const Tensor x = linspace(-3, 8, 23).requires_grad_(), y = activation(text)(x * 1.0);
    return static_cast<bool>(gradient_node(y)->inputs[0].saved);
  };
  for (const char* text : {"relu", "relu6", "leaky_relu(0.1)", "hardtanh(-1, 2)"})
    EXPECT_FALSE(holds_input(text)) << text;
  // One that turns its negative side over does not tell by its output which side it came from.
  for (const char* text : {"leaky_relu(-0.5)", "elu", "gelu"}) EXPECT_TRUE(holds_input(text)) << text;
  const Tensor x = tensor({-2., -0.5, 0., 3.}).requires_grad_();
  sum(activation("leaky_relu(-0.5)")(x)).backward();
  EXPECT_EQ(x.grad().to_vector<double>(), (Values{-0.5, -0.5, -0.5, 1}));
}

}  // namespace
