#pragma once
// Adam: steps of about the learning rate in every coordinate.

#include <utility>

#include "cairn/optim/optimizer.h"

namespace cairn::optim {

struct AdamOptions {
  double lr = 1e-3;
  std::pair<double, double> betas = {0.9, 0.999};
  double eps = 1e-8;
  double weight_decay = 0;
  bool amsgrad = false;
};

/// g ← ∇ + λ w;  m ← β₁ m + (1 − β₁) g;  v ← β₂ v + (1 − β₂) g²;  w ← w − lr / (1 − β₁ᵗ) · m / (√v / √(1 − β₂ᵗ) + ε).
/// With amsgrad the largest v so far stands in place of v. AdamW keeps the weight decay out of m and v.
///   throws  ValueError for options out of range
/// Source: Kingma & Ba 2015; amsgrad Reddi et al. 2018; in the form of torch.optim.Adam.
class Adam : public OptimizerOf<Adam, AdamOptions> {
 public:
  using OptimizerOf::OptimizerOf;
  static constexpr const char* type_name = "Adam";
  static void check_options(const AdamOptions& o);

 private:
  StateNames state_names(size_t group) const override;
  void update(const Update& u) override;
};

}  // namespace cairn::optim
