#pragma once
// Dropout.

#include "cairn/base/random.h"
#include "cairn/tensor/tensor.h"

namespace cairn {

/// Each element becomes 0 with probability p and is scaled by 1/(1 − p) otherwise, so that its expectation stays. What
/// is dropped is a function of the generator and of the element's row-major place alone. Without `training`, or with
/// p = 0, x itself is handed on and nothing is drawn; with p = 1 all is 0.
///   shape   any
///   dtype   f32 or f64
///   throws  ValueError unless 0 ≤ p ≤ 1, DtypeError
///   grad    the same elements dropped from G, the same scale; any order
/// Source: Srivastava et al. 2014, "Dropout: a simple way to prevent neural networks from overfitting".
Tensor dropout(const Tensor& x, double p = 0.5, bool training = true, Generator& generator = default_generator());

}  // namespace cairn
