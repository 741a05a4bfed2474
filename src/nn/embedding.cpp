#include "cairn/nn/embedding.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "cairn/graph/node.h"
#include "cairn/nn/registry.h"
#include "cairn/ops/arithmetic.h"
#include "cairn/ops/embedding.h"
#include "cairn/tensor/create.h"
#include "cairn/tensor/random.h"

namespace cairn::nn {
namespace {

Tensor normal_table(const char* layer, int64_t rows, int64_t columns, double std, Dtype dtype) {
  require<ValueError>(rows >= 1 && columns >= 1, layer, "sizes must be at least 1", given("rows", rows),
                      given("embedding_dim", columns));
  require<DtypeError>(is_float(dtype), layer, "needs f32 or f64", given("dtype", dtype));
  Tensor table = empty({rows, columns}, dtype);
  return normal_(table, 0, std);
}

Tensor first_weight(int64_t rows, int64_t columns, const EmbeddingOptions& o) {
  require<ValueError>(o.padding_idx >= -1 && o.padding_idx < rows, "Embedding",
                      "padding_idx must be a row, or −1 for none", given("padding_idx", o.padding_idx),
                      given("num_embeddings", rows));
  Tensor table = normal_table("Embedding", rows, columns, 1, o.dtype);
  if (o.padding_idx >= 0) table[o.padding_idx].zero_();
  return table;
}

void check_sequence(const char* layer, const Tensor& x, int64_t dim) {
  require(x.dim() >= 2 && x.size(-1) == dim, layer, "x must be (…, length, embedding_dim)", given("x", x),
          given("embedding_dim", dim));
}

}  // namespace

Embedding::Embedding(int64_t num_embeddings, int64_t embedding_dim, const EmbeddingOptions& o)
    : num_embeddings(num_embeddings),
      embedding_dim(embedding_dim),
      padding_idx(o.padding_idx),
      weight(parameter("weight", first_weight(num_embeddings, embedding_dim, o))) {}

Tensor Embedding::forward(const Tensor& ids) { return embedding(ids, weight, padding_idx); }

Json Embedding::options() const {
  Json json = {{"num_embeddings", num_embeddings}, {"embedding_dim", embedding_dim}};
  if (padding_idx >= 0) json["padding_idx"] = padding_idx;
  return json;
}

Embedding Embedding::from_options(const Json& options) {
  const OptionReader o("Embedding", options, {"num_embeddings", "embedding_dim", "padding_idx"});
  return Embedding(o.integer("num_embeddings"), o.integer("embedding_dim"),
                   {.padding_idx = o.integer("padding_idx", -1)});
}

PositionalEmbedding::PositionalEmbedding(int64_t max_length, int64_t embedding_dim, const PositionalEmbeddingOptions& o)
    : max_length(max_length),
      embedding_dim(embedding_dim),
      settings(o),
      weight(parameter("weight", normal_table("PositionalEmbedding", max_length, embedding_dim, o.std, o.dtype))) {}

Tensor PositionalEmbedding::forward(const Tensor& x) {
  check_sequence("PositionalEmbedding", x, embedding_dim);
  require(x.size(-2) <= max_length, "PositionalEmbedding", "the sequence is longer than there are positions",
          given("x", x), given("max_length", max_length));
  return x + weight.slice(0, 0, x.size(-2));
}

Json PositionalEmbedding::options() const {
  Json json = {{"max_length", max_length}, {"embedding_dim", embedding_dim}};
  if (settings.std != 0.02) json["std"] = settings.std;
  return json;
}

PositionalEmbedding PositionalEmbedding::from_options(const Json& options) {
  const OptionReader o("PositionalEmbedding", options, {"max_length", "embedding_dim", "std"});
  return PositionalEmbedding(o.integer("max_length"), o.integer("embedding_dim"), {.std = o.number("std", 0.02)});
}

Tensor sinusoidal_positions(int64_t length, int64_t dim, Dtype dtype) {
  require<ValueError>(length >= 0 && dim >= 1, "sinusoidal_positions", "needs a length from 0 and a size from 1",
                      given("length", length), given("dim", dim));
  const NoGrad off;
  const Tensor table = empty({length, dim}, f64);
  double* at = table.pointer<double>();
  for (int64_t i = 0; i < dim; ++i) {
    const int64_t pair = i - i % 2;
    const double rate = std::pow(10000, -static_cast<double>(pair) / static_cast<double>(dim));
    for (int64_t p = 0; p < length; ++p) {
      const double phase = static_cast<double>(p) * rate;
      at[p * dim + i] = i % 2 == 0 ? std::sin(phase) : std::cos(phase);
    }
  }
  return table.to(dtype);
}

SinusoidalEncoding::SinusoidalEncoding(int64_t embedding_dim) : embedding_dim(embedding_dim) {
  require<ValueError>(embedding_dim >= 1, "SinusoidalEncoding", "sizes must be at least 1",
                      given("embedding_dim", embedding_dim));
}

Tensor SinusoidalEncoding::forward(const Tensor& x) {
  check_sequence("SinusoidalEncoding", x, embedding_dim);
  if (!table_.defined() || table_.size(0) < x.size(-2) || table_.dtype() != x.dtype())
    table_ = sinusoidal_positions(x.size(-2), embedding_dim, x.dtype());
  return x + table_.slice(0, 0, x.size(-2));
}

Json SinusoidalEncoding::options() const { return {{"embedding_dim", embedding_dim}}; }

SinusoidalEncoding SinusoidalEncoding::from_options(const Json& options) {
  return SinusoidalEncoding(OptionReader("SinusoidalEncoding", options, {"embedding_dim"}).integer("embedding_dim"));
}

}  // namespace cairn::nn
