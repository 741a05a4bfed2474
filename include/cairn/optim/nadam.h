#pragma once
// Adam with Nesterov's momentum.

#include <utility>

#include "cairn/optim/optimizer.h"

namespace cairn::optim {

struct NAdamOptions {
  double lr = 2e-3;
  std::pair<double, double> betas = {0.9, 0.999};
  double eps = 1e-8;
  double weight_decay = 0;
  double momentum_decay = 4e-3;
};

/// g ← ∇ + λ w;  m and v as Adam's;  μₜ = β₁ (1 − ½ 0.96^(t ψ)) with ψ the momentum_decay;  Mₜ = μ₁ … μₜ;
/// w ← w − lr [(1 − μₜ) / (1 − Mₜ) g + μₜ₊₁ / (1 − Mₜ μₜ μₜ₊₁) m] / (√(v / (1 − β₂ᵗ)) + ε).
///   throws  ValueError for options out of range
/// Source: Dozat 2016, in the form of torch.optim.NAdam up to PyTorch 1.13, which has μₜ twice in the last product; the
/// paper and later versions have Mₜ μₜ₊₁ there. That makes the factor of m smaller, by an eighth in the first step and
/// by less than a hundredth from the fifth on.
class NAdam : public OptimizerOf<NAdam, NAdamOptions> {
 public:
  using OptimizerOf::OptimizerOf;
  static constexpr const char* type_name = "NAdam";
  static void check_options(const NAdamOptions& o);

 private:
  StateNames state_names(size_t group) const override;
  void update(const Update& u) override;
};

}  // namespace cairn::optim
