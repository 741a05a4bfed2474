#pragma once
// sin, cos and atan on lanes. The polynomials are fitted by tests/math/fit.py.

#include "cairn/math/lanes.h"

namespace cairn {
inline namespace CAIRN_ISA {

namespace detail {

/// Beyond this the reduction by a split π/2 is no longer exact, and the standard library takes over lane by lane.
inline constexpr double trig_limit = 1e5;

/// x = n π/2 + r with |r| <= π/4, for |x| <= trig_limit (W. J. Cody and W. Waite, Software Manual for the Elementary
/// Functions, 1980): the leading pieces of π/2 are so short that their products with n, below 2¹⁶, are exact.
template <Number S>
struct TrigSplit {
  Lanes<S> r;
  Bits<S> n;  // its two low bits: the quadrant

  [[gnu::always_inline]] explicit TrigSplit(Lanes<S> x) {
    constexpr double rounder = sizeof(S) == 4 ? 0x1.8p23 : 0x1.8p52;
    const Lanes<S> shifted = fma(x, Lanes<S>(0.63661977236758134), Lanes<S>(rounder));
    const Lanes<S> k = shifted - rounder;
    n = Bits<S>(shifted);
    if constexpr (sizeof(S) == 4) {
      r = fma(k, Lanes<S>(-0x1.92p+0), x);
      r = fma(k, Lanes<S>(-0x1.fap-12), r);
      r = fma(k, Lanes<S>(-0x1.54p-20), r);
      r = fma(k, Lanes<S>(-0x1.10b462p-30), r);
      r = fma(k, Lanes<S>(0x1.cb3b3ap-55), r);
    } else {
      r = fma(k, Lanes<S>(-0x1.921fb544p+0), x);
      r = fma(k, Lanes<S>(-0x1.0b4611a6p-34), r);
      r = fma(k, Lanes<S>(-0x1.3198a2e037073p-69), r);
    }
  }

  /// sin(r + (n + turn) π/2)
  [[gnu::always_inline]] Lanes<S> sine(typename Bits<S>::Word turn) const {
    using B = Bits<S>;
    const Lanes<S> z = r * r;
    Lanes<S> s, c;
    if constexpr (sizeof(S) == 4) {
      s = fma(r * z, polynomial(z, -0.1666665491, 0.008332176087, -0.0001951700337), r);
      c = polynomial(z, 0.04166664681, -0.001388736448, 2.443809052e-5);
    } else {
      s = fma(r * z,
              polynomial(z, -0.166666666666666319, 0.00833333333332237095, -0.000198412698297715113,
                         2.75573136786915238e-6, -2.50507559547298929e-8, 1.58966656433656052e-10),
              r);
      c = polynomial(z, 0.0416666666666665992, -0.00138888888888740672, 0.0000248015872894448660,
                     -2.75573143410595700e-7, 2.08757216784024293e-9, -1.13595621728567570e-11);
    }
    // 1 - z/2 is rounded; what the rounding lost is added back.
    const Lanes<S> half = z * 0.5;
    const Lanes<S> top = 1.0 - half;
    c = top + fma(z * z, c, (1.0 - top) - half);
    const B quadrant = n + turn;
    const Lanes<S> y = where((quadrant & typename B::Word{1}) == typename B::Word{0}, s, c);
    return (B(y) ^ ((quadrant << (8 * sizeof(S) - 2)) & B::sign)).number();
  }
};

template <Number S, class F>
[[gnu::noinline]] void each_lane(Lanes<S>& x, F f) {
  alignas(64) S line[Lanes<S>::size];
  x.store(line);
  for (S& number : line) number = static_cast<S>(f(static_cast<double>(number)));
  x = Lanes<S>::load(line);
}

}  // namespace detail

/// Sine. Relative error 3e-7 (f32), 6e-16 (f64) for |x| <= 1e5; beyond, the standard library's. NaN at ±∞.
template <Number S>
[[gnu::always_inline]] inline Lanes<S> sin(Lanes<S> x) {
  Lanes<S> y = where(x == 0.0, x, detail::TrigSplit<S>(x).sine(0));
  if (any(abs(x) > detail::trig_limit)) [[unlikely]] {
    Lanes<S> exact = x;
    detail::each_lane(exact, [](double v) { return std::sin(v); });
    y = where(abs(x) > detail::trig_limit, exact, y);
  }
  return y;
}

/// Cosine, as sin.
template <Number S>
[[gnu::always_inline]] inline Lanes<S> cos(Lanes<S> x) {
  Lanes<S> y = detail::TrigSplit<S>(x).sine(1);
  if (any(abs(x) > detail::trig_limit)) [[unlikely]] {
    Lanes<S> exact = x;
    detail::each_lane(exact, [](double v) { return std::cos(v); });
    y = where(abs(x) > detail::trig_limit, exact, y);
  }
  return y;
}

/// Arc tangent, in [-π/2, π/2]: reduced by tan(π/4) or tan(π/2) to |t| <= tan(π/8). Relative error 2e-7 (f32), 4e-16
/// (f64).
template <Number S>
[[gnu::always_inline]] inline Lanes<S> atan(Lanes<S> x) {
  const Lanes<S> a = abs(x);
  const Mask<S> middle = a > 0.41421356237309503;  // tan(π/8)
  const Mask<S> large = a > 2.4142135623730951;    // tan(3π/8)
  const Lanes<S> above = where(large, -1.0, where(middle, a - 1.0, a));
  const Lanes<S> below = where(large, a, where(middle, a + 1.0, 1.0));
  const Lanes<S> t = above / below;
  const Lanes<S> z = t * t;
  // π/4 in two pieces, taken twice for large x
  constexpr double head = sizeof(S) == 4 ? 0x1.921fb6p-1 : 0x1.921fb54442d18p-1;
  constexpr double rest = sizeof(S) == 4 ? -0x1.777a5cp-26 : 0x1.1a62633145c07p-55;
  const Lanes<S> quarters = where(large, 2.0, where(middle, Lanes<S>(1.0), 0.0));
  Lanes<S> tail;
  if constexpr (sizeof(S) == 4) {
    tail = detail::polynomial(z, -0.3333295379, 0.1997786502, -0.1387913885, 0.08057848164);
  } else {
    tail =
        detail::polynomial(z, -0.333333333333331977, 0.199999999999536630, -0.142857142802041084, 0.111111107838222189,
                           -0.0909089776740801025, 0.0769206036940550234, -0.0666310555970175988, 0.0584789825240736411,
                           -0.0503933506475981110, 0.0380650691855443946, -0.0179074738044930981);
  }
  const Lanes<S> y = quarters * head + (t + fma(t * z, tail, quarters * rest));
  return copysign(y, x);
}

}  // namespace CAIRN_ISA
}  // namespace cairn
