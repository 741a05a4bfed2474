#pragma once
// The error function and the normal distribution on lanes: gaussian, erf, erfc, normal_pdf, normal_cdf, normal_cdf_tanh.
//
// The tails are exp(-a²) P(t) / (a + c) with t = (a - c) / (a + c) = 1 - 2c / (a + c): P is smooth on the whole half
// line, so one polynomial (tests/math/fit.py) serves without a branch. The square is split: with h the leading half of
// a's digits, h² is exact and exp(-a²) = exp(-h² - (a - h)(a + h)) keeps its relative accuracy down to the smallest
// normal number. The normal distribution on floats, which a GELU waits for, has a shorter way: normal_exp.

#include "cairn/math/exp.h"

namespace cairn {
inline namespace CAIRN_ISA {

namespace detail {

/// exp(-scale a²) for a = any >= 0 and scale = 1 or ½.
template <Number S>
[[gnu::always_inline]] inline Lanes<S> exp_minus_square(Lanes<S> any, double scale) {
  using B = Bits<S>;
  // Beyond, it is 0: what is left of the square must not become infinite.
  const Lanes<S> a = minimum(any, (sizeof(S) == 4 ? 10.3 : 27.5) * (scale == 1.0 ? 1.0 : 1.4143));
  const Lanes<S> head = (B(a) & ~((typename B::Word{1} << (sizeof(S) == 4 ? 12 : 27)) - 1)).number();
  const Lanes<S> scaled = head * -scale;
  return exp_of_negative(head * scaled, (a - head) * fma(a, Lanes<S>(-scale), scaled));
}

/// erfc(a) for a >= 0, infinity too.
template <Number S>
[[gnu::always_inline]] inline Lanes<S> erfc_tail(Lanes<S> a) {
  constexpr double shift = sizeof(S) == 4 ? 1.5 : 4.0;
  const Lanes<S> q = 1.0 / (a + shift);
  const Lanes<S> t = fma(q, Lanes<S>(-2.0 * shift), Lanes<S>(1.0));
  const Lanes<S> e = exp_minus_square(a, 1.0) * q;
  if constexpr (sizeof(S) == 4) {
    return e * polynomial(t, 0.9647562371, -0.5078500576, 0.07562287903, 0.04776958900, -0.008134588496,
                          -0.009472782671, -0.0007379299268, 0.001825106947, 0.0007339969547, -0.0001696685797,
                          -0.0001384277206);
  } else {
    return e * polynomial(t, 1.09599566100049111, -0.976548729080882443, 0.773208702265240775, -0.540853831313186172,
                          0.330851587877792634, -0.174010937241532964, 0.0763815149141812544, -0.0263700533158329187,
                          0.00611205560257535564, -0.000280959076973214171, -0.000455052362756880827,
                          0.000176813943414312681, -3.63630019320214608e-6, -0.0000188647196737660756,
                          4.69667426206174419e-6, 1.43258430027859014e-6, -8.48391358711458731e-7,
                          -8.69305710255411358e-8, 1.24211297340755871e-7, 9.60473104389806958e-9,
                          -1.37826309913214989e-8, -2.74489231320827811e-9);
  }
}

/// What exp(-a²/2) is kept times: of floats results far below the smallest normal number have all digits left.
template <Number S>
inline constexpr double normal_scale = sizeof(S) == 4 ? 0x1p64 : 1.0;

/// |x|, or where floats have been 0 for long what may be squared.
template <Number S>
[[gnu::always_inline]] inline Lanes<S> normal_side(Lanes<S> x) {
  return sizeof(S) == 4 ? minimum(abs(x), 14.6) : abs(x);
}

/// With an exponent that lies this much nearer to 0, ½ log₂e is a float.
inline constexpr double float_excess = 6.675e-9;
template <Number S>
inline constexpr double excess = sizeof(S) == 4 && certain_fma ? float_excess : 0.0;

/// normal_scale exp(-(½ - excess) a²) for a of normal_side.
template <Number S>
[[gnu::always_inline]] inline Lanes<S> normal_exp(Lanes<S> a) {
  if constexpr (sizeof(S) == 4 && certain_fma) {
    // The square is z + rest exactly; 2^y = 2ⁿ 2^r with y = half (z + rest), and half z - n has one rounding.
    const Lanes<S> half = -0.721347510814666748, z = a * a;
    const Lanes<S> rest = rounded_once(a, a, -z), shifted = fma(z, half, Lanes<S>(rounder64));
    const Lanes<S> r = fma(rest, half, rounded_once(z, half, rounder64 - shifted));
    return power64(shifted) *
           horner(r, 1.0, 0.6931472031, 0.2402264788, 0.05550331855, 0.009618439828, 0.001339913274, 0.0001535314638);
  } else {
    return exp_minus_square(a, 0.5) * normal_scale<S>;
  }
}

/// Φ(-a) for a of normal_side. The polynomial of floats is fitted to the excess.
template <Number S>
[[gnu::always_inline]] inline Lanes<S> normal_tail(Lanes<S> a) {
  if constexpr (sizeof(S) == 4) {
    constexpr double unit = 1.0 / normal_scale<S>;
    const Lanes<S> q = 1.0 / (a + 2.25),
                   mills = q * horner(q, unit * 0.3990727259, unit * 0.8905705652, unit * 1.778629223,
                                      unit * -0.08149019161, unit * 13.46158418, unit * -71.73380454,
                                      unit * 138.4033977, unit * -126.3021256, unit * 46.36332971);
    const Lanes<S> tail = normal_exp(a) * mills;
    return certain_fma ? tail : tail * fma(a * a, Lanes<S>(float_excess), Lanes<S>(1.0));
  } else {
    const Lanes<S> q = 1.0 / (a + 5.0);
    const Lanes<S> t = fma(q, Lanes<S>(-10.0), Lanes<S>(1.0));
    return normal_exp(a) * q *
           polynomial(t, 0.769193049750062956, -0.665382502890056605, 0.495305615969976951, -0.313533156671315231,
                      0.165020366170363923, -0.0691186387059669279, 0.0207950668001947517, -0.00299337677549791008,
                      -0.000797869400976181782, 0.000544899104482212194, -0.0000593757144405135425,
                      -0.0000497630047285948278, 0.0000166811571731511270, 3.98147880248160301e-6,
                      -2.76908549695992985e-6, -3.37728929196668199e-7, 4.32731789582484569e-7, 4.36089716776435092e-8,
                      -6.53576174781275422e-8, -1.02190289972238331e-8, 7.19537325624548642e-9, 2.01967049746560997e-9);
  }
}

}  // namespace detail

/// exp(-x²). Relative error 2e-7 (f32), 4e-16 (f64) down to the smallest normal number, then gradual underflow.
template <Number S>
[[gnu::always_inline]] inline Lanes<S> gaussian(Lanes<S> x) {
  return detail::exp_minus_square(abs(x), 1.0);
}

/// erf x = 2/√π ∫₀ˣ exp(-t²) dt. Relative error 3e-7 (f32), 6e-16 (f64).
template <Number S>
[[gnu::always_inline]] inline Lanes<S> erf(Lanes<S> x) {
  const Lanes<S> a = abs(x);
  const Lanes<S> z = a * a;
  const Lanes<S> far = 1.0 - detail::erfc_tail(a);
  Lanes<S> near;
  if constexpr (sizeof(S) == 4) {
    near = a * detail::polynomial(z, 1.128379166, -0.3761262714, 0.1128360018, -0.02685444449, 0.005189534855,
                                  -0.0008020835785, 7.889099349e-5);
  } else {
    near = a * detail::polynomial(z, 1.12837916709551257, -0.376126389031835466, 0.112837916709452532,
                                  -0.0268661706432762183, 0.00522397760742346784, -0.000854832598969675803,
                                  0.000120552953204942942, -0.0000149247446633354897, 1.64475176778718737e-6,
                                  -1.62091759117486957e-7, 1.37229762659245033e-8, -7.80118887409775157e-10);
  }
  return copysign(where(a < 1.0, near, far), x);
}

/// 1 - erf x without cancellation. Relative error 4e-7 (f32), 1.5e-15 (f64) down to the smallest normal number
/// (x = 9.19, 26.54), then gradual underflow.
template <Number S>
[[gnu::always_inline]] inline Lanes<S> erfc(Lanes<S> x) {
  const Lanes<S> tail = detail::erfc_tail(abs(x));
  return where(x < 0.0, 2.0 - tail, tail);
}

/// Density of the standard normal distribution, exp(-x²/2) / √(2π). Relative error 2.5e-7 (f32), 4e-16 (f64) down to
/// the smallest normal number, then gradual underflow.
template <Number S>
[[gnu::always_inline]] inline Lanes<S> normal_pdf(Lanes<S> x) {
  constexpr double factor = 0.39894228040143267794 / detail::normal_scale<S>;
  const Lanes<S> a = detail::normal_side(x);
  if constexpr (detail::excess<S> == 0.0) return detail::normal_exp(a) * factor;
  return detail::normal_exp(a) * fma(a * a, Lanes<S>(-detail::excess<S> * factor), Lanes<S>(factor));
}

/// Distribution function Φ(x) of the standard normal distribution. Relative error 5e-7 + 5e-9 x² (f32; 4e-7 for positive
/// x), 1.5e-15 (f64) down to the smallest normal number (x = -12.9, -37.5), then gradual underflow. Monotone but for the last
/// digit or two.
template <Number S>
[[gnu::always_inline]] inline Lanes<S> normal_cdf(Lanes<S> x) {
  return abs(where(x > 0.0, 1.0, Lanes<S>(0.0)) - detail::normal_tail(detail::normal_side(x)));
}

/// ½ (1 + tanh(√(2/π) (x + 0.044715 x³))), which stands for Φ(x) in a GELU of Hendrycks & Gimpel 2016, computed as
/// sigmoid(u) with u = √(8/π) (x + 0.044715 x³): so it loses no digits on the left. Relative error 4e-7 + 2e-7 |u| (f32),
/// 1e-15 + 4e-16 |u| (f64) for negative x, u being rounded; 3e-7, 6e-16 for positive ones. Underflow is gradual.
template <Number S>
[[gnu::always_inline]] inline Lanes<S> normal_cdf_tanh(Lanes<S> x) {
  constexpr double linear = 1.5957691216057307117, cubic = 0.071354816272600264;
  if constexpr (sizeof(S) == 4) {
    constexpr double log2e = 1.4426950408889634;
    const Lanes<S> y = x * fma(x * x, Lanes<S>(log2e * cubic), Lanes<S>(log2e * linear));
    const Lanes<S> e = detail::exp2_of_rounded(-abs(y)) * 0x1p-64;
    return where(x < 0.0, e, 1.0) / (e + 1.0);
  } else {
    return sigmoid(x * fma(x * x, Lanes<S>(cubic), Lanes<S>(linear)));
  }
}

}  // namespace CAIRN_ISA
}  // namespace cairn
