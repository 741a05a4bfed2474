#pragma once
// What turns numbers along a dimension into shares that add up to 1.

#include "cairn/tensor/tensor.h"

namespace cairn {

/// exp(x) / Σ exp(x) along `dim`. The largest element is subtracted first, so nothing overflows. Elements of −∞ give 0;
/// rows that hold NaN or +∞, or nothing but −∞, give NaN.
///   dtype   f32 or f64
///   throws  IndexError for a dimension out of range, DtypeError
///   grad    dX = y (G − Σ G y), any order
Tensor softmax(const Tensor& x, int64_t dim);

/// log softmax(x), exact where softmax underflows.
///   dtype, throws  as softmax
///   grad    dX = G − softmax(x) Σ G, any order
Tensor log_softmax(const Tensor& x, int64_t dim);

/// softmax(−x).
Tensor softmin(const Tensor& x, int64_t dim);

/// The point of the simplex (elements ≥ 0 that add up to 1 along `dim`) that is nearest to x: max(x − τ, 0). Unlike
/// softmax it gives zeros. Martins & Astudillo 2016, arXiv:1602.02068. Elements of −∞ give 0; rows that hold NaN or +∞,
/// or nothing but −∞, give NaN.
///   dtype, throws  as softmax
///   grad    dX = G − mean of G over the support (where y > 0), 0 elsewhere; any order
Tensor sparsemax(const Tensor& x, int64_t dim);

}  // namespace cairn
