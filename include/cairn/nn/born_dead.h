#pragma once
// How likely a network is dead before its first step.

#include <concepts>
#include <cstdint>
#include <functional>
#include <ostream>

#include "cairn/nn/meter.h"

namespace cairn::nn {

/// Of so many networks, those that were born dead: all units of some activation are (see ActivationMeter::dead), so that
/// whatever lies before it gets no gradient, and where the activation is the only way through, the network is constant.
///   source  Lu, Shin, Su, Karniadakis, "Dying ReLU and initialization", arXiv:1903.06733
struct BornDead {
  int64_t dead = 0, seeds = 0;
  double probability = 0;    ///< dead / seeds
  double low = 0, high = 1;  ///< 95 % interval of Wilson (1927), "Probable inference", JASA 22
};
/// "born dead: 12.3 % (95 % interval 10.4 to 14.5 %), 123 of 1,000 seeds"
std::ostream& operator<<(std::ostream& out, const BornDead& b);

/// The estimate for `dead` of `seeds` networks.
///   throws  ValueError unless 0 ≤ dead ≤ seeds and seeds ≥ 1
BornDead born_dead(int64_t dead, int64_t seeds);

namespace detail {
BornDead born_dead(const std::function<MeterReport(uint64_t seed)>& measured, int64_t seeds);
}

/// Makes the model under manual_seed(1), manual_seed(2), …, and looks at it on the inputs (n, …), all of which must leave
/// it dead. default_generator() is put back.
///   make    a Layer, or a pointer to one, from the seed:
///           std::cout << nn::born_dead([](uint64_t) { return models::mlp(1, {.hidden = {3, 3, 3}}); }, inputs)
///   throws  ValueError for seeds < 1; what make and the model throw
template <std::invocable<uint64_t> Make>
BornDead born_dead(Make make, const Tensor& inputs, int64_t seeds = 1000) {
  return detail::born_dead(
      [&](uint64_t seed) {
        auto model = make(seed);
        if constexpr (requires { measure(*model, inputs); })
          return measure(*model, inputs);
        else
          return measure(model, inputs);
      },
      seeds);
}

}  // namespace cairn::nn
