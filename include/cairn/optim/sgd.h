#pragma once
// Stochastic gradient descent.

#include "cairn/optim/optimizer.h"

namespace cairn::optim {

struct SGDOptions {
  double lr = 1e-3;
  double momentum = 0;
  double dampening = 0;
  double weight_decay = 0;
  bool nesterov = false;
};

/// g ← ∇ + λ w;  v ← g in the first step, μ v + (1 − dampening) g after;  w ← w − lr v, or w − lr (g + μ v) with
/// Nesterov.
///   throws  ValueError for options out of range, and Nesterov without momentum or with dampening
/// Source: Sutskever et al. 2013, in the form of torch.optim.SGD.
class SGD : public OptimizerOf<SGD, SGDOptions> {
 public:
  using OptimizerOf::OptimizerOf;
  static constexpr const char* type_name = "SGD";
  static void check_options(const SGDOptions& o);

 private:
  StateNames state_names(size_t group) const override;
  void update(const Update& u) override;
};

}  // namespace cairn::optim
