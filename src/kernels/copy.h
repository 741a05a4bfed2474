#pragma once
// Copies between any two layouts.

#include "cairn/base/dtype.h"
#include "cairn/base/shape.h"

namespace cairn::kernels {

/// y[i…] = x[i…] for every index of `shape`, converted when the dtypes differ: floats to integers truncate (NaN becomes
/// 0 and what is out of range the nearest bound), anything to bool is ≠ 0. Strides are in elements and may be 0 or
/// negative in x; y must not overlap itself or x. Contiguous runs are copied as such, transposes in blocks, large work
/// by threads.
void copy_strided(const Shape& shape, Dtype x_dtype, const void* x, const Strides& x_strides, Dtype y_dtype, void* y,
                  const Strides& y_strides);

}  // namespace cairn::kernels
