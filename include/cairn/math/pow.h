#pragma once
// Powers on lanes: square, reciprocal, rsqrt, pow.

#include "cairn/math/log.h"

namespace cairn {
inline namespace CAIRN_ISA {

template <Number S>
[[gnu::always_inline]] inline Lanes<S> square(Lanes<S> x) {
  return x * x;
}

template <Number S>
[[gnu::always_inline]] inline Lanes<S> reciprocal(Lanes<S> x) {
  return 1.0 / x;
}

/// 1 / √x, two roundings; ±∞ at ±0.
template <Number S>
[[gnu::always_inline]] inline Lanes<S> rsqrt(Lanes<S> x) {
  return 1.0 / sqrt(x);
}

namespace detail {

/// The unevaluated sum head + rest of two doubles.
struct Twofold {
  Lanes<double> head, rest;
};

/// a + b, exactly, where |a| >= |b| or a = 0.
[[gnu::always_inline]] inline Twofold two_sum(Lanes<double> a, Lanes<double> b) {
  const Lanes<double> s = a + b;
  return {s, b - (s - a)};
}

/// a * b to within 2⁻¹⁰⁵, by halves (T. J. Dekker, Numerische Mathematik 18, 1971); exact with or without contraction.
[[gnu::always_inline]] inline Twofold two_product(Lanes<double> a, Lanes<double> b) {
  constexpr std::uint64_t top = ~((std::uint64_t{1} << 27) - 1);
  const Lanes<double> p = a * b;
  const Lanes<double> a1 = (Bits<double>(a) & top).number(), a2 = a - a1;
  const Lanes<double> b1 = (Bits<double>(b) & top).number(), b2 = b - b1;
  return {p, ((a1 * b1 - p) + a1 * b2 + a2 * b1) + a2 * b2};
}

/// log x for normal x > 0 to about 2⁻⁶⁵.
inline Twofold precise_log(Lanes<double> x, Lanes<double> scaled_by) {
  const LogSplit<double> split(x);
  const Lanes<double> n = split.n - scaled_by;
  // s = f / d, d = 2 + f, and log(1 + f) = 2 s + 2/3 s³ + s⁵ P(s²)
  const Twofold d = two_sum(Lanes<double>(2.0), split.f);
  Twofold s;
  s.head = split.f / d.head;
  const Twofold back = two_product(s.head, d.head);
  s.rest = (((split.f - back.head) - back.rest) - s.head * d.rest) / d.head;
  Twofold z = two_product(s.head, s.head);
  z.rest += 2.0 * s.head * s.rest;
  Twofold cube = two_product(z.head, s.head);
  cube.rest += z.rest * s.head + z.head * s.rest;
  Twofold third = two_product(cube.head, Lanes<double>(0x1.5555555555555p-1));
  third.rest += cube.rest * 0x1.5555555555555p-1 + cube.head * 0x1.5555555555555p-55;
  const Lanes<double> tail =
      cube.head * z.head *
      polynomial(z.head, 0.399999999999999773, 0.285714285714452159, 0.222222222175109383, 0.181818188734632512,
                 0.153845566552680803, 0.133363257487381582, 0.116746488932881959, 0.119904296242841592);
  const Twofold main = two_sum(2.0 * s.head, third.head);
  const Twofold log1 = two_sum(main.head, main.rest + (2.0 * s.rest + (third.rest + tail)));
  const Twofold whole = two_sum(n * 0x1.62e42fefa38p-1, log1.head);
  return two_sum(whole.head, whole.rest + (n * 0x1.ef35793c7673p-45 + log1.rest));
}

/// xʸ for x >= 0, but 0⁰, ∞⁰ and 1^±∞.
inline Lanes<double> power(Lanes<double> x, Lanes<double> y) {
  const Mask<double> tiny = x < 0x1p-1022;
  Twofold l = precise_log(where(tiny, x * 0x1p54, x), where(tiny, 54.0, 0.0));
  l.head = log_limits(x, l.head);
  const Twofold e = two_product(l.head, y);
  return exp_sum(e.head, where(abs(e.head) < 1000.0, e.rest + l.rest * y, 0.0));
}
inline Lanes<float> power(Lanes<float> x, Lanes<float> y) {
  // f32 is a detour through f64, whose logarithm and exponential have digits to spare.
  constexpr int n = Lanes<double>::size;
  alignas(64) float base[2 * n], exponent[2 * n];
  x.store(base);
  y.store(exponent);
  for (int half = 0; half < 2 * n; half += n) {
    alignas(64) double b[n], e[n];
    for (int i = 0; i < n; ++i) b[i] = base[half + i], e[i] = exponent[half + i];
    exp(log(Lanes<double>::load(b)) * Lanes<double>::load(e)).store(b);
    for (int i = 0; i < n; ++i) base[half + i] = static_cast<float>(b[i]);
  }
  return Lanes<float>::load(base);
}

}  // namespace detail

/// xʸ, with the special values of C's pow: 1 where x = 1 or y = 0, NaN for x < 0 unless y is an integer.
/// Relative error 1e-7 (f32, subnormal results too), 6e-16 (f64; results below the smallest normal number are 0).
template <Number S>
Lanes<S> pow(Lanes<S> x, Lanes<S> y) {
  const Lanes<S> size = detail::power(abs(x), y);
  const Mask<S> whole = floor(y) == y;
  const Mask<S> odd = whole & (floor(y * 0.5) != y * 0.5);
  const Mask<S> negative = copysign(Lanes<S>(1.0), x) < 0.0;
  const Lanes<S> y_size = where(negative & odd, -size, size);
  const Lanes<S> signed_size = where((x < 0.0) & isfinite(x) & !whole, NAN, y_size);
  return where((x == 1.0) | (y == 0.0) | ((x == -1.0) & (abs(y) == INFINITY)), 1.0, signed_size);
}

/// xᶜ for a constant; 0, 1, 2, 3, -1, -2 and ½ without logarithm.
template <Number S>
Lanes<S> pow(Lanes<S> x, double c) {
  if (c == 0.0) return 1.0;
  if (c == 1.0) return x;
  if (c == 2.0) return x * x;
  if (c == 3.0) return x * x * x;
  if (c == -1.0) return 1.0 / x;
  if (c == -2.0) return 1.0 / (x * x);
  if (c == 0.5) return sqrt(x);
  return pow(x, Lanes<S>(c));
}
template <Number S>
Lanes<S> pow(double c, Lanes<S> y) {
  return pow(Lanes<S>(c), y);
}

}  // namespace CAIRN_ISA
}  // namespace cairn
