#pragma once
// The training loop: a classifier by default, regression through `loss`, anything else through a step of one's own.
//
//   train::Run run("runs/lenet5", {.resume = true});
//   train::Trainer trainer(model, optimizer, {.epochs = 20, .clip_grad_norm = 1, .patience = 3, .run = &run});
//   trainer.on_epoch_end([&](const train::EpochResult& r) { return r.validation->accuracy < 0.99; });
//   const train::History history = trainer.fit(loader, &validation_loader);
//
// With a run (train/run.h) it leaves checkpoints and goes on from them with the same bits, wherever it was stopped.

#include <cstdio>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cairn/io/model.h"
#include "cairn/optim/ema.h"
#include "cairn/optim/optimizer.h"
#include "cairn/optim/schedule.h"
#include "cairn/train/evaluate.h"
#include "cairn/train/run.h"

namespace cairn::train {

/// What fit() shows of its progress.
enum class Output {
  automatic,  ///< bar on a terminal, else lines
  bar,        ///< a line redrawn at most ten times a second, no wider than the terminal
  lines,      ///< a line an epoch
  silent,
};

/// When the schedule moves on.
enum class Per { step, epoch };

struct TrainerOptions {
  int64_t epochs = 10;
  std::optional<optim::Schedule> schedule = {};  ///< of the learning rates, from where fit() began
  Per schedule_per = Per::step;                  ///< whether it counts steps of the optimiser or epochs
  int64_t accumulate = 1;                        ///< batches whose gradients, as those of one batch, make a step
  double clip_grad_norm = 0;                     ///< the largest norm of all gradients together; 0 leaves them alone
  double clip_grad_value = 0;                    ///< the largest magnitude of any of their numbers; 0: likewise
  Loss loss = {};                                ///< empty: cross entropy
  std::vector<NamedMetric> metrics = {};         ///< taken of the validation: {{"top 5", train::TopK(5)}}
  /// Averages the weights; validation, the best model and the model that fit() leaves have the averages.
  std::optional<optim::EMAOptions> ema = {};

  /// What tells how good an epoch was, of the validation where there is one, else of the training: "loss", "accuracy",
  /// or the name of one of the metrics; "" stands for accuracy where there is one, else for the loss.
  std::string monitor = "";
  bool less_is_better = false;  ///< of a metric; of the loss it always is
  int64_t patience = 0;         ///< ends the training after so many epochs in a row without a better one; 0: never
  double min_delta = 0;         ///< by how much an epoch must be better than the best
  bool restore_best = false;    ///< whether fit() leaves the model as it was after the best epoch

  int64_t max_steps = 0;   ///< ends the training after so many steps in all; 0: never
  double max_seconds = 0;  ///< ends the training when fit() has run for so long; 0: never

  /// Whether the first operation that gives a NaN or an infinity, in a forward or a backward, ends the training with an
  /// AnomalyError that names it (autograd/anomaly.h). It reads every result once more.
  bool anomaly = false;
  /// Whether parameters that the first backward leaves without a gradient are named (nn::gradient_warnings).
  bool check_gradients = true;

  Run* run = nullptr;       ///< where checkpoints and events go; null: nowhere. It must outlive the fit
  io::ModelInfo info = {};  ///< what best.safetensors holds beside the model
  Output output = Output::automatic;
  std::FILE* stream = stdout;  ///< where the output goes
};

/// Why a training ended.
enum class End { finished, hook, patience, budget, interrupted };
/// "finished", "hook", …
const char* to_string(End end);

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
  std::optional<Evaluation> validation = {};
  double seconds = 0;  ///< without validation; what was before a resume inside the epoch at the speed behind it
  double samples_per_second = 0;  ///< without validation
  double lr = 0;                  ///< of the last step
  int64_t peak_memory = 0;  ///< bytes: the most in use so far (memory::stats().peak), data and all models included
};
using History = std::vector<EpochResult>;

/// Trains a model. Model and optimiser must outlive it.
class Trainer {
 public:
  /// throws  ValueError unless epochs and accumulate are ≥ 1 and the other numbers finite and ≥ 0; NameError for another
  ///         monitor
  Trainer(nn::Layer& model, optim::Optimizer& optimizer, const TrainerOptions& options = {});
  /// The same with a step of one's own in the place of model(x) and the option `loss`.
  Trainer(nn::Module& model, optim::Optimizer& optimizer, Step step, TrainerOptions options = {});

  /// Runs epochs 0, 1, … of the loader in training mode: for every batch the loss of model(x) and y, backward, clipping
  /// and a step with the scheduled learning rate; then the evaluation on `validation`, when there is one. At the end
  /// the model's mode is put back. A second call goes on from these weights; a schedule begins anew, from the base
  /// rates.
  ///
  /// With a run, it first goes back to the checkpoint of the run, when there is one. It leaves one after every epoch,
  /// and between as the run's options say. At Ctrl-C (or SIGTERM) it ends after the step that it is in, with a
  /// checkpoint; a second Ctrl-C ends the program. The epochs before a resume stand in the history with the seconds and
  /// the speed that metrics.jsonl tells of them, or 0, and without their memory: a checkpoint does not depend on the clock.
  ///   throws  ValueError when the loss is not finite, naming epoch and batch (counted from 1, as on the screen), before
  ///           that batch changes a weight; AnomalyError likewise, with the option `anomaly`; ShapeError when it has more than one element, or when the loss is cross
  ///           entropy and the outputs are no classes; FileError for a checkpoint of another model, optimiser or data
  ///           set, and when the run's files cannot be written
  History fit(const data::DataLoader& loader, const data::DataLoader* validation = nullptr);

  /// Why the last fit() ended.
  End end() const { return end_; }
  /// What the last fit() returned, or how far it had come when it threw.
  const History& history() const { return history_; }
  /// As train::evaluate, with this trainer's step and metrics.
  Evaluation evaluate(const data::DataLoader& loader) {
    return train::evaluate(model_, loader, step_, options_.metrics);
  }

  /// Calls the function before every epoch, with its number. Several are called in the order in which they were added.
  void on_epoch_begin(std::function<void(int64_t epoch)> hook) { epoch_begin_.push_back(std::move(hook)); }
  /// Calls the function after every batch.
  void on_batch_end(std::function<void(const Progress&)> hook) { batch_end_.push_back(std::move(hook)); }
  /// Calls the function after every epoch and its validation. The training ends when one of them returns false.
  void on_epoch_end(std::function<bool(const EpochResult&)> hook) { epoch_end_.push_back(std::move(hook)); }
  /// Calls the function when a checkpoint has been written.
  void on_checkpoint(std::function<void(const std::string& file)> hook) { checkpoint_.push_back(std::move(hook)); }

 private:
  class Fit;

  nn::Module& model_;
  optim::Optimizer& optimizer_;
  Step step_;
  TrainerOptions options_;
  End end_ = End::finished;
  History history_;
  std::vector<std::function<void(int64_t)>> epoch_begin_;
  std::vector<std::function<void(const Progress&)>> batch_end_;
  std::vector<std::function<bool(const EpochResult&)>> epoch_end_;
  std::vector<std::function<void(const std::string&)>> checkpoint_;
};

}  // namespace cairn::train
