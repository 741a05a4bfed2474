#pragma once
// Activations that put several numbers together, or take one apart. (The gated ones have a header of their own; softmax
// and sparsemax are in ops/softmax.h, and max, mean, norm and logsumexp in ops/reduce.h.)

#include "cairn/tensor/tensor.h"

namespace cairn {

/// The largest of every `pieces` neighbours along `dim`: Goodfellow et al. 2013, arXiv:1302.4389.
///   shape   (…, k · pieces, …) → (…, k, …), at most seven dimensions; the result keeps the memory order of x
///   dtype   f32 or f64
///   throws  IndexError for a dimension out of range; ValueError for pieces < 1; ShapeError where they do not divide the
///           size; DtypeError
///   grad    G goes to the largest, shared evenly among ties; fused, any order
Tensor maxout(const Tensor& x, int64_t pieces, int64_t dim = 1);

/// relu(x), and after it relu(−x), along `dim`: what is negative is kept too, Shang et al. 2016, arXiv:1603.05201.
///   shape   (…, c, …) → (…, 2c, …); the result keeps the memory order of x
///   dtype   f32 or f64
///   throws  IndexError for a dimension out of range, DtypeError
///   grad    that of the first half where x > 0, minus that of the second where x < 0, 0 at 0; fused, any order
Tensor crelu(const Tensor& x, int64_t dim = 1);

}  // namespace cairn
