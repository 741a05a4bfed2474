#include "cairn/nn/linear.h"

#include <cairn/testing.h>
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "cairn/ops/compare.h"
#include "cairn/ops/reduce.h"
#include "cairn/tensor/create.h"
#include "cairn/tensor/random.h"

namespace cairn {
namespace {

TEST(Linear, ComputesByHand) {
  nn::Linear layer(2, 3);
  layer.load_state_dict({{"weight", tensor({{1., 2.}, {3., 4.}, {5., 6.}})}, {"bias", tensor({10., 20., 30.})}});
  EXPECT_TRUE(equal(layer(tensor({{1., 1.}, {2., -1.}})), tensor({{13., 27., 41.}, {10., 22., 34.}})));
}

TEST(Linear, LeadingDimensionsStay) {
  nn::Linear layer(3, 5, {.bias = false});
  EXPECT_EQ(layer(ones({3})).shape(), Shape({5}));
  EXPECT_EQ(layer(ones({2, 4, 3})).shape(), Shape({2, 4, 5}));
  EXPECT_EQ(layer(ones({0, 3})).shape(), Shape({0, 5}));
}

TEST(Linear, Gradients) {
  nn::Linear layer(3, 2, {.dtype = f64});
  EXPECT_GRADIENTS(
      [&](const std::vector<Tensor>& in) {
        layer.weight = in[1];
        layer.bias = in[2];
        return layer.forward(in[0]);
      },
      {randn({4, 3}, f64), randn({2, 3}, f64), randn({2}, f64)});
}

TEST(Linear, StartsInTheBoundsOfItsFan) {
  manual_seed(3);
  const nn::Linear layer(400, 300);
  const double bound = 1 / std::sqrt(400.0);
  for (const Tensor& t : {layer.weight, layer.bias}) {
    const NoGrad no_grad;
    EXPECT_LE(max(t).item<double>(), bound);
    EXPECT_GE(min(t).item<double>(), -bound);
  }
  // 120,000 uniform numbers: the mean square is bound²/3 within 4 standard errors of 0.26 %.
  double square = 0;
  for (double w : layer.weight.to_vector<double>()) square += w * w;
  EXPECT_NEAR(square / 120000 / (bound * bound / 3), 1, 0.011);
}

TEST(Linear, TheSeedDecides) {
  manual_seed(5);
  const nn::Linear a(4, 4), b(4, 4);
  manual_seed(5);
  const nn::Linear c(4, 4);
  EXPECT_TRUE(equal(a.weight, c.weight));
  EXPECT_TRUE(equal(a.bias, c.bias));
  EXPECT_FALSE(equal(a.weight, b.weight));
}

TEST(Linear, SaysWhatItIs) {
  EXPECT_EQ(nn::Linear(3, 2).options().dump(), R"({"in":3,"out":2,"bias":true})");
  EXPECT_EQ(nn::Linear(3, 2, {.bias = false}).options().dump(), R"({"in":3,"out":2,"bias":false})");
}

TEST(Linear, Misuse) {
  EXPECT_THROW(nn::Linear(0, 3), ValueError);
  EXPECT_THROW(nn::Linear(3, -1), ValueError);
  EXPECT_THROW(nn::Linear(3, 1, {.dtype = i64}), DtypeError);
  nn::Linear layer(3, 2);
  EXPECT_THROW(layer(ones({4, 2})), ShapeError);
  EXPECT_THROW(layer(ones({4, 3}, f64)), DtypeError);
}

}  // namespace
}  // namespace cairn
