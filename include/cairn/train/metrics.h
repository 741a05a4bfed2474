#pragma once
// How a classifier errs.

#include <vector>

#include "cairn/tensor/tensor.h"

namespace cairn::train {

/// Counts what is taken for what.
///   ConfusionMatrix confusion(10);
///   confusion.add(model(x), y);
///   for (const auto& [label, prediction, count] : confusion.worst_pairs(3)) …
class ConfusionMatrix {
 public:
  /// throws  ValueError unless 1 ≤ classes ≤ 10,000
  explicit ConfusionMatrix(int64_t classes);

  /// Counts a batch.
  ///   predictions  (n, classes) f32 or f64, where the largest number of a row decides (of equal ones the first); or
  ///                (n,) i64 class numbers
  ///   labels       (n,) i64
  ///   throws       ShapeError, DtypeError; IndexError for a class out of range, naming it and its position. Nothing of
  ///                the batch is counted then
  void add(const Tensor& predictions, const Tensor& labels);

  int64_t classes() const { return classes_; }
  /// Samples counted so far.
  int64_t samples() const;
  /// How many samples of class `label` were taken for `prediction`.
  ///   throws  IndexError
  int64_t count(int64_t label, int64_t prediction) const;
  /// Share of the samples that were recognised, in [0, 1]; NaN without samples.
  double accuracy() const;
  /// The same among the samples of each class (its recall); NaN for a class without samples.
  std::vector<double> class_accuracy() const;

  struct Pair {
    int64_t label, prediction, count;
    bool operator==(const Pair&) const = default;
  };
  /// The mistakes made most often, at most `most` of them, those that were never made left out. Of equal ones the
  /// smaller label, then the smaller prediction, comes first.
  std::vector<Pair> worst_pairs(int64_t most) const;

 private:
  int64_t classes_;
  std::vector<int64_t> counts_;  // (label, prediction)
};

}  // namespace cairn::train
