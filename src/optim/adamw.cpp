#include "cairn/optim/adamw.h"

#include <algorithm>
#include <cmath>

#include "kernels/sweep.h"

namespace cairn::optim {

AdamW::AdamW(ParameterList parameters, AdamWOptions options)
    : Optimizer("AdamW", std::move(parameters), options.lr), options_(options) {
  check("beta1", options.betas.first, 1);
  check("beta2", options.betas.second, 1);
  check("eps", options.eps, INFINITY);
  check("weight_decay", options.weight_decay, INFINITY);
}

void AdamW::update(const Update& u) {
  const double beta1 = options_.betas.first, beta2 = options_.betas.second;
  const auto t = static_cast<double>(u.state.steps);
  const double step = u.lr / (1 - std::pow(beta1, t)), correction = 1 / std::sqrt(1 - std::pow(beta2, t));
  const double shrink = 1 - (u.decay ? u.lr * options_.weight_decay : 0);
  const double take1 = 1 - beta1, take2 = 1 - beta2;
  Tensor &m = u.state.tensors[0], &v = u.state.tensors[1];
  const int64_t n = u.parameter.numel();
  visit_float("AdamW", u.parameter.dtype(), [&]<class S>() {
    if (!m.defined())
      for (Tensor* s : {&m, &v}) {
        *s = empty_like(u.parameter);
        std::fill_n(s->pointer<S>(), n, S(0));
      }
    using L = Lanes<S>;
    kernels::sweep(
        n,
        [=, eps = options_.eps](L g, L& w, L& mean, L& square) {
          mean = beta1 * mean + take1 * g;
          square = beta2 * square + take2 * (g * g);
          w = shrink * w - step * mean / (sqrt(square) * correction + eps);
        },
        u.gradient.pointer<S>(), u.parameter.pointer<S>(), m.pointer<S>(), v.pointer<S>());
  });
}

}  // namespace cairn::optim
