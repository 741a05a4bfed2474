#include "cairn/optim/adamw.h"

#include "optim/adam_update.h"

namespace cairn::optim {

void AdamW::check_options(const AdamWOptions& o) {
  check(type_name, "beta1", o.betas.first, 1);
  check(type_name, "beta2", o.betas.second, 1);
  check(type_name, "eps", o.eps);
  check(type_name, "weight_decay", o.weight_decay);
}

Optimizer::StateNames AdamW::state_names(size_t group) const { return adam_state_names(options(group)); }

void AdamW::update(const Update& u) {
  const AdamWOptions& o = options(u.group);
  adam_update(u, o, 0, 1 - u.lr * u.decayed(o.weight_decay));
}

}  // namespace cairn::optim
