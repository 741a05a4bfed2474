#pragma once
// What fit() and evaluate() share: a batch's loss, and running means over samples.

#include "cairn/base/json.h"
#include "cairn/train/evaluate.h"

namespace cairn::train {

/// The loss of a batch: options.loss, or cross entropy.
///   throws  ShapeError when it has more than one element
Tensor batch_loss(const Loss& loss, const Tensor& outputs, const Tensor& targets);

/// The step, with a loss that was checked and the targets filled in.
StepOutput run_step(const Step& step, const data::Batch& batch);

/// Means over the samples added so far.
class Tally {
 public:
  void add(double loss, const data::Batch& batch, const StepOutput& output);
  int64_t samples() const { return samples_; }
  Evaluation means() const;

  Json state() const;
  void set_state(const Json& state);

 private:
  double loss_ = 0;  // sums
  int64_t correct_ = 0, labelled_ = 0, samples_ = 0;
};

}  // namespace cairn::train
