#pragma once
// What operations cost, counted from their sizes.

#include <algorithm>
#include <string_view>

#include "cairn/graph/record.h"

namespace cairn::nn {

/// Multiplications that are added up, of a product or a convolution; 0 of other operations.
inline int64_t multiply_adds(const Operation& op) {
  const std::string_view name = op.name;
  const auto size = [&](size_t i) -> const Tensor& { return *op.inputs[i]; };
  if (name == "conv2d") return op.output.numel() * (size(1).numel() / std::max<int64_t>(1, size(1).size(0)));
  if (name == "conv_transpose2d") return size(0).numel() * (size(1).numel() / std::max<int64_t>(1, size(1).size(0)));
  if (name == "linear" || name == "matmul" || name == "squared_distances") return op.output.numel() * size(0).size(-1);
  if (name == "scaled_dot_product_attention") return (size(0).numel() + op.output.numel()) * size(1).size(2);
  if (name == "packed_attention") return 2 * op.output.numel() * op.output.size(1);
  return 0;
}

inline int64_t bytes_of(const Tensor& x) { return x.numel() * static_cast<int64_t>(size_of(x.dtype())); }

/// Whether the output has no elements of its own.
inline bool is_view(const Operation& op) {
  return std::any_of(op.inputs.begin(), op.inputs.end(),
                     [&](const Tensor* in) { return in->body()->storage.get() == op.output.body()->storage.get(); });
}

}  // namespace cairn::nn
