#pragma once
// The training loop: a classifier by default, anything else through `loss`.
//
//   train::Trainer trainer(model, optimizer, {.epochs = 6, .clip_grad_norm = 1});
//   trainer.on_epoch_end([&](const train::EpochResult& r) { return r.validation->accuracy < 0.99; });
//   const train::History history = trainer.fit(loader, &validation_loader);

#include <cstdio>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include "cairn/optim/optimizer.h"
#include "cairn/optim/schedule.h"
#include "cairn/train/evaluate.h"

namespace cairn::train {

/// What fit() shows of its progress.
enum class Output {
  automatic,  ///< bar on a terminal, else lines
  bar,        ///< a line redrawn at most ten times a second, no wider than the terminal
  lines,      ///< a line an epoch
  silent,
};

struct TrainerOptions {
  int64_t epochs = 10;
  std::optional<optim::Schedule> schedule = {};  ///< of the learning rates, by optimiser steps since fit() began
  double clip_grad_norm = 0;                     ///< the largest norm of all gradients together; 0 leaves them alone
  Loss loss = {};                                ///< empty: cross entropy
  Output output = Output::automatic;
  std::FILE* stream = stdout;  ///< where the output goes
};

/// How far a training has come, after a batch. Loss and accuracy are means over the samples of the epoch so far, each
/// counted when its batch was trained on.
struct Progress {
  int64_t epoch = 0, epochs = 0;   ///< this one, counted from 0, of how many
  int64_t batch = 0, batches = 0;  ///< done, of how many in an epoch
  int64_t samples = 0;             ///< seen in this epoch
  double loss = 0, accuracy = 0;   ///< as in Evaluation
  double lr = 0;                   ///< of the last step
  double seconds = 0;              ///< since the epoch began
  double seconds_left = 0;         ///< until the end of all epochs, as it has gone so far
};

/// What an epoch came to.
struct EpochResult {
  int64_t epoch = 0;              ///< counted from 0
  double loss = 0, accuracy = 0;  ///< on the training data while they were learned, as in Evaluation
  std::optional<Evaluation> validation;
  double seconds = 0;             ///< without validation
  double samples_per_second = 0;  ///< without validation
  double lr = 0;                  ///< of the last step
  int64_t peak_memory = 0;  ///< bytes: the most in use so far (memory::stats().peak), data and all models included
};
using History = std::vector<EpochResult>;

/// Trains a model. Model and optimiser must outlive it.
class Trainer {
 public:
  /// throws  ValueError unless epochs ≥ 1, and clip_grad_norm is finite and ≥ 0
  Trainer(nn::Layer& model, optim::Optimizer& optimizer, TrainerOptions options = {});

  /// Runs epochs 0, 1, … of the loader in training mode: for every batch the loss of model(x) and y, backward, clipping
  /// and a step with the scheduled learning rate; then the evaluation on `validation`, when there is one. At the end
  /// the model's mode is put back. A second call goes on from these weights; a schedule begins anew, from the base
  /// rates.
  ///   throws  ValueError when the loss is not finite, naming epoch and batch (counted from 1, as on the screen), before
  ///           that batch changes a weight; ShapeError when it has more than one element, or when the loss is cross
  ///           entropy and the outputs are no classes
  History fit(const data::DataLoader& loader, const data::DataLoader* validation = nullptr);

  /// As train::evaluate, with this trainer's loss.
  Evaluation evaluate(const data::DataLoader& loader) { return train::evaluate(model_, loader, options_.loss); }

  /// Calls the function after every batch. Several are called in the order in which they were added.
  void on_batch_end(std::function<void(const Progress&)> hook) { batch_end_.push_back(std::move(hook)); }
  /// Calls the function after every epoch and its validation. The training ends when one of them returns false.
  void on_epoch_end(std::function<bool(const EpochResult&)> hook) { epoch_end_.push_back(std::move(hook)); }

 private:
  nn::Layer& model_;
  optim::Optimizer& optimizer_;
  TrainerOptions options_;
  std::vector<std::function<void(const Progress&)>> batch_end_;
  std::vector<std::function<bool(const EpochResult&)>> epoch_end_;
};

}  // namespace cairn::train
