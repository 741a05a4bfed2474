#include "cairn/nn/transformer.h"

#include <cairn/autograd/backward.h>
#include <cairn/testing.h>
#include <gmock/gmock.h>

#include "cairn/activation/activation.h"
#include "cairn/base/random.h"
#include "cairn/nn/norm.h"
#include "cairn/ops/arithmetic.h"
#include "cairn/ops/compare.h"
#include "cairn/ops/elementwise.h"
#include "cairn/ops/layer_norm.h"
#include "cairn/ops/reduce.h"
#include "cairn/tensor/create.h"
#include "cairn/tensor/random.h"
#include "nn/modules.h"
#include "support.h"

namespace cairn {
namespace {

using nn::TransformerEncoder;
using nn::TransformerEncoderLayer;
using Options = nn::TransformerEncoderLayerOptions;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

using testing::difference;
using testing::names;

TEST(TransformerEncoderLayer, NamesAreThoseOfPyTorch) {
  EXPECT_THAT(names(TransformerEncoderLayer(8, 2, {.dim_feedforward = 16})),
              ElementsAre("self_attn.in_proj_weight", "self_attn.in_proj_bias", "self_attn.out_proj.weight",
                          "self_attn.out_proj.bias", "linear1.weight", "linear1.bias", "linear2.weight", "linear2.bias",
                          "norm1.weight", "norm1.bias", "norm2.weight", "norm2.bias"));
  EXPECT_THAT(names(TransformerEncoderLayer(8, 2, {.activation = "swish(1)", .bias = false, .norm = "rms"})),
              ::testing::Not(::testing::Contains(HasSubstr("bias"))));
  const TransformerEncoderLayer gated(8, 2, {.dim_feedforward = 16, .gated = true});
  EXPECT_EQ(gated.linear1.weight.shape(), Shape({32, 8}));
  EXPECT_EQ(gated.linear2.weight.shape(), Shape({8, 16}));
}

TEST(TransformerEncoderLayer, IsWhatItSays) {
  manual_seed(6);
  const NoGrad off;
  const Tensor x = randn({2, 4, 8}, f64);
  const auto norm = [](const Tensor& t) { return layer_norm(t, {8}); };
  for (const bool first : {false, true})
    for (const char* name : {"gelu", "silu", "tanh"})
      for (const bool gated : {false, true}) {
        TransformerEncoderLayer layer(8, 2,
                                      {.dim_feedforward = 12,
                                       .dropout = 0,
                                       .activation = name,
                                       .norm_first = first,
                                       .gated = gated,
                                       .dtype = f64});
        const Activation f = activation(name);
        const auto feed = [&](const Tensor& t) {
          const Tensor h = layer.linear1(t);
          return layer.linear2(gated ? h.slice(2, 0, 12) * f(h.slice(2, 12, 24)) : f(h));
        };
        const Tensor a = first ? x + layer.self_attn(norm(x)) : norm(x + layer.self_attn(x)),
                     expected = first ? a + feed(norm(a)) : norm(a + feed(a));
        EXPECT_LE(difference(layer(x), expected), 1e-13) << name;
      }
}

TEST(TransformerEncoder, CausalLayersDoNotSeeAhead) {
  const NoGrad off;
  TransformerEncoder model(8, 2, 2, {.dim_feedforward = 16, .dropout = 0, .norm_first = true, .is_causal = true});
  Tensor x = randn({1, 6, 8});
  const Tensor before = model(x);
  x.select(1, 4).fill_(9);
  const Tensor after = model(x);
  EXPECT_TRUE(equal(before.slice(1, 0, 4), after.slice(1, 0, 4)));
  EXPECT_FALSE(equal(before.select(1, 4), after.select(1, 4)));
  TransformerEncoder both(8, 2, 1, {.dim_feedforward = 16, .dropout = 0});
  EXPECT_TRUE(equal(both(x, {.is_causal = true}).slice(1, 0, 4), both(x.slice(1, 0, 4), {.is_causal = true})));
}

TEST(TransformerEncoder, PaddingChangesNothing) {
  const NoGrad off;
  TransformerEncoder model(8, 2, 2, {.dim_feedforward = 16, .dropout = 0, .dtype = f64});
  Tensor x = randn({2, 5, 8}, f64), padding = zeros({2, 5}, boolean);
  padding.slice(1, 3, 5).fill_(1);
  EXPECT_LE(difference(model(x, {.key_padding_mask = padding}).slice(1, 0, 3), model(x.slice(1, 0, 3))), 1e-13);
}

// Where the parameters of a layer stand, those that it has.
std::vector<Tensor*> places(TransformerEncoderLayer& layer) {
  std::vector<Tensor*> all = {&layer.self_attn.in_proj_weight,
                              &layer.self_attn.in_proj_bias,
                              &layer.self_attn.out_proj.weight,
                              &layer.self_attn.out_proj.bias,
                              &layer.linear1.weight,
                              &layer.linear1.bias,
                              &layer.linear2.weight,
                              &layer.linear2.bias};
  for (nn::Layer* norm : {&layer.norm1, &layer.norm2}) {
    if (auto* of_layer = dynamic_cast<nn::LayerNorm*>(norm))
      all.insert(all.end(), {&of_layer->weight, &of_layer->bias});
    if (auto* of_rms = dynamic_cast<nn::RMSNorm*>(norm)) all.push_back(&of_rms->weight);
  }
  std::erase_if(all, [](const Tensor* t) { return !t->defined(); });
  return all;
}

TEST(TransformerEncoder, Gradients) {
  const Tensor padding = tensor({{false, false, true}, {false, true, false}});
  for (const Options& o :
       {Options{.dim_feedforward = 5, .dropout = 0, .activation = "gelu"}, Options{.dim_feedforward = 3,
                                                                           .dropout = 0.3,
                                                                           .activation = "silu",
                                                                           .norm_first = true,
                                                                           .bias = false,
                                                                           .gated = true,
                                                                           .norm = "rms",
                                                                           .is_causal = true}}) {
    TransformerEncoder model(4, 2, 2, o);
    model.to(f64);
    std::vector<Tensor> inputs{randn({2, 3, 4}, f64)};
    std::vector<Tensor*> all;
    for (TransformerEncoderLayer& layer : model.layers)
      for (Tensor* place : places(layer)) {
        all.push_back(place);
        inputs.push_back(randn(place->shape(), f64) * 0.5);
      }
    EXPECT_GRADIENTS(
        [&](const std::vector<Tensor>& in) {
          manual_seed(8);
          for (size_t i = 0; i < all.size(); ++i) *all[i] = in[i + 1];
          return model(in[0], {.key_padding_mask = padding});
        },
        inputs);
  }
}

TEST(TransformerEncoder, NamesAndErrors) {
  const TransformerEncoder model(8, 2, 3, {.dim_feedforward = 4, .norm_first = true});
  EXPECT_THAT(names(model), ::testing::Contains("layers.2.self_attn.in_proj_weight"));
  EXPECT_THAT(names(model), ::testing::Contains("norm.weight"));
  EXPECT_THAT(names(TransformerEncoder(8, 2, 1)), ::testing::Not(::testing::Contains("norm.weight")));
  EXPECT_THROW(TransformerEncoder(8, 2, 0), ValueError);
  EXPECT_THROW(TransformerEncoderLayer(8, 3), ValueError);
  EXPECT_THROW(TransformerEncoderLayer(8, 2, {.dim_feedforward = 0}), ValueError);
  EXPECT_THROW(TransformerEncoderLayer(8, 2, {.dropout = -1}), ValueError);
  EXPECT_THROW(TransformerEncoderLayer(8, 2, {.activation = "gleu"}), NameError);
  EXPECT_THAT(text_of<NameError>([] { TransformerEncoderLayer(8, 2, {.norm = "bath"}); }), HasSubstr("layer, rms"));
  TransformerEncoderLayer layer(8, 2);
  EXPECT_THROW(layer(zeros({2, 8})), ShapeError);
  EXPECT_THROW(layer(zeros({2, 3, 8}), {.key_padding_mask = zeros({2, 4}, boolean)}), ShapeError);
}

TEST(TransformerEncoder, SameBitsOnAnyNumberOfThreads) {
  TransformerEncoder model(32, 4, 2, {.dim_feedforward = 64});
  const Tensor x = randn({6, 40, 32});
  expect_same_on_any_threads([&] {
    manual_seed(1);
    model.zero_grad();
    sum(square(model(x))).backward();
    std::vector<std::vector<double>> all;
    for (const nn::Parameter& p : model.parameters()) all.push_back(p.tensor.grad().to_vector<double>());
    return all;
  });
}

}  // namespace
}  // namespace cairn
