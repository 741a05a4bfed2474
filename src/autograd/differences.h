#pragma once
// Derivatives by finite differences, as gradcheck needs them: of many outputs at once, and beside kinks.

#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include "cairn/base/isa.h"

namespace cairn {

class Differences {
 public:
  using Values = std::vector<double>;

  /// What the function gives, and a fingerprint of the branches it took.
  struct Point {
    Values values;
    uint64_t branches = 0;
  };

  /// The derivative of each output. `low` and `high` differ only at a kink where the point belongs to neither side:
  /// then they are the slopes on both.
  struct Slopes {
    Values low, high;
    bool kink = false;
  };

  /// evaluate  the function, of whatever the elements hold
  /// step      first half-width, times max(1, |x|)
  Differences(std::function<Point()> evaluate, double step)
      : evaluate_(std::move(evaluate)), base_(evaluate_()), step_(step) {}

  const Point& base() const { return base_; }

  /// The slopes when `element` moves; it is put back. A first estimate that is not `good` is refined.
  Slopes along(double& element, const std::function<bool(const Values&)>& good) const;

 private:
  Point at(double& element, double value) const;
  bool central(double& element, double h, Values& slope, uint64_t& branches) const;
  bool towards(double& element, double h, Values& slope, uint64_t& branches) const;
  bool one_sided(double& element, double step, Slopes& s) const;
  void refine(double& element, Values& best) const;

  std::function<Point()> evaluate_;
  Point base_;
  double step_;
};

}  // namespace cairn
