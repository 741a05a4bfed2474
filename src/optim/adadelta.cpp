#include "cairn/optim/adadelta.h"

#include "optim/update.h"

namespace cairn::optim {

void Adadelta::check_options(const AdadeltaOptions& o) {
  check(type_name, "rho", o.rho, 1);
  check(type_name, "eps", o.eps);
  check(type_name, "weight_decay", o.weight_decay);
}

Optimizer::StateNames Adadelta::state_names(size_t) const { return {.tensors = {"square_avg", "acc_delta"}}; }

void Adadelta::update(const Update& u) {
  const AdadeltaOptions& o = options(u.group);
  const double lr = u.lr, decay = u.decayed(o.weight_decay);
  sweep<0, 1>(u, [=, keep = o.rho, eps = o.eps](auto g, auto& w, auto& square, auto& acc) {
    g += decay * w;
    square = keep * square + (1 - keep) * (g * g);
    const auto delta = sqrt(acc + eps) / sqrt(square + eps) * g;
    acc = keep * acc + (1 - keep) * (delta * delta);
    w -= lr * delta;
  });
}

}  // namespace cairn::optim
