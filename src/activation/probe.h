#pragma once
// What the parts of conformance share: the function under test as numbers to numbers, and the parts themselves.

#include <string>
#include <vector>

#include "cairn/activation/conformance.h"

namespace cairn::conformity {

using Values = std::vector<double>;

/// The function under test at a list of places. Places for f32 are floats.
class Probe {
 public:
  explicit Probe(const Subject& subject) : subject_(&subject) {}
  const Values& kinks() const { return subject_->kinks; }

  /// throws  ShapeError, DtypeError when the result is not of the argument's kind
  Values f(const Values& x, Dtype dtype = f64) const;
  /// How far f is changed by moving its learned parameters to the next float, all together; f64.
  Values sensitivity(const Values& x) const;
  /// First derivative, as training computes it.
  Values slope(const Values& x, Dtype dtype = f64) const;
  /// The derivative as recorded under create_graph, and its derivative; f64.
  struct Second {
    Values slope, curvature;
  };
  Second second(const Values& x) const;
  double slope_at(double x) const { return slope({x})[0]; }
  double at(double x) const { return f({x})[0]; }

  /// f with its graph, for x of any shape.
  Tensor call(const Tensor& x) const;

 private:
  const Subject* subject_;
};

/// What a sequence of f64 values at growing arguments tends to.
struct Tail {
  enum Kind { number, infinite, oscillating, unknown } kind = unknown;
  double value = 0, tolerance = 0;
  double low = 0, high = 0;  // what it swings between

  bool admits(double v) const;
  std::string text() const;
};
/// The limits at -infinity and infinity of f and f'.
struct Tails {
  Tail f[2], slope[2];
};
Tails tails(const Probe& probe);

Verdict check_elementwise(const Probe& probe);
Verdict check_derivative(const Probe& probe, int64_t points);
Verdict check_second_derivative(const Probe& probe, int64_t points);
/// "f32" and "finite", which look at the same numbers.
std::vector<Verdict> check_numbers(const Probe& probe, int64_t samples);
Verdict check_zero(const Probe& probe);
Verdict check_infinity(const Probe& probe);
Verdict check_nan(const Probe& probe);
Verdict check_kinks(const Probe& probe, int64_t scan);
void add_facts(const Probe& probe, const ConformanceOptions& options, ConformanceReport& report);

/// The largest |v| of those whose x lies in [-reach, reach] and which are finite.
double largest(const Values& x, const Values& v, double reach);
/// "0.25", "1e-07", "∞", "nan"
std::string number(double v, int digits = 6);

}  // namespace cairn::conformity
