#pragma once
// The meters of nn/meter.h over a data set, and epoch by epoch while a model is trained.

#include <cstdio>
#include <functional>

#include "cairn/nn/meter.h"
#include "cairn/train/trainer.h"

namespace cairn::train {

/// What a model's activations give over a loader's epoch 0, with the gradients of the loss:
///   std::cout << train::measure(model, loader);
/// The model is as before afterwards, see nn::Meter; no grad() changes.
///   throws  as evaluate
nn::MeterReport measure(nn::Layer& model, const data::DataLoader& loader, const Loss& loss = {});

struct LogMetersOptions {
  Loss loss = {};     ///< empty: cross entropy
  int64_t every = 1;  ///< epochs between two tables
  std::FILE* stream = stdout;
};

/// Prints the table of measure(model, loader) after an epoch:
///   trainer.on_epoch_end(train::log_meters(model, loader));
/// Measured on the training data, or for less time on a part of it (data::Subset). Model and loader must outlive it.
///   throws  ValueError for every < 1 and a null stream
std::function<bool(const EpochResult&)> log_meters(nn::Layer& model, const data::DataLoader& loader,
                                                   LogMetersOptions options = {});

}  // namespace cairn::train
