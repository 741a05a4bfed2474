#pragma once
// Attention with several heads as a module.

#include "cairn/nn/linear.h"

namespace cairn::nn {

struct MultiheadAttentionOptions {
  double dropout = 0;  ///< of the weights, in training
  bool bias = true;
  int64_t kdim = 0, vdim = 0;  ///< sizes of keys and values; 0 for embed_dim
  Dtype dtype = f32;
};

/// What a call of attention is told beside its tensors. As in PyTorch's module, and unlike in
/// scaled_dot_product_attention, a true of a bool mask takes its key *out*; a mask of floats is added to the scores.
struct AttentionMasks {
  Tensor key_padding_mask = {};  ///< (n, keys): true where a key is padding
  Tensor attn_mask = {};         ///< (queries, keys), or (n · heads, queries, keys)
  bool is_causal = false;        ///< query i sees keys 0 … i; beside the masks
};

/// Queries, keys and values are projected, attend in heads of embed_dim / num_heads numbers, and are projected back.
///   shape   query (n, queries, embed_dim), key (n, keys, kdim), value (n, keys, vdim) → (n, queries, embed_dim): the batch
///           comes first
///   names   as PyTorch's: in_proj_weight (3·embed_dim, embed_dim), or q_proj_weight, k_proj_weight and v_proj_weight
///           where kdim or vdim differ; in_proj_bias, out_proj.weight, out_proj.bias
///   init    as PyTorch's: projections by xavier_uniform_, biases 0, out_proj as Linear
///   throws  ValueError for heads that do not divide embed_dim and sizes below 1; ShapeError and DtypeError for inputs and
///           masks that do not fit
///   memory  as scaled_dot_product_attention: the matrix of weights is never held, unless they are asked for. But two masks
///           together make one of (n, 1 or heads, queries, keys): beside padding give is_causal, not a causal attn_mask
/// Extra keys (PyTorch's add_bias_kv, add_zero_attn) are not offered.
///   source  Vaswani et al. 2017, arXiv:1706.03762
class MultiheadAttention : public Module {
 public:
  int64_t embed_dim, num_heads;
  MultiheadAttentionOptions settings;
  Tensor &in_proj_weight, &q_proj_weight, &k_proj_weight, &v_proj_weight, &in_proj_bias;  ///< some of them undefined
  Linear& out_proj;

  MultiheadAttention(int64_t embed_dim, int64_t num_heads, const MultiheadAttentionOptions& options = {});

  Tensor operator()(const Tensor& query, const Tensor& key, const Tensor& value, const AttentionMasks& masks = {});
  /// Of a sequence to itself.
  Tensor operator()(const Tensor& x, const AttentionMasks& masks = {}) { return (*this)(x, x, x, masks); }
  /// The weights, without dropout: (n, queries, keys), the mean over heads, or (n, heads, queries, keys).
  Tensor weights(const Tensor& query, const Tensor& key, const AttentionMasks& masks = {}, bool average = true);

  Json options() const override;

 private:
  Tensor project(const Tensor& x, int part) const;
  Tensor mask_of(const Tensor& query, const Tensor& key, const AttentionMasks& masks) const;
};

}  // namespace cairn::nn
