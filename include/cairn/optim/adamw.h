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
  bool amsgrad = false;
};

/// w ← (1 − lr λ) w;  m ← β₁ m + (1 − β₁) ∇;  v ← β₂ v + (1 − β₂) ∇²;
/// w ← w − lr / (1 − β₁ᵗ) · m / (√v / √(1 − β₂ᵗ) + ε). With amsgrad the largest v so far stands in place of v.
///   throws  ValueError for options out of range
/// Source: Loshchilov & Hutter 2019, in the form of torch.optim.AdamW.
class AdamW : public OptimizerOf<AdamW, AdamWOptions> {
 public:
  using OptimizerOf::OptimizerOf;
  static constexpr const char* type_name = "AdamW";
  static void check_options(const AdamWOptions& o);

 private:
  StateNames state_names(size_t group) const override;
  void update(const Update& u) override;
};

}  // namespace cairn::optim
