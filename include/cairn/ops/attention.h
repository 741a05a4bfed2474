#pragma once
// Attention: each query gets a mean of the values, weighted by how well their keys fit it.

#include <optional>

#include "cairn/base/random.h"
#include "cairn/tensor/tensor.h"

namespace cairn {

struct AttentionOptions {
  /// Which keys a query sees: bool, true where a key takes part; or of the dtype of q, added to the scores (−∞ takes a key
  /// out). Broadcasts to (n, heads, queries, keys): (n, 1, 1, keys) for sequences of several lengths.
  Tensor mask = {};
  bool is_causal = false;            ///< query i sees keys 0 … i of those that the mask leaves
  double dropout_p = 0;              ///< of the weights; always applied, so give 0 in evaluation
  std::optional<double> scale = {};  ///< of the scores; 1/√width unless given
};

/// softmax(scale · q kᵀ + mask) v, as torch's. A query that sees no key gets zeros, and has no gradient.
///   shape   q (n, heads, queries, width), k (n, heads, keys, width), v (n, heads, keys, value width) → (n, heads, queries,
///           value width)
///   dtype   equal, f32 or f64
///   memory  grows with the length and not with its square: the matrix of scores is worked on block by block, and again in
///           backward. Gradients of gradients, and a mask that requires a gradient, hold it whole. In memory the heads of a
///           position lie side by side, so that transpose(1, 2).flatten(2) of the result costs nothing.
///   throws  ShapeError for sizes and masks that do not fit, DtypeError, ValueError unless 0 ≤ dropout_p ≤ 1 and the scale
///           is finite
///   grad    of q, k, v and an added mask, any order
///   bits    the same for any number of threads; what is dropped is a function of the generator alone
///   source  Vaswani et al. 2017, arXiv:1706.03762; in blocks Dao et al. 2022, arXiv:2205.14135
Tensor scaled_dot_product_attention(const Tensor& q, const Tensor& k, const Tensor& v,
                                    const AttentionOptions& options = {}, Generator& generator = default_generator());

/// The same for queries, keys and values that stand side by side, as one product projects them; their gradient is written
/// side by side too.
///   shape   qkv (n, length, 3, heads, width) → (n, length, heads, width)
Tensor packed_attention(const Tensor& qkv, const AttentionOptions& options = {},
                        Generator& generator = default_generator());

/// The weights softmax(scale · q kᵀ + mask) themselves, to look at: without dropout, and held whole.
///   shape   (n, heads, queries, keys)
///   throws, grad   as scaled_dot_product_attention
Tensor attention_weights(const Tensor& q, const Tensor& k, const AttentionOptions& options = {});

}  // namespace cairn
