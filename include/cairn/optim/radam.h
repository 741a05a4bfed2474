#pragma once
// Adam that waits for its second moment.

#include <utility>

#include "cairn/optim/optimizer.h"

namespace cairn::optim {

struct RAdamOptions {
  double lr = 1e-3;
  std::pair<double, double> betas = {0.9, 0.999};
  double eps = 1e-8;
  double weight_decay = 0;
};

/// g ← ∇ + λ w;  m and v as Adam's;  ρ∞ = 2 / (1 − β₂) − 1;  ρ = ρ∞ − 2 t β₂ᵗ / (1 − β₂ᵗ);
/// r = √((ρ − 4)(ρ − 2) ρ∞ / ((ρ∞ − 4)(ρ∞ − 2) ρ));
/// w ← w − lr / (1 − β₁ᵗ) · m · r √(1 − β₂ᵗ) / (√v + ε) where ρ > 5, else w ← w − lr / (1 − β₁ᵗ) · m.
///   throws  ValueError for options out of range
/// Source: Liu et al. 2020, in the form of torch.optim.RAdam.
class RAdam : public OptimizerOf<RAdam, RAdamOptions> {
 public:
  using OptimizerOf::OptimizerOf;
  static constexpr const char* type_name = "RAdam";
  static void check_options(const RAdamOptions& o);

 private:
  StateNames state_names(size_t group) const override;
  void update(const Update& u) override;
};

}  // namespace cairn::optim
