#pragma once
// What operations that move elements share.

#include <algorithm>
#include <cstring>
#include <numeric>

#include "cairn/tensor/tensor.h"
#include "kernels/copy.h"

namespace cairn::ops {

inline int64_t offset_of(const Tensor& x) { return x.body()->offset; }

/// The first element, without its type.
inline char* bytes_of(const Tensor& x) {
  return static_cast<char*>(x.body()->storage->data) + offset_of(x) * static_cast<int64_t>(size_of(x.dtype()));
}

/// y[i…] = x[i…], converted; y is fresh, or a view of something fresh.
inline void copy_elements(const Tensor& x, const Tensor& y) {
  const size_t bytes = static_cast<size_t>(x.numel()) * size_of(x.dtype());
  constexpr size_t page = 4096;  // some 100 ns
  if (bytes > 0 && bytes <= page && x.is_contiguous() && y.is_contiguous() && x.dtype() == y.dtype()) {
    std::memcpy(bytes_of(y), bytes_of(x), bytes);  // to see how it is best done would take longer
    return;
  }
  kernels::copy_strided(x.shape(), x.dtype(), bytes_of(x), x.strides(), y.dtype(), bytes_of(y), y.strides());
}

/// Part of the dimension of a fresh tensor, unrecorded.
inline Tensor part(const Tensor& y, int dim, int64_t start, int64_t count) {
  Shape shape = y.shape();
  shape[dim] = count;
  return as_strided(y, shape, y.strides(), offset_of(y) + start * y.strides()[dim]);
}

/// A fresh tensor whose dimensions lie in memory in the order of those of x.
inline Tensor empty_ordered(const Tensor& x, const Shape& shape) {
  Tensor y = empty(shape, x.dtype());
  if (x.is_contiguous() || !x.is_dense()) return y;
  Dims order = Shape::filled(x.dim(), 0);
  std::iota(order.begin(), order.end(), int64_t{0});
  std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
    return x.strides()[static_cast<int>(a)] > x.strides()[static_cast<int>(b)];
  });
  Strides strides = shape;
  int64_t step = 1;
  for (int i = order.size() - 1; i >= 0; --i) {
    const int d = static_cast<int>(order[i]);
    strides[d] = step;
    step *= std::max<int64_t>(shape[d], 1);
  }
  return as_strided(y, shape, strides, 0);
}

}  // namespace cairn::ops
