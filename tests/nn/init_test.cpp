#include "cairn/nn/init.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "cairn/activation/activation.h"
#include "cairn/ops/arithmetic.h"
#include "cairn/ops/compare.h"
#include "cairn/ops/elementwise.h"
#include "cairn/ops/matmul.h"
#include "cairn/ops/reduce.h"
#include "cairn/tensor/create.h"
#include "cairn/tensor/random.h"

namespace cairn {
namespace {

struct Moments {
  double mean = 0, deviation = 0, largest = 0;
};

Moments moments(const Tensor& t) {
  Moments m;
  const auto v = t.to_vector<double>();
  for (double x : v) m.mean += x / static_cast<double>(v.size()), m.largest = std::max(m.largest, std::abs(x));
  for (double x : v) m.deviation += (x - m.mean) * (x - m.mean) / static_cast<double>(v.size());
  m.deviation = std::sqrt(m.deviation);
  return m;
}

// 200,000 numbers: five standard errors of a deviation are 5/√(2·200000) = 0.8 % for normal numbers, less for uniform
// ones.
constexpr double spread = 0.008;
constexpr int64_t rows = 400, columns = 500;

TEST(Init, FansCountTheReceptiveField) {
  EXPECT_EQ(nn::init::fans(empty({6, 4})).in, 4);
  EXPECT_EQ(nn::init::fans(empty({6, 4})).out, 6);
  EXPECT_EQ(nn::init::fans(empty({16, 3, 5, 5})).in, 75);
  EXPECT_EQ(nn::init::fans(empty({16, 3, 5, 5})).out, 400);
  EXPECT_THROW(nn::init::fans(empty({6})), ShapeError);
}

TEST(Init, Gains) {
  EXPECT_EQ(nn::init::calculate_gain("linear"), 1);
  EXPECT_DOUBLE_EQ(nn::init::calculate_gain("tanh"), 5.0 / 3);
  EXPECT_DOUBLE_EQ(nn::init::calculate_gain("relu"), std::sqrt(2.0));
  EXPECT_DOUBLE_EQ(nn::init::calculate_gain("leaky_relu", 0.2), std::sqrt(2 / 1.04));
  EXPECT_EQ(nn::init::calculate_gain("selu"), 0.75);
  EXPECT_DOUBLE_EQ(nn::init::calculate_gain("leaky_relu(0.2)"), std::sqrt(2 / 1.04));
  EXPECT_DOUBLE_EQ(nn::init::calculate_gain("leaky_relu(0.2)", 0.5), std::sqrt(2 / 1.04));
  EXPECT_EQ(nn::init::calculate_gain("sigmoid"), 1);
  EXPECT_THROW(nn::init::calculate_gain("rleu"), NameError);
  for (const ActivationInfo& info : activations())
    if (info.elementwise()) {
      EXPECT_GT(nn::init::calculate_gain(info.name), 0.3) << info.name;
    }
}

TEST(Init, ComputedGainsKeepTheMeanSquare) {
  // elu(0) is relu, elu(α) has E = ½ + α² (½ − 2 e^½ Φ(−1) + e² Φ(−2)): the integrals of (e^z − 1)² over z < 0.
  const auto cdf = [](double z) { return 0.5 * std::erfc(-z / std::sqrt(2)); };
  const double left = 0.5 - 2 * std::exp(0.5) * cdf(-1) + std::exp(2) * cdf(-2);
  const double rule = 1e-11;  // of Simpson's rule: a step of 0.003 to the fourth power
  EXPECT_NEAR(nn::init::calculate_gain("elu(0)"), std::sqrt(2), rule);
  EXPECT_NEAR(nn::init::calculate_gain("elu"), 1 / std::sqrt(0.5 + left), rule);
  EXPECT_NEAR(nn::init::calculate_gain("elu(0.5)"), 1 / std::sqrt(0.5 + 0.25 * left), rule);
  // gelu: E[z² Φ(z)²] = 1/3 + 1/(2π√3), by differentiating E[Φ(az)Φ(bz)] = 1/4 + arcsin(…)/2π.
  EXPECT_NEAR(nn::init::calculate_gain("gelu"), 1 / std::sqrt(1.0 / 3 + 1 / (2 * M_PI * std::sqrt(3))), rule);
  // A million normal numbers through the others: E is known to some 0.3 %, the gain to half of that.
  Generator generator(1);
  const Tensor z = randn({1 << 20}, f64, generator);
  for (const char* name : {"silu", "mish", "softplus", "gelu_tanh", "elu(2)"}) {
    const Tensor y = activation(name)(z);
    EXPECT_NEAR(nn::init::calculate_gain(name) * std::sqrt(mean(y * y).item<double>()), 1, 0.004) << name;
  }
}

TEST(Init, Kaiming) {
  Generator generator(1);
  Tensor w = empty({rows, columns}, f64);
  const Moments normal = moments(nn::init::kaiming_normal_(w, {.nonlinearity = "relu"}, generator));
  EXPECT_NEAR(normal.deviation / std::sqrt(2.0 / columns), 1, spread);
  const Moments uniform = moments(nn::init::kaiming_uniform_(w, {.a = 1, .mode = nn::init::FanMode::out}, generator));
  EXPECT_NEAR(uniform.deviation / std::sqrt(1.0 / rows), 1, spread);
  EXPECT_LE(uniform.largest, std::sqrt(3.0 / rows));
  EXPECT_NEAR(uniform.mean, 0, 5 * uniform.deviation / std::sqrt(rows * columns));
}

TEST(Init, Xavier) {
  Generator generator(1);
  Tensor w = empty({rows, columns / 25, 5, 5}, f32);
  const double expected = 2 * std::sqrt(2.0 / (columns + 25 * rows));
  EXPECT_NEAR(moments(nn::init::xavier_normal_(w, 2, generator)).deviation / expected, 1, spread);
  EXPECT_NEAR(moments(nn::init::xavier_uniform_(w, 2, generator)).deviation / expected, 1, spread);
}

TEST(Init, KaimingTakesAnyActivation) {
  Generator generator(1);
  Tensor w = empty({rows, columns}, f64);
  const double gain = nn::init::calculate_gain("gelu");
  const Moments normal = moments(nn::init::kaiming_normal_(w, {.nonlinearity = "gelu"}, generator));
  EXPECT_NEAR(normal.deviation / (gain / std::sqrt(columns)), 1, spread);
  EXPECT_THROW(nn::init::kaiming_normal_(w, {.nonlinearity = "gleu"}), NameError);
}

TEST(Init, Lecun) {
  Generator generator(1);
  Tensor w = empty({rows, columns}, f64);
  EXPECT_NEAR(moments(nn::init::lecun_normal_(w, generator)).deviation * std::sqrt(columns), 1, spread);
  const Moments uniform = moments(nn::init::lecun_uniform_(w, generator));
  EXPECT_NEAR(uniform.deviation * std::sqrt(columns), 1, spread);
  EXPECT_LE(uniform.largest, std::sqrt(3.0 / columns));
}

TEST(Init, Orthogonal) {
  for (const Shape& shape :
       {Shape({6, 6}), Shape({9, 4}), Shape({4, 9}), Shape({5, 2, 3, 2}), Shape({1, 7}), Shape({7, 1})})
    for (const Dtype dtype : {f32, f64}) {
      SCOPED_TRACE(to_string(shape));
      Generator generator(2);
      Tensor w = empty(shape, dtype);
      nn::init::orthogonal_(w, 3, generator);
      const Tensor m = w.flatten(1).to(f64), small = m.size(0) < m.size(1) ? matmul(m, m.t()) : matmul(m.t(), m);
      // Rounding of the elements alone: they are below 3, and the products sum at most 12 of them.
      EXPECT_LE(max(abs(small - eye(small.size(0), -1, f64) * 9.0)).item<double>(), dtype == f64 ? 1e-13 : 1e-5);
    }
  // Every matrix is equally likely: without the signs, the first element would always be negative.
  Generator generator(2);
  Tensor w = empty({3, 3}, f64);
  int negative = 0;
  for (int i = 0; i < 100; ++i) negative += nn::init::orthogonal_(w, 1, generator)[0][0].item<double>() < 0;
  EXPECT_GT(negative, 25);  // fewer has a chance of 2e-7
  EXPECT_LT(negative, 75);
}

TEST(Init, TruncatedNormal) {
  Generator generator(4);
  Tensor w = empty({rows, columns}, f64);
  // Within ±2 deviations a normal number has the deviation 0.8796.
  nn::init::trunc_normal_(w, {.mean = 1, .std = 0.5, .a = 0, .b = 2}, generator);
  EXPECT_NEAR(moments(w).deviation, 0.5 * 0.879626, 0.5 * spread);
  EXPECT_NEAR(moments(w).mean, 1, 5 * 0.44 / std::sqrt(rows * columns));
  EXPECT_GE(min(w).item<double>(), 0);
  EXPECT_LE(max(w).item<double>(), 2);
  // Far out in either tail: the mean of a normal number above 6 is 6.158, φ(6)/Φ(−6), with a deviation of 0.15.
  for (const double sign : {1.0, -1.0}) {
    nn::init::trunc_normal_(w, {.a = sign > 0 ? 6.0 : -30.0, .b = sign > 0 ? 30.0 : -6.0}, generator);
    EXPECT_NEAR(moments(w).mean, sign * 6.158, 0.002);
    EXPECT_GE(min(abs(w)).item<double>(), 6);
  }
  // Quantiles come in the order of the uniform numbers and hit the median.
  Tensor half = empty({1}, f64);
  nn::init::trunc_normal_(half, {.a = -1e-9, .b = 1e-9}, generator);
  EXPECT_LE(std::abs(half.item<double>()), 1e-9);
  EXPECT_THROW(nn::init::trunc_normal_(w, {.a = 2, .b = 2}), ValueError);
  EXPECT_THROW(nn::init::trunc_normal_(w, {.std = 0}), ValueError);
  EXPECT_THROW(nn::init::trunc_normal_(w, {.a = 50, .b = 60}), ValueError);
  EXPECT_THROW(nn::init::trunc_normal_(w, {.b = INFINITY}), ValueError);
}

TEST(Init, FixedValues) {
  Tensor w = empty({2, 3}).requires_grad_();
  EXPECT_EQ(nn::init::constant_(w, 2.5).to_vector<float>(), std::vector<float>(6, 2.5F));
  EXPECT_EQ(nn::init::zeros_(w).to_vector<float>(), std::vector<float>(6, 0.0F));
  EXPECT_EQ(nn::init::ones_(w).to_vector<float>(), std::vector<float>(6, 1.0F));
  EXPECT_EQ(nn::init::eye_(w).to_vector<float>(), (std::vector<float>{1, 0, 0, 0, 1, 0}));
  EXPECT_TRUE(w.requires_grad());
  Tensor vector = empty({4});
  EXPECT_THROW(nn::init::eye_(vector), ShapeError);
}

TEST(Init, AGeneratorDecidesAndRecordingIsNoObstacle) {
  Tensor a = empty({3, 4}).requires_grad_(), b = empty({3, 4});
  Generator one(7), two(7);
  nn::init::xavier_uniform_(a, 1, one);
  nn::init::xavier_uniform_(b, 1, two);
  EXPECT_TRUE(equal(a.detach(), b));
  EXPECT_TRUE(a.requires_grad());
}

TEST(Init, Misuse) {
  Tensor vector = empty({4}), integers = empty({4, 4}, i64), none_at_all = empty({0, 4});
  EXPECT_THROW(nn::init::kaiming_normal_(vector), ShapeError);
  EXPECT_THROW(nn::init::xavier_normal_(integers), DtypeError);
  EXPECT_THROW(nn::init::orthogonal_(integers), DtypeError);
  EXPECT_THROW(nn::init::orthogonal_(vector), ShapeError);
  EXPECT_THROW(nn::init::trunc_normal_(integers), DtypeError);
  EXPECT_NO_THROW(nn::init::orthogonal_(none_at_all));
  EXPECT_NO_THROW(nn::init::kaiming_uniform_(none_at_all));
}

}  // namespace
}  // namespace cairn
