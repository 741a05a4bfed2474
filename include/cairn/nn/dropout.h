#pragma once
// Dropout as a layer.

#include "cairn/nn/module.h"

namespace cairn::nn {

/// In training mode sets each element to 0 with probability p and scales the others by 1/(1 − p), as cairn::dropout
/// from the default generator; in evaluation mode hands its input on.
///   throws  ValueError unless 0 ≤ p ≤ 1
class Dropout : public Layer {
 public:
  explicit Dropout(double p = 0.5);
  Tensor forward(const Tensor& x) override;
  double p() const { return p_; }
  Json options() const override;
  static Dropout from_options(const Json& options);

 private:
  double p_;
};

}  // namespace cairn::nn
