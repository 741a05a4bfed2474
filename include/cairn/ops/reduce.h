#pragma once
// Reductions over any set of dimensions. In every signature `dims` lists the dimensions to reduce (an empty list means
// all of them), and `keepdim` keeps them with size 1. Results have the same bits for any number of threads; sums are
// blocked, so that the relative error of a sum of positive f32 numbers stays near 1e-7 whatever their count.

#include "cairn/tensor/tensor.h"

namespace cairn {

/// Values, and where they were found (i64).
struct ValuesIndices {
  Tensor values, indices;
};

/// Sum of the elements; 0 when there are none.
///   dtype   that of x; i64 and bool give i64
///   throws  IndexError for a dimension out of range or given twice (as every reduction does), DtypeError for u8
///   grad    dX = G expanded, any order
Tensor sum(const Tensor& x, const Dims& dims = {}, bool keepdim = false);

/// Arithmetic mean; NaN when there are no elements.
///   throws  DtypeError unless f32 or f64
///   grad    dX = G / n expanded, any order
Tensor mean(const Tensor& x, const Dims& dims = {}, bool keepdim = false);

/// Variance Σ(x − mean)² / (n − correction), in two passes; NaN where n ≤ correction.
///   correction  1 is the unbiased estimate, 0 the mean square deviation; true and false mean the same
///   throws      DtypeError unless f32 or f64
///   grad        dX = 2 G (x − mean) / (n − correction), any order
Tensor var(const Tensor& x, const Dims& dims = {}, int64_t correction = 1, bool keepdim = false);

/// Standard deviation √var. Under `using namespace cairn` it must be called as cairn::std(x).
///   grad    dX = G (x − mean) / ((n − correction) std), 0 where std is 0; any order
Tensor std(const Tensor& x, const Dims& dims = {}, int64_t correction = 1, bool keepdim = false);

/// Largest (smallest) element; NaN when there is one.
///   dtype   f32, f64 or i64
///   throws  ShapeError when there are no elements to choose from
///   grad    shared evenly among ties, any order
Tensor amax(const Tensor& x, const Dims& dims = {}, bool keepdim = false);
Tensor amin(const Tensor& x, const Dims& dims = {}, bool keepdim = false);

/// The same of the whole tensor.
Tensor max(const Tensor& x);
Tensor min(const Tensor& x);

/// Largest (smallest) elements along one dimension and their places: of equal ones the first, and NaN before others.
///   dtype   f32, f64 or i64; indices i64
///   throws  IndexError for a dimension out of range, ShapeError when its size is 0
///   grad    of the values: G goes to the place chosen; any order
ValuesIndices max(const Tensor& x, int64_t dim, bool keepdim = false);
ValuesIndices min(const Tensor& x, int64_t dim, bool keepdim = false);

/// Place of the largest (smallest) element: of the whole tensor in row-major order, or along one dimension. Of equal
/// ones the first, and NaN before all others. i64, without gradient.
///   throws  as max(x, dim)
Tensor argmax(const Tensor& x);
Tensor argmax(const Tensor& x, int64_t dim, bool keepdim = false);
Tensor argmin(const Tensor& x);
Tensor argmin(const Tensor& x, int64_t dim, bool keepdim = false);

/// Product of the elements; 1 when there are none.
///   dtype   that of x; i64 and bool give i64
///   grad    dX = G × the product of all others, exact where elements are zero; any order
Tensor prod(const Tensor& x, const Dims& dims = {}, bool keepdim = false);

/// Whether all (any) elements are not zero; true (false) when there are none.
///   dtype   any → bool, without gradient; NaN counts as true
Tensor all(const Tensor& x, const Dims& dims = {}, bool keepdim = false);
Tensor any(const Tensor& x, const Dims& dims = {}, bool keepdim = false);

/// (Σ|x|ᵖ)^(1/p). p = ±∞ gives the largest (smallest) magnitude, p = 0 the number of elements that are not 0.
///   throws  DtypeError unless f32 or f64; ShapeError for p = ±∞ without elements
///   grad    any order; 0 at the origin and, for p < 2, at elements that are 0; shared among ties for p = ±∞
Tensor norm(const Tensor& x, double p = 2, const Dims& dims = {}, bool keepdim = false);

/// log Σ exp(x) without overflow; −∞ when there are no elements or all are −∞.
///   throws  DtypeError unless f32 or f64
///   grad    dX = G softmax(x), 0 where all are −∞; any order
Tensor logsumexp(const Tensor& x, const Dims& dims = {}, bool keepdim = false);

}  // namespace cairn
