#include "cairn/optim/clip.h"

#include "cairn/graph/node.h"
#include "cairn/math/map.h"
#include "cairn/ops/reduce.h"

namespace cairn::optim {

// g ← f(g) for every gradient, in place.
template <class F>
static void change(const ParameterList& parameters, F f) {
  for (const nn::Parameter& p : parameters) {
    Tensor g = p.tensor.grad();
    if (!g.defined()) continue;
    if (!g.is_dense()) {  // stretched, perhaps: an element in memory may stand for many
      g = g.detach().clone();
      Tensor(p.tensor).set_grad(g);
    }
    visit_float("clip_grad", g.dtype(), [&]<class S>() {
      map<Work::little>(
          g.numel(), [&](Lanes<S> x) { return f(x); }, g.pointer<S>(), static_cast<const S*>(g.pointer<S>()));
    });
    g.bump_version();
  }
}

double clip_grad_norm_(const ParameterList& parameters, double max_norm, double norm_type, bool error_if_nonfinite) {
  require<ValueError>(max_norm > 0, "clip_grad_norm_", "max_norm must be positive", max_norm);
  require<ValueError>(norm_type > 0, "clip_grad_norm_", "norm_type must be positive", norm_type);
  const NoGrad no_grad;
  const bool largest = std::isinf(norm_type);
  double total = 0;
  for (const nn::Parameter& p : parameters) {
    const Tensor g = p.tensor.grad();
    if (!g.defined() || g.numel() == 0) continue;
    double n = norm(g, norm_type).item<double>();
    if (std::isinf(n) && g.dtype() == f32) n = norm(g.to(f64), norm_type).item<double>();  // its powers overflowed
    if (std::isnan(n) || std::isnan(total))
      total = NAN;
    else
      total = largest ? std::max(total, n) : total + std::pow(n, norm_type);
  }
  if (!largest) total = std::pow(total, 1 / norm_type);
  require<ValueError>(!error_if_nonfinite || std::isfinite(total), "clip_grad_norm_",
                      "the norm of the gradients is not finite", total);
  const double factor = max_norm / (total + 1e-6);
  if (!(factor >= 1) && !std::isinf(max_norm)) change(parameters, [=](auto g) { return g * factor; });
  return total;
}

void clip_grad_value_(const ParameterList& parameters, double clip_value) {
  require<ValueError>(clip_value >= 0, "clip_grad_value_", "clip_value must not be negative", clip_value);
  change(parameters, [=](auto g) { return clamp(g, -clip_value, clip_value); });
}

}  // namespace cairn::optim
