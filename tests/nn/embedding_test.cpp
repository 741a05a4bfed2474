#include "cairn/nn/embedding.h"

#include <cairn/autograd/backward.h>
#include <cairn/testing.h>
#include <gmock/gmock.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "cairn/nn/norm.h"
#include "cairn/ops/arithmetic.h"
#include "cairn/ops/compare.h"
#include "cairn/ops/reduce.h"
#include "cairn/tensor/create.h"
#include "cairn/tensor/random.h"
#include "support.h"

namespace cairn {
namespace {

using ::testing::HasSubstr;

TEST(EmbeddingLayer, StartsStandardNormalWithAPaddingOfZeros) {
  manual_seed(2);
  nn::Embedding layer(500, 200, {.padding_idx = 3});
  const NoGrad off;
  EXPECT_EQ(max(layer.weight[3] * layer.weight[3]).item<double>(), 0);
  EXPECT_NEAR(mean(layer.weight).item<double>(), 0, 4 / std::sqrt(1e5));
  EXPECT_NEAR(mean(layer.weight * layer.weight).item<double>(), 499.0 / 500, 4 * std::sqrt(2 / 1e5));
  EXPECT_EQ(layer.options().dump(), R"({"num_embeddings":500,"embedding_dim":200,"padding_idx":3})");
}

TEST(EmbeddingLayer, LooksUpAndLeavesThePaddingUntrained) {
  nn::Embedding layer(4, 2, {.padding_idx = 0});
  const Tensor ids = tensor({{1, 0}, {3, 1}});
  const Tensor y = layer(ids);
  EXPECT_TRUE(equal(y.detach()[1][0], layer.weight.detach()[3]));
  y.backward(ones_like(y));
  EXPECT_EQ(layer.weight.grad().to_vector<double>(), std::vector<double>({0, 0, 2, 2, 0, 0, 1, 1}));
  EXPECT_THAT(text_of<IndexError>([&] { layer(tensor({{0, 4}})); }), HasSubstr("index 4, position (0, 1), size 4"));
  EXPECT_THROW(nn::Embedding(0, 2), ValueError);
  EXPECT_THROW(nn::Embedding(2, 0), ValueError);
  EXPECT_THROW(nn::Embedding(2, 2, {.padding_idx = 2}), ValueError);
  EXPECT_THROW(nn::Embedding(2, 2, {.dtype = i64}), DtypeError);
}

TEST(Positions, AreAdded) {
  nn::PositionalEmbedding learned(5, 4, {.dtype = f64});
  const Tensor x = randn({2, 3, 4}, f64);
  EXPECT_TRUE(equal(learned(x).detach(), x + learned.weight.detach().slice(0, 0, 3)));
  EXPECT_GRADIENTS(
      [&](const std::vector<Tensor>& in) {
        learned.weight = in[1];
        return learned(in[0]);
      },
      {x, randn({5, 4}, f64)});
  EXPECT_THAT(text_of<ShapeError>([&] {
                learned(zeros({1, 6, 4}, f64));
              }),
              HasSubstr("the sequence is longer than there are positions; got x (1, 6, 4) f64, max_length 5"));
  EXPECT_THROW(learned(zeros({1, 5, 3}, f64)), ShapeError);
  EXPECT_THROW(learned(zeros({4}, f64)), ShapeError);
  EXPECT_THROW(nn::PositionalEmbedding(0, 4), ValueError);
}

TEST(Positions, Waves) {
  const Tensor table = nn::sinusoidal_positions(50, 5, f64);
  const auto at = [&](int64_t p, int64_t i) { return table[p][i].item<double>(); };
  EXPECT_EQ(at(0, 0), 0);
  EXPECT_EQ(at(0, 1), 1);
  EXPECT_NEAR(at(3, 0), std::sin(3), 1e-15);
  EXPECT_NEAR(at(3, 1), std::cos(3), 1e-15);
  EXPECT_NEAR(at(49, 2), std::sin(49 / std::pow(10000, 0.4)), 1e-14);
  EXPECT_NEAR(at(49, 3), std::cos(49 / std::pow(10000, 0.4)), 1e-14);
  EXPECT_NEAR(at(49, 4), std::sin(49 / std::pow(10000, 0.8)), 1e-14);
  nn::SinusoidalEncoding layer(5);
  for (const int64_t length : {3, 50, 7}) {
    const Tensor x = randn({2, length, 5}, f64);
    EXPECT_TRUE(equal(layer(x), x + table.slice(0, 0, length)));
    EXPECT_EQ(layer(x.to(f32)).dtype(), f32);
  }
  EXPECT_THROW(layer(zeros({2, 4})), ShapeError);
  EXPECT_THROW(nn::SinusoidalEncoding(0), ValueError);
  EXPECT_THROW(nn::sinusoidal_positions(-1, 2), ValueError);
}

TEST(RMSNormLayer, ScalesToARootMeanSquareOfOne) {
  nn::RMSNorm layer({6}, {.eps = 0.0});
  const NoGrad off;
  const Tensor y = layer(randn({4, 6}) * 10.0);
  for (const double m : mean(y * y, {1}).to_vector<double>()) EXPECT_NEAR(m, 1, 1e-6);
  EXPECT_EQ(layer.options().dump(), R"({"normalized_shape":[6],"eps":0.0})");
  EXPECT_EQ(nn::RMSNorm({2, 3}).options().dump(), R"({"normalized_shape":[2,3]})");
  EXPECT_FALSE(nn::RMSNorm({3}, {.elementwise_affine = false}).weight.defined());
  EXPECT_THROW(nn::RMSNorm({}), ValueError);
}

}  // namespace
}  // namespace cairn
