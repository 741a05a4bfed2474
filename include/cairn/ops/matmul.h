#pragma once
// Products of vectors, matrices and batches of matrices.

#include "cairn/tensor/tensor.h"

namespace cairn {

/// Matrix product, as torch.matmul. Operands may have any strides: a transpose costs no copy.
///   shape   (k) · (k) → ();  (m, k) · (k) → (m);  (k) · (k, n) → (n);  (…, m, k) · (…, k, n) → (…, m, n): the
///   dimensions
///           before the last two are batches and broadcast. A 1-d operand is a row on the left, a column on the right,
///           and that dimension is dropped from the result.
///   dtype   equal, f32 or f64
///   throws  ShapeError for a 0-d operand, inner sizes that differ, batches that do not broadcast; DtypeError
///   grad    dA = G Bᵀ, dB = Aᵀ G, any order
///   bits    the same for any number of threads
Tensor matmul(const Tensor& a, const Tensor& b);

}  // namespace cairn
