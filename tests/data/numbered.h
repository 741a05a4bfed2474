#pragma once
// A dataset whose samples tell their numbers.

#include "cairn/data/dataset.h"
#include "cairn/tensor/create.h"

namespace cairn::testing {

inline data::TensorDataset numbered(int64_t n) { return {arange(n, f32).reshape({n, 1}), arange(n)}; }

}  // namespace cairn::testing
