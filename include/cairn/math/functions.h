#pragma once
// The scalar alphabet: every function an elementwise formula is written in, for plain numbers and for Lanes. (For Dual
// it follows from the derivative rules.) A formula is a generic lambda such as
//   [](auto x) { return x * tanh(softplus(x)); }
//
//   exp expm1 tanh sigmoid                       exp.h      sin cos atan                          trig.h
//   log log1p softplus log_sigmoid               log.h      square reciprocal rsqrt pow           pow.h
//   erf erfc gaussian                            erf.h      sqrt abs floor maximum minimum clamp  lanes.h
//   normal_pdf normal_cdf normal_cdf_tanh        erf.h
//   sign gate where isnan isfinite               here and lanes.h
//
// Everything is branch-free, keeps NaN, and has its limits at ±0 and ±infinity. Accuracy is stated where a function is
// declared and held by tests/math/functions_test.cpp.

#include "cairn/math/erf.h"
#include "cairn/math/log.h"
#include "cairn/math/pow.h"
#include "cairn/math/trig.h"

namespace cairn {
inline namespace CAIRN_ISA {

/// -1, ±0 or 1; NaN at NaN.
template <Number S>
[[gnu::always_inline]] inline Lanes<S> sign(Lanes<S> x) {
  return where(x > 0.0, 1.0, where(x < 0.0, -1.0, x));
}

/// x · s, but 0 where s is 0, even for infinite x. For products such as x · normal_cdf(x) whose second factor goes to 0
/// faster than the first grows: value and derivative keep their limits at ±infinity.
template <Number S>
[[gnu::always_inline]] inline Lanes<S> gate(Lanes<S> x, Lanes<S> s) {
  return where(s == 0.0, 0.0, x * s);
}

// The alphabet on plain numbers: the standard library's functions, and lanes of one number for ours.

using std::abs;
using std::atan;
using std::cos;
using std::erf;
using std::erfc;
using std::exp;
using std::expm1;
using std::floor;
using std::isfinite;
using std::isnan;
using std::log;
using std::log1p;
using std::pow;
using std::sin;
using std::sqrt;
using std::tanh;

template <Number S>
S sigmoid(S x) {
  return sigmoid(Lanes<S>(x))[0];
}
template <Number S>
S softplus(S x) {
  return softplus(Lanes<S>(x))[0];
}
template <Number S>
S log_sigmoid(S x) {
  return log_sigmoid(Lanes<S>(x))[0];
}
template <Number S>
S gaussian(S x) {
  return gaussian(Lanes<S>(x))[0];
}
template <Number S>
S normal_pdf(S x) {
  return normal_pdf(Lanes<S>(x))[0];
}
template <Number S>
S normal_cdf(S x) {
  return normal_cdf(Lanes<S>(x))[0];
}
template <Number S>
S normal_cdf_tanh(S x) {
  return normal_cdf_tanh(Lanes<S>(x))[0];
}
template <Number S>
S square(S x) {
  return x * x;
}
template <Number S>
S reciprocal(S x) {
  return 1 / x;
}
template <Number S>
S rsqrt(S x) {
  return 1 / std::sqrt(x);
}
template <Number S>
S sign(S x) {
  return x > 0 ? S(1) : x < 0 ? S(-1) : x;
}

/// a or b, in the wider of their types.
template <class A, class B>
requires std::is_arithmetic_v<A> && std::is_arithmetic_v<B> std::common_type_t<A, B> where(bool condition, A a, B b) {
  return condition ? a : b;
}
template <class A, class B>
requires std::is_arithmetic_v<A> && std::is_arithmetic_v<B> std::common_type_t<A, B> maximum(A a, B b) {
  return a > b || a != a ? a : b;
}
template <class A, class B>
requires std::is_arithmetic_v<A> && std::is_arithmetic_v<B> std::common_type_t<A, B> minimum(A a, B b) {
  return a < b || a != a ? a : b;
}
template <Number S>
S clamp(S x, double lo, double hi) {
  return static_cast<S>(minimum(maximum(x, lo), hi));
}
template <Number S>
S gate(S x, S s) {
  return s == 0 ? S(0) : x * s;
}

}  // namespace CAIRN_ISA
}  // namespace cairn
