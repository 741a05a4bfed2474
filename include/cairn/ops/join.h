#pragma once
// Tensors put together, turned round and surrounded.

#include <vector>

#include "cairn/tensor/tensor.h"

namespace cairn {

/// The tensors one after the other along a dimension.
///   shape   equal but for that dimension
///   dtype   equal, any
///   throws  ValueError for an empty list; ShapeError, DtypeError naming the position of the tensor that does not fit
///   grad    each gets its slice of G, any order
Tensor cat(const std::vector<Tensor>& tensors, int64_t dim = 0);

/// The tensors side by side along a new dimension: cat of x.unsqueeze(dim).
///   shape   equal
Tensor stack(const std::vector<Tensor>& tensors, int64_t dim = 0);

/// A copy with the order of elements reversed along each of the dimensions.
///   throws  IndexError for a dimension out of range or given twice
///   grad    flip(G, dims), any order
Tensor flip(const Tensor& x, const Dims& dims);

/// A copy with `value` around it. `pads` holds (before, after) for the last dimension, then for the one before it, and
/// so on; negative numbers crop.
///   throws  ShapeError for an odd count, one larger than twice the rank, or a size that would become negative;
///   ValueError for a
///           pad beyond ±2^46
///   grad    the inner part of G, any order
Tensor pad(const Tensor& x, const std::vector<int64_t>& pads, double value = 0);

}  // namespace cairn
