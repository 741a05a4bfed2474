#include "cairn/nn/init.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "cairn/ops/compare.h"
#include "cairn/tensor/create.h"

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
  EXPECT_THROW(nn::init::calculate_gain("rleu"), NameError);
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
  EXPECT_NO_THROW(nn::init::kaiming_uniform_(none_at_all));
}

}  // namespace
}  // namespace cairn
