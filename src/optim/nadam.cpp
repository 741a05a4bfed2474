#include "cairn/optim/nadam.h"

#include <cmath>

#include "optim/update.h"

namespace cairn::optim {

void NAdam::check_options(const NAdamOptions& o) {
  check(type_name, "beta1", o.betas.first, 1);
  check(type_name, "beta2", o.betas.second, 1);
  check(type_name, "eps", o.eps);
  check(type_name, "weight_decay", o.weight_decay);
  check(type_name, "momentum_decay", o.momentum_decay);
}

Optimizer::StateNames NAdam::state_names(size_t) const {
  return {.tensors = {"exp_avg", "exp_avg_sq"}, .number = "mu_product"};
}

void NAdam::update(const Update& u) {
  const NAdamOptions& o = options(u.group);
  const auto t = static_cast<double>(u.state.steps);
  const double beta1 = o.betas.first, beta2 = o.betas.second, decay = u.decayed(o.weight_decay);
  const auto mu_at = [&](double step) { return beta1 * (1 - 0.5 * std::pow(0.96, step * o.momentum_decay)); };
  const double mu = mu_at(t), mu_next = mu_at(t + 1), product = u.state.number *= mu;
  const double step_g = u.lr * (1 - mu) / (1 - product);
  const double step_m = u.lr * mu_next / (1 - product * mu * mu_next);  // μₜ twice: see the header
  const double correction = 1 / std::sqrt(1 - std::pow(beta2, t));
  sweep<0, 1>(u, [=, eps = o.eps](auto g, auto& w, auto& m, auto& v) {
    g += decay * w;
    m = beta1 * m + (1 - beta1) * g;
    v = beta2 * v + (1 - beta2) * (g * g);
    w -= (step_g * g + step_m * m) / (sqrt(v) * correction + eps);
  });
}

}  // namespace cairn::optim
