#pragma once
// A loss of two arguments, as trainers take it.

#include "cairn/ops/loss.h"

namespace cairn {

inline Tensor squared(const Tensor& outputs, const Tensor& targets) { return mse_loss(outputs, targets); }

}  // namespace cairn
