#pragma once
// What fit() and evaluate() share: running means over samples.

#include "cairn/train/evaluate.h"

namespace cairn::train {

/// The loss of a batch: options.loss, or cross entropy.
///   throws  ShapeError when it has more than one element
Tensor batch_loss(const Loss& loss, const Tensor& outputs, const Tensor& targets);

/// Means over the samples added so far.
class Tally {
 public:
  void add(double loss, const Tensor& outputs, const Tensor& targets);
  int64_t samples() const { return samples_; }
  Evaluation means() const;

 private:
  double loss_ = 0;  // sums
  int64_t correct_ = 0, labelled_ = 0, samples_ = 0;
};

}  // namespace cairn::train
