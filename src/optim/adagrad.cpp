#include "cairn/optim/adagrad.h"

#include "optim/update.h"

namespace cairn::optim {

void Adagrad::check_options(const AdagradOptions& o) {
  check(type_name, "lr_decay", o.lr_decay);
  check(type_name, "weight_decay", o.weight_decay);
  check(type_name, "initial_accumulator_value", o.initial_accumulator_value);
  check(type_name, "eps", o.eps);
}

Optimizer::StateNames Adagrad::state_names(size_t) const { return {.tensors = {"sum"}}; }

void Adagrad::update(const Update& u) {
  const AdagradOptions& o = options(u.group);
  const double lr = u.lr / (1 + static_cast<double>(u.state.steps - 1) * o.lr_decay);
  const double start = u.state.steps == 1 ? o.initial_accumulator_value : 0;
  sweep<0>(u, [=, decay = u.decayed(o.weight_decay), eps = o.eps](auto g, auto& w, auto& sum) {
    g += decay * w;
    sum += start + g * g;
    w -= lr * g / (sqrt(sum) + eps);
  });
}

}  // namespace cairn::optim
