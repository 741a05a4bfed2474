#pragma once
// Normalisation by channel.

#include "cairn/tensor/tensor.h"

namespace cairn {

/// y = (x − mean) / √(var + eps) · weight + bias, by channel (dimension 1). In training mean and (biased) variance are
/// those of x over all other dimensions, and the running statistics move towards them: r ← (1 − momentum) · r + momentum
/// · s, the variance there being the unbiased one. Otherwise they are the running statistics.
///   shape   x (n, c) or (n, c, …); the others (c); weight and bias may be undefined for 1 and 0, the running statistics
///           in training too
///   dtype   equal, f32 or f64
///   memory  the result lies channels-last
///   throws  ShapeError for sizes that do not fit; ValueError in training for one value a channel, for evaluation
///           without running statistics, and for a negative eps; DtypeError
///   grad    of x, weight and bias, any order
///   source  Ioffe and Szegedy 2015: Batch Normalization
Tensor batch_norm(const Tensor& x, Tensor running_mean, Tensor running_var, const Tensor& weight = Tensor(),
                  const Tensor& bias = Tensor(), bool training = false, double momentum = 0.1, double eps = 1e-5);

/// The same within each sample, by groups of c / groups channels that lie next to each other; weight and bias by channel.
///   shape   x (n, c, …); weight and bias (c), or undefined for 1 and 0
///   throws  as batch_norm; ValueError unless groups ≥ 1 divides c, and for one value a group
///   grad    of x, weight and bias, any order
///   source  Wu and He 2018: Group Normalization
Tensor group_norm(const Tensor& x, int64_t groups, const Tensor& weight = Tensor(), const Tensor& bias = Tensor(),
                  double eps = 1e-5);

}  // namespace cairn
