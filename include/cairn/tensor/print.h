#pragma once
// Tensors as text, in PyTorch's manner.

#include <ostream>
#include <string>

#include "cairn/tensor/tensor.h"

namespace cairn {

struct PrintOptions {
  int precision = 4;         ///< digits after the point
  int64_t threshold = 1000;  ///< with more elements than this, only the edges are shown
  int64_t edge_items = 3;    ///< at each end of a dimension
  int line_width = 80;       ///< in characters
};

/// `tensor([[1.0000, 2.0000],
///         [3.0000, 4.0000]], shape (2, 2), f32)`: columns aligned, whole floats as "1.", scientific form when
/// sizes differ much, ... in the middle when large. Shape and dtype are left out for f32, i64 and bool scalars.
std::string to_string(const Tensor& x, const PrintOptions& options = {});
std::ostream& operator<<(std::ostream& out, const Tensor& x);

}  // namespace cairn
