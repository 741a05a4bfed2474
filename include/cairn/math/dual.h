#pragma once
// Forward-mode derivatives: a value and its tangents, computed together.

#include <array>
#include <concepts>
#include <type_traits>

#include "cairn/math/rules.h"

namespace cairn {
inline namespace CAIRN_ISA {

/// A value of type T and its derivatives in N directions. Applied to Dual, a formula gives its value and its exact
/// derivative in one pass; value and derivative share what they have in common.
///   T            Lanes<S>, a plain number, or a Dual again (for second derivatives)
///   constants    a double or a T converts to a Dual with zero tangent; products with a double have overloads of their
///                own, so that nothing is multiplied by zero
///   comparisons  look at values only and give T's mask
///   kinks        maximum(x, y) of two duals has half the slope of each at a tie; maximum(x, c) with a constant,
///                minimum and clamp have slope 1 in x wherever the result equals x, the tie included (as PyTorch's
///                clamp)
template <class T, int N = 1>
struct Dual {
  T value;
  std::array<T, N> tangent;

  Dual() = default;
  [[gnu::always_inline]] Dual(const T& v, const std::array<T, N>& t) : value(v), tangent(t) {}
  template <class C>
  requires std::convertible_to<C, T> &&(!std::same_as<std::remove_cvref_t<C>, Dual>)
      [[gnu::always_inline]] Dual(const C& c)
      : value(c) {  // NOLINT: implicit on purpose
    tangent.fill(T(0.0));
  }

  /// The number x as the `direction`-th independent variable.
  [[gnu::always_inline]] static Dual variable(const T& x, int direction = 0) {
    Dual d(x);
    d.tangent[direction] = T(1.0);
    return d;
  }

  /// y = f(this), where f has the given value and slope (a T or a double).
  template <class Slope>
  [[gnu::always_inline]] Dual chain(const T& y, const Slope& slope) const {
    Dual d;
    d.value = y;
    for (int i = 0; i < N; ++i) d.tangent[i] = tangent[i] * slope;
    return d;
  }

  [[gnu::always_inline]] friend Dual operator+(const Dual& a, const Dual& b) {
    Dual d;
    d.value = a.value + b.value;
    for (int i = 0; i < N; ++i) d.tangent[i] = a.tangent[i] + b.tangent[i];
    return d;
  }
  [[gnu::always_inline]] friend Dual operator-(const Dual& a, const Dual& b) {
    Dual d;
    d.value = a.value - b.value;
    for (int i = 0; i < N; ++i) d.tangent[i] = a.tangent[i] - b.tangent[i];
    return d;
  }
  [[gnu::always_inline]] friend Dual operator*(const Dual& a, const Dual& b) {
    Dual d;
    d.value = a.value * b.value;
    for (int i = 0; i < N; ++i) d.tangent[i] = a.tangent[i] * b.value + b.tangent[i] * a.value;
    return d;
  }
  [[gnu::always_inline]] friend Dual operator/(const Dual& a, const Dual& b) {
    Dual d;
    const T q = 1.0 / b.value;
    d.value = a.value / b.value;
    for (int i = 0; i < N; ++i) d.tangent[i] = (a.tangent[i] - b.tangent[i] * d.value) * q;
    return d;
  }
  [[gnu::always_inline]] friend Dual operator-(const Dual& a) {
    Dual d;
    d.value = -a.value;
    for (int i = 0; i < N; ++i) d.tangent[i] = -a.tangent[i];
    return d;
  }

  [[gnu::always_inline]] friend Dual operator+(const Dual& a, double c) { return {a.value + c, a.tangent}; }
  [[gnu::always_inline]] friend Dual operator+(double c, const Dual& a) { return {c + a.value, a.tangent}; }
  [[gnu::always_inline]] friend Dual operator-(const Dual& a, double c) { return {a.value - c, a.tangent}; }
  [[gnu::always_inline]] friend Dual operator-(double c, const Dual& a) { return a.chain(c - a.value, -1.0); }
  [[gnu::always_inline]] friend Dual operator*(const Dual& a, double c) { return a.chain(a.value * c, c); }
  [[gnu::always_inline]] friend Dual operator*(double c, const Dual& a) { return a.chain(a.value * c, c); }
  [[gnu::always_inline]] friend Dual operator/(const Dual& a, double c) { return a.chain(a.value / c, 1.0 / c); }
  [[gnu::always_inline]] friend Dual operator/(double c, const Dual& a) {
    const T q = 1.0 / a.value;
    const T y = c / a.value;
    return a.chain(y, -(y * q));
  }

  [[gnu::always_inline]] Dual& operator+=(const Dual& b) { return *this = *this + b; }
  [[gnu::always_inline]] Dual& operator-=(const Dual& b) { return *this = *this - b; }
  [[gnu::always_inline]] Dual& operator*=(const Dual& b) { return *this = *this * b; }
  [[gnu::always_inline]] Dual& operator/=(const Dual& b) { return *this = *this / b; }

  [[gnu::always_inline]] friend auto operator<(const Dual& a, const Dual& b) { return a.value < b.value; }
  [[gnu::always_inline]] friend auto operator<=(const Dual& a, const Dual& b) { return a.value <= b.value; }
  [[gnu::always_inline]] friend auto operator>(const Dual& a, const Dual& b) { return a.value > b.value; }
  [[gnu::always_inline]] friend auto operator>=(const Dual& a, const Dual& b) { return a.value >= b.value; }
  [[gnu::always_inline]] friend auto operator==(const Dual& a, const Dual& b) { return a.value == b.value; }
  [[gnu::always_inline]] friend auto operator!=(const Dual& a, const Dual& b) { return a.value != b.value; }

  template <class M>
  [[gnu::always_inline]] friend Dual where(const M& m, const Dual& a, const Dual& b) {
    Dual d;
    d.value = where(m, a.value, b.value);
    for (int i = 0; i < N; ++i) d.tangent[i] = where(m, a.tangent[i], b.tangent[i]);
    return d;
  }
  template <class M>
  [[gnu::always_inline]] friend Dual where(const M& m, const Dual& a, double c) {
    return where(m, a, Dual(c));
  }
  template <class M>
  [[gnu::always_inline]] friend Dual where(const M& m, double c, const Dual& b) {
    return where(m, Dual(c), b);
  }

  [[gnu::always_inline]] friend Dual maximum(const Dual& a, const Dual& b) {
    return extreme(maximum(a.value, b.value), a.value > b.value, a.value < b.value, a, b);
  }
  [[gnu::always_inline]] friend Dual minimum(const Dual& a, const Dual& b) {
    return extreme(minimum(a.value, b.value), a.value<b.value, a.value> b.value, a, b);
  }
  [[gnu::always_inline]] friend Dual maximum(const Dual& a, double c) { return where(c > a, c, a); }
  [[gnu::always_inline]] friend Dual minimum(const Dual& a, double c) { return where(c < a, c, a); }
  [[gnu::always_inline]] friend Dual maximum(double c, const Dual& a) { return where(c > a, c, a); }
  [[gnu::always_inline]] friend Dual minimum(double c, const Dual& a) { return where(c < a, c, a); }
  [[gnu::always_inline]] friend Dual clamp(const Dual& x, double lo, double hi) { return minimum(maximum(x, lo), hi); }

  /// As gate of values; each term of the derivative has its limit too.
  [[gnu::always_inline]] friend Dual gate(const Dual& x, const Dual& s) {
    Dual d;
    d.value = gate(x.value, s.value);
    for (int i = 0; i < N; ++i) d.tangent[i] = gate(x.tangent[i], s.value) + gate(x.value, s.tangent[i]);
    return d;
  }

  [[gnu::always_inline]] friend Dual pow(const Dual& x, double c) {
    if (c == 0.0) return Dual(1.0);
    return x.chain(pow(x.value, c), c * pow(x.value, c - 1.0));
  }
  [[gnu::always_inline]] friend Dual pow(double c, const Dual& y) {
    const T p = pow(c, y.value);
    return c == 0.0 ? y.chain(p, 0.0) : y.chain(p, p * std::log(c));
  }
  /// The slope in y is 0 at x = 0, as PyTorch's.
  [[gnu::always_inline]] friend Dual pow(const Dual& x, const Dual& y) {
    Dual d;
    d.value = pow(x.value, y.value);
    const T dx = where(y.value == 0.0, T(0.0), y.value * pow(x.value, y.value - 1.0));
    const T dy = where(x.value == 0.0, T(0.0), d.value * log(x.value));
    for (int i = 0; i < N; ++i) d.tangent[i] = x.tangent[i] * dx + y.tangent[i] * dy;
    return d;
  }

 private:
  template <class M>
  [[gnu::always_inline]] static Dual extreme(const T& y, const M& first, const M& second, const Dual& a,
                                             const Dual& b) {
    Dual d;
    d.value = y;
    for (int i = 0; i < N; ++i) {
      d.tangent[i] = where(first, a.tangent[i], where(second, b.tangent[i], (a.tangent[i] + b.tangent[i]) * 0.5));
    }
    return d;
  }
};

/// The function of a derivative rule on duals.
template <class Rule, class T, int N>
[[gnu::always_inline]] inline Dual<T, N> apply(const Dual<T, N>& x) {
  const T y = Rule::value(x.value);
  return x.chain(y, Rule::slope(x.value, y));
}

template <class T, int N>
[[gnu::always_inline]] inline Dual<T, N> exp(const Dual<T, N>& x) {
  return apply<exp_rule>(x);
}
template <class T, int N>
[[gnu::always_inline]] inline Dual<T, N> expm1(const Dual<T, N>& x) {
  return apply<expm1_rule>(x);
}
template <class T, int N>
[[gnu::always_inline]] inline Dual<T, N> log(const Dual<T, N>& x) {
  return apply<log_rule>(x);
}
template <class T, int N>
[[gnu::always_inline]] inline Dual<T, N> log1p(const Dual<T, N>& x) {
  return apply<log1p_rule>(x);
}
template <class T, int N>
[[gnu::always_inline]] inline Dual<T, N> tanh(const Dual<T, N>& x) {
  return apply<tanh_rule>(x);
}
template <class T, int N>
[[gnu::always_inline]] inline Dual<T, N> sigmoid(const Dual<T, N>& x) {
  return apply<sigmoid_rule>(x);
}
template <class T, int N>
[[gnu::always_inline]] inline Dual<T, N> softplus(const Dual<T, N>& x) {
  return apply<softplus_rule>(x);
}
template <class T, int N>
[[gnu::always_inline]] inline Dual<T, N> log_sigmoid(const Dual<T, N>& x) {
  return apply<log_sigmoid_rule>(x);
}
template <class T, int N>
[[gnu::always_inline]] inline Dual<T, N> erf(const Dual<T, N>& x) {
  return apply<erf_rule>(x);
}
template <class T, int N>
[[gnu::always_inline]] inline Dual<T, N> erfc(const Dual<T, N>& x) {
  return apply<erfc_rule>(x);
}
template <class T, int N>
[[gnu::always_inline]] inline Dual<T, N> gaussian(const Dual<T, N>& x) {
  return apply<gaussian_rule>(x);
}
template <class T, int N>
[[gnu::always_inline]] inline Dual<T, N> normal_cdf(const Dual<T, N>& x) {
  return apply<normal_cdf_rule>(x);
}
template <class T, int N>
[[gnu::always_inline]] inline Dual<T, N> normal_cdf_tanh(const Dual<T, N>& x) {
  return apply<normal_cdf_tanh_rule>(x);
}
template <class T, int N>
[[gnu::always_inline]] inline Dual<T, N> normal_pdf(const Dual<T, N>& x) {
  return apply<normal_pdf_rule>(x);
}
template <class T, int N>
[[gnu::always_inline]] inline Dual<T, N> sin(const Dual<T, N>& x) {
  return apply<sin_rule>(x);
}
template <class T, int N>
[[gnu::always_inline]] inline Dual<T, N> cos(const Dual<T, N>& x) {
  return apply<cos_rule>(x);
}
template <class T, int N>
[[gnu::always_inline]] inline Dual<T, N> atan(const Dual<T, N>& x) {
  return apply<atan_rule>(x);
}
template <class T, int N>
[[gnu::always_inline]] inline Dual<T, N> sqrt(const Dual<T, N>& x) {
  return apply<sqrt_rule>(x);
}
template <class T, int N>
[[gnu::always_inline]] inline Dual<T, N> rsqrt(const Dual<T, N>& x) {
  return apply<rsqrt_rule>(x);
}
template <class T, int N>
[[gnu::always_inline]] inline Dual<T, N> reciprocal(const Dual<T, N>& x) {
  return apply<reciprocal_rule>(x);
}
template <class T, int N>
[[gnu::always_inline]] inline Dual<T, N> square(const Dual<T, N>& x) {
  return apply<square_rule>(x);
}
template <class T, int N>
[[gnu::always_inline]] inline Dual<T, N> abs(const Dual<T, N>& x) {
  return apply<abs_rule>(x);
}
template <class T, int N>
[[gnu::always_inline]] inline Dual<T, N> sign(const Dual<T, N>& x) {
  return apply<sign_rule>(x);
}
template <class T, int N>
[[gnu::always_inline]] inline Dual<T, N> floor(const Dual<T, N>& x) {
  return apply<floor_rule>(x);
}

template <class T, int N>
[[gnu::always_inline]] inline auto isnan(const Dual<T, N>& x) {
  return isnan(x.value);
}
template <class T, int N>
[[gnu::always_inline]] inline auto isfinite(const Dual<T, N>& x) {
  return isfinite(x.value);
}

}  // namespace CAIRN_ISA
}  // namespace cairn
