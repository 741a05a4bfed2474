#include "cairn/optim/rmsprop.h"

#include "optim/update.h"

namespace cairn::optim {

void RMSprop::check_options(const RMSpropOptions& o) {
  check(type_name, "alpha", o.alpha, 1);
  check(type_name, "eps", o.eps);
  check(type_name, "weight_decay", o.weight_decay);
  check(type_name, "momentum", o.momentum, 1);
}

Optimizer::StateNames RMSprop::state_names(size_t group) const {
  const RMSpropOptions& o = options(group);
  return {.tensors = {"square_avg", o.centered ? "grad_avg" : nullptr, o.momentum > 0 ? "momentum_buffer" : nullptr}};
}

void RMSprop::update(const Update& u) {
  const RMSpropOptions& o = options(u.group);
  const double lr = u.lr, momentum = o.momentum, decay = u.decayed(o.weight_decay);
  const auto plain = [=, keep = o.alpha, eps = o.eps](auto g, const auto& w, auto& square) {
    g += decay * w;
    square = keep * square + (1 - keep) * (g * g);
    return g / (sqrt(square) + eps);
  };
  const auto centered = [=, keep = o.alpha, eps = o.eps](auto g, const auto& w, auto& square, auto& mean) {
    g += decay * w;
    square = keep * square + (1 - keep) * (g * g);
    mean = keep * mean + (1 - keep) * g;
    return g / (sqrt(maximum(square - mean * mean, 0.0)) + eps);
  };
  if (momentum == 0 && !o.centered)
    sweep<0>(u, [=](auto g, auto& w, auto& square) { w -= lr * plain(g, w, square); });
  else if (momentum == 0)
    sweep<0, 1>(u, [=](auto g, auto& w, auto& square, auto& mean) { w -= lr * centered(g, w, square, mean); });
  else if (!o.centered)
    sweep<0, 2>(u, [=](auto g, auto& w, auto& square, auto& buffer) {
      buffer = momentum * buffer + plain(g, w, square);
      w -= lr * buffer;
    });
  else
    sweep<0, 1, 2>(u, [=](auto g, auto& w, auto& square, auto& mean, auto& buffer) {
      buffer = momentum * buffer + centered(g, w, square, mean);
      w -= lr * buffer;
    });
}

}  // namespace cairn::optim
