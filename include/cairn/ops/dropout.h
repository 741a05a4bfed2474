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
///   memory  the order of x
///   throws  ValueError unless 0 ≤ p ≤ 1, DtypeError
///   grad    the same elements dropped from G, the same scale; any order
/// Source: Srivastava et al. 2014, "Dropout: a simple way to prevent neural networks from overfitting".
Tensor dropout(const Tensor& x, double p = 0.5, bool training = true, Generator& generator = default_generator());

/// dropout of whole channels: all of x[n, c] is dropped or kept together.
///   shape   (n, c, …) of at least three dimensions
///   throws  as dropout; ShapeError for fewer dimensions
/// Source: Tompson et al. 2015, "Efficient object localization using convolutional networks".
Tensor dropout2d(const Tensor& x, double p = 0.5, bool training = true, Generator& generator = default_generator());

/// What is dropped together by stochastic_depth.
enum class Drop { row, batch };

/// dropout of whole samples (Drop::row), or of all of them at once (Drop::batch): for the body of a residual block.
///   shape   (n, …) of at least one dimension
///   throws  as dropout; ShapeError for fewer dimensions
/// Source: Huang et al. 2016, "Deep networks with stochastic depth".
Tensor stochastic_depth(const Tensor& x, double p, Drop mode = Drop::row, bool training = true,
                        Generator& generator = default_generator());

}  // namespace cairn
