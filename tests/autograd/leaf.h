#pragma once
// A tensor to differentiate by.

#include "cairn/tensor/create.h"

namespace cairn {

inline Tensor leaf(const Nested& values) { return tensor(values, f64).requires_grad_(); }

}  // namespace cairn
