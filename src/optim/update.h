#pragma once
// The one pass that an optimiser makes over a parameter, its gradient and what is kept of it.

#include "cairn/optim/optimizer.h"
#include "kernels/sweep.h"

namespace cairn::optim {

/// f(g, w, s…) for every line of the gradient (a value), the parameter and the state tensors of those slots
/// (references).
template <size_t... slots, class F>
void sweep(const Optimizer::Update& u, F f) {
  visit_float("step", u.parameter.dtype(), [&]<class S>() {
    kernels::sweep(u.parameter.numel(), f, u.gradient.pointer<S>(), u.parameter.pointer<S>(),
                   u.state.tensors[slots].template pointer<S>()...);
  });
}

}  // namespace cairn::optim
