#pragma once
// RMSprop: gradients divided by their recent size.

#include "cairn/optim/optimizer.h"

namespace cairn::optim {

struct RMSpropOptions {
  double lr = 1e-2;
  double alpha = 0.99;
  double eps = 1e-8;
  double weight_decay = 0;
  double momentum = 0;
  bool centered = false;
};

/// g ← ∇ + λ w;  v ← α v + (1 − α) g²;  u ← g / (√v + ε);  w ← w − lr u, or b ← μ b + u; w ← w − lr b with momentum μ.
/// Centred, a variance stands in place of v: a ← α a + (1 − α) g;  u ← g / (√max(v − a², 0) + ε).
///   throws  ValueError for options out of range
/// Source: Tieleman & Hinton 2012; centred Graves 2013; in the form of torch.optim.RMSprop, which lets rounding take
/// v − a² below 0 and its root to NaN.
class RMSprop : public OptimizerOf<RMSprop, RMSpropOptions> {
 public:
  using OptimizerOf::OptimizerOf;
  static constexpr const char* type_name = "RMSprop";
  static void check_options(const RMSpropOptions& o);

 private:
  StateNames state_names(size_t group) const override;
  void update(const Update& u) override;
};

}  // namespace cairn::optim
