#include "cairn/optim/adam.h"

#include "optim/adam_update.h"

namespace cairn::optim {

void Adam::check_options(const AdamOptions& o) {
  check(type_name, "beta1", o.betas.first, 1);
  check(type_name, "beta2", o.betas.second, 1);
  check(type_name, "eps", o.eps);
  check(type_name, "weight_decay", o.weight_decay);
}

Optimizer::StateNames Adam::state_names(size_t group) const { return adam_state_names(options(group)); }

void Adam::update(const Update& u) {
  const AdamOptions& o = options(u.group);
  adam_update(u, o, u.decayed(o.weight_decay), 1);
}

}  // namespace cairn::optim
