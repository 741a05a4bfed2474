#include "cairn/nn/transformer.h"

#include <nlohmann/json.hpp>

#include "cairn/activation/gated.h"
#include "cairn/nn/activation.h"
#include "cairn/nn/norm.h"
#include "cairn/nn/registry.h"
#include "cairn/ops/arithmetic.h"

namespace cairn::nn {
namespace {

using Options = TransformerEncoderLayerOptions;

std::unique_ptr<Layer> make_norm_of(int64_t d_model, const Options& o) {
  if (o.norm == "layer")
    return std::make_unique<LayerNorm>(Shape{d_model},
                                       LayerNormOptions{.eps = o.layer_norm_eps, .bias = o.bias, .dtype = o.dtype});
  if (o.norm == "rms")
    return std::make_unique<RMSNorm>(Shape{d_model}, RMSNormOptions{.eps = o.layer_norm_eps, .dtype = o.dtype});
  fail_unknown("norm of a transformer", o.norm, {"layer", "rms"});
}

Options checked(const Options& o) {
  require<ValueError>(o.dim_feedforward >= 1, "TransformerEncoderLayer", "sizes must be at least 1",
                      given("dim_feedforward", o.dim_feedforward));
  require<ValueError>(o.dropout >= 0 && o.dropout <= 1, "TransformerEncoderLayer",
                      "the probability must be from 0 to 1", given("dropout", o.dropout));
  return o;
}

Json json_of(int64_t d_model, int64_t nhead, const Options& o) {
  Json json = {{"d_model", d_model},
               {"nhead", nhead},
               {"dim_feedforward", o.dim_feedforward},
               {"dropout", o.dropout},
               {"activation", o.activation}};
  if (o.layer_norm_eps != 1e-5) json["layer_norm_eps"] = o.layer_norm_eps;
  if (o.norm_first) json["norm_first"] = true;
  if (!o.bias) json["bias"] = false;
  if (o.gated) json["gated"] = true;
  if (o.norm != "layer") json["norm"] = o.norm;
  if (o.is_causal) json["is_causal"] = true;
  return json;
}

OptionReader reader(const char* layer, const Json& options) {
  return {layer,
          options,
          {"d_model", "nhead", "dim_feedforward", "dropout", "activation", "layer_norm_eps", "norm_first", "bias",
           "gated", "norm", "is_causal", "num_layers"}};
}

Options read(const OptionReader& o) {
  return {.dim_feedforward = o.integer("dim_feedforward", 2048),
          .dropout = o.number("dropout", 0.1),
          .activation = o.text("activation", "relu"),
          .layer_norm_eps = o.number("layer_norm_eps", 1e-5),
          .norm_first = o.boolean("norm_first", false),
          .bias = o.boolean("bias", true),
          .gated = o.boolean("gated", false),
          .norm = o.text("norm", "layer"),
          .is_causal = o.boolean("is_causal", false)};
}

}  // namespace

TransformerEncoderLayer::TransformerEncoderLayer(int64_t d_model, int64_t nhead, const Options& o)
    : d_model(d_model),
      nhead(nhead),
      settings(checked(o)),
      self_attn(add("self_attn",
                    MultiheadAttention(d_model, nhead, {.dropout = o.dropout, .bias = o.bias, .dtype = o.dtype}))),
      linear1(
          add("linear1", Linear(d_model, (o.gated ? 2 : 1) * o.dim_feedforward, {.bias = o.bias, .dtype = o.dtype}))),
      linear2(add("linear2", Linear(o.dim_feedforward, d_model, {.bias = o.bias, .dtype = o.dtype}))),
      norm1(add_layer("norm1", make_norm_of(d_model, o))),
      norm2(add_layer("norm2", make_norm_of(d_model, o))),
      activation(add("activation", Activation(o.activation))) {
  if (o.dtype != f32) activation.to(o.dtype);
}

Tensor TransformerEncoderLayer::attend(const Tensor& x, AttentionMasks masks) {
  masks.is_causal |= settings.is_causal;
  return dropout(self_attn(x, masks), settings.dropout, training());
}

Tensor TransformerEncoderLayer::feed_forward(const Tensor& x) {
  Tensor y = linear1(x);
  if (!settings.gated)
    y = activation(y);
  else if (settings.activation == "gelu")
    y = geglu(y);
  else if (settings.activation == "silu")
    y = swiglu(y);
  else {
    const std::vector<Tensor> halves = y.chunk(2, -1);
    y = halves[0] * activation(halves[1]);
  }
  return dropout(linear2(dropout(y, settings.dropout, training())), settings.dropout, training());
}

Tensor TransformerEncoderLayer::forward(const Tensor& x, const AttentionMasks& masks) {
  if (settings.norm_first) {
    const Tensor y = x + attend(norm1(x), masks);
    return y + feed_forward(norm2(y));
  }
  const Tensor y = norm1(x + attend(x, masks));
  return norm2(y + feed_forward(y));
}

Tensor TransformerEncoderLayer::operator()(const Tensor& x, const AttentionMasks& masks) {
  refresh();
  const Scope scope(path());
  return forward(x, masks);
}

Json TransformerEncoderLayer::options() const { return json_of(d_model, nhead, settings); }

TransformerEncoderLayer TransformerEncoderLayer::from_options(const Json& options) {
  const OptionReader o = reader("TransformerEncoderLayer", options);
  return TransformerEncoderLayer(o.integer("d_model"), o.integer("nhead"), read(o));
}

TransformerEncoder::TransformerEncoder(int64_t d_model, int64_t nhead, int64_t num_layers, const Options& o)
    : layers(add("layers", ModuleList<TransformerEncoderLayer>())) {
  require<ValueError>(num_layers >= 1, "TransformerEncoder", "needs at least one layer",
                      given("num_layers", num_layers));
  for (int64_t i = 0; i < num_layers; ++i) layers.push_back(TransformerEncoderLayer(d_model, nhead, o));
  if (o.norm_first) norm_ = &add_layer("norm", make_norm_of(d_model, o));
}

Tensor TransformerEncoder::forward(const Tensor& x, const AttentionMasks& masks) {
  Tensor y = x;
  for (TransformerEncoderLayer& layer : layers) y = layer(y, masks);
  return norm_ ? (*norm_)(y) : y;
}

Tensor TransformerEncoder::operator()(const Tensor& x, const AttentionMasks& masks) {
  refresh();
  const Scope scope(path());
  return forward(x, masks);
}

Json TransformerEncoder::options() const {
  const TransformerEncoderLayer& first = layers[0];
  Json json = json_of(first.d_model, first.nhead, first.settings);
  json["num_layers"] = layers.size();
  return json;
}

TransformerEncoder TransformerEncoder::from_options(const Json& options) {
  const OptionReader o = reader("TransformerEncoder", options);
  return TransformerEncoder(o.integer("d_model"), o.integer("nhead"), o.integer("num_layers"), read(o));
}

}  // namespace cairn::nn
