#pragma once
// Elements picked and placed by index. Indices are i64; one out of range is an IndexError that names it, where it
// stands and the size it exceeds. Data may have any dtype.

#include "cairn/tensor/tensor.h"

namespace cairn {

/// The slices x[…, index[0], …], x[…, index[1], …], … of a dimension.
///   shape   index (n,) or a scalar, x (…, size, …) → (…, n, …)
///   throws  ShapeError, DtypeError for an index that is not a vector of i64; IndexError unless 0 ≤ index < size
///   grad    dX = index_add of G into zeros, any order
Tensor index_select(const Tensor& x, int64_t dim, const Tensor& index);

/// x with the slices of source added: y[…, index[i], …] += source[…, i, …]. Indices may repeat; equal ones are added in
/// order, so the bits of the result do not depend on threads.
///   dtype   f32, f64 or i64
///   grad    dX = G, dSource = index_select(G, dim, index), any order
Tensor index_add(const Tensor& x, int64_t dim, const Tensor& index, const Tensor& source);

/// y[i][j][k] = x[i][index[i][j][k]][k] for dim = 1, and so on.
///   shape   index: x's rank, and no larger than x but in `dim` → index's shape
///   throws  as index_select
///   grad    dX = scatter_add of G into zeros, any order
Tensor gather(const Tensor& x, int64_t dim, const Tensor& index);

/// x with y[i][index[i][j][k]][k] += source[i][j][k] for dim = 1, and so on; equal places are added in order.
///   shape   index: x's rank, no larger than x but in `dim`, and no larger than source
///   dtype   f32, f64 or i64
///   grad    dX = G, dSource = gather(G, dim, index), any order
Tensor scatter_add(const Tensor& x, int64_t dim, const Tensor& index, const Tensor& source);

/// x with `value` where the mask is true.
///   shape   the mask broadcasts to x
///   grad    dX = masked_fill(G, mask, 0), any order
Tensor masked_fill(const Tensor& x, const Tensor& mask, double value);

/// The elements of x where the mask is true, in row-major order, as a vector.
///   shape   the mask broadcasts to x
///   grad    G put back in place, zeros elsewhere, any order
Tensor masked_select(const Tensor& x, const Tensor& mask);

/// 1 at the index and 0 elsewhere along a new last dimension.
///   classes   its size; −1 takes the largest index plus one
///   throws    DtypeError unless i64, IndexError for an index out of range
Tensor one_hot(const Tensor& index, int64_t classes = -1);

}  // namespace cairn
