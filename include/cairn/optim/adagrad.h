#pragma once
// Adagrad: gradients divided by the size of all before them.

#include "cairn/optim/optimizer.h"

namespace cairn::optim {

struct AdagradOptions {
  double lr = 1e-2;
  double lr_decay = 0;
  double weight_decay = 0;
  double initial_accumulator_value = 0;
  double eps = 1e-10;
};

/// g ← ∇ + λ w;  s ← s + g², from initial_accumulator_value on;  w ← w − lr / (1 + (t − 1) lr_decay) · g / (√s + ε).
///   throws  ValueError for options out of range
/// Source: Duchi et al. 2011, in the form of torch.optim.Adagrad.
class Adagrad : public OptimizerOf<Adagrad, AdagradOptions> {
 public:
  using OptimizerOf::OptimizerOf;
  static constexpr const char* type_name = "Adagrad";
  static void check_options(const AdagradOptions& o);

 private:
  StateNames state_names(size_t group) const override;
  void update(const Update& u) override;
};

}  // namespace cairn::optim
