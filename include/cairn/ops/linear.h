#pragma once
// The affine map of a dense layer.

#include "cairn/tensor/tensor.h"

namespace cairn {

/// x Wᵀ + b: one product, with the bias added as it is stored.
///   shape   x (…, in), weight (out, in), bias (out) or undefined → (…, out)
///   dtype   equal, f32 or f64
///   throws  ShapeError when the sizes do not fit; DtypeError
///   grad    dx = G W, dW = Gᵀ x and db = Σ G over all rows, any order
///   bits    the same for any number of threads
Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias = Tensor());

}  // namespace cairn
