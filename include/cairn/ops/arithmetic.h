#pragma once
// + - * / and their kin between tensors, and between a tensor and a number.
//
//   shape   NumPy's broadcasting; the result has the memory order of its larger operand, then of the first
//   dtype   equal, f32, f64 or i64 (no promotion). A number takes the dtype of its tensor
//   throws  ShapeError when the shapes do not broadcast; DtypeError for different dtypes, for bool and u8, and for a
//   number
//           with a fraction beside an i64 tensor
//   grad    any order

#include "cairn/graph/record.h"

namespace cairn {

Tensor operator+(const Tensor& a, const Tensor& b);
Tensor operator+(const Tensor& a, double b);
Tensor operator+(double a, const Tensor& b);

Tensor operator-(const Tensor& a, const Tensor& b);
Tensor operator-(const Tensor& a, double b);
Tensor operator-(double a, const Tensor& b);
Tensor operator-(const Tensor& a);

Tensor operator*(const Tensor& a, const Tensor& b);
Tensor operator*(const Tensor& a, double b);
Tensor operator*(double a, const Tensor& b);

/// throws  DtypeError for i64: convert with to(f32)
Tensor operator/(const Tensor& a, const Tensor& b);
Tensor operator/(const Tensor& a, double b);
Tensor operator/(double a, const Tensor& b);

/// xʸ; f32 and f64. Where x is negative, y must be whole, else NaN.
///   grad  dx = G y xʸ⁻¹ (0 where y is 0), dy = G xʸ log x (0 where x is 0 and y is not negative)
Tensor pow(const Tensor& x, const Tensor& y);
Tensor pow(const Tensor& x, double y);
Tensor pow(double x, const Tensor& y);

/// The larger and the smaller of two, element by element; NaN if either is.
///   grad  G goes to the one taken; between two equal elements each gets half, beside a number the tensor gets it whole
///   where
///         it is not exceeded
Tensor maximum(const Tensor& a, const Tensor& b);
Tensor maximum(const Tensor& a, double b);
Tensor maximum(double a, const Tensor& b);
Tensor minimum(const Tensor& a, const Tensor& b);
Tensor minimum(const Tensor& a, double b);
Tensor minimum(double a, const Tensor& b);

}  // namespace cairn
