#pragma once
// Is a function fit to be an activation? Tests of any element-wise function, the catalogue's or the user's own.
//
//   std::cout << conformance(activation("gelu"));
//   std::cout << conformance({"mine", [](auto x) { return gate(x, tanh(softplus(x))); }});

#include <concepts>
#include <functional>
#include <iosfwd>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "cairn/activation/activation.h"

namespace cairn {

/// A function under test, however it was made.
struct Subject {
  std::string name;
  std::function<Tensor(const Tensor&)> f;
  std::vector<double> kinks;  ///< where its slope or its value jumps
  /// Learned parameters are numbers of the dtype too: the function with each of them moved by one unit in its last place
  /// as a float. What that changes, f32 may be off by.
  std::vector<std::function<Tensor(const Tensor&)>> neighbours;

  Subject(const Activation& a);

  /// A function of a tensor, or a formula, which is run as elementwise runs it.
  template <class F>
  requires(!std::same_as<std::remove_cvref_t<F>, Subject> && !std::same_as<std::remove_cvref_t<F>, Activation> &&
           std::is_invocable_r_v<Tensor, const F&, const Tensor&>) Subject(F function)
      : Subject("activation", std::move(function)) {}

  template <class F>
  requires std::is_invocable_r_v<Tensor, const F&, const Tensor&> Subject(std::string name_, F function,
                                                                          std::vector<double> kinks_ = {})
      : name(std::move(name_)), kinks(std::move(kinks_)) {
    if constexpr (requires(const F& g, Lanes<float> l) { Lanes<float>(g(l)); })
      f = [function](const Tensor& x) { return elementwise("activation", function, x); };
    else
      f = std::move(function);
  }
};

struct ConformanceOptions {
  int64_t points = 1300;     ///< where derivatives are compared with differences
  int64_t samples = 300000;  ///< f32 numbers compared with f64, spread over every exponent
  int64_t scan = 10240;      ///< pieces of [-20, 20] that are searched for jumps
  bool timing = true;        ///< whether the cost is measured; a report without it is the same twice
};

struct Verdict {
  std::string name;
  bool passed;
  std::string detail;  ///< the worst place and its numbers
};

struct ConformanceReport {
  std::string name;
  std::vector<Verdict> verdicts;

  // Facts, not verdicts. Numbers come from f64 arguments up to ±1e4 and the limits beyond.
  struct Range {
    double low = 0, high = 0;
    bool low_attained = false, high_attained = false;  ///< or only approached
    double low_at = 0, high_at = 0;                    ///< where, if attained
  } range;
  std::string monotone;                                    ///< "non-decreasing", "non-increasing", "constant" or "no"
  double lipschitz = 0;                                    ///< the largest |f'|
  std::optional<double> steepest_at;                       ///< and where, unless it is only approached
  std::optional<double> saturates_below, saturates_above;  ///< beyond it |f'| < 1e-3 for good
  double mean = 0, variance = 0;                           ///< of f(z), z standard normal
  double gain = 0;                                         ///< 1/√E[f(z)²]: what keeps the mean square of signals
  double slope_gain = 0;                                   ///< 1/√E[f'(z)²]: what keeps that of gradients
  bool keeps_zero_sign = false;                            ///< f(-0) is -0
  std::optional<double> forward_ns, forward_backward_ns;   ///< an element, of 1 Mi f32 on all threads

  /// Every verdict passed.
  bool ok() const;
  explicit operator bool() const { return ok(); }
  /// The verdict of that name.
  ///   throws  NameError for another
  const Verdict& verdict(const std::string& name) const;
  /// A table: verdicts, then facts.
  std::string text() const;
};

std::ostream& operator<<(std::ostream& out, const ConformanceReport& report);

/// Tests an activation in f32 and f64 and collects what there is to know about it.
///
///   element-wise       keeps shape and dtype; an element's bits depend on neither place, layout nor neighbours
///   derivative         f' in f64 against central differences of f, extrapolated (Ridders 1982) over a ladder of steps
///                      with an error bound of their own, rounding noise included (Moré & Wild 2011); on both sides of
///                      a kink; from 1e-6 to 1e4, both signs, and at 0
///   second derivative  f'' likewise against differences of f'; f' as recorded for it is f' as computed without
///   f32                |f̂ - f| ≤ 4 ulp(f) + 2 ulp(x) |f'|, f and f' in f64, from the smallest denormal number to the
///                      largest; results below the smallest normal number may be 0, or no worse than 0. For learned
///                      parameters p, + ulp(p) |∂f/∂p|
///   finite             f and f' of finite x are finite, unless they grow until they overflow (by 1/16 of the largest
///                      number, f64 is the judge of f32)
///   zero               f and f' are the same at 0 and -0, and lie between what stands left and right of it
///   infinity           f and f' at ±infinity are the limits extrapolated from x up to 1e300; where there is none
///                      (sin), NaN or one of the numbers that it swings through. Where none can be told, because they
///                      are NaN before 1e300 or differ by infinity on the way, nothing is asked ("unknown")
///   nan                is handed on
///   kinks              slope or value jump nowhere on [-20, 20] but at declared kinks; at each of these slope, value or
///                      at least curvature jumps, and f' is a slope between those of both sides
///
/// A function that throws fails the check with its message. When f is not element-wise, nothing else is tested.
///   throws  ValueError for a subject without function or with a kink that is not finite, and for options below 1
ConformanceReport conformance(const Subject& subject, const ConformanceOptions& options = {});

}  // namespace cairn
