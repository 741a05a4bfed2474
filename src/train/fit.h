#pragma once
// One call of Trainer::fit().

#include <chrono>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "cairn/train/trainer.h"
#include "train/display.h"
#include "train/interrupt.h"
#include "train/tally.h"

namespace cairn::train {

using Clock = std::chrono::steady_clock;

inline double seconds_between(Clock::time_point begin, Clock::time_point end) {
  return std::chrono::duration<double>(end - begin).count();
}

class Trainer::Fit {
 public:
  Fit(Trainer& trainer, const data::DataLoader& loader, const data::DataLoader* validation)
      : t_(trainer),
        o_(trainer.options_),
        run_(o_.run),
        loader_(loader),
        validation_(validation),
        parameters_(trainer.optimizer_.parameters()),
        display_(o_.output, o_.stream) {
    t_.history_.clear();
    if (o_.ema) ema_.emplace(t_.model_, *o_.ema);
  }

  End run();

 private:
  void begin();
  End train();
  void log_end(const char* reason, Json fields = {});
  void train_epoch();
  void step(double loss);
  void show(Clock::time_point now);
  EpochResult finish_epoch(bool whole);
  void judge(const EpochResult& result);
  void restore_best();

  void save();
  void restore();
  std::string best_file() const { return run_->file("best.safetensors"); }

  bool out_of_patience() const { return o_.patience > 0 && stale_ >= o_.patience; }
  bool out_of_budget() const {
    return (o_.max_steps > 0 && steps_ >= o_.max_steps) ||
           (o_.max_seconds > 0 && seconds_between(start_, Clock::now()) >= o_.max_seconds);
  }
  bool interrupted() const { return run_ != nullptr && Interrupt::interrupted(); }
  // What best_ is a value of.
  std::string monitor() const { return o_.monitor + (validation_ != nullptr ? " of the validation" : ""); }
  int64_t batches_done() const { return epoch_ * loader_.batches() + batch_; }

  Trainer& t_;
  const TrainerOptions& o_;
  Run* const run_;
  const data::DataLoader& loader_;
  const data::DataLoader* const validation_;
  const optim::ParameterList parameters_;
  std::optional<optim::LRScheduler> scheduler_;
  std::optional<optim::EMA> ema_;
  Display display_;

  // How far it has come: what a checkpoint holds.
  int64_t epoch_ = 0, batch_ = 0, steps_ = 0;
  Tally tally_;                 // of this epoch
  std::optional<double> best_;  // what the best epoch came to; larger is better
  int64_t stale_ = 0;           // epochs since then
  bool stopped_ = false;        // by a hook

  // Of this call alone.
  const Clock::time_point start_ = Clock::now();
  Clock::time_point epoch_start_, saved_ = start_;
  int64_t first_batch_ = 0, first_sample_ = 0, saved_steps_ = 0;  // where it, or this epoch of it, began
  Progress progress_;
  bool warned_ = false;
  double logged_loss_ = 0;  // sum, since the last event "step"
  int64_t logged_ = 0;
  nn::StateDict best_state_;  // without a run
};

}  // namespace cairn::train
