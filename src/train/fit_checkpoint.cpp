// What a training keeps: its best weights, and the checkpoints that it goes on from.
#include <cmath>
#include <nlohmann/json.hpp>

#include "cairn/autograd/anomaly.h"
#include "cairn/io/safetensors.h"
#include "cairn/train/checkpoint.h"
#include "train/fit.h"

namespace cairn::train {

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
static Json to_json(const Evaluation& e) {
  Json json = {{"loss", e.loss}, {"accuracy", e.accuracy}};
  if (!e.metrics.empty()) json["metrics"] = e.metrics;
  return json;
}

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
  Json progress;
  try {
    progress = load_checkpoint(file, t_.model_, t_.optimizer_, &averages);
  } catch (const DamagedCheckpoint& e) {
    const std::string older = run_->older_checkpoint();
    if (older.empty()) throw;
    throw FileError(std::string(e.what()) + "; to go on from the one before it, remove it and copy " + older +
                    " to its name");
  }
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
