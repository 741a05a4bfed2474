#pragma once
// The plain training loop of a classifier.

#include <functional>

#include "cairn/data/loader.h"
#include "cairn/nn/module.h"
#include "cairn/optim/optimizer.h"

namespace cairn::train {

/// How far an epoch has come. Loss in nats and accuracy in [0, 1] are means over its samples so far.
struct Progress {
  int64_t epoch = 0;
  int64_t batch = 0, batches = 0;  ///< batches done, of how many
  int64_t samples = 0;
  double loss = 0, accuracy = 0;
  double seconds = 0;
};

/// One epoch in training mode: for every batch, cross entropy of model(x) with the class numbers y, backward and an
/// optimiser step. `before_batch` is called ahead of each batch, and may set the learning rate; the last state is
/// returned.
///   throws  ValueError when the loss is not finite, naming epoch and batch
Progress train_epoch(nn::Layer& model, optim::Optimizer& optimizer, const data::DataLoader& loader, int64_t epoch,
                     const std::function<void(const Progress&)>& before_batch = {});

struct Evaluation {
  double loss = 0;      ///< mean cross entropy, in nats
  double accuracy = 0;  ///< in [0, 1]
};

/// Loss and accuracy over a loader's first epoch, in evaluation mode and without recording. The mode is put back.
Evaluation evaluate(nn::Layer& model, const data::DataLoader& loader);

}  // namespace cairn::train
