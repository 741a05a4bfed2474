#pragma once
// Transformers: layers of attention and of dense layers, each added to what it got.

#include <string>

#include "cairn/nn/attention.h"
#include "cairn/nn/dropout.h"

namespace cairn::nn {

struct TransformerEncoderLayerOptions {
  int64_t dim_feedforward = 2048;
  double dropout = 0.1;
  std::string activation = "relu";  ///< a name or a formula, as nn::Activation takes it
  double layer_norm_eps = 1e-5;
  bool norm_first = false;  ///< normalise what goes into a branch, rather than its sum with what went past
  bool bias = true;         ///< of all dense layers and norms
  bool gated = false;       ///< linear1 gives two halves a and b, and linear2 gets a ⊙ activation(b), as in nn::GeGLU
  std::string norm = "layer";  ///< or "rms"
  bool is_causal = false;      ///< a position sees itself and those before it: what generates text
  Dtype dtype = f32;
};

/// Attention of a sequence to itself, then two dense layers with an activation between them.
///   after   x ← norm1(x + self_attn(x)), x ← norm2(x + linear2(activation(linear1(x)))): Vaswani et al. 2017
///   first   x ← x + self_attn(norm1(x)), x ← x + linear2(activation(linear1(norm2(x)))): Xiong et al. 2020,
///           arXiv:2002.04745
/// In training dropout falls on the weights of attention, behind the activation and on each branch.
///   shape   (n, length, d_model) → the same
///   names   as PyTorch's: self_attn, linear1, linear2, norm1, norm2; activation where it learns
///   throws  ValueError for sizes below 1 and heads that do not divide d_model, NameError for an unknown norm; as
///           nn::Activation and MultiheadAttention
///   source  gated: Shazeer 2020, arXiv:2002.05202
class TransformerEncoderLayer : public Layer {
 public:
  int64_t d_model, nhead;
  TransformerEncoderLayerOptions settings;
  MultiheadAttention& self_attn;
  Linear &linear1, &linear2;
  Layer &norm1, &norm2, &activation;

  TransformerEncoderLayer(int64_t d_model, int64_t nhead, const TransformerEncoderLayerOptions& options = {});
  Tensor forward(const Tensor& x) override { return forward(x, {}); }
  Tensor forward(const Tensor& x, const AttentionMasks& masks);
  using Layer::operator();
  Tensor operator()(const Tensor& x, const AttentionMasks& masks);
  Json options() const override;
  static TransformerEncoderLayer from_options(const Json& options);

 private:
  Tensor attend(const Tensor& x, AttentionMasks masks);
  Tensor feed_forward(const Tensor& x);
};

/// Layers "layers.0", "layers.1", … and, where they normalise first, a norm behind the last, "norm".
///   shape, throws   as TransformerEncoderLayer; ValueError for less than one layer
class TransformerEncoder : public Layer {
 public:
  ModuleList<TransformerEncoderLayer>& layers;

  TransformerEncoder(int64_t d_model, int64_t nhead, int64_t num_layers,
                     const TransformerEncoderLayerOptions& options = {});
  Tensor forward(const Tensor& x) override { return forward(x, {}); }
  Tensor forward(const Tensor& x, const AttentionMasks& masks);
  using Layer::operator();
  Tensor operator()(const Tensor& x, const AttentionMasks& masks);
  Json options() const override;
  static TransformerEncoder from_options(const Json& options);

 private:
  Layer* norm_ = nullptr;
};

}  // namespace cairn::nn
