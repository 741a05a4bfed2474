#pragma once
// A layer that does nothing: a place that another one may take.

#include "cairn/nn/module.h"

namespace cairn::nn {

/// Hands its input on.
class Identity : public Layer {
 public:
  Tensor forward(const Tensor& x) override { return x; }
  Json options() const override;
  static Identity from_options(const Json& options);
};

}  // namespace cairn::nn
