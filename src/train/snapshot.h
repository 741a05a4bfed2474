#pragma once
// What a report shows of the inside of a model after an epoch.

#include "cairn/train/evaluate.h"
#include "cairn/train/run.h"

namespace cairn::train {

/// Logs the events "meters" (nn::Meter on one batch) and "histograms" (of all parameters, and of the outputs of layers
/// with an activation). The model is as before afterwards.
void log_snapshot(Run& run, nn::Module& model, const Step& step, const data::Batch& batch, int64_t epoch,
                  int64_t steps);

}  // namespace cairn::train
