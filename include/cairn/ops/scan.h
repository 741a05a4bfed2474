#pragma once
// Running totals along a dimension.

#include "cairn/tensor/tensor.h"

namespace cairn {

/// Cumulative sum: y[i] = x[0] + … + x[i] along `dim`.
///   dtype   that of x; i64 and bool give i64
///   throws  IndexError for a dimension out of range, DtypeError for u8
///   grad    dX = the cumulative sum of G from the other end, any order
Tensor cumsum(const Tensor& x, int64_t dim);

}  // namespace cairn
