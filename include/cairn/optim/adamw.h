#pragma once
// Adam with decoupled weight decay.

#include <utility>

#include "cairn/optim/optimizer.h"

namespace cairn::optim {

struct AdamWOptions {
  double lr = 1e-3;
  std::pair<double, double> betas = {0.9, 0.999};
  double eps = 1e-8;
  double weight_decay = 0.01;
};

/// w ← (1 − lr λ) w;  m ← β₁ m + (1 − β₁) ∇;  v ← β₂ v + (1 − β₂) ∇²;
/// w ← w − lr / (1 − β₁ᵗ) · m / (√v / √(1 − β₂ᵗ) + ε).
///   throws  ValueError for options out of range
/// Source: Loshchilov & Hutter 2019, in the form of torch.optim.AdamW.
class AdamW : public Optimizer {
 public:
  explicit AdamW(ParameterList parameters, AdamWOptions options = {});

 private:
  void update(const Update& u) override;
  AdamWOptions options_;
};

}  // namespace cairn::optim
