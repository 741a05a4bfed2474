#pragma once
// What turns tokens and their places into vectors.

#include "cairn/nn/module.h"

namespace cairn::nn {

struct EmbeddingOptions {
  int64_t padding_idx = -1;  ///< a row that begins as zeros and is not trained; −1 for none
  Dtype dtype = f32;
};

/// embedding with a table of its own.
///   shape   ids (…) i64 → (…, embedding_dim); weight (num_embeddings, embedding_dim)
///   init    weight standard normal from the default generator, as PyTorch has it; the row of the padding 0
///   throws  ValueError for sizes below 1 and a padding_idx that is no row; as embedding
class Embedding : public Layer {
 public:
  int64_t num_embeddings, embedding_dim, padding_idx;
  Tensor& weight;

  Embedding(int64_t num_embeddings, int64_t embedding_dim, const EmbeddingOptions& options = {});
  Tensor forward(const Tensor& ids) override;
  Json options() const override;
  static Embedding from_options(const Json& options);
};

struct PositionalEmbeddingOptions {
  double std = 0.02;  ///< of the first values
  Dtype dtype = f32;
};

/// x plus a learned vector for each position.
///   shape   x (…, length, embedding_dim) with length ≤ max_length → the same; weight (max_length, embedding_dim)
///   init    normal from the default generator
///   throws  ValueError for sizes below 1; ShapeError for sequences that are longer
class PositionalEmbedding : public Layer {
 public:
  int64_t max_length, embedding_dim;
  PositionalEmbeddingOptions settings;
  Tensor& weight;

  PositionalEmbedding(int64_t max_length, int64_t embedding_dim, const PositionalEmbeddingOptions& options = {});
  Tensor forward(const Tensor& x) override;
  Json options() const override;
  static PositionalEmbedding from_options(const Json& options);
};

/// Waves of wave lengths from 2π to 10000 · 2π: position p has sin(p / 10000^(2i/dim)) at 2i and the cosine of the same
/// at 2i + 1. Computed in f64.
///   shape   (length, dim)
///   source  Vaswani et al. 2017, arXiv:1706.03762, section 3.5
Tensor sinusoidal_positions(int64_t length, int64_t dim, Dtype dtype = f32);

/// x plus sinusoidal_positions: nothing to learn, and no limit to the length.
///   shape   x (…, length, embedding_dim) → the same
class SinusoidalEncoding : public Layer {
 public:
  int64_t embedding_dim;

  explicit SinusoidalEncoding(int64_t embedding_dim);
  Tensor forward(const Tensor& x) override;
  Json options() const override;
  static SinusoidalEncoding from_options(const Json& options);

 private:
  Tensor table_;  // of the longest sequence so far
};

}  // namespace cairn::nn
