#include "cairn/optim/sgd.h"

#include <cmath>

#include "kernels/sweep.h"

namespace cairn::optim {

SGD::SGD(ParameterList parameters, SGDOptions options)
    : Optimizer("SGD", std::move(parameters), options.lr), options_(options) {
  check("momentum", options.momentum, INFINITY);
  check("dampening", options.dampening, INFINITY);
  check("weight_decay", options.weight_decay, INFINITY);
  require<ValueError>(!options.nesterov || (options.momentum > 0 && options.dampening == 0), "SGD",
                      "nesterov needs momentum and no dampening", given("momentum", options.momentum),
                      given("dampening", options.dampening));
}

void SGD::update(const Update& u) {
  const int64_t n = u.parameter.numel();
  const double decay = u.decay ? options_.weight_decay : 0, momentum = options_.momentum;
  Tensor& velocity = u.state.tensors[0];
  visit_float("SGD", u.parameter.dtype(), [&]<class S>() {
    using L = Lanes<S>;
    const S* g = u.gradient.pointer<S>();
    S* w = u.parameter.pointer<S>();
    if (momentum == 0)
      return kernels::sweep(
          n, [=, lr = u.lr](L grad, L& x) { x -= lr * (grad + decay * x); }, g, w);
    // The first velocity is the gradient, undampened: as if it had gone on for ever.
    const bool first = !velocity.defined();
    if (first) velocity = empty_like(u.parameter);
    const double keep = first ? 0 : momentum, take = first ? 1 : 1 - options_.dampening;
    const double ahead = options_.nesterov ? momentum : 1, direct = options_.nesterov ? 1 : 0;
    S* v = velocity.pointer<S>();
    if (first) std::fill(v, v + n, S(0));
    kernels::sweep(
        n,
        [=, lr = u.lr](L grad, L& x, L& speed) {
          grad += decay * x;
          speed = keep * speed + take * grad;
          x -= lr * (direct * grad + ahead * speed);
        },
        g, w, v);
  });
}

}  // namespace cairn::optim
