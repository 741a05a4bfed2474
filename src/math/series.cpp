#include "cairn/math/series.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "cairn/base/error.h"

namespace cairn {
inline namespace CAIRN_ISA {

namespace {

Series none(size_t size) { return Series::constant(NAN, std::max<size_t>(size, 1)); }

size_t leading_zeros(const Series& x) {
  size_t k = 0;
  while (k < x.size() && x[k] == 0) ++k;
  return k;
}

// x / tᵏ, for one that begins with k zeros, and x · tᵏ.
Series lowered(const Series& x, size_t k) { return Series({x.coefficients().begin() + k, x.coefficients().end()}); }
Series raised(const Series& x, size_t k) {
  std::vector<double> c(k);
  c.insert(c.end(), x.coefficients().begin(), x.coefficients().end());
  return Series(std::move(c));
}

// y = f(x) by y′ = slope(x, y) x′: the coefficients of x and y up to tᵏ give the slope's, and these that of y at tᵏ⁺¹. A
// slope that reads x alone is a series that is known at once. sin asks cos for one coefficient less, and cos sin: that ends.
template <class Rule>
Series apply(const Series& x) {
  std::vector<double> y = {Rule::value(x[0])};
  const auto next = [&](const Series& slope) {
    const size_t k = y.size();
    double sum = 0;
    for (size_t j = 0; j < k; ++j) sum += slope[j] * static_cast<double>(k - j) * x[k - j];
    y.push_back(sum / static_cast<double>(k));
  };
  if constexpr (Rule::keeps_output) {
    while (y.size() < x.size()) next(Rule::slope(x.head(y.size()), Series(y)));
  } else if (x.size() > 1) {
    const Series known = x.head(x.size() - 1), slope = Rule::slope(known, known);
    while (y.size() < x.size()) next(slope);
  }
  return Series(std::move(y));
}

}  // namespace

Series Series::constant(double c, size_t size) {
  require<ValueError>(size >= 1, "series", "needs at least one coefficient", given("size", size));
  std::vector<double> all(size);
  all[0] = c;
  return Series(std::move(all));
}

Series Series::variable(double at, double scale, size_t size) {
  Series x = constant(at, size);
  if (size > 1) x.c_[1] = scale;
  return x;
}

Series Series::head(size_t size) const {
  return Series({c_.begin(), c_.begin() + static_cast<std::ptrdiff_t>(std::min(size, c_.size()))});
}

double Series::leading() const {
  const size_t k = leading_zeros(*this);
  return k < size() ? c_[k] : 0;
}

Series operator+(const Series& a, const Series& b) {
  Series y = a.head(b.size());
  for (size_t k = 0; k < y.size(); ++k) y.c_[k] += b.c_[k];
  return y;
}
Series operator-(const Series& a, const Series& b) {
  Series y = a.head(b.size());
  for (size_t k = 0; k < y.size(); ++k) y.c_[k] -= b.c_[k];
  return y;
}
Series operator*(const Series& a, const Series& b) {
  Series y = a.head(b.size());
  for (size_t k = 0; k < y.size(); ++k) {
    y.c_[k] = 0;
    for (size_t j = 0; j <= k; ++j) y.c_[k] += a.c_[j] * b.c_[k - j];
  }
  return y;
}
Series operator/(const Series& a, const Series& b) {
  const size_t zeros = leading_zeros(b);
  if (zeros >= std::min(a.size(), b.size()) || leading_zeros(a) < zeros) return none(a.size());
  Series y = lowered(a, zeros).head(b.size() - zeros);
  const double* const below = b.c_.data() + zeros;
  for (size_t k = 0; k < y.size(); ++k) {
    for (size_t j = 0; j < k; ++j) y.c_[k] -= y.c_[j] * below[k - j];
    y.c_[k] /= below[0];
  }
  return y;
}

Series operator+(const Series& a, double c) {
  Series y = a;
  y.c_[0] += c;
  return y;
}
Series operator*(const Series& a, double c) {
  Series y = a;
  for (double& v : y.c_) v *= c;
  return y;
}
Series operator/(const Series& a, double c) {
  Series y = a;
  for (double& v : y.c_) v /= c;
  return y;
}

bool isnan(const Series& x) {
  return std::any_of(x.coefficients().begin(), x.coefficients().end(), [](double v) { return std::isnan(v); });
}
bool isfinite(const Series& x) {
  return std::all_of(x.coefficients().begin(), x.coefficients().end(), [](double v) { return std::isfinite(v); });
}

Series exp(const Series& x) { return apply<exp_rule>(x); }
Series expm1(const Series& x) { return apply<expm1_rule>(x); }
Series log(const Series& x) { return apply<log_rule>(x); }
Series log1p(const Series& x) { return apply<log1p_rule>(x); }
Series tanh(const Series& x) { return apply<tanh_rule>(x); }
Series sigmoid(const Series& x) { return apply<sigmoid_rule>(x); }
Series softplus(const Series& x) { return apply<softplus_rule>(x); }
Series log_sigmoid(const Series& x) { return apply<log_sigmoid_rule>(x); }
Series erf(const Series& x) { return apply<erf_rule>(x); }
Series erfc(const Series& x) { return apply<erfc_rule>(x); }
Series gaussian(const Series& x) { return apply<gaussian_rule>(x); }
Series normal_cdf(const Series& x) { return apply<normal_cdf_rule>(x); }
Series normal_cdf_tanh(const Series& x) { return apply<normal_cdf_tanh_rule>(x); }
Series normal_pdf(const Series& x) { return apply<normal_pdf_rule>(x); }
Series sin(const Series& x) { return apply<sin_rule>(x); }
Series cos(const Series& x) { return apply<cos_rule>(x); }
Series atan(const Series& x) { return apply<atan_rule>(x); }
Series reciprocal(const Series& x) { return 1.0 / x; }
Series square(const Series& x) { return x * x; }
Series abs(const Series& x) { return x.leading() < 0 ? -x : x; }
Series sign(const Series& x) { return Series::constant(sign(x.leading()), x.size()); }

Series floor(const Series& x) {
  const double whole = std::floor(x[0]);
  return Series::constant(whole - ((x - whole).leading() < 0 ? 1 : 0), x.size());
}

// The rule's slope is infinite where x is 0; a double zero has a root all the same.
Series sqrt(const Series& x) {
  const size_t zeros = leading_zeros(x);
  if (zeros == 0) return apply<sqrt_rule>(x);
  if (zeros == x.size()) return x;
  return zeros % 2 == 1 ? none(x.size()) : raised(sqrt(lowered(x, zeros)), zeros / 2);
}
Series rsqrt(const Series& x) { return x[0] == 0 ? 1.0 / sqrt(x) : apply<rsqrt_rule>(x); }

Series gate(const Series& x, const Series& s) { return s == 0.0 ? s.head(x.size()) : x * s; }

Series pow(const Series& x, double c) {
  constexpr double many = 1 << 20;
  if (c == std::floor(c) && std::abs(c) <= many) {
    Series y = Series::constant(1, x.size()), factor = x;
    for (auto left = static_cast<int64_t>(std::abs(c)); left > 0; left /= 2) {
      if (left % 2 == 1) y = y * factor;
      if (left > 1) factor = factor * factor;
    }
    return c < 0 ? 1.0 / y : y;
  }
  const size_t zeros = leading_zeros(x);
  if (zeros == 0) return exp(c * log(x));
  const double power = c * static_cast<double>(zeros);
  if (zeros == x.size() || power < 0 || power != std::floor(power)) return none(x.size());
  return raised(exp(c * log(lowered(x, zeros))), static_cast<size_t>(power)).head(x.size());
}
Series pow(double c, const Series& y) { return exp(y * std::log(c)); }
Series pow(const Series& x, const Series& y) {
  const bool constant = (y - y[0]).leading() == 0;
  return constant ? pow(x, y[0]).head(y.size()) : exp(y * log(x));
}

}  // namespace CAIRN_ISA
}  // namespace cairn
