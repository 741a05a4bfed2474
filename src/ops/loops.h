#pragma once
// What element-wise operations share: the layout of the result, and the loop that suits the operands.

#include "cairn/graph/record.h"
#include "cairn/math/map.h"
#include "ops/layout.h"

namespace cairn::ops {

inline bool same_layout(const Tensor& a, const Tensor& b) {
  return a.shape() == b.shape() && ((a.is_contiguous() && b.is_contiguous()) || a.strides() == b.strides());
}

/// Itself when its elements fill one block in any order of dimensions, else a row-major copy (unrecorded).
inline Tensor dense(const Tensor& x) { return x.is_dense() ? x : row_major(x); }

/// g in the memory order of the dense tensor `like`, which has its shape.
inline Tensor in_layout_of(const Tensor& like, const Tensor& g) {
  if (same_layout(like, g)) return g;
  const NoGrad plain;
  return empty_like(like, g.dtype()).copy_(g);
}

/// Nobody else can see its elements: they may be overwritten.
inline bool unshared(const Tensor& g) {
  return g.body()->count.unique() && g.body()->storage->unique() && g.is_dense() && !g.requires_grad();
}

/// x itself, or a copy in the memory order of y where x would be read across its rows: blocked copies spare the cache.
inline Tensor along(const Tensor& y, const Tensor& x) {
  if (x.numel() < 4096 || x.shape() != y.shape()) return x;
  for (int d = 0; d < y.dim(); ++d)
    if (y.shape()[d] != 1 && y.strides()[d] == 1) return x.strides()[d] > 1 ? in_layout_of(y, x) : x;
  return x;
}

inline void require_same_dtype(const char* operation, const Tensor& a, const Tensor& b) {
  require<DtypeError>(a.dtype() == b.dtype(), operation, "dtypes must be equal; convert one with to(…)", a, b);
}

/// A number beside an integer tensor must be whole.
inline int64_t whole_number(const char* operation, const Tensor& x, double c) {
  const bool whole = c >= -0x1p63 && c < 0x1p63 && c == static_cast<double>(static_cast<int64_t>(c));
  require<DtypeError>(whole, operation, "an i64 tensor takes whole numbers only; convert it with to(f32)", x,
                      given("number", c));
  return static_cast<int64_t>(c);
}

/// The number in the tensor's dtype.
template <class S>
auto number_for(const char* operation, const Tensor& x, double c) {
  if constexpr (std::is_same_v<S, int64_t>)
    return whole_number(operation, x, c);
  else
    return static_cast<double>(c);
}

/// The number as an element of x: whole in an i64 tensor, whole and from 0 to 255 in a u8 one.
template <class S>
S element_for(const char* operation, const Tensor& x, double c) {
  if constexpr (std::is_same_v<S, int64_t>) return whole_number(operation, x, c);
  if constexpr (std::is_same_v<S, bool>) return c != 0;
  if constexpr (std::is_same_v<S, uint8_t>)
    require<ValueError>(c >= 0 && c <= 255 && c == static_cast<double>(static_cast<int>(c)), operation,
                        "a u8 tensor takes whole numbers from 0 to 255", x, given("value", c));
  return static_cast<S>(c);
}

/// An uninitialised result of the broadcast shape, in the memory order of its larger operand, then of the first.
inline Tensor broadcast_output(const char* operation, const Tensor& a, const Tensor& b, Dtype dtype) {
  if (a.shape() == b.shape()) return empty_like(a, dtype);
  const Shape shape = broadcast_shapes(operation, a.shape(), b.shape());
  if (shape == a.shape()) return empty_like(a, dtype);
  return shape == b.shape() ? empty_like(b, dtype) : empty(shape, dtype);
}

/// Strides of t seen under a shape it broadcasts to.
inline Strides stretched(const Tensor& t, const Shape& shape) {
  Strides s = Shape::filled(shape.size(), 0);
  const int extra = shape.size() - t.dim();
  for (int d = 0; d < t.dim(); ++d)
    if (t.shape()[d] != 1) s[extra + d] = t.strides()[d];
  return s;
}

/// y = f(x), y and x of one layout and dense.
template <class O, class X, class F>
void fill(const Tensor& y, const Tensor& x, F f) {
  O* py = y.pointer<O>();
  const X* px = x.pointer<X>();
  const bool streamed = detail::streams(y.numel(), py, px);
  parallel_for(y.numel(), map_grain, [&](int64_t begin, int64_t end) {
    detail::map_run(end - begin, f, detail::Run<O>{py + begin, 1, streamed}, detail::Run<const X>{px + begin, 1});
  });
}

/// y = f(a, b), a and b stretched to the shape of y.
template <class O, class A, class B, class F>
void fill(const Tensor& y, const Tensor& a0, const Tensor& b0, F f) {
  const Tensor a = along(y, a0), b = along(y, b0);
  O* py = y.pointer<O>();
  const A* pa = a.pointer<A>();
  const B* pb = b.pointer<B>();
  if (same_layout(y, a) && same_layout(y, b) && y.is_dense()) {
    const bool streamed = detail::streams(y.numel(), py, pa, pb);
    parallel_for(y.numel(), map_grain, [&](int64_t begin, int64_t end) {
      detail::map_run(end - begin, f, detail::Run<O>{py + begin, 1, streamed}, detail::Run<const A>{pa + begin, 1},
                      detail::Run<const B>{pb + begin, 1});
    });
    return;
  }
  const Strides sa = stretched(a, y.shape()), sb = stretched(b, y.shape());
  map_strided(y.shape(), f, Strided<O>{py, y.strides()}, Strided<const A>{pa, sa}, Strided<const B>{pb, sb});
}

}  // namespace cairn::ops
