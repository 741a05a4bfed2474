#include "cairn/optim/radam.h"

#include <cmath>

#include "optim/update.h"

namespace cairn::optim {

void RAdam::check_options(const RAdamOptions& o) {
  check(type_name, "beta1", o.betas.first, 1);
  check(type_name, "beta2", o.betas.second, 1);
  check(type_name, "eps", o.eps);
  check(type_name, "weight_decay", o.weight_decay);
}

Optimizer::StateNames RAdam::state_names(size_t) const { return {.tensors = {"exp_avg", "exp_avg_sq"}}; }

void RAdam::update(const Update& u) {
  const RAdamOptions& o = options(u.group);
  const auto t = static_cast<double>(u.state.steps);
  const double beta1 = o.betas.first, beta2 = o.betas.second, decay = u.decayed(o.weight_decay);
  const double power2 = std::pow(beta2, t), step = u.lr / (1 - std::pow(beta1, t));
  const double limit = 2 / (1 - beta2) - 1, rho = limit - 2 * t * power2 / (1 - power2);
  const auto moments = [=](auto g, const auto& w, auto& m, auto& v) {
    g += decay * w;
    m = beta1 * m + (1 - beta1) * g;
    v = beta2 * v + (1 - beta2) * (g * g);
  };
  if (rho <= 5)  // the variance of 1/√v is not known yet
    return sweep<0, 1>(u, [=](auto g, auto& w, auto& m, auto& v) {
      moments(g, w, m, v);
      w -= step * m;
    });
  const double rectified =
      step * std::sqrt((1 - power2) * (rho - 4) * (rho - 2) * limit / ((limit - 4) * (limit - 2) * rho));
  sweep<0, 1>(u, [=, eps = o.eps](auto g, auto& w, auto& m, auto& v) {
    moments(g, w, m, v);
    w -= rectified * m / (sqrt(v) + eps);
  });
}

}  // namespace cairn::optim
