#pragma once
// log and its kin on lanes: log, log1p, softplus, log_sigmoid. The polynomials are fitted by tests/math/fit.py.

#include <limits>

#include "cairn/math/exp.h"

namespace cairn {
inline namespace CAIRN_ISA {

namespace detail {

/// x = 2ⁿ (1 + f) with 1 + f in [√½, √2), for normal x > 0.
template <Number S>
struct LogSplit {
  Lanes<S> f;
  Lanes<S> n;
  Bits<S> biased;  // n plus the bias of exponents

  [[gnu::always_inline]] explicit LogSplit(Lanes<S> x) {
    using B = Bits<S>;
    constexpr bool f32 = sizeof(S) == 4;
    constexpr typename B::Word low = f32 ? 0x3f3504f3 : static_cast<typename B::Word>(0x3fe6a09e667f3bcd);  // √½
    constexpr typename B::Word fraction = (typename B::Word{1} << B::mantissa) - 1;
    constexpr typename B::Word bias = f32 ? 127 : 1023;
    constexpr double whole = f32 ? 0x1p23 : 0x1p52;  // this pattern | k is the number whole + k
    const B above = B(x) - low;
    biased = (above + (bias << B::mantissa)) >> B::mantissa;
    n = (biased | B(Lanes<S>(whole))).number() - (whole + bias);
    f = ((above & fraction) + low).number() - 1.0;
  }

  /// 2⁻ⁿ for x below half the largest number
  [[gnu::always_inline]] Lanes<S> inverse_power() const {
    using B = Bits<S>;
    return ((B(sizeof(S) == 4 ? 254 : 2046) - biased) << B::mantissa).number();
  }

  /// log(1 + f) + n ln 2
  [[gnu::always_inline]] Lanes<S> log() const {
    if constexpr (sizeof(S) == 4) {
      const Lanes<S> z = f * f;
      const Lanes<S> tail = polynomial(f, 0.3333331672, -0.2500081057, 0.2000228693, -0.1662454928, 0.1418117962,
                                       -0.1312878807, 0.1288172259, -0.07859602996);
      return fma(n, Lanes<S>(0x1.62e4p-1), f + fma(n, Lanes<S>(0x1.7f7d1cp-20), fma(z * f, tail, z * -0.5)));
    } else {
      // log(1 + f) = 2 s + s z P(z), and 2 s = f - s f: the rounded s enters only in the correction.
      const Lanes<S> s = f / (f + 2.0);
      const Lanes<S> z = s * s;
      const Lanes<S> tail =
          z * polynomial(z, 0.666666666666673488, 0.399999999994111424, 0.285714287432595334, 0.222221984756950777,
                         0.181835697801044151, 0.153139017059136678, 0.147975271633265042);
      const Lanes<S> correction = s * (f - tail) - n * 0x1.ef35793c7673p-45;
      return fma(n, Lanes<S>(0x1.62e42fefa38p-1), f - correction);
    }
  }
};

/// The values of log where the general formula does not hold, else y.
template <Number S>
[[gnu::always_inline]] inline Lanes<S> log_limits(Lanes<S> x, Lanes<S> y) {
  const Lanes<S> limit = where(x == 0.0, -INFINITY, where(x < 0.0, NAN, x));  // infinity and NaN stay
  return where((x > 0.0) & (x < INFINITY), y, limit);
}

/// log(1 + u) for u in [0, 1].
template <Number S>
[[gnu::always_inline]] inline Lanes<S> log1p_of_unit(Lanes<S> u) {
  if constexpr (sizeof(S) == 4) {
    return fma(u * u,
               polynomial(u, -0.4999994261, 0.3333081867, -0.2496192037, 0.1971301106, -0.1540708456, 0.1076917933,
                          -0.05854728190, 0.02067792651, -0.003424083632),
               u);
  } else {
    const Lanes<S> s = u / (u + 2.0);
    const Lanes<S> z = s * s;
    return u - s * (u - z * polynomial(z, 0.666666666666663038, 0.400000000001572493, 0.285714285478518898,
                                       0.222222239698955960, 0.181817439183676514, 0.153865600707970467,
                                       0.133009716048129153, 0.121061019622031049, 0.0834003346645627616,
                                       0.170186995427498324));
  }
}

}  // namespace detail

/// Natural logarithm. Relative error 1e-7 (f32), 3e-16 (f64), subnormal arguments too; -∞ at ±0, NaN below.
template <Number S>
[[gnu::always_inline]] inline Lanes<S> log(Lanes<S> x) {
  constexpr bool f32 = sizeof(S) == 4;
  const Mask<S> tiny = x < static_cast<double>(std::numeric_limits<S>::min());
  detail::LogSplit<S> split(where(tiny, x * (f32 ? 0x1p24 : 0x1p54), x));
  split.n -= where(tiny, f32 ? 24.0 : 54.0, 0.0);
  return detail::log_limits(x, split.log());
}

/// log(1 + x) without cancellation near 0. Relative error 2e-7 (f32), 4e-16 (f64); -∞ at -1, NaN below.
template <Number S>
[[gnu::always_inline]] inline Lanes<S> log1p(Lanes<S> x) {
  const Lanes<S> u = x + 1.0;
  const Lanes<S> back = u - x;
  const Lanes<S> lost = (x - (u - back)) + (1.0 - back);  // x + 1 - u, exactly
  detail::LogSplit<S> split(u);
  constexpr double whole = sizeof(S) == 4 ? 0x1p23 : 0x1p52;  // from here on, what was lost does not matter
  split.f += where(x < whole, lost * split.inverse_power(), 0.0);
  return where(x == 0.0, x, detail::log_limits(u, split.log()));
}

/// log(1 + eˣ) = max(x, 0) + log1p(e^-|x|). Relative error 3e-7 (f32), 6e-16 (f64) while the result is normal, then
/// gradual underflow.
template <Number S>
[[gnu::always_inline]] inline Lanes<S> softplus(Lanes<S> x) {
  return maximum(x, 0.0) + detail::log1p_of_unit(detail::exp_of_negative(-abs(x)));
}

/// log sigmoid(x) = -softplus(-x).
template <Number S>
[[gnu::always_inline]] inline Lanes<S> log_sigmoid(Lanes<S> x) {
  return minimum(x, 0.0) - detail::log1p_of_unit(detail::exp_of_negative(-abs(x)));
}

}  // namespace CAIRN_ISA
}  // namespace cairn
