#pragma once
// The curves of a report.

#include <cstddef>
#include <limits>
#include <vector>

namespace cairn::train {

/// What stands for no number.
inline constexpr double missing = std::numeric_limits<double>::quiet_NaN();

/// A curve.
struct Series {
  std::vector<double> step, epoch, value;  // those by step have no epoch

  void add(double at_step, double at_epoch, double v);
  /// Ends at this step.
  void cut(double last_step);
  /// Of every part of the curve the ends, the least, the greatest and a gap, so that some `most` points remain.
  Series thinned(size_t most) const;
  /// The means of so many equal parts, to see through the noise of single batches.
  Series means(size_t parts) const;
};

}  // namespace cairn::train
