#pragma once
// What Adam and AdamW share: all but where the weight decay goes.

#include <cmath>

#include "optim/update.h"

namespace cairn::optim {

template <class O>
Optimizer::StateNames adam_state_names(const O& o) {
  return {.tensors = {"exp_avg", "exp_avg_sq", o.amsgrad ? "max_exp_avg_sq" : nullptr}};
}

/// l2      weight decay as a part of the gradient
/// shrink  factor on the parameter before the step
template <class O>
void adam_update(const Optimizer::Update& u, const O& o, double l2, double shrink) {
  const auto t = static_cast<double>(u.state.steps);
  const auto [beta1, beta2] = o.betas;
  const double step = u.lr / (1 - std::pow(beta1, t)), correction = 1 / std::sqrt(1 - std::pow(beta2, t));
  const auto moments = [l2, keep1 = beta1, keep2 = beta2](auto g, const auto& w, auto& m, auto& v) {
    g += l2 * w;
    m = keep1 * m + (1 - keep1) * g;
    v = keep2 * v + (1 - keep2) * (g * g);
  };
  if (o.amsgrad)
    sweep<0, 1, 2>(u, [=, eps = o.eps](auto g, auto& w, auto& m, auto& v, auto& largest) {
      moments(g, w, m, v);
      largest = maximum(largest, v);
      w = shrink * w - step * m / (sqrt(largest) * correction + eps);
    });
  else
    sweep<0, 1>(u, [=, eps = o.eps](auto g, auto& w, auto& m, auto& v) {
      moments(g, w, m, v);
      w = shrink * w - step * m / (sqrt(v) * correction + eps);
    });
}

}  // namespace cairn::optim
