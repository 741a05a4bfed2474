#include "cairn/train/trainer.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "cairn/autograd/anomaly.h"
#include "cairn/base/memory.h"
#include "cairn/nn/gradient_reach.h"
#include "cairn/ops/arithmetic.h"
#include "cairn/optim/clip.h"
#include "nn/keep_mode.h"
#include "train/fit.h"
#include "train/run_folder.h"
#include "train/snapshot.h"

namespace cairn::train {

const char* to_string(End end) {
  constexpr const char* names[] = {"finished", "hook", "patience", "budget", "interrupted"};
  return names[static_cast<size_t>(end)];
}

Trainer::Trainer(nn::Layer& model, optim::Optimizer& optimizer, const TrainerOptions& options)
    : Trainer(model, optimizer, step_of(model, options.loss), options) {}

Trainer::Trainer(nn::Module& model, optim::Optimizer& optimizer, Step step, TrainerOptions options)
    : model_(model), optimizer_(optimizer), step_(std::move(step)), options_(std::move(options)) {
  const auto at_least = [](const char* name, auto value, int low) {
    require<ValueError>(value >= low && std::isfinite(static_cast<double>(value)), "Trainer",
                        low == 1 ? "this option must be at least 1" : "this option must be finite and ≥ 0",
                        given(name, value));
  };
  at_least("epochs", options_.epochs, 1);
  at_least("accumulate", options_.accumulate, 1);
  at_least("clip_grad_norm", options_.clip_grad_norm, 0);
  at_least("clip_grad_value", options_.clip_grad_value, 0);
  at_least("patience", options_.patience, 0);
  at_least("min_delta", options_.min_delta, 0);
  at_least("max_steps", options_.max_steps, 0);
  at_least("max_seconds", options_.max_seconds, 0);
  std::vector<std::string> monitors = {"", "loss", "accuracy"};
  for (const NamedMetric& m : options_.metrics) monitors.push_back(m.name);
  if (std::find(monitors.begin(), monitors.end(), options_.monitor) == monitors.end())
    fail_unknown("monitor", options_.monitor, {monitors.begin() + 1, monitors.end()});
  require<ValueError>(options_.stream != nullptr, "Trainer", "the stream is null");
}

// ---- one call of fit() ------------------------------------------------------------------------------------------------------

History Trainer::fit(const data::DataLoader& loader, const data::DataLoader* validation) {
  const bool of_metric = std::any_of(options_.metrics.begin(), options_.metrics.end(),
                                     [&](const NamedMetric& m) { return m.name == options_.monitor; });
  require<ValueError>(!of_metric || validation != nullptr, "fit",
                      "metrics are taken of the validation, and there is none to monitor",
                      given("monitor", options_.monitor));
  const nn::KeepMode keep_mode(model_);
  Fit fit(*this, loader, validation);
  end_ = fit.run();
  return history_;
}

End Trainer::Fit::run() {
  std::optional<Interrupt> interrupt;
  if (run_ != nullptr) interrupt.emplace();
  std::optional<DetectAnomaly> detect;
  if (o_.anomaly) detect.emplace();
  begin();
  End end = End::finished;
  try {
    end = train();
  } catch (const std::exception& e) {
    // Of an error the log tells as well, where it can: this one matters more than another on the way.
    try {
      if (run_ != nullptr) log_end("error", {{"error", e.what()}});
    } catch (const std::exception&) {
    }
    throw;
  }
  if (run_ != nullptr) log_end(to_string(end));
  if (end == End::interrupted)
    display_.note("stopped after " +
                  (batch_ == 0 ? "epoch " + std::to_string(epoch_)
                               : "batch " + std::to_string(batch_) + " of epoch " + std::to_string(epoch_ + 1)) +
                  "; saved in " + run_->folder());
  else if (o_.restore_best && best_)
    restore_best();
  else if (ema_)
    t_.model_.load_state_dict(ema_->average());
  return end;
}

void Trainer::Fit::log_end(const char* reason, Json fields) {
  fields["reason"] = reason;
  fields["seconds"] = seconds_between(start_, Clock::now());
  run_->log("end", fields, steps_);
}

// All epochs, or as many as there shall be.
End Trainer::Fit::train() {
  End end = stopped_ ? End::hook : out_of_patience() ? End::patience : End::finished;
  while (end == End::finished && epoch_ < o_.epochs) {
    if (out_of_budget()) {
      end = End::budget;
      break;
    }
    for (const auto& hook : t_.epoch_begin_) hook(epoch_);
    train_epoch();
    const bool whole = batch_ == loader_.batches();
    if (!whole) {
      save();
      end = interrupted() ? End::interrupted : End::budget;
      if (end == End::interrupted) break;
    }
    t_.history_.push_back(finish_epoch(whole));
    bool go_on = true;
    for (const auto& hook : t_.epoch_end_) go_on = hook(t_.history_.back()) && go_on;  // all of them see it
    if (!whole) break;
    ++epoch_, batch_ = 0, tally_ = {};
    if (scheduler_ && o_.schedule_per == Per::epoch) scheduler_->set_step(epoch_);
    stopped_ = !go_on;
    save();
    if (interrupted())
      end = End::interrupted;
    else if (epoch_ < o_.epochs && (stopped_ || out_of_patience()))
      end = stopped_ ? End::hook : End::patience;
  }
  return end;
}

void Trainer::Fit::begin() {
  const bool resumed = run_ != nullptr && run_->has_checkpoint();
  if (resumed) restore();
  first_batch_ = batches_done(), saved_steps_ = steps_;
  if (o_.schedule) {
    scheduler_.emplace(t_.optimizer_, *o_.schedule);
    scheduler_->set_step(o_.schedule_per == Per::step ? steps_ : epoch_);
  }
  if (run_ == nullptr) return;
  if (run_->options().resume && !resumed)
    display_.note("no checkpoint in " + run_->folder() + " to go on from: a new training begins");
  run_->rewind(epoch_, steps_);
  recall_times(run_->folder(), t_.history_);
  if (!resumed) {
    run_->log("start", {{"epochs", o_.epochs}, {"batches", loader_.batches()}}, 0);
  } else if (epoch_ < o_.epochs) {
    display_.note("going on in " + run_->folder() + " at epoch " + std::to_string(epoch_ + 1) + ", batch " +
                  std::to_string(batch_ + 1));
    run_->log("resume", {{"epoch", epoch_}, {"epochs", o_.epochs}}, steps_);
  }
}

// The rest of the epoch, or less of it when the training shall end.
void Trainer::Fit::train_epoch() {
  t_.model_.train();
  epoch_start_ = Clock::now();
  first_sample_ = tally_.samples();
  progress_ = {.epoch = epoch_, .epochs = o_.epochs, .batches = loader_.batches()};
  int64_t batch = batch_, group_end = batch_;  // a group of batches makes a step
  double group_samples = 0;
  for (const data::Batch& xy : loader_.epoch(epoch_, batch_)) {
    if (batch == group_end) {
      t_.optimizer_.zero_grad();
      group_end = std::min(batch + o_.accumulate, loader_.batches());
      group_samples = 0;
      for (int64_t i = batch; i < group_end; ++i) group_samples += static_cast<double>(loader_.samples(i));
    }
    const StepOutput output = run_step(t_.step_, xy);
    const double loss = output.loss.item<double>();
    require<ValueError>(std::isfinite(loss), "fit",
                        "the loss is not finite; a smaller learning rate may help, unless the data hold NaN or ±∞",
                        given("loss", loss), given("epoch", epoch_ + 1), given("batch", batch + 1));
    const double share = static_cast<double>(loader_.samples(batch)) / group_samples;
    (share == 1 ? output.loss : output.loss * share).backward();
    if (!warned_ && o_.check_gradients)
      for (const std::string& warning : nn::gradient_warnings(t_.model_)) display_.note("warning: " + warning);
    warned_ = true;
    tally_.add(loss, xy, output);
    ++batch;
    if (batch == group_end) {
      batch_ = batch;
      step(loss);
    }
    const auto now = Clock::now();
    progress_.batch = batch;
    show(now);
    if (batch != batch_ || batch == loader_.batches()) continue;
    if (interrupted() || out_of_budget()) return;
    if (run_ == nullptr) continue;
    const RunOptions& r = run_->options();
    if ((r.checkpoint_steps > 0 && steps_ - saved_steps_ >= r.checkpoint_steps) ||
        (r.checkpoint_seconds > 0 && seconds_between(saved_, now) >= r.checkpoint_seconds))
      save();
  }
}

void Trainer::Fit::step(double loss) {
  const bool logs = run_ != nullptr && (steps_ + 1) % run_->options().log_steps == 0;
  double norm = 0;
  if (o_.clip_grad_norm > 0 || logs)
    norm = optim::clip_grad_norm_(parameters_, o_.clip_grad_norm > 0 ? o_.clip_grad_norm : INFINITY);
  if (o_.clip_grad_value > 0) optim::clip_grad_value_(parameters_, o_.clip_grad_value);
  progress_.lr = t_.optimizer_.lr();
  t_.optimizer_.step();
  if (ema_) ema_->update();
  ++steps_;
  if (scheduler_ && o_.schedule_per == Per::step) scheduler_->step();
  logged_loss_ += loss, ++logged_;
  if (!logs) return;
  run_->log("step",
            {{"epoch", epoch_},
             {"loss", logged_loss_ / static_cast<double>(logged_)},
             {"accuracy", tally_.means().accuracy},
             {"lr", progress_.lr},
             {"grad_norm", norm},
             {"seconds", seconds_between(start_, Clock::now())}},
            steps_);
  logged_loss_ = 0, logged_ = 0;
}

void Trainer::Fit::show(Clock::time_point now) {
  Progress& p = progress_;
  const Evaluation means = tally_.means();
  const auto here = static_cast<double>(tally_.samples() - first_sample_);
  p.samples = tally_.samples();
  p.loss = means.loss;
  p.accuracy = means.accuracy;
  p.seconds = seconds_between(epoch_start_, now) * static_cast<double>(p.samples) / here;
  const int64_t done = epoch_ * p.batches + p.batch, left = p.epochs * p.batches - done;
  p.seconds_left = seconds_between(start_, now) * static_cast<double>(left) / static_cast<double>(done - first_batch_);
  display_.batch(p, now);
  for (const auto& hook : t_.batch_end_) hook(p);
}

// ---- what an epoch came to ---------------------------------------------------------------------------------------------------

EpochResult Trainer::Fit::finish_epoch(bool whole) {
  const Evaluation means = tally_.means();
  EpochResult r{.epoch = epoch_, .loss = means.loss, .accuracy = means.accuracy, .validation = {}, .lr = progress_.lr};
  if (const int64_t here = tally_.samples() - first_sample_; here > 0) {
    r.samples_per_second = static_cast<double>(here) / seconds_between(epoch_start_, Clock::now());
    r.seconds = static_cast<double>(tally_.samples()) / r.samples_per_second;  // with what was before a resume
  }
  std::optional<optim::EMA::Swapped> averaged;
  if (ema_) averaged.emplace(*ema_);
  if (validation_ != nullptr) r.validation = t_.evaluate(*validation_);
  r.peak_memory = memory::stats().peak;
  display_.epoch(r, o_.epochs);
  if (run_ != nullptr) {
    Json fields = {{"epoch", r.epoch},
                   {"loss", r.loss},
                   {"accuracy", r.accuracy},
                   {"lr", r.lr},
                   {"seconds", r.seconds},
                   {"samples_per_second", r.samples_per_second},
                   {"peak_memory", r.peak_memory}};
    if (r.validation) {
      fields["validation"] = {{"loss", r.validation->loss}, {"accuracy", r.validation->accuracy}};
      for (const auto& [name, value] : r.validation->metrics) fields["validation"][name] = value;
    }
    run_->log("epoch", fields, steps_);
    if (run_->options().meters) {
      const data::DataLoader& loader = validation_ != nullptr ? *validation_ : loader_;
      log_snapshot(*run_, t_.model_, t_.step_, *loader.epoch(0).begin(), epoch_, steps_);
    }
  }
  if (whole) judge(r);  // a part of one will be made whole after a resume
  return r;
}

}  // namespace cairn::train
