#pragma once
// The formulas of the catalogue as types, generic in the argument and the parameters; and the macros that read its lines.

#include <cmath>
#include <vector>

#include "cairn/activation/activation.h"

namespace cairn {
inline namespace CAIRN_ISA {

#define CAIRN_AS_GENERIC(name, value) , [[maybe_unused]] const P& name
#define CAIRN_AS_ARGUMENT(name, value) , name
#define CAIRN_AS_UNUSED(name, value) , [[maybe_unused]] double name
#define CAIRN_COUNT(name, value) +1
#define CAIRN_AS_TEXT(name, value) #name,
#define CAIRN_AS_NUMBER(name, value) name,
#define CAIRN_AS_ROW(name, value) {#name, value},
#define CAIRN_AS_DEFAULT(name, value) &&name == value

// The formula, generic in its argument and its parameters, and its kinks.
namespace formulas {

inline std::vector<double> kinks(auto... at) { return {static_cast<double>(at)...}; }
inline std::vector<double> only_if(bool condition, auto... at) {
  return condition ? std::vector<double>{static_cast<double>(at)...} : std::vector<double>();
}
// Left to find_kinks.
inline std::vector<double> searched() { return {NAN}; }

// √(x² + b), of which |x| is left from 1e9 on: there x² would overflow a float.
template <class T, class P>
[[gnu::always_inline]] inline T root(const T& x, const P& b) {
  return where(abs(x) > 1e9, abs(x), sqrt(square(clamp(x, -1e9, 1e9)) + b));
}
// 1 / |x| for |x| ≥ 1
template <class T>
[[gnu::always_inline]] inline T inverse(const T& x) {
  return 1.0 / maximum(abs(x), 1.0);
}
// The continued fraction x / tanh(x) − … of Lambert: tanh(x) = x / (1 + z / f(z)) with z = x² ≤ 1.
template <class T>
[[gnu::always_inline]] inline T tanh_fraction(const T& z) {
  return z / (z / (z / (z / (z / (z / (z / 17.0 + 15.0) + 13.0) + 11.0) + 9.0) + 7.0) + 5.0) + 3.0;
}
// sin(x) / x for z = x² ≤ 1
template <class T>
[[gnu::always_inline]] inline T sinc_series(const T& z) {
  T y = 1.0 - z / 342.0;
  for (const double k : {272.0, 210.0, 156.0, 110.0, 72.0, 42.0, 20.0, 6.0}) y = 1.0 - z * y / k;
  return y;
}
// c + |q|, with the curvature of q where q is 0: there abs has the slope 0 and drops it.
template <class T>
[[gnu::always_inline]] inline T plus_abs(const T& c, const T& q) {
  return where(q < 0.0, c - q, c + q);
}
// P(x) / (1 + |Q(x)|): in x near 0, and in u = 1/x with x⁴ taken out elsewhere, which stays finite.
template <class T, class P>
[[gnu::always_inline]] inline T rational_function(const T& x, const P& a0, const P& a1, const P& a2, const P& a3,
                                                  const P& a4, const P& a5, const P& b1, const P& b2, const P& b3,
                                                  const P& b4) {
  const T v = clamp(x, -1.0, 1.0);
  const T near = (((((a5 * v + a4) * v + a3) * v + a2) * v + a1) * v + a0) /
                 plus_abs(T(1.0), (((b4 * v + b3) * v + b2) * v + b1) * v);
  const T u = 1.0 / where(abs(x) > 1.0, x, 1.0);
  const T far = (((((a0 * u + a1) * u + a2) * u + a3) * u + a4) * u + a5) /
                plus_abs(square(square(u)), ((b1 * u + b2) * u + b3) * u + b4);
  return where(abs(x) > 1.0, gate(x, far), near);
}

#define CAIRN_ACTIVATION(name, family, parameters, kinks_, source, ...)                                 \
  struct name##_formula {                                                                               \
    template <class T, class P = double>                                                                \
    [[gnu::always_inline]] static T of(const T& x CAIRN_EACH(CAIRN_AS_GENERIC, parameters)) {           \
      return __VA_ARGS__;                                                                               \
    }                                                                                                   \
    static std::vector<double> kinks_of(int CAIRN_EACH(CAIRN_AS_UNUSED, parameters)) { return kinks_; } \
  };
#define CAIRN_FORMULA CAIRN_ACTIVATION
#define CAIRN_ALPHABET CAIRN_ACTIVATION
#define CAIRN_OVERLOAD CAIRN_ACTIVATION
#define CAIRN_RECTIFIER CAIRN_ACTIVATION
#define CAIRN_FOLD(...)
#include "cairn/activation/catalogue.h"
}  // namespace formulas

}  // namespace CAIRN_ISA
}  // namespace cairn
