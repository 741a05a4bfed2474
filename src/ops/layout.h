#pragma once
// Tensors in the memory order that a kernel wants, unrecorded. Channels-last: images whose shape says n, c, h, w while memory holds n, h, w, c: what convolutions and their followers read and write.

#include "cairn/graph/node.h"
#include "cairn/tensor/tensor.h"

namespace cairn::ops {

/// x itself when row-major, else a row-major copy; nothing for nothing.
inline Tensor row_major(const Tensor& x) {
  const NoGrad off;
  return x.defined() ? x.contiguous() : x;
}

/// Strides of (n, c, …) with c innermost.
inline Strides channels_last_strides(const Shape& shape) {
  Strides strides = shape;
  int64_t step = 1;
  const auto lay = [&](int d) {
    strides[d] = step;
    step *= shape[d] == 0 ? 1 : shape[d];  // a stride of 0 would say that elements share memory
  };
  lay(1);
  for (int d = shape.size() - 1; d >= 2; --d) lay(d);
  lay(0);
  return strides;
}

/// A fresh tensor (n, c, …) whose channels lie side by side.
inline Tensor empty_channels_last(const Shape& shape, Dtype dtype) {
  return as_strided(empty(shape, dtype), shape, channels_last_strides(shape), 0);
}

inline bool is_channels_last(const Tensor& x) {
  const Strides wanted = channels_last_strides(x.shape());
  for (int d = 0; d < x.dim(); ++d)
    if (x.shape()[d] != 1 && x.strides()[d] != wanted[d]) return false;
  return true;
}

/// x itself when its channels lie side by side, else a copy of that layout (unrecorded).
inline Tensor channels_last(const Tensor& x) {
  if (is_channels_last(x)) return x;
  const NoGrad off;
  return empty_channels_last(x.shape(), x.dtype()).copy_(x);
}

}  // namespace cairn::ops
