#pragma once
// The dense layer.

#include "cairn/nn/module.h"

namespace cairn::nn {

struct LinearOptions {
  bool bias = true;
  Dtype dtype = f32;
};

/// y = x Wᵀ + b.
///   shape   x (…, in) → (…, out); weight (out, in), bias (out)
///   init    weight and bias uniform in ±1/√in from the default generator, as PyTorch has it
///   throws  ValueError for sizes below 1; ShapeError when the last size of x is not `in`
class Linear : public Layer {
 public:
  int64_t in, out;
  Tensor& weight;
  Tensor& bias;  ///< undefined without a bias

  Linear(int64_t in, int64_t out, LinearOptions options = {});
  Tensor forward(const Tensor& x) override;
  Json options() const override;
  static Linear from_options(const Json& options);
};

}  // namespace cairn::nn
