#include "cairn/ops/elementwise.h"

#include <cmath>

#include "cairn/autograd/backward.h"
#include "cairn/base/threads.h"
#include "cairn/tensor/create.h"
#include "cairn/testing.h"

using namespace cairn;

namespace {

using Inputs = std::vector<Tensor>;
using Values = std::vector<double>;

struct Function {
  const char* name;
  Tensor (*of)(const Tensor&);
  double (*expected)(double);
  double low, high;  // where it is tested
};

double Phi(double x) { return 0.5 * std::erfc(-x / std::sqrt(2.0)); }

const Function functions[] = {
    {"exp", exp, std::exp, -3, 3},
    {"expm1", expm1, std::expm1, -3, 3},
    {"log", log, std::log, 0.2, 5},
    {"log1p", log1p, std::log1p, -0.7, 5},
    {"sin", sin, std::sin, -4, 4},
    {"cos", cos, std::cos, -4, 4},
    {"atan", atan, std::atan, -4, 4},
    {"tanh", tanh, std::tanh, -3, 3},
    {"sigmoid", sigmoid, [](double x) { return 1 / (1 + std::exp(-x)); }, -5, 5},
    {"log_sigmoid", log_sigmoid, [](double x) { return -std::log1p(std::exp(-x)); }, -5, 5},
    {"softplus", softplus, [](double x) { return std::log1p(std::exp(x)); }, -5, 5},
    {"erf", erf, std::erf, -2, 2},
    {"erfc", erfc, std::erfc, -2, 2},
    {"gaussian", gaussian, [](double x) { return std::exp(-x * x); }, -2, 2},
    {"normal_pdf", normal_pdf, [](double x) { return std::exp(-x * x / 2) / std::sqrt(2 * M_PI); }, -3, 3},
    {"normal_cdf", normal_cdf, Phi, -3, 3},
    {"normal_cdf_tanh", normal_cdf_tanh,
     [](double x) { return 0.5 + 0.5 * std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)); }, -3, 3},
    {"sqrt", sqrt, std::sqrt, 0.2, 5},
    {"rsqrt", rsqrt, [](double x) { return 1 / std::sqrt(x); }, 0.2, 5},
    {"reciprocal", reciprocal, [](double x) { return 1 / x; }, 0.3, 3},
    {"square", square, [](double x) { return x * x; }, -3, 3},
    {"abs", abs, [](double x) { return std::abs(x); }, -3, 3},
    {"sign", sign, [](double x) { return x < 0 ? -1.0 : 1.0; }, -3, 3},
    {"floor", floor, std::floor, -3.1, 3.2},
};

// 24 numbers within the bounds, none at a kink.
Tensor points(double low, double high, const Shape& shape = {24}) {
  Tensor x = empty(shape, f64);
  const int64_t n = x.numel();
  for (int64_t i = 0; i < n; ++i)
    x.pointer<double>()[i] = low + (high - low) * (static_cast<double>((7 * i) % n) + 0.377) / static_cast<double>(n);
  return x;
}

TEST(Elementwise, ValuesOfTheAlphabet) {
  // The alphabet promises a few ulp; std::erfc and the compositions above have as many.
  constexpr double ulps64 = 64 * 2.3e-16, ulps32 = 16 * 1.2e-7;
  for (const Function& f : functions) {
    const Tensor x = points(f.low, f.high);
    const Values got = f.of(x).to_vector<double>(), at = x.to_vector<double>();
    const Tensor x32 = x.to(f32);
    const Values got32 = f.of(x32).to_vector<double>(), at32 = x32.to_vector<double>();
    for (size_t i = 0; i < at.size(); ++i) {
      EXPECT_NEAR(got[i], f.expected(at[i]), ulps64 * (std::abs(f.expected(at[i])) + 0.1)) << f.name << " " << at[i];
      EXPECT_NEAR(got32[i], f.expected(at32[i]), ulps32 * (std::abs(f.expected(at32[i])) + 0.1))
          << f.name << " " << at[i];
    }
  }
}

TEST(Elementwise, GradientsOfTheAlphabet) {
  for (const Function& f : functions) {
    SCOPED_TRACE(f.name);
    const auto call = [&](const Inputs& v) { return f.of(v[0]); };
    EXPECT_GRADIENTS(call, {points(f.low, f.high)});
    EXPECT_GRADIENTS(call, {points(f.low, f.high, {4, 6}).t()});
    EXPECT_GRADIENTS(call, {points(f.low, f.high, {4, 6}).slice(1, 1, 6, 2)});
    EXPECT_GRADIENTS(call, {points(f.low, f.high, {1, 6}).expand({2, 6})});
    EXPECT_GRADIENTS(call, {points(f.low, f.high, {1})});
    EXPECT_GRADIENTS([&](const Inputs& v) { return f.of(f.of(v[0].t()) * 0.3 + 1.1) * v[0].t(); },
                     {points(0.3, 1.1, {2, 3})});
  }
}

TEST(Elementwise, EmptyAndScalar) {
  for (const Function& f : functions) {
    EXPECT_EQ(f.of(zeros({0, 3})).shape(), Shape({0, 3}));
    EXPECT_EQ(f.of(tensor(0.5)).shape(), Shape({}));
  }
}

TEST(Elementwise, LayoutIsKeptThroughBothPasses) {
  Tensor x = points(-2, 2, {2, 3, 4}).permute({0, 2, 1}).requires_grad_();
  const Tensor y = tanh(x), z = elementwise(
                                "cube", [](auto v) { return v * v * v; }, x);
  EXPECT_EQ(y.strides(), x.strides());
  EXPECT_EQ(z.strides(), x.strides());
  // A gradient in another order of memory belongs to the same elements.
  const Tensor seed = points(1, 2, {2, 4, 3});
  const Tensor dy = grad({y}, {x}, {seed})[0], dz = grad({z}, {x}, {seed})[0];
  EXPECT_TRUE(allclose(dy, seed * (1.0 - y.detach() * y.detach()), 1e-12));
  EXPECT_TRUE(allclose(dz, seed * 3.0 * square(x.detach()), 1e-12));
}

TEST(Elementwise, Kinks) {
  const auto slope = [](Tensor (*f)(const Tensor&), double at) {
    const Tensor x = tensor({at}, f64).requires_grad_();
    return grad({f(x)}, {x}, {ones({1}, f64)})[0].item<double>();
  };
  EXPECT_EQ(slope(abs, 0), 0);
  EXPECT_EQ(slope(abs, -2), -1);
  EXPECT_EQ(slope(sign, 1), 0);
  EXPECT_EQ(slope(floor, 1.5), 0);
  EXPECT_EQ(abs(tensor({-3, 0, 2})).to_vector<int64_t>(), (std::vector<int64_t>{3, 0, 2}));
}

TEST(Clamp, ByHand) {
  const Tensor x = tensor({-2., 0., 1., 5., double(NAN)});
  const Values v = clamp(x, -1, 2).to_vector<double>();
  EXPECT_EQ(Values(v.begin(), v.end() - 1), (Values{-1, 0, 1, 2}));
  EXPECT_TRUE(std::isnan(v[4]));
  EXPECT_EQ(clamp(x.slice(0, 0, 4), 0.5).to_vector<double>(), (Values{0.5, 0.5, 1, 5}));
  EXPECT_EQ(clamp(x.slice(0, 0, 4), std::nullopt, 0.5).to_vector<double>(), (Values{-2, 0, 0.5, 0.5}));
  EXPECT_EQ(clamp(tensor({-3, 0, 9}), 0, 5).to_vector<int64_t>(), (std::vector<int64_t>{0, 0, 5}));
  EXPECT_EQ(clamp(tensor({-3, 0, 9}), -1).to_vector<int64_t>(), (std::vector<int64_t>{-1, 0, 9}));
  EXPECT_THROW(clamp(x, 2, 1), ValueError);
  EXPECT_THROW(clamp(x, double(NAN)), ValueError);
  EXPECT_THROW(clamp(tensor({1, 2}), 0.5), DtypeError);
}

TEST(Clamp, Gradients) {
  EXPECT_GRADIENTS([](const Inputs& v) { return clamp(v[0], -1.0, 1.5); }, {points(-3, 3)});
  EXPECT_GRADIENTS([](const Inputs& v) { return clamp(v[0].t(), 0.2) * v[0].t(); }, {points(-3, 3, {3, 4})});
  const Tensor x = tensor({-1., 0., 1.}, f64).requires_grad_();  // bounds included
  EXPECT_EQ(grad({clamp(x, -1.0, 0.5)}, {x}, {ones({3}, f64)})[0].to_vector<double>(), (Values{1, 1, 0}));
}

TEST(Gate, LimitsAndGradients) {
  const Tensor x = tensor({double(INFINITY), 2., -double(INFINITY)}), s = tensor({0., 3., 1.});
  EXPECT_EQ(gate(x, s).to_vector<double>(), (Values{0, 6, -INFINITY}));
  EXPECT_GRADIENTS([](const Inputs& v) { return gate(v[0], v[1]); }, {points(-2, 2, {3, 4}), points(0.5, 2, {4})});
  EXPECT_THROW(gate(x, s.to(f64)), DtypeError);
}

// ---- a user's own formula ----

const auto mish2 = [](auto x) { return x * tanh(softplus(x)); };

TEST(Formula, ValueAndDerivatives) {
  const Tensor x = points(-5, 5, {4, 6});
  EXPECT_TRUE(allclose(elementwise("mish2", mish2, x), x * tanh(softplus(x)), 1e-14));
  const auto call = [](const Inputs& v) { return elementwise("mish2", mish2, v[0]); };
  EXPECT_GRADIENTS(call, {x});
  EXPECT_GRADIENTS(call, {x.t()});
  EXPECT_GRADIENTS(call, {x.slice(1, 0, 6, 2)});
  EXPECT_GRADIENTS(call, {points(-1, 1, {1, 3}).expand({2, 3})});
  EXPECT_GRADIENTS(call, {zeros({0}, f64)});
}

TEST(Formula, FusedBackwardEqualsTheRecordedOne) {
  Tensor x = points(-5, 5).requires_grad_();
  const Tensor y = elementwise("mish2", mish2, x), seed = points(1, 2);
  const Tensor fused = grad({y}, {x}, {seed}, true)[0], recorded = grad({y}, {x}, {seed}, true, true)[0];
  EXPECT_TRUE(allclose(fused, recorded, 1e-13, 1e-15));
  EXPECT_FALSE(fused.requires_grad());
  EXPECT_TRUE(recorded.requires_grad());
}

// Everything a formula may use, in all three readings: lanes, duals, tensors.
TEST(Formula, BranchesConstantsAndCaptures) {
  const double slope = 0.3;
  const auto f = [slope](auto x) {
    const auto left = (x < -1.0) & !(x < -2.0);
    return where(left, slope * x, where(x > 1.0, 1.0, 0.5)) * clamp(x, -3.0, 3.0) + maximum(x, -0.7) / 3.0 -
           minimum(2.0, x) + pow(x, 2.0) * abs(x) - gate(x, sigmoid(-x)) + 1.0 / (2.0 + square(x));
  };
  EXPECT_GRADIENTS([&](const Inputs& v) { return elementwise("all", f, v[0]); }, {points(-4, 4, {40})});
  const Tensor x = points(-4, 4);
  Tensor expected = empty_like(x);
  for (int64_t i = 0; i < x.numel(); ++i) expected.pointer<double>()[i] = f(x[i].item<double>());
  EXPECT_TRUE(allclose(elementwise("all", f, x), expected, 1e-13));
}

TEST(Formula, ConstantAndIdentity) {
  const Tensor x = tensor({1., 2.}, f64);
  EXPECT_EQ(elementwise(
                "three", [](auto) { return 3.0; }, x)
                .to_vector<double>(),
            (Values{3, 3}));
  EXPECT_GRADIENTS(
      [](const Inputs& v) {
        return elementwise(
            "three", [](auto) { return 3.0; }, v[0]);
      },
      {x});
  EXPECT_GRADIENTS(
      [](const Inputs& v) {
        return elementwise(
            "same", [](auto t) { return t; }, v[0]);
      },
      {x});
}

TEST(Formula, Errors) {
  try {
    elementwise("mish2", mish2, tensor({1, 2}));
    FAIL();
  } catch (const DtypeError& e) {
    EXPECT_STREQ(e.what(), "mish2: needs f32 or f64; convert with to(f32); got (2,) i64");
  }
  EXPECT_THROW(exp(tensor({1, 2})), DtypeError);
  Tensor x = ones({2}).requires_grad_();
  const Tensor y = elementwise("mish2", mish2, x);
  {
    const NoGrad off;
    x += 1;
  }
  EXPECT_THROW(y.backward(ones({2})), GraphError);
}

TEST(Formula, SameBitsOnAnyThreadCount) {
  const Tensor x = points(-5, 5, {100003}).to(f32).requires_grad_();
  const int threads = num_threads();
  const auto both = [&](int n) {
    set_num_threads(n);
    const Tensor y = elementwise("mish2", mish2, x);
    return std::pair(y.detach(), grad({y}, {x}, {ones({100003})})[0]);
  };
  const auto one = both(1), three = both(3);
  set_num_threads(threads);
  EXPECT_TRUE(equal(one.first, three.first));
  EXPECT_TRUE(equal(one.second, three.second));
}

}  // namespace
