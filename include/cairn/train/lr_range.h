#pragma once
// Which learning rates a model bears: the loss while the rate grows from step to step.
//
//   const train::LRRange range = train::lr_range_test(model, optimizer, loader);
//   for (const auto& [lr, loss, smoothed] : range.points) …
//   optimizer.set_lr(range.suggestion);

#include <cmath>
#include <vector>

#include "cairn/optim/optimizer.h"
#include "cairn/train/evaluate.h"

namespace cairn::train {

struct LRRangeOptions {
  double start = 1e-7, end = 10;  ///< the first and the last rate; each step multiplies it by the same factor
  int64_t steps = 100;            ///< batches; the loader's epochs follow each other as far as they are needed
  double smoothing = 0.9;         ///< what a step leaves of the running mean of losses, in [0, 1)
  double diverge = 4;             ///< it ends where the running mean is so many times the smallest before
};

struct LRPoint {
  double lr;
  double loss;      ///< of a batch, before the step with this rate
  double smoothed;  ///< running mean of the losses, without the bias towards 0 of its beginning
};

struct LRRange {
  std::vector<LRPoint> points;
  /// The rate at which the smoothed loss falls fastest by the logarithm of the rate, of those before its minimum; NaN
  /// when it never falls.
  double suggestion = NAN;
};

/// Trains for some batches, in training mode, with a rate that grows exponentially, until the loss diverges or stops being
/// finite. Of several groups the first one has that rate, and the others keep their ratio to it. Afterwards all is as
/// before, also when something throws: weights, buffers, gradients, mode, the optimiser's state and rates, and
/// default_generator(). What was recorded before cannot run backward any more.
///   throws  ValueError unless 0 < start < end, steps ≥ 2, 0 ≤ smoothing < 1, diverge > 1; ShapeError when the loss has
///           more than one element
///   source  Smith 2017, "Cyclical learning rates for training neural networks"
LRRange lr_range_test(nn::Layer& model, optim::Optimizer& optimizer, const data::DataLoader& loader,
                      const Loss& loss = {}, const LRRangeOptions& options = {});

}  // namespace cairn::train
