#include "cairn/activation/formula.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "cairn/autograd/backward.h"
#include "cairn/base/random.h"
#include "cairn/ops/reduce.h"
#include "cairn/tensor/create.h"
#include "cairn/tensor/random.h"
#include "support.h"

namespace cairn {
namespace {

double at(const char* text, double x) { return activation(text)(tensor(x, f64)).item<double>(); }

TEST(Formula, MeansWhatItSays) {
  const double x = 0.7;
  EXPECT_EQ(at("x", x), x);
  EXPECT_EQ(at("-x^2", x), -(x * x));
  EXPECT_EQ(at("2 - 3 - x", x), 2 - 3 - x);
  EXPECT_EQ(at("x / 2 / 5", x), x / 2 / 5);
  EXPECT_DOUBLE_EQ(at("2^x^2", x), std::pow(2, x * x));
  EXPECT_DOUBLE_EQ(at("x ** 3", x), x * x * x);
  EXPECT_EQ(at("1 + 2 * x", x), 1 + 2 * x);
  EXPECT_EQ(at("-(1 + 2) * x", x), -3 * x);
  EXPECT_EQ(at("+x - -x", x), 2 * x);
  EXPECT_EQ(at("x * .5 + 1e-1", x), x * .5 + 1e-1);
  EXPECT_NEAR(at("sin(pi * x) + e * x", x), std::sin(M_PI * x) + M_E * x, 1e-15);
  EXPECT_EQ(at("max(x, 0.1 * x, 0.9)", x), 0.9);
  EXPECT_EQ(at("min(x, 2)", x), x);
  EXPECT_EQ(at("clamp(x, -0.5, 0.5)", x), 0.5);
  EXPECT_EQ(at("x > 0 ? x : 0.1 * x", -x), -0.1 * x);
  EXPECT_EQ(at("x > 1 ? 1 : x < -1 ? -1 : x", -3), -1);
  EXPECT_EQ(at("where(x > 0 & x < 1 | x == -3, 5, x)", x), 5);
  EXPECT_EQ(at("where(!(x > 0) || xor(x > 0.5, x > 0.6), 5, x)", x), x);
  EXPECT_EQ(at("where(x >= 0 && x <= 1, 1, x)", 1), 1);
  EXPECT_EQ(at("gelu(x) + elu(x, 0.5)", -x), at("gelu", -x) + at("elu(0.5)", -x));
  EXPECT_EQ(at("softplus(x, 2)", x), at("softplus(2)", x));
  EXPECT_EQ(at("relu(x)^2", x), x * x);
  EXPECT_EQ(at("gate(x, normal_cdf(x))", -INFINITY), 0);
}

TEST(Formula, AgreesWithTheCatalogueOnEveryActivation) {
  const Tensor x = linspace(-6, 6, 1001, f64);
  for (const ActivationInfo& info : activations()) {
    if (!info.elementwise()) continue;
    SCOPED_TRACE(info.name);
    const Activation built_in = activation(info.name), again = activation(built_in.expression().exact_text());
    const auto value_and_slope = [&](const Activation& f) {
      const Tensor v = x.clone().requires_grad_();
      const Tensor y = f(v);
      return std::pair(y.detach(), grad({y}, {v}, {ones_like(x)}, false, false, true)[0]);
    };
    const auto [y, dy] = value_and_slope(built_in);
    const auto [z, dz] = value_and_slope(again);
    EXPECT_TRUE(allclose(y, z, 1e-14, 1e-15));
    EXPECT_TRUE(allclose(dy, dz, 1e-13, 1e-14));
    EXPECT_EQ(again.kinks(), built_in.kinks());
  }
}

TEST(Formula, ItsTextIsItsSavedForm) {
  const Activation f = activation("  x * sigmoid(beta*x) ;beta=1.5 ");
  EXPECT_EQ(f.text(), "x * sigmoid(beta*x) ;beta=1.5");
  EXPECT_EQ(activation(f.text()).text(), f.text());
  EXPECT_TRUE(f.info().learnable);
  EXPECT_EQ(f.parameters(), std::vector<double>{1.5});
  EXPECT_FALSE(activation("x * sigmoid(x)").info().learnable);
}

TEST(Formula, FindsItsKinks) {
  EXPECT_EQ(activation("max(x, 0.1 * x)").kinks(), std::vector<double>{0});
  EXPECT_EQ(activation("abs(x - 0.3) + clamp(x, -1, 2)").kinks(), (std::vector<double>{-1, 0.3, 2}));
  EXPECT_EQ(activation("max(x, 0)^2").kinks(), std::vector<double>());
  EXPECT_EQ(activation("x > 1 ? 1 : 0").kinks(), std::vector<double>{1});
  EXPECT_THAT(activation("abs(sin(x) - 0.5)").kinks(), ::testing::SizeIs(63));
  EXPECT_EQ(activation("abs(x - k); k = 2").kinks(), std::vector<double>{2});
}

// One number for all, and one for each channel, in both memory layouts.
TEST(Formula, ParametersHaveGradients) {
  const Activation f = activation("a * x + x * sigmoid(b * x); a = 0.5, b = 2");
  const Tensor x = randn({4, 3, 5, 2}, f64), w = randn({4, 3, 5, 2}, f64);
  for (const bool channels_last : {false, true}) {
    const Tensor in = channels_last ? x.permute({0, 2, 3, 1}).contiguous().permute({0, 3, 1, 2}) : x;
    Tensor a = tensor({0.3, -0.2, 1.1}, f64).requires_grad_(), b = tensor({2.0}, f64).requires_grad_();
    sum(f(in, std::vector<Tensor>{a, b}) * w).backward();
    Tensor a2 = a.detach().clone().requires_grad_(), b2 = b.detach().clone().requires_grad_();
    sum((a2.reshape({3, 1, 1}) * x + x * sigmoid(b2 * x)) * w).backward();
    EXPECT_TRUE(allclose(a.grad(), a2.grad(), 1e-12, 1e-13));
    EXPECT_TRUE(allclose(b.grad(), b2.grad(), 1e-12, 1e-13));
  }
  EXPECT_EQ(text_of<ShapeError>([&] {
              f(x, std::vector<Tensor>{zeros({4}, f64), zeros({1}, f64)});
            }).substr(0, 71),
            "formula: a parameter has one element, or one for each channel of x; got");
  EXPECT_THROW(f(x, std::vector<Tensor>{zeros({1}), zeros({1})}), DtypeError);
  EXPECT_THROW(f(x, std::vector<Tensor>{zeros({1}, f64)}), ValueError);
}

TEST(Formula, IsTheSameWhereverAnElementLies) {
  const Activation f = activation("x * tanh(softplus(x)) + abs(x)");
  const Tensor x = randn({40'003});
  const Tensor whole = f(x);
  for (const int64_t begin : {0, 1, 17, 300, 39'990})
    EXPECT_TRUE(equal(f(x.narrow(0, begin, 13)), whole.narrow(0, begin, 13))) << begin;
  EXPECT_EQ(f(zeros({0, 3})).shape(), (Shape{0, 3}));
}

TEST(Formula, ErrorsPointAtTheFault) {
  const auto says = [](const char* text) { return text_of<Error>([&] { activation(text); }); };
  EXPECT_EQ(says("max(x, 0.1*x"), "formula: expected ')'; the text ends here\n  max(x, 0.1*x\n              ^");
  EXPECT_EQ(says("x & 1"), "formula: a condition is needed here, this is a number\n  x & 1\n  ^");
  EXPECT_EQ(says("0 < x < 1 ? x : 0"),
            "formula: comparisons do not chain; join them with &\n  0 < x < 1 ? x : 0\n        ^");
  EXPECT_EQ(says("beta * x"),
            "formula: unknown name 'beta'. A parameter needs a first value: '; beta = 1' at the end\n  beta * x\n  ^");
  EXPECT_EQ(says("x*x; a = 1"), "formula: the formula has no parameter 'a'\n  x*x; a = 1\n       ^");
  EXPECT_EQ(says("a*x; a = 1, a = 2"), "formula: a parameter is given twice\n  a*x; a = 1, a = 2\n              ^");
  EXPECT_EQ(says("where(x > 0, x)"), "formula: where takes 3 arguments, not 2\n  where(x > 0, x)\n  ^");
  EXPECT_EQ(says("tanh + x"), "formula: a function needs its argument: tanh(x)\n  tanh + x\n  ^");
  EXPECT_EQ(says("3 x"), "formula: expected an operator, ';' or the end\n  3 x\n    ^");
  EXPECT_EQ(says("x +\n\ty"),
            "formula: unknown name 'y'. A parameter needs a first value: '; y = 1' at the end\n  x +  y\n       ^");
  EXPECT_EQ(says("1 + 2"), "formula: x does not occur in the formula\n  1 + 2\n  ^");
  EXPECT_EQ(says("é * x"), "formula: a character that means nothing here\n  é * x\n  ^");
  EXPECT_THAT(says("x * tanhh(x)"),
              ::testing::HasSubstr("unknown function 'tanhh'; did you mean 'tanh'? Known: where,"));
  EXPECT_THAT(says("x * tanhh(x)"), ::testing::EndsWith("\n  x * tanhh(x)\n      ^"));
  for (const char* text :
       {"1e999 * x", "x..2", "((x)", "x)", "()", "x ? 1 : 2", "isnan(x)", "-(x > 0)", "!x", "elu(x, 1, 2)",
        "softmax(x, 1)", "x; = 1", "x; a", "a*x; a = b", "a*x; a = 1 2", "x,x", ";", "x;;x", "max(x)"})
    EXPECT_THROW(activation(text), Error) << text;
}

TEST(Formula, NestsAsDeepAsIsSaidAndNoDeeper) {
  const auto nested = [](int n, const char* open, const char* close) {
    std::string text;
    for (int i = 0; i < n; ++i) text += open;
    text += "x";
    for (int i = 0; i < n; ++i) text += close;
    return text;
  };
  EXPECT_NO_THROW(activation(nested(45, "(", ")")));
  EXPECT_THROW(activation(nested(101, "(", ")")), ValueError);
  EXPECT_THROW(activation(nested(101, "tanh(", ")")), ValueError);
  EXPECT_THROW(activation(nested(101, "-", "")), ValueError);
  EXPECT_THROW(activation(nested(101, "1 ^ ", "")), ValueError);
  EXPECT_THROW(activation(nested(101, "x > 0 ? 1 : ", "")), ValueError);
  EXPECT_THAT(text_of<ValueError>([&] { activation(nested(5000, "(", "")); }),
              ::testing::HasSubstr("nested deeper than 100"));
  EXPECT_THROW(activation("x" + std::string(10'001, ' ') + "+ x"), ValueError);
  // A long sum is deep only as an expression.
  std::string sum = "x";
  for (int i = 0; i < 3000; ++i) sum += "+x";
  EXPECT_EQ(activation(sum)(tensor(1.0, f64)).item<double>(), 3001);
  // Much in little: each level takes its argument many times.
  const std::string much = nested(40, "gelu_tanh(", ")");
  EXPECT_NO_THROW(activation(much)(tensor(1.0)));
}

// Random and damaged formulas: a clear error, or an activation that works.
TEST(Formula, SurvivesAnyText) {
  const int count = rounds(100'000);
  const std::vector<std::string> pieces = {
      "x",    "x",     "x",    "(",     ")",  "+",      "-",    "*",       "/",     "^",    "**",
      "<",    "<=",    "==",   "&",     "|",  "!",      "?",    ":",       ",",     ";",    "=",
      "0",    "1",     "0.5",  "1e-3",  "pi", "inf",    "a",    "; a = 1", "tanh(", "max(", "where(",
      "elu(", "gelu(", "pow(", "x > 0", " ",  "isnan(", "log(", "sqrt(",   "\xC3",  "\n"};
  const std::vector<std::string> good = {"x * tanh(softplus(x))",
                                         "max(x, 0.1 * x)",
                                         "x * sigmoid(beta * x); beta = 1",
                                         "where(x > 0, x, a * expm1(min(x, 0))); a = 1",
                                         "x > 1 & x < 2 ? x^2 : -x / (1 + abs(x))",
                                         "clamp(x, -1, 1) + gate(x, normal_cdf(x)) + pow(x, 3) - 2**x"};
  Generator random(1, "formulas");
  const auto below = [&](size_t n) { return static_cast<size_t>(random.uniform() * static_cast<double>(n)); };
  const Tensor x = linspace(-3, 3, 7, f64).requires_grad_();
  int correct = 0;
  for (int i = 0; i < count; ++i) {
    std::string text;
    if (i % 2 == 0) {
      for (size_t n = 1 + below(12); n-- > 0;) text += pieces[below(pieces.size())];
    } else {
      text = good[below(good.size())];
      for (size_t n = 1 + below(3); n-- > 0;) {
        const size_t place = below(text.size() + 1);
        switch (below(4)) {
          case 0:
            text.insert(place, pieces[below(pieces.size())]);
            break;
          case 1:
            text.erase(place, 1 + below(3));
            break;
          case 2:
            if (place < text.size()) text[place] = static_cast<char>(1 + below(255));
            break;
          default:
            text += text.substr(place);
            break;
        }
      }
    }
    try {
      const Activation f = activation(text);
      if (f.info().family != "formula") continue;
      const Tensor y = f(x);
      ASSERT_EQ(y.shape(), x.shape()) << text;
      const std::vector<double> direct = [&] {
        std::vector<double> all;
        for (int k = 0; k < 7; ++k) all.push_back(f(tensor(x[k].item<double>(), f64)).item<double>());
        return all;
      }();
      for (int k = 0; k < 7; ++k) {
        const double a = y[k].item<double>(), b = direct[static_cast<size_t>(k)];
        ASSERT_TRUE(a == b || (std::isnan(a) && std::isnan(b))) << text;
      }
      if (y.requires_grad()) grad({y}, {x}, {ones_like(y)}, false, false, true);
      activation(f.text());
      ++correct;
    } catch (const Error& e) {
      ASSERT_FALSE(std::string(e.what()).empty());
    }
  }
  EXPECT_GT(correct, count / 50);
}

TEST(Registered, IsKnownByName) {
  register_activation("test_bump", [](auto x) { return x * exp(-0.5 * square(x)); });
  register_activation("test_steep", [](auto x, auto a) { return maximum(tanh(a * x), -0.5); }, {{"a", 2.0}});
  const Tensor x = linspace(-2, 2, 9, f64);
  EXPECT_TRUE(allclose(activation("test_bump")(x), x * exp(x * x * -0.5), 1e-15, 0));
  EXPECT_TRUE(allclose(activation("test_steep(a=3)")(x), maximum(tanh(x * 3.0), -0.5), 1e-15, 0));
  EXPECT_EQ(activation("test_steep").text(), "test_steep(2)");
  EXPECT_EQ(activation("test_steep").info().formula, "maximum(tanh(a * x), -0.5)");
  EXPECT_NEAR(activation("test_steep").kinks().at(0), -std::atanh(0.5) / 2, 1e-9);
  const auto again = [](const char* name) { register_activation(name, [](auto v) { return v; }); };
  EXPECT_THROW(again("test_bump"), NameError);
  EXPECT_THROW(again("gelu"), NameError);
  EXPECT_THROW(again("x"), NameError);
  EXPECT_THROW(again("two words"), NameError);
}

}  // namespace
}  // namespace cairn
