#pragma once
// Dropout as a layer.

#include "cairn/nn/module.h"
#include "cairn/ops/dropout.h"

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

/// dropout2d in training mode: whole channels.
class Dropout2d : public Layer {
 public:
  explicit Dropout2d(double p = 0.5);
  Tensor forward(const Tensor& x) override;
  double p() const { return p_; }
  Json options() const override;
  static Dropout2d from_options(const Json& options);

 private:
  double p_;
};

/// stochastic_depth in training mode: whole samples, or with Drop::batch all at once.
class StochasticDepth : public Layer {
 public:
  explicit StochasticDepth(double p, Drop mode = Drop::row);
  Tensor forward(const Tensor& x) override;
  double p() const { return p_; }
  Json options() const override;
  static StochasticDepth from_options(const Json& options);

 private:
  double p_;
  Drop mode_;
};

}  // namespace cairn::nn
