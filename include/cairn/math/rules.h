#pragma once
// The derivative of every unary function of the scalar alphabet, each written once.
//
// A rule is generic in T: Lanes<S>, a plain number, Dual (for higher derivatives) or any type with + - * /, comparison
// with double, where(…) and the alphabet under the same names, found by argument-dependent look-up.
//   name          the function's
//   value(x)      y
//   slope(x, y)   dy/dx; a double where it is the same everywhere
//   keeps_input, keeps_output   whether slope reads x, y: what a graph must keep (the other may be anything)

#include <tuple>

#include "cairn/math/functions.h"

namespace cairn {
inline namespace CAIRN_ISA {

template <bool x, bool y>
struct Keeps {
  static constexpr bool keeps_input = x, keeps_output = y;
};
using keeps_nothing = Keeps<false, false>;
using keeps_x = Keeps<true, false>;
using keeps_y = Keeps<false, true>;
using keeps_both = Keeps<true, true>;

struct exp_rule : keeps_y {
  static constexpr const char* name = "exp";
  template <class T>
  [[gnu::always_inline]] static T value(const T& x) {
    return exp(x);
  }
  template <class T>
  [[gnu::always_inline]] static T slope(const T&, const T& y) {
    return y;
  }
};

struct expm1_rule : keeps_y {
  static constexpr const char* name = "expm1";
  template <class T>
  [[gnu::always_inline]] static T value(const T& x) {
    return expm1(x);
  }
  template <class T>
  [[gnu::always_inline]] static T slope(const T&, const T& y) {
    return y + 1.0;
  }
};

struct log_rule : keeps_x {
  static constexpr const char* name = "log";
  template <class T>
  [[gnu::always_inline]] static T value(const T& x) {
    return log(x);
  }
  template <class T>
  [[gnu::always_inline]] static T slope(const T& x, const T&) {
    return 1.0 / x;
  }
};

struct log1p_rule : keeps_x {
  static constexpr const char* name = "log1p";
  template <class T>
  [[gnu::always_inline]] static T value(const T& x) {
    return log1p(x);
  }
  template <class T>
  [[gnu::always_inline]] static T slope(const T& x, const T&) {
    return 1.0 / (x + 1.0);
  }
};

struct tanh_rule : keeps_y {
  static constexpr const char* name = "tanh";
  template <class T>
  [[gnu::always_inline]] static T value(const T& x) {
    return tanh(x);
  }
  template <class T>
  [[gnu::always_inline]] static T slope(const T&, const T& y) {
    return 1.0 - y * y;
  }
};

struct sigmoid_rule : keeps_y {
  static constexpr const char* name = "sigmoid";
  template <class T>
  [[gnu::always_inline]] static T value(const T& x) {
    return sigmoid(x);
  }
  template <class T>
  [[gnu::always_inline]] static T slope(const T&, const T& y) {
    return y * (1.0 - y);
  }
};

struct softplus_rule : keeps_x {
  static constexpr const char* name = "softplus";
  template <class T>
  [[gnu::always_inline]] static T value(const T& x) {
    return softplus(x);
  }
  template <class T>
  [[gnu::always_inline]] static T slope(const T& x, const T&) {
    return sigmoid(x);
  }
};

struct log_sigmoid_rule : keeps_x {
  static constexpr const char* name = "log_sigmoid";
  template <class T>
  [[gnu::always_inline]] static T value(const T& x) {
    return log_sigmoid(x);
  }
  template <class T>
  [[gnu::always_inline]] static T slope(const T& x, const T&) {
    return sigmoid(-x);
  }
};

struct erf_rule : keeps_x {
  static constexpr const char* name = "erf";
  template <class T>
  [[gnu::always_inline]] static T value(const T& x) {
    return erf(x);
  }
  template <class T>
  [[gnu::always_inline]] static T slope(const T& x, const T&) {
    return gaussian(x) * 1.1283791670955125739;
  }  // 2/√π exp(-x²)
};

struct erfc_rule : keeps_x {
  static constexpr const char* name = "erfc";
  template <class T>
  [[gnu::always_inline]] static T value(const T& x) {
    return erfc(x);
  }
  template <class T>
  [[gnu::always_inline]] static T slope(const T& x, const T&) {
    return gaussian(x) * -1.1283791670955125739;
  }
};

struct gaussian_rule : keeps_both {
  static constexpr const char* name = "gaussian";
  template <class T>
  [[gnu::always_inline]] static T value(const T& x) {
    return gaussian(x);
  }
  template <class T>
  [[gnu::always_inline]] static T slope(const T& x, const T& y) {
    return gate(x, y) * -2.0;
  }  // 0 at infinity
};

struct normal_cdf_rule : keeps_x {
  static constexpr const char* name = "normal_cdf";
  template <class T>
  [[gnu::always_inline]] static T value(const T& x) {
    return normal_cdf(x);
  }
  template <class T>
  [[gnu::always_inline]] static T slope(const T& x, const T&) {
    return normal_pdf(x);
  }
};

struct normal_cdf_tanh_rule : keeps_both {
  static constexpr const char* name = "normal_cdf_tanh";
  template <class T>
  [[gnu::always_inline]] static T value(const T& x) {
    return normal_cdf_tanh(x);
  }
  template <class T>
  [[gnu::always_inline]] static T slope(const T& x, const T& y) {
    return gate(1.5957691216057307117 + 0.21406444881780075 * square(x), y * (1.0 - y));
  }  // that of a sigmoid of a cubic; 0 at infinity
};

struct normal_pdf_rule : keeps_both {
  static constexpr const char* name = "normal_pdf";
  template <class T>
  [[gnu::always_inline]] static T value(const T& x) {
    return normal_pdf(x);
  }
  template <class T>
  [[gnu::always_inline]] static T slope(const T& x, const T& y) {
    return -gate(x, y);
  }  // 0 at infinity
};

struct sin_rule : keeps_x {
  static constexpr const char* name = "sin";
  template <class T>
  [[gnu::always_inline]] static T value(const T& x) {
    return sin(x);
  }
  template <class T>
  [[gnu::always_inline]] static T slope(const T& x, const T&) {
    return cos(x);
  }
};

struct cos_rule : keeps_x {
  static constexpr const char* name = "cos";
  template <class T>
  [[gnu::always_inline]] static T value(const T& x) {
    return cos(x);
  }
  template <class T>
  [[gnu::always_inline]] static T slope(const T& x, const T&) {
    return -sin(x);
  }
};

struct atan_rule : keeps_x {
  static constexpr const char* name = "atan";
  template <class T>
  [[gnu::always_inline]] static T value(const T& x) {
    return atan(x);
  }
  template <class T>
  [[gnu::always_inline]] static T slope(const T& x, const T&) {
    return 1.0 / (x * x + 1.0);
  }
};

struct sqrt_rule : keeps_y {
  static constexpr const char* name = "sqrt";
  template <class T>
  [[gnu::always_inline]] static T value(const T& x) {
    return sqrt(x);
  }
  template <class T>
  [[gnu::always_inline]] static T slope(const T&, const T& y) {
    return 0.5 / y;
  }  // infinite at 0
};

struct rsqrt_rule : keeps_y {
  static constexpr const char* name = "rsqrt";
  template <class T>
  [[gnu::always_inline]] static T value(const T& x) {
    return rsqrt(x);
  }
  template <class T>
  [[gnu::always_inline]] static T slope(const T&, const T& y) {
    return y * y * y * -0.5;
  }
};

struct reciprocal_rule : keeps_y {
  static constexpr const char* name = "reciprocal";
  template <class T>
  [[gnu::always_inline]] static T value(const T& x) {
    return reciprocal(x);
  }
  template <class T>
  [[gnu::always_inline]] static T slope(const T&, const T& y) {
    return -(y * y);
  }
};

struct square_rule : keeps_x {
  static constexpr const char* name = "square";
  template <class T>
  [[gnu::always_inline]] static T value(const T& x) {
    return square(x);
  }
  template <class T>
  [[gnu::always_inline]] static T slope(const T& x, const T&) {
    return x * 2.0;
  }
};

struct abs_rule : keeps_x {
  static constexpr const char* name = "abs";
  template <class T>
  [[gnu::always_inline]] static T value(const T& x) {
    return abs(x);
  }
  template <class T>
  [[gnu::always_inline]] static T slope(const T& x, const T&) {
    return sign(x);
  }  // 0 at the kink
};

struct sign_rule : keeps_nothing {
  static constexpr const char* name = "sign";
  template <class T>
  [[gnu::always_inline]] static T value(const T& x) {
    return sign(x);
  }
  template <class T>
  [[gnu::always_inline]] static double slope(const T&, const T&) {
    return 0.0;
  }
};

struct floor_rule : keeps_nothing {
  static constexpr const char* name = "floor";
  template <class T>
  [[gnu::always_inline]] static T value(const T& x) {
    return floor(x);
  }
  template <class T>
  [[gnu::always_inline]] static double slope(const T&, const T&) {
    return 0.0;
  }
};

struct neg_rule : keeps_nothing {
  static constexpr const char* name = "neg";
  template <class T>
  [[gnu::always_inline]] static T value(const T& x) {
    return -x;
  }
  template <class T>
  [[gnu::always_inline]] static double slope(const T&, const T&) {
    return -1.0;
  }
};

/// All of them, in the order above.
using UnaryRules = std::tuple<exp_rule, expm1_rule, log_rule, log1p_rule, tanh_rule, sigmoid_rule, softplus_rule,
                              log_sigmoid_rule, erf_rule, erfc_rule, gaussian_rule, normal_cdf_rule,
                              normal_cdf_tanh_rule, normal_pdf_rule, sin_rule, cos_rule, atan_rule, sqrt_rule,
                              rsqrt_rule, reciprocal_rule, square_rule, abs_rule, sign_rule, floor_rule, neg_rule>;

}  // namespace CAIRN_ISA
}  // namespace cairn
