#include "cairn/optim/sgd.h"

#include "optim/update.h"

namespace cairn::optim {

void SGD::check_options(const SGDOptions& o) {
  check(type_name, "momentum", o.momentum, 1);
  check(type_name, "dampening", o.dampening, 1);
  check(type_name, "weight_decay", o.weight_decay);
  require<ValueError>(!o.nesterov || (o.momentum > 0 && o.dampening == 0), type_name,
                      "nesterov needs momentum and no dampening", given("momentum", o.momentum),
                      given("dampening", o.dampening));
}

Optimizer::StateNames SGD::state_names(size_t group) const {
  return {.tensors = {options(group).momentum > 0 ? "momentum_buffer" : nullptr}};
}

void SGD::update(const Update& u) {
  const SGDOptions& o = options(u.group);
  const double lr = u.lr, decay = u.decayed(o.weight_decay);
  if (o.momentum == 0) return sweep(u, [=](auto g, auto& w) { w -= lr * (g + decay * w); });
  // The first velocity is the gradient, undampened: as if it had gone on for ever.
  const double momentum = o.momentum, take = u.state.steps == 1 ? 1 : 1 - o.dampening;
  const double ahead = o.nesterov ? momentum : 1, direct = o.nesterov ? 1 : 0;
  sweep<0>(u, [=](auto g, auto& w, auto& v) {
    g += decay * w;
    v = momentum * v + take * g;
    w -= lr * (direct * g + ahead * v);
  });
}

}  // namespace cairn::optim
