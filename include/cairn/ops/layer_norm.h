#pragma once
// Normalisation of each sample by itself.

#include <optional>

#include "cairn/tensor/tensor.h"

namespace cairn {

/// y = (x − mean) / √(var + eps) · weight + bias, mean and (biased) variance over the last dimensions.
///   shape   x (…, normalized_shape); weight and bias of normalized_shape, or undefined for 1 and 0
///   dtype   equal, f32 or f64
///   throws  ShapeError when x does not end with normalized_shape, or weight or bias are of another; DtypeError;
///           ValueError for a negative eps
///   grad    of x, weight and bias, any order
///   source  Ba, Kiros and Hinton 2016: Layer Normalization
Tensor layer_norm(const Tensor& x, const Shape& normalized_shape, const Tensor& weight = Tensor(),
                  const Tensor& bias = Tensor(), double eps = 1e-5);

/// y = x / √(mean of x² + eps) · weight, the mean over the last dimensions.
///   shape   x (…, normalized_shape); weight of normalized_shape, or undefined for 1
///   eps     by default the distance from 1 to the next number of the dtype
///   dtype, throws  as layer_norm
///   grad    of x and weight, any order
///   source  Zhang and Sennrich 2019, arXiv:1910.07467
Tensor rms_norm(const Tensor& x, const Shape& normalized_shape, const Tensor& weight = Tensor(),
                std::optional<double> eps = {});

}  // namespace cairn
