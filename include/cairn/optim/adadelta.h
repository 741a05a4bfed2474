#pragma once
// Adadelta: steps as long as the recent ones, whatever the scale of the gradients.

#include "cairn/optim/optimizer.h"

namespace cairn::optim {

struct AdadeltaOptions {
  double lr = 1;
  double rho = 0.9;
  double eps = 1e-6;
  double weight_decay = 0;
};

/// g ← ∇ + λ w;  v ← ρ v + (1 − ρ) g²;  d ← √(u + ε) / √(v + ε) · g;  u ← ρ u + (1 − ρ) d²;  w ← w − lr d.
///   throws  ValueError for options out of range
/// Source: Zeiler 2012, in the form of torch.optim.Adadelta.
class Adadelta : public OptimizerOf<Adadelta, AdadeltaOptions> {
 public:
  using OptimizerOf::OptimizerOf;
  static constexpr const char* type_name = "Adadelta";
  static void check_options(const AdadeltaOptions& o);

 private:
  StateNames state_names(size_t group) const override;
  void update(const Update& u) override;
};

}  // namespace cairn::optim
