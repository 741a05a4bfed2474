#pragma once
// Truncated power series: what a formula is near a point, to any order.
//
//   const Series t = Series::variable(0, 1, 6);      // 0 + 1 t, to t⁵
//   tanh(t)   →   0, 1, 0, −1/3, 0, 2/15
//
// Functions come from the rules of derivatives (rules.h): with y = f(x), y′ = slope(x, y) x′ gives one coefficient after
// the other. None is written by hand.

#include <cstddef>
#include <utility>
#include <vector>

#include "cairn/math/rules.h"

namespace cairn {
inline namespace CAIRN_ISA {

/// c₀ + c₁ t + c₂ t² + …, of which size() coefficients are known, in f64, for small t > 0. It has the scalar alphabet.
///   one side     t is positive: a comparison tells which holds just right of t = 0, abs, sign, floor, maximum and the
///                like take the branch that applies there. The other side is the series in −t; a function is analytic
///                where both agree
///   size         the least of what goes in; a quotient of two series that vanish at 0, as sin(t) / t, loses as many
///                coefficients as it has zeros in common, and a root of t² half of them
///   no series    where there is none (1 / t, log(t), √t) coefficients are NaN or infinite; nothing throws
///   rounding     that of sums of products in f64; a coefficient may be off by some 1e-15 of the largest |cⱼ| Rʲ over Rᵏ,
///                R being the radius of convergence
///   cost         n² for products and quotients, n³ for functions
class Series {
 public:
  explicit Series(std::vector<double> coefficients) : c_(std::move(coefficients)) {}
  /// c, known to `size` coefficients.
  ///   throws  ValueError for none of them
  static Series constant(double c, size_t size);
  /// at + scale · t
  ///   throws  as constant
  static Series variable(double at, double scale, size_t size);

  size_t size() const { return c_.size(); }
  double operator[](size_t k) const { return c_[k]; }
  const std::vector<double>& coefficients() const { return c_; }
  /// The first `size` coefficients.
  Series head(size_t size) const;
  /// The sign of it decides comparisons with 0: the first coefficient that is not 0; 0 when all are.
  double leading() const;

  friend Series operator+(const Series& a, const Series& b);
  friend Series operator-(const Series& a, const Series& b);
  friend Series operator*(const Series& a, const Series& b);
  friend Series operator/(const Series& a, const Series& b);
  friend Series operator-(const Series& a) { return a * -1.0; }
  friend Series operator+(const Series& a, double c);
  friend Series operator*(const Series& a, double c);
  friend Series operator/(const Series& a, double c);
  friend Series operator+(double c, const Series& a) { return a + c; }
  friend Series operator-(const Series& a, double c) { return a + -c; }
  friend Series operator-(double c, const Series& a) { return a * -1.0 + c; }
  friend Series operator*(double c, const Series& a) { return a * c; }
  friend Series operator/(double c, const Series& a) { return constant(c, a.size()) / a; }

 private:
  std::vector<double> c_;
};

// ---- comparisons, just right of t = 0 ----

#define CAIRN_COMPARE(sign)                                                                        \
  inline bool operator sign(const Series& a, const Series& b) { return (a - b).leading() sign 0; } \
  inline bool operator sign(const Series& a, double c) { return (a - c).leading() sign 0; }        \
  inline bool operator sign(double c, const Series& a) { return (c - a).leading() sign 0; }
CAIRN_COMPARE(<)
CAIRN_COMPARE(<=)
CAIRN_COMPARE(>)
CAIRN_COMPARE(>=)
CAIRN_COMPARE(==)
CAIRN_COMPARE(!=)
#undef CAIRN_COMPARE

bool isnan(const Series& x);
bool isfinite(const Series& x);

inline Series where(bool condition, const Series& a, const Series& b) { return condition ? a : b; }
inline Series where(bool condition, const Series& a, double c) { return condition ? a : Series::constant(c, a.size()); }
inline Series where(bool condition, double c, const Series& b) { return condition ? Series::constant(c, b.size()) : b; }
inline Series maximum(const Series& a, const Series& b) { return where(a > b || isnan(a), a, b); }
inline Series minimum(const Series& a, const Series& b) { return where(a < b || isnan(a), a, b); }
inline Series maximum(const Series& a, double c) { return where(a < c, c, a); }
inline Series minimum(const Series& a, double c) { return where(a > c, c, a); }
inline Series maximum(double c, const Series& a) { return maximum(a, c); }
inline Series minimum(double c, const Series& a) { return minimum(a, c); }
inline Series clamp(const Series& x, double lo, double hi) { return minimum(maximum(x, lo), hi); }

// ---- functions ----

Series exp(const Series& x);
Series expm1(const Series& x);
Series log(const Series& x);
Series log1p(const Series& x);
Series tanh(const Series& x);
Series sigmoid(const Series& x);
Series softplus(const Series& x);
Series log_sigmoid(const Series& x);
Series erf(const Series& x);
Series erfc(const Series& x);
Series gaussian(const Series& x);
Series normal_cdf(const Series& x);
Series normal_cdf_tanh(const Series& x);
Series normal_pdf(const Series& x);
Series sin(const Series& x);
Series cos(const Series& x);
Series atan(const Series& x);
Series sqrt(const Series& x);
Series rsqrt(const Series& x);
Series reciprocal(const Series& x);
Series square(const Series& x);
Series abs(const Series& x);
Series sign(const Series& x);
Series floor(const Series& x);
/// 0 where s is 0, else x · s.
Series gate(const Series& x, const Series& s);
/// Of a whole c by products; else x must be positive for small t > 0.
Series pow(const Series& x, double c);
Series pow(double c, const Series& y);
Series pow(const Series& x, const Series& y);

}  // namespace CAIRN_ISA
}  // namespace cairn
