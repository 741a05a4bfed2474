#pragma once
// Indices that have been looked at.

#include "cairn/tensor/tensor.h"

namespace cairn::ops {

/// Row-major indices, each within [0, size).
///   throws  DtypeError unless i64, IndexError that names the index, where it stands and the size
Tensor checked_index(const char* operation, const Tensor& index, int64_t size);

}  // namespace cairn::ops
