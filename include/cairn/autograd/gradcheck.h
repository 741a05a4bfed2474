#pragma once
// Proof of gradients by finite differences, in f64. GoogleTest users: cairn/testing.h wraps both checkers.

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "cairn/tensor/tensor.h"

namespace cairn {

/// A function under test: one output, or several.
using TensorFunction = std::function<Tensor(const std::vector<Tensor>&)>;
using TensorsFunction = std::function<std::vector<Tensor>(const std::vector<Tensor>&)>;

struct GradcheckOptions {
  /// Passes where |analytic − numeric| ≤ tolerance · max(1, |analytic|, |numeric|).
  double tolerance = 1e-6;
  /// First half-width of a difference, times max(1, |x|); cbrt of the machine precision balances truncation and
  /// rounding.
  double step = 6.0e-6;
  /// Up to this many output elements each entry of the Jacobian is compared; beyond, two random projections of it.
  int64_t full_jacobian = 64;
  /// Seeds the projections.
  uint64_t seed = 1;
};

struct GradReport {
  bool ok = true;
  int64_t checked = 0;         ///< input elements that were moved
  int64_t stepped_around = 0;  ///< of these, where a difference met a kink; more than 1 % are refused
  double worst = 0;            ///< largest |analytic − numeric| / max(1, |analytic|, |numeric|)
  std::string text;            ///< what is wrong, with input, index and both numbers; else a summary

  explicit operator bool() const { return ok; }
};

/// Compares the gradients of f with central differences, every element of every input that requires a gradient in turn.
///
/// The inputs are copied with their strides, and f is called on the copies: an element that an expanded input shares is
/// moved once, and its gradients are added up. Inputs that require no gradient, of any dtype, are handed through. A
/// gradient is seeded by random numbers and, for small outputs, by each unit vector. An estimate that misses is refined
/// (Ridders' method) before it counts. Where the branches reported on both sides of a step differ (graph/branches.h),
/// smaller steps are tried, then the slope on the side whose branches are those of the point itself; where neither is
/// (abs at 0), the gradient must lie between both slopes. Such elements are counted, and more than 1 % of them fail the
/// check however few there are: choose inputs away from kinks.
///   f       a pure function; its outputs are f64
///   throws  DtypeError for an input that requires a gradient or an output not f64, ValueError when no input requires a
///           gradient, when f changes an input, returns nothing, or returns other numbers when called again
GradReport gradcheck(const TensorFunction& f, const std::vector<Tensor>& inputs, const GradcheckOptions& options = {});
GradReport gradcheck(const TensorsFunction& f, const std::vector<Tensor>& inputs, const GradcheckOptions& options = {});

/// Compares the gradients of the gradients of f, recorded under create_graph, with differences of the gradients
/// computed without it; the gradient's own weight (dL/d(output)) is an input like the others. Both ways to compute the
/// first gradient (a fused backward and its twin) must agree as well.
GradReport gradgradcheck(const TensorFunction& f, const std::vector<Tensor>& inputs,
                         const GradcheckOptions& options = {});
GradReport gradgradcheck(const TensorsFunction& f, const std::vector<Tensor>& inputs,
                         const GradcheckOptions& options = {});

}  // namespace cairn
