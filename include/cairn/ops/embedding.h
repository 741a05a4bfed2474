#pragma once
// Rows of a table by number: what turns tokens into vectors.

#include "cairn/tensor/tensor.h"

namespace cairn {

/// y[…] = weight[ids[…]].
///   shape   ids (…) of any shape, weight (num, dim) → (…, dim)
///   dtype   ids i64; weight f32 or f64
///   padding_idx  a row that gets no gradient; −1 for none
///   throws  IndexError for an id outside of 0 … num − 1, naming the id and its position; ShapeError unless weight is a
///           matrix; DtypeError; ValueError for a padding_idx outside of −1 … num − 1
///   grad    dWeight[id] = Σ of G where ids = id, equal ids added in order, so its bits do not depend on threads; any
///           order
Tensor embedding(const Tensor& ids, const Tensor& weight, int64_t padding_idx = -1);

}  // namespace cairn
