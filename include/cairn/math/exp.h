#pragma once
// exp and its kin on lanes: exp, expm1, tanh, sigmoid. The polynomials are fitted by tests/math/fit.py.

#include "cairn/math/lanes.h"

namespace cairn {
inline namespace CAIRN_ISA {

namespace detail {

/// exp is 0 below lowest, where e^x is less than half the smallest subnormal number, and infinite above highest.
template <Number S>
struct ExpRange {
  static constexpr double lowest = sizeof(S) == 4 ? -104.0 : -746.0;
  static constexpr double highest = sizeof(S) == 4 ? 88.722839052068353 : 709.78271289338400;
};

template <Number S>
inline constexpr int exponent_bias = sizeof(S) == 4 ? 127 : 1023;

/// x + low = n ln 2 + r with |r| <= ln 2 / 2, for |n| < 2⁸ (f32), 2¹¹ (f64): exp(x + low) = 2ⁿ exp(r).
template <Number S>
struct ExpSplit {
  Lanes<S> r;
  Lanes<S> shifted;  // the low bits of this number's pattern are those of n + offset

  [[gnu::always_inline]] ExpSplit(Lanes<S> x, Lanes<S> low, Lanes<S> offset) {
    // Adding 1.5 · 2^mantissa rounds to an integer. ln 2 is split so that n · head is exact.
    constexpr bool f32 = sizeof(S) == 4;
    const Lanes<S> rounder = offset + (f32 ? 0x1.8p23 : 0x1.8p52);
    constexpr double head = f32 ? 0x1.62e4p-1 : 0x1.62e42fefa38p-1;
    constexpr double rest = f32 ? 0x1.7f7d1cp-20 : 0x1.ef35793c7673p-45;
    shifted = fma(x + low, Lanes<S>(1.4426950408889634), rounder);
    const Lanes<S> n = shifted - rounder;
    r = fma(n, Lanes<S>(-rest), fma(n, Lanes<S>(-head), x) + low);
  }

  /// exp(r) - 1
  [[gnu::always_inline]] Lanes<S> expm1() const {
    if constexpr (sizeof(S) == 4) {
      return fma(r * r, polynomial(r, 0.5000000062, 0.1666654216, 0.04166627999, 0.008366699702, 0.001394661491), r);
    } else {
      return fma(
          r * r,
          polynomial(r, 0.500000000000000560, 0.166666666666666865, 0.0416666666665726908, 0.00833333333331425969,
                     0.00138888889327522614, 0.000198412699038221474, 0.0000248015039387504354, 2.75572271924901960e-6,
                     2.76265465046933888e-7, 2.51147288415854935e-8),
          r);
    }
  }

  /// 2ⁿ, or 2^(n - 1): the number whose exponent bits are n + offset.
  [[gnu::always_inline]] Lanes<S> power() const { return (Bits<S>(shifted) << Bits<S>::mantissa).number(); }
};

/// exp(x + low) for x <= 0 and |low| small beside |x| or 1. Underflow is gradual: x sigmoid(x) and its kin are normal
/// numbers where their second factor no longer is.
template <Number S>
[[gnu::always_inline]] inline Lanes<S> exp_of_negative(Lanes<S> x, Lanes<S> low = -0.0) {
  // Above lowest the power of two is a normal number. From there on it is 0: what is far below, as masked scores and the
  // padding of rows are at -infinity, shall not underflow, which takes some processors longer than all the rest.
  const ExpSplit<S> split(maximum(x, ExpRange<S>::lowest), low, exponent_bias<S> + 64);
  const Lanes<S> power = where(x <= ExpRange<S>::lowest, 0.0, split.power());
  return fma(split.expm1(), power, power) * 0x1p-64;
}

/// Added to a float above -2²², it leaves the nearest whole number n + 127 + 64 in the last bits; then power64 is 2^(n + 64).
inline constexpr double rounder64 = 0x1.8p23 + 127.0 + 64.0;
[[gnu::always_inline]] inline Lanes<float> power64(Lanes<float> shifted) {
  return (Bits<float>(shifted) << 23).number();
}

/// 2^(y + 64) for y <= 0, that of -152 below it. Less work than exp_of_negative, for arguments that have been rounded
/// already: rounding a y as large takes digits from the result however exactly it is computed.
[[gnu::always_inline]] inline Lanes<float> exp2_of_rounded(Lanes<float> exponent) {
  const Lanes<float> y = maximum(exponent, -152.0), shifted = y + rounder64, r = y - (shifted - rounder64);
  return power64(shifted) * horner(r, 1.0, 0.6931469752, 0.2402223884, 0.05550736184, 0.009671725329, 0.001326449778);
}

/// exp(x + low) for every x.
template <Number S>
[[gnu::always_inline]] inline Lanes<S> exp_sum(Lanes<S> x, Lanes<S> low) {
  using B = Bits<S>;
  // n = 128 (1024) has no power of two of its own, so n is added to the exponent of exp(r); subnormal results come from
  // normal ones 2⁶⁴ as large.
  const Mask<S> negative = x < 0.0;
  const ExpSplit<S> split(x, low, where(negative, Lanes<S>(64.0), 0.0));
  const Lanes<S> y = where(x < ExpRange<S>::lowest, 0.0,  // before it could underflow, see exp_of_negative
                           (B(split.expm1() + 1.0) + (B(split.shifted) << B::mantissa)).number());
  return where(x <= ExpRange<S>::highest, y * where(negative, Lanes<S>(0x1p-64), 1.0), x + INFINITY);  // NaN stays
}

}  // namespace detail

/// eˣ. Relative error 1e-7 (f32), 3e-16 (f64) down to the smallest normal number, then gradual underflow.
template <Number S>
[[gnu::always_inline]] inline Lanes<S> exp(Lanes<S> x) {
  return detail::exp_sum(x, Lanes<S>(-0.0));
}

/// eˣ - 1 without cancellation near 0. Relative error 2e-7 (f32), 5e-16 (f64).
template <Number S>
[[gnu::always_inline]] inline Lanes<S> expm1(Lanes<S> x) {
  const detail::ExpSplit<S> split(maximum(x, sizeof(S) == 4 ? -30.0 : -60.0), -0.0, detail::exponent_bias<S> - 1);
  const Lanes<S> half = split.power();  // half of 2ⁿ stays finite
  const Lanes<S> y = fma(half, split.expm1(), half - 0.5) * 2.0;
  return where(x <= detail::ExpRange<S>::highest, where(x == 0.0, x, y), x + INFINITY);
}

/// tanh x = -E / (E + 2), E = expm1(-2|x|), odd. Relative error 3e-7 (f32), 6e-16 (f64).
template <Number S>
[[gnu::always_inline]] inline Lanes<S> tanh(Lanes<S> x) {
  const detail::ExpSplit<S> split(maximum(abs(x) * -2.0, sizeof(S) == 4 ? -30.0 : -60.0), -0.0,
                                  detail::exponent_bias<S>);
  const Lanes<S> scale = split.power();
  const Lanes<S> e = fma(scale, split.expm1(), scale - 1.0);
  return copysign(e / (e + 2.0), x);
}

/// 1 / (1 + e⁻ˣ), from e^-|x|. Relative error 3e-7 (f32), 6e-16 (f64) down to the smallest normal number, then
/// gradual underflow.
template <Number S>
[[gnu::always_inline]] inline Lanes<S> sigmoid(Lanes<S> x) {
  const Lanes<S> u = detail::exp_of_negative(-abs(x));
  return where(x < 0.0, u, 1.0) / (u + 1.0);
}

}  // namespace CAIRN_ISA
}  // namespace cairn
