#include "cairn/train/trainer.h"

#include <cmath>

#include "cairn/base/memory.h"
#include "cairn/optim/clip.h"
#include "nn/keep_mode.h"
#include "train/display.h"
#include "train/tally.h"

namespace cairn::train {

using Clock = std::chrono::steady_clock;

static double seconds_between(Clock::time_point begin, Clock::time_point end) {
  return std::chrono::duration<double>(end - begin).count();
}

Trainer::Trainer(nn::Layer& model, optim::Optimizer& optimizer, TrainerOptions options)
    : model_(model), optimizer_(optimizer), options_(std::move(options)) {
  require<ValueError>(options_.epochs >= 1, "Trainer", "needs at least one epoch", given("epochs", options_.epochs));
  require<ValueError>(options_.clip_grad_norm >= 0 && std::isfinite(options_.clip_grad_norm), "Trainer",
                      "the norm must be finite and ≥ 0, which clips nothing",
                      given("clip_grad_norm", options_.clip_grad_norm));
  require<ValueError>(options_.stream != nullptr, "Trainer", "the stream is null");
}

History Trainer::fit(const data::DataLoader& loader, const data::DataLoader* validation) {
  const nn::KeepMode keep_mode(model_);
  const optim::ParameterList parameters = optimizer_.parameters();
  std::optional<optim::LRScheduler> scheduler;
  if (options_.schedule) scheduler.emplace(optimizer_, *options_.schedule);
  Display display(options_.output, options_.stream);
  History history;
  const auto start = Clock::now();
  for (int64_t epoch = 0; epoch < options_.epochs; ++epoch) {
    Progress p{.epoch = epoch, .epochs = options_.epochs, .batches = loader.batches()};
    Tally tally;
    model_.train();
    const auto epoch_start = Clock::now();
    for (const auto& [x, y] : loader.epoch(epoch)) {
      const Tensor outputs = model_(x), loss = batch_loss(options_.loss, outputs, y);
      const double value = loss.item<double>();
      require<ValueError>(std::isfinite(value), "fit",
                          "the loss is not finite; a smaller learning rate may help, unless the data hold NaN or ±∞",
                          given("loss", value), given("epoch", epoch + 1), given("batch", p.batch + 1));
      optimizer_.zero_grad();
      loss.backward();
      if (options_.clip_grad_norm > 0) optim::clip_grad_norm_(parameters, options_.clip_grad_norm);
      p.lr = optimizer_.lr();
      optimizer_.step();
      if (scheduler) scheduler->step();

      tally.add(value, outputs, y);
      const auto now = Clock::now();
      ++p.batch;
      p.samples = tally.samples();
      p.loss = tally.means().loss;
      p.accuracy = tally.means().accuracy;
      p.seconds = seconds_between(epoch_start, now);
      const auto done = static_cast<double>(epoch * p.batches + p.batch);
      const auto all = static_cast<double>(p.epochs * p.batches);
      p.seconds_left = seconds_between(start, now) * (all - done) / done;
      display.batch(p, now);
      for (const auto& hook : batch_end_) hook(p);
    }
    EpochResult result{.epoch = epoch,
                       .loss = p.loss,
                       .accuracy = p.accuracy,
                       .validation = {},
                       .seconds = p.seconds,
                       .samples_per_second = static_cast<double>(p.samples) / p.seconds,
                       .lr = p.lr,
                       .peak_memory = 0};
    if (validation != nullptr) result.validation = evaluate(*validation);
    result.peak_memory = memory::stats().peak;
    display.epoch(result, options_.epochs);
    history.push_back(result);
    bool go_on = true;
    for (const auto& hook : epoch_end_) go_on = hook(result) && go_on;  // all of them see it
    if (!go_on) break;
  }
  return history;
}

}  // namespace cairn::train
