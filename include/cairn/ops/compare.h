#pragma once
// Comparisons, logic and choice, element by element. Results are bool tensors without a gradient.

#include "cairn/graph/record.h"

namespace cairn {

/// Element by element, giving bool; the names are those of the field, the operators mean the same.
///   shape   broadcasting
///   dtype   equal, any; a number takes the dtype of its tensor
///   throws  ShapeError; DtypeError for different dtypes, and for a number with a fraction beside an i64 tensor
Tensor eq(const Tensor& a, const Tensor& b);
Tensor ne(const Tensor& a, const Tensor& b);
Tensor lt(const Tensor& a, const Tensor& b);
Tensor le(const Tensor& a, const Tensor& b);
Tensor gt(const Tensor& a, const Tensor& b);
Tensor ge(const Tensor& a, const Tensor& b);
Tensor eq(const Tensor& a, double b);
Tensor ne(const Tensor& a, double b);
Tensor lt(const Tensor& a, double b);
Tensor le(const Tensor& a, double b);
Tensor gt(const Tensor& a, double b);
Tensor ge(const Tensor& a, double b);

inline Tensor operator==(const Tensor& a, const Tensor& b) { return eq(a, b); }
inline Tensor operator!=(const Tensor& a, const Tensor& b) { return ne(a, b); }
inline Tensor operator<(const Tensor& a, const Tensor& b) { return lt(a, b); }
inline Tensor operator<=(const Tensor& a, const Tensor& b) { return le(a, b); }
inline Tensor operator>(const Tensor& a, const Tensor& b) { return gt(a, b); }
inline Tensor operator>=(const Tensor& a, const Tensor& b) { return ge(a, b); }
inline Tensor operator==(const Tensor& a, double b) { return eq(a, b); }
inline Tensor operator!=(const Tensor& a, double b) { return ne(a, b); }
inline Tensor operator<(const Tensor& a, double b) { return lt(a, b); }
inline Tensor operator<=(const Tensor& a, double b) { return le(a, b); }
inline Tensor operator>(const Tensor& a, double b) { return gt(a, b); }
inline Tensor operator>=(const Tensor& a, double b) { return ge(a, b); }
inline Tensor operator==(double a, const Tensor& b) { return eq(b, a); }
inline Tensor operator!=(double a, const Tensor& b) { return ne(b, a); }
inline Tensor operator<(double a, const Tensor& b) { return gt(b, a); }
inline Tensor operator<=(double a, const Tensor& b) { return ge(b, a); }
inline Tensor operator>(double a, const Tensor& b) { return lt(b, a); }
inline Tensor operator>=(double a, const Tensor& b) { return le(b, a); }

/// Logic on bool tensors, with broadcasting.
///   throws  DtypeError unless bool: compare with != 0 first
Tensor logical_and(const Tensor& a, const Tensor& b);
Tensor logical_or(const Tensor& a, const Tensor& b);
Tensor logical_xor(const Tensor& a, const Tensor& b);
Tensor logical_not(const Tensor& a);
inline Tensor operator&(const Tensor& a, const Tensor& b) { return logical_and(a, b); }
inline Tensor operator|(const Tensor& a, const Tensor& b) { return logical_or(a, b); }
inline Tensor operator^(const Tensor& a, const Tensor& b) { return logical_xor(a, b); }
inline Tensor operator!(const Tensor& a) { return logical_not(a); }

/// bool tensors; every dtype (integers are finite).
Tensor isnan(const Tensor& x);
Tensor isinf(const Tensor& x);
Tensor isfinite(const Tensor& x);

/// a where the condition holds, else b.
///   shape   the three broadcast together
///   dtype   condition bool; a and b equal, any; a number takes the dtype of the other branch (two numbers: f32, but
///           within a formula the dtype of its argument)
///   throws  ShapeError, DtypeError
///   grad    da = G where the condition holds, else 0; db the rest; any order. What is not taken passes no NaN back
Tensor where(const Tensor& condition, const Tensor& a, const Tensor& b);
Tensor where(const Tensor& condition, const Tensor& a, double b);
Tensor where(const Tensor& condition, double a, const Tensor& b);
Tensor where(const Tensor& condition, double a, double b);

namespace detail {

/// The dtype that `where(mask, 1.0, 0.0)` gives on this thread while a formula runs on tensors.
class NumbersAre {
 public:
  explicit NumbersAre(Dtype d);
  ~NumbersAre();
  NumbersAre(const NumbersAre&) = delete;
  NumbersAre& operator=(const NumbersAre&) = delete;

 private:
  Dtype before_;
};

}  // namespace detail

/// Same shape, dtype and elements (NaN equals nothing).
bool equal(const Tensor& a, const Tensor& b);

/// |a − b| ≤ atol + rtol |b| everywhere; infinities of one sign are close, NaN to nothing. Shapes broadcast.
///   throws  ShapeError, DtypeError unless the dtypes are equal
bool allclose(const Tensor& a, const Tensor& b, double rtol = 1e-5, double atol = 1e-8);

}  // namespace cairn
