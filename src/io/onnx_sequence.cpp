// Layers of sequences as nodes: tokens, positions and attention.
#include <cmath>
#include <limits>

#include "cairn/nn/embedding.h"
#include "cairn/nn/norm.h"
#include "cairn/nn/transformer.h"
#include "cairn/tensor/create.h"
#include "io/onnx_export.h"

namespace cairn::io::detail {
namespace {

std::string embedding(OnnxExport& e, const nn::Embedding& l, const Value& ids, const Value&) {
  return e.graph.node("Gather", {e.parameter(l.weight), ids.name});
}

std::string positional_embedding(OnnxExport& e, const nn::PositionalEmbedding& l, const Value& x, const Value&) {
  OnnxGraph& g = e.graph;
  std::string positions = e.parameter(l.weight);
  const int64_t length = x.size(x.rank() - 2);
  if (length < l.max_length)
    positions = g.node("Slice", {positions, g.integers({0}), g.integers({length}), g.integers({0})});
  return g.node("Add", {x.name, positions});
}

std::string sinusoidal_encoding(OnnxExport& e, const nn::SinusoidalEncoding& l, const Value& x, const Value&) {
  require(x.rank() >= 2 && x.shape[x.rank() - 1] == l.embedding_dim, "save_onnx",
          "x must be (…, length, embedding_dim)", given("layer", l.path()), given("x", x.shape));
  const Tensor waves = nn::sinusoidal_positions(x.size(x.rank() - 2), l.embedding_dim, e.graph.dtype);
  return e.graph.node("Add", {x.name, e.graph.constant(waves)});
}

std::string rms_norm(OnnxExport& e, const nn::RMSNorm& l, const Value& x, const Value&) {
  OnnxGraph& g = e.graph;
  const double least = g.dtype == f32 ? std::numeric_limits<float>::epsilon() : std::numeric_limits<double>::epsilon();
  Integers last;
  for (int d = -l.normalized_shape.size(); d < 0; ++d) last.push_back(d);
  const std::string squares = g.node("ReduceMean", {g.node("Mul", {x.name, x.name})}, {{"axes", last}}),
                    sum = g.node("Add", {squares, g.number(l.settings.eps.value_or(least))}),
                    y = g.node("Div", {x.name, g.node("Sqrt", {sum})});
  return l.weight.defined() ? g.node("Mul", {y, e.parameter(l.weight)}) : y;
}

// Of a sequence (n, length, embed_dim) to itself: softmax(q kᵀ / √width) v in heads.
Value self_attention(OnnxExport& e, const nn::MultiheadAttention& l, const Value& x, bool is_causal) {
  OnnxGraph& g = e.graph;
  g.scope = l.path();
  const Names parts = g.nodes("Split", {e.dense(x.name, l.in_proj_weight, l.in_proj_bias)}, 3, {{"axis", int64_t{-1}}});
  std::string later;
  if (is_causal) {
    const int64_t length = x.size(1);
    Tensor unseen = zeros({length, length}, f64);
    for (int64_t i = 0; i + 1 < length; ++i) unseen.select(0, i).slice(0, i + 1).fill_(-INFINITY);
    later = g.constant(unseen);
  }
  const std::string seen = attention(g, parts, l.num_heads, l.embed_dim / l.num_heads, later, "");
  return e.layer(l.out_proj, {seen, x.shape, x.other, x.dtype});
}

Value encoder_layer(OnnxExport& e, const nn::TransformerEncoderLayer& l, const Value& x) {
  OnnxGraph& g = e.graph;
  const bool first = l.settings.norm_first;
  require(x.rank() == 3, "save_onnx", "x must be (n, length, d_model)", given("layer", l.path()), given("x", x.shape));
  const auto feed_forward = [&](const Value& in) {
    Value y = e.layer(l.linear1, in);
    if (!l.settings.gated) return e.layer(l.linear2, e.layer(l.activation, y));
    g.scope = l.path();
    const Names halves = g.nodes("Split", {y.name}, 2, {{"axis", int64_t{-1}}});
    y.shape[2] /= 2, y.other[2] /= 2;
    y.name = halves[1];
    y.name = g.node("Mul", {halves[0], e.layer(l.activation, y).name});
    return e.layer(l.linear2, y);
  };
  // x + branch(norm(x)), or norm(x + branch(x)).
  const auto step = [&](const Value& in, const nn::Layer& norm, const auto& branch) {
    const Value y = branch(first ? e.layer(norm, in) : in);
    g.scope = l.path();
    const Value sum{g.node("Add", {in.name, y.name}), in.shape, in.other, in.dtype};
    return first ? sum : e.layer(norm, sum);
  };
  const auto attend = [&](const Value& in) { return self_attention(e, l.self_attn, in, l.settings.is_causal); };
  return step(step(x, l.norm1, attend), l.norm2, feed_forward);
}

Value encoder(OnnxExport& e, const nn::TransformerEncoder& l, const Value& x) {
  Value y = x;
  for (const nn::Layer& layer : l.layers) y = e.layer(layer, y);
  const nn::Layer* norm = child_layer(l, "norm");
  return norm ? e.layer(*norm, y) : y;
}

}  // namespace

std::string attention(OnnxGraph& g, const Names& parts, int64_t heads, int64_t width, const std::string& added,
                      const std::string& allowed) {
  const auto by_heads = [&](const std::string& part, const Integers& order) {  // 0 keeps a size
    const std::string split = g.node("Reshape", {part, g.integers({0, 0, heads, width})});
    return g.node("Transpose", {split}, {{"perm", order}});
  };
  const std::string queries = by_heads(parts[0], {0, 2, 1, 3}), keys = by_heads(parts[1], {0, 2, 3, 1}),
                    values = by_heads(parts[2], {0, 2, 1, 3});
  std::string scores =
      g.node("Mul", {g.node("MatMul", {queries, keys}), g.number(1 / std::sqrt(static_cast<double>(width)))});
  if (!added.empty()) scores = g.node("Add", {scores, added});
  // Not −∞, of which a row that has nothing else would be NaN.
  if (!allowed.empty()) scores = g.node("Where", {allowed, scores, g.number(std::numeric_limits<float>::lowest())});
  std::string weights = g.node("Softmax", {scores}, {{"axis", int64_t{-1}}});
  if (!allowed.empty()) weights = g.node("Where", {allowed, weights, g.number(0)});
  const std::string aside =
      g.node("Transpose", {g.node("MatMul", {weights, values})}, {{"perm", Integers{0, 2, 1, 3}}});
  return g.node("Reshape", {aside, g.integers({0, 0, heads * width})});
}

Table sequence_rows() {
  return {leaf<nn::Embedding>(embedding),
          leaf<nn::PositionalEmbedding>(positional_embedding),
          keeps_sizes<nn::SinusoidalEncoding>(sinusoidal_encoding),  // forward keeps what it computed
          leaf<nn::RMSNorm>(rms_norm),
          tree<nn::TransformerEncoderLayer>(encoder_layer),
          tree<nn::TransformerEncoder>(encoder)};
}

}  // namespace cairn::io::detail
