#pragma once
// Order along a dimension. NaN counts as the greatest number, as in PyTorch.

#include "cairn/ops/reduce.h"

namespace cairn {

/// The elements along a dimension in ascending or descending order, and where each stood (i64); equal elements keep
/// their order.
///   throws  IndexError for a dimension out of range
///   grad    of the values: G goes back to where each came from, any order
ValuesIndices sort(const Tensor& x, int64_t dim = -1, bool descending = false);

/// sort(x, dim, descending).indices
Tensor argsort(const Tensor& x, int64_t dim = -1, bool descending = false);

/// The k largest (or smallest) elements along a dimension, best first; of equal ones the first.
///   throws  ValueError unless 0 ≤ k ≤ size
///   grad    as sort
ValuesIndices topk(const Tensor& x, int64_t k, int64_t dim = -1, bool largest = true);

}  // namespace cairn
