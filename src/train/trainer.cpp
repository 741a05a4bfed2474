#include "cairn/train/trainer.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "cairn/autograd/anomaly.h"
#include "cairn/base/memory.h"
#include "cairn/io/safetensors.h"
#include "cairn/nn/gradient_reach.h"
#include "cairn/ops/arithmetic.h"
#include "cairn/optim/clip.h"
#include "cairn/train/checkpoint.h"
#include "nn/keep_mode.h"
#include "train/display.h"
#include "train/interrupt.h"
#include "train/run_folder.h"
#include "train/snapshot.h"
#include "train/tally.h"

namespace cairn::train {

using Clock = std::chrono::steady_clock;

static double seconds_between(Clock::time_point begin, Clock::time_point end) {
  return std::chrono::duration<double>(end - begin).count();
}

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
  if (run_ != nullptr)
    run_->log("end", {{"reason", to_string(end)}, {"seconds", seconds_between(start_, Clock::now())}}, steps_);
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

void Trainer::Fit::begin() {
  const bool resumed = run_ != nullptr && run_->has_checkpoint();
  if (resumed) restore();
  first_batch_ = batches_done(), saved_steps_ = steps_;
  if (o_.schedule) {
    scheduler_.emplace(t_.optimizer_, *o_.schedule);
    scheduler_->set_step(o_.schedule_per == Per::step ? steps_ : epoch_);
  }
  if (run_ == nullptr) return;
  run_->rewind(epoch_, steps_);
  recall_times(run_->folder(), t_.history_);
  if (!resumed) {
    run_->log("start", {{"epochs", o_.epochs}, {"batches", loader_.batches()}}, 0);
  } else if (epoch_ < o_.epochs) {
    display_.note("going on in " + run_->folder() + " at epoch " + std::to_string(epoch_ + 1) + ", batch " +
                  std::to_string(batch_ + 1));
    run_->log("resume", {{"epoch", epoch_}}, steps_);
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

static Json to_json(const Evaluation& e) {
  Json json = {{"loss", e.loss}, {"accuracy", e.accuracy}};
  if (!e.metrics.empty()) json["metrics"] = e.metrics;
  return json;
}

EpochResult Trainer::Fit::finish_epoch(bool whole) {
  const Evaluation means = tally_.means();
  EpochResult r{.epoch = epoch_, .loss = means.loss, .accuracy = means.accuracy, .validation = {}, .lr = progress_.lr};
  if (const int64_t here = tally_.samples() - first_sample_; here > 0) {
    r.seconds = seconds_between(epoch_start_, Clock::now());
    r.samples_per_second = static_cast<double>(here) / r.seconds;
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

void Trainer::Fit::judge(const EpochResult& result) {
  const Evaluation e = result.validation.value_or(Evaluation{.loss = result.loss, .accuracy = result.accuracy});
  double value = e.accuracy;
  if (o_.monitor == "loss" || (o_.monitor.empty() && std::isnan(e.accuracy)))
    value = -e.loss;
  else if (const auto metric = e.metrics.find(o_.monitor); metric != e.metrics.end())
    value = o_.less_is_better ? -metric->second : metric->second;
  ++stale_;
  if (!std::isfinite(value) || (best_ && value <= *best_ + o_.min_delta)) return;
  best_ = value, stale_ = 0;
  if (run_ == nullptr) {
    if (!o_.restore_best) return;
    for (const auto& [name, tensor] : t_.model_.state_dict()) best_state_[name] = tensor.detach().clone();
    return;
  }
  if (const auto* layer = dynamic_cast<const nn::Layer*>(&t_.model_)) {
    try {
      io::save(*layer, best_file(), o_.info);
      return;
    } catch (const NameError&) {  // it has layers that cannot be built from a description
    }
  }
  io::save_safetensors(best_file(), t_.model_.state_dict());
}

void Trainer::Fit::restore_best() {
  if (run_ != nullptr)
    io::load_into(t_.model_, best_file());
  else
    t_.model_.load_state_dict(best_state_);
}

// ---- checkpoints -------------------------------------------------------------------------------------------------------------

// Neither of these depends on the clock.
static Json to_json(const EpochResult& r) {
  Json json = {{"epoch", r.epoch}, {"loss", r.loss}, {"accuracy", r.accuracy}, {"lr", r.lr}};
  if (r.validation) json["validation"] = to_json(*r.validation);
  return json;
}

// NaN is null in JSON.
static double number(const Json& json) { return json.is_null() ? NAN : json.get<double>(); }
static Evaluation evaluation(const Json& json) {
  Evaluation e{.loss = number(json.at("loss")), .accuracy = number(json.at("accuracy"))};
  const Json metrics = json.value("metrics", Json::object());  // lives as long as its items are looked at
  for (const auto& [name, value] : metrics.items()) e.metrics[name] = number(value);
  return e;
}
static EpochResult epoch_result(const Json& json) {
  const Evaluation e = evaluation(json);
  EpochResult r{.epoch = json.at("epoch"), .loss = e.loss, .accuracy = e.accuracy, .lr = json.at("lr")};
  if (json.contains("validation")) r.validation = evaluation(json.at("validation"));
  return r;
}

void Trainer::Fit::save() {
  if (run_ == nullptr) return;
  for (const nn::Parameter& p : parameters_)
    require<ValueError>(range_of(p.tensor).finite(), "fit",
                        "a weight is not finite after a step; the last checkpoint stays", given("weight", p.name),
                        given("epoch", epoch_ + 1), given("steps", steps_));
  Json progress = {{"epoch", epoch_},
                   {"batch", batch_},
                   {"steps", steps_},
                   {"batches", loader_.batches()},
                   {"samples", loader_.samples()},
                   {"tally", tally_.state()},
                   {"stale", stale_},
                   {"stopped", stopped_},
                   {"monitor", monitor()},
                   {"history", Json::array()}};
  if (best_) progress["best"] = *best_;
  for (const EpochResult& r : t_.history_)
    if (r.epoch < epoch_) progress["history"].push_back(to_json(r));
  run_->checkpoint(steps_, [&](const std::string& file) {
    save_checkpoint(file, t_.model_, t_.optimizer_, progress, ema_ ? ema_->state_dict() : nn::StateDict());
    for (const auto& hook : t_.checkpoint_) hook(file);
  });
  saved_ = Clock::now(), saved_steps_ = steps_;
}

void Trainer::Fit::restore() {
  const std::string file = run_->file("last.safetensors");
  nn::StateDict averages;
  const Json progress = load_checkpoint(file, t_.model_, t_.optimizer_, &averages);
  try {
    if (ema_ && averages.empty())
      ema_.emplace(t_.model_, *o_.ema);  // a training that had none begins to average here
    else if (ema_)
      ema_->load_state_dict(averages);
    progress.at("epoch").get_to(epoch_);
    progress.at("batch").get_to(batch_);
    progress.at("steps").get_to(steps_);
    progress.at("stopped").get_to(stopped_);
    tally_.set_state(progress.at("tally"));
    if (progress.at("monitor") == monitor()) {  // else the best is of something else
      progress.at("stale").get_to(stale_);
      if (progress.contains("best")) best_ = progress.at("best").get<double>();
    }
    for (const Json& r : progress.at("history")) t_.history_.push_back(epoch_result(r));
    const auto batches = progress.at("batches").get<int64_t>(), samples = progress.at("samples").get<int64_t>();
    require<FileError>(batch_ == 0 || (batches == loader_.batches() && samples == loader_.samples()), "fit",
                       "the checkpoint stopped inside an epoch of another data set or batch size", file,
                       given("samples", samples), given("batches", batches), given("now samples", loader_.samples()),
                       given("batches", loader_.batches()));
  } catch (const FileError&) {
    throw;
  } catch (const Error& e) {
    throw FileError("fit: the checkpoint has other averages of the weights; " + std::string(e.what()) + "; got '" +
                    file + "'");
  } catch (const Json::exception& e) {
    throw FileError("fit: the checkpoint is not one of a Trainer (" + std::string(e.what()) + "); got '" + file + "'");
  }
}

}  // namespace cairn::train
