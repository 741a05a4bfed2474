// What the Trainer's options do, each against what can be worked out without it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <numeric>

#include "cairn/nn/linear.h"
#include "cairn/nn/sequential.h"
#include "cairn/ops/arithmetic.h"
#include "cairn/ops/loss.h"
#include "cairn/ops/reduce.h"
#include "cairn/optim/adamw.h"
#include "cairn/optim/sgd.h"
#include "cairn/tensor/create.h"
#include "cairn/tensor/random.h"
#include "cairn/train/trainer.h"
#include "support.h"
#include "train/squared.h"

namespace cairn {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;
using train::End;
using train::EpochResult;
using train::Output;
using train::Per;
using train::Trainer;
using train::TrainerOptions;

struct OptionsTest : ::testing::Test {
  Generator random{3};
  data::TensorDataset set{randn({22, 4}, f64, random), randn({22, 2}, f64, random)};
  data::DataLoader loader{set, {.batch_size = 4}};
  data::DataLoader validation{set, {.batch_size = 9}};

  static nn::Linear model() {
    manual_seed(2);
    nn::Linear m(4, 2);
    m.to(f64);
    return m;
  }
};

TEST_F(OptionsTest, GatheredBatchesAreOneLargeBatch) {
  // Batches of 4, 4, 4, 4, 4, 2 in groups of 3: 12 and 10 samples.
  const data::DataLoader large(set, {.batch_size = 12});
  nn::Linear a = model(), b = model();
  optim::AdamW of_a(a.parameters(), {.lr = 0.1}), of_b(b.parameters(), {.lr = 0.1});
  Trainer gathered(a, of_a,
                   {.epochs = 3, .accumulate = 3, .clip_grad_norm = 0.5, .loss = squared, .output = Output::silent});
  Trainer plain(b, of_b, {.epochs = 3, .clip_grad_norm = 0.5, .loss = squared, .output = Output::silent});
  gathered.fit(loader);
  plain.fit(large);
  const auto x = a.weight.to_vector<double>(), y = b.weight.to_vector<double>();
  for (size_t i = 0; i < x.size(); ++i) EXPECT_NEAR(x[i], y[i], 1e-12);
}

TEST_F(OptionsTest, ASchedulePerEpochCountsEpochs) {
  nn::Linear m = model();
  optim::SGD optimizer(m.parameters(), {.lr = 1});
  Trainer trainer(m, optimizer,
                  {.epochs = 3,
                   .schedule = optim::schedule::exponential({.gamma = 0.5}),
                   .schedule_per = Per::epoch,
                   .loss = [](const Tensor& y, const Tensor&) { return mean(y) * 0.0; },
                   .output = Output::silent});
  std::vector<double> rates;
  for (const EpochResult& r : trainer.fit(loader)) rates.push_back(r.lr);
  EXPECT_THAT(rates, ElementsAre(1, 0.5, 0.25));
}

TEST_F(OptionsTest, ClipsEveryNumber) {
  nn::Linear m = model();
  const Tensor before = m.weight.detach().clone();
  optim::SGD optimizer(m.parameters(), {.lr = 1});
  const data::DataLoader one(set, {.batch_size = 22});
  Trainer trainer(m, optimizer, {.epochs = 1, .clip_grad_value = 1e-3, .loss = squared, .output = Output::silent});
  trainer.fit(one);
  for (const double step : (m.weight.detach() - before).to_vector<double>()) EXPECT_LE(std::abs(step), 1e-3 + 1e-15);
}

// The n-th validation has the n-th of these losses, whatever the weights are.
struct Script {
  std::vector<double> losses;
  nn::Linear model = OptionsTest::model();
  optim::SGD optimizer{model.parameters(), {.lr = 0.1}};
  size_t epoch = 0;
  train::Step step() {
    return [this](const data::Batch& b) -> train::StepOutput {
      Tensor y = model(b.x);
      return {model.training() ? mean(y) : mean(y) * 0.0 + losses[epoch], y, b.y};
    };
  }
};

TEST_F(OptionsTest, PatienceEndsAndTheBestIsPutBack) {
  for (const bool with_run : {false, true}) {
    testing::Folder folder;
    Script script{.losses = {5, 3, 2.95, 4, 4, 1, 1}};
    std::optional<train::Run> run;
    if (with_run) run.emplace(folder / "run");
    Trainer trainer(script.model, script.optimizer, script.step(),
                    {.epochs = 7,
                     .patience = 3,
                     .min_delta = 0.1,
                     .restore_best = true,
                     .run = run ? &*run : nullptr,
                     .output = Output::silent});
    std::vector<uint64_t> weights;
    trainer.on_epoch_end([&](const EpochResult&) {
      weights.push_back(nn::checksum(script.model));
      ++script.epoch;
      return true;
    });
    EXPECT_EQ(trainer.fit(loader, &validation).size(), 5U);
    EXPECT_EQ(trainer.end(), End::patience);
    EXPECT_EQ(nn::checksum(script.model), weights[1]);
  }
}

TEST_F(OptionsTest, MetricsAreTakenOfTheValidationAndMayBeWatched) {
  nn::Linear m = model();
  optim::SGD optimizer(m.parameters(), {.lr = 0.05});
  Trainer trainer(m, optimizer,
                  {.epochs = 4,
                   .loss = squared,
                   .metrics = {{"MAE", train::MeanAbsoluteError()}, {"R2", train::R2()}},
                   .monitor = "MAE",
                   .less_is_better = true,
                   .restore_best = true,
                   .output = Output::silent});
  const auto history = trainer.fit(loader, &validation);
  double best = INFINITY;
  for (const EpochResult& r : history) best = std::min(best, r.validation->metrics.at("MAE"));
  const train::Evaluation now = trainer.evaluate(validation);
  EXPECT_EQ(now.metrics.at("MAE"), best);
  std::vector<int64_t> all(22);
  std::iota(all.begin(), all.end(), 0);
  const data::Batch whole = set.gather(all);
  EXPECT_NEAR(now.metrics.at("MAE"), l1_loss(m(whole.x), whole.y).item<double>(), 1e-12);
}

TEST_F(OptionsTest, AveragedWeightsAreWhatItLeaves) {
  nn::Linear m = model(), by_hand = model();
  optim::SGD optimizer(m.parameters(), {.lr = 0.05}), other(by_hand.parameters(), {.lr = 0.05});
  const optim::EMAOptions ema = {.decay = 0.9};
  Trainer trainer(m, optimizer, {.epochs = 2, .loss = squared, .ema = ema, .output = Output::silent});
  const auto history = trainer.fit(loader, &validation);
  optim::EMA average(by_hand, ema);
  for (int epoch = 0; epoch < 2; ++epoch)
    for (const auto& [x, y] : loader.epoch(epoch)) {
      other.zero_grad();
      squared(by_hand(x), y).backward();
      other.step();
      average.update();
    }
  EXPECT_NE(nn::checksum(m), nn::checksum(by_hand));
  by_hand.load_state_dict(average.average());
  EXPECT_EQ(nn::checksum(m), nn::checksum(by_hand));
  EXPECT_EQ(history.back().validation->loss, train::evaluate(m, validation, squared).loss);
}

TEST_F(OptionsTest, AStepOfOnesOwnServesAnyModel) {
  struct Pair : nn::Module {
    nn::Linear& first = add("first", OptionsTest::model());
    nn::Linear& second = add("second", OptionsTest::model());
  } model;
  optim::SGD optimizer(model.parameters(), {.lr = 0.05});
  Trainer trainer(model, optimizer,
                  [&](const data::Batch& b) -> train::StepOutput {
                    return {mse_loss(model.first(b.x) - model.second(b.x * 2.0), b.y)};
                  },
                  {.epochs = 5, .output = Output::silent});
  const auto history = trainer.fit(loader, &validation);
  EXPECT_LT(history.back().loss, history.front().loss);
  EXPECT_TRUE(std::isnan(history.back().accuracy));
  EXPECT_LT(history.back().validation->loss, history.front().loss);
}

TEST_F(OptionsTest, ATimeBudgetEndsInsideAnEpoch) {
  nn::Linear m = model();
  optim::SGD optimizer(m.parameters(), {.lr = 0.05});
  Trainer trainer(m, optimizer, {.epochs = 1'000'000, .loss = squared, .max_seconds = 0.05, .output = Output::silent});
  trainer.fit(loader, &validation);
  EXPECT_EQ(trainer.end(), End::budget);
}

TEST_F(OptionsTest, HooksOfEpochsAndCheckpoints) {
  testing::Folder folder;
  train::Run run(folder / "run");
  nn::Linear m = model();
  optim::SGD optimizer(m.parameters(), {.lr = 0.05});
  Trainer trainer(m, optimizer, {.epochs = 2, .loss = squared, .run = &run, .output = Output::silent});
  std::vector<std::string> calls;
  trainer.on_epoch_begin([&](int64_t epoch) { calls.push_back("begin " + std::to_string(epoch)); });
  trainer.on_epoch_end([&](const EpochResult& r) {
    calls.push_back("end " + std::to_string(r.epoch));
    return true;
  });
  trainer.on_checkpoint(
      [&](const std::string& file) { calls.push_back(std::filesystem::path(file).filename().string()); });
  trainer.fit(loader);
  EXPECT_THAT(calls, ElementsAre("begin 0", "end 0", "last.safetensors", "begin 1", "end 1", "last.safetensors"));
}

TEST_F(OptionsTest, Misuse) {
  nn::Linear m = model();
  optim::SGD optimizer(m.parameters(), {.lr = 0.05});
  const auto refuses = [&](const TrainerOptions& options, const char* text) {
    EXPECT_THAT([&] { Trainer(m, optimizer, options); }, ThrowsMessage<Error>(HasSubstr(text)));
  };
  refuses({.accumulate = 0}, "must be at least 1; got accumulate 0");
  refuses({.clip_grad_value = NAN}, "clip_grad_value nan");
  refuses({.patience = -1}, "patience -1");
  refuses({.max_seconds = INFINITY}, "max_seconds inf");
  refuses({.monitor = "acuracy"}, "did you mean 'accuracy'");
  Trainer of_metric(m, optimizer,
                    {.loss = squared, .metrics = {{"MAE", train::MeanAbsoluteError()}}, .monitor = "MAE"});
  EXPECT_THAT([&] { of_metric.fit(loader); }, ThrowsMessage<ValueError>(HasSubstr("there is none to monitor")));
  Trainer trainer(m, optimizer, [&](const data::Batch& b) -> train::StepOutput { return {mean(m(b.x))}; },
                  {.metrics = {{"MAE", train::MeanAbsoluteError()}}, .output = Output::silent});
  EXPECT_THAT([&] { trainer.fit(loader, &validation); }, ThrowsMessage<ValueError>(HasSubstr("got metric 'MAE'")));
  Trainer nothing(m, optimizer, [&](const data::Batch&) -> train::StepOutput { return {}; },
                  {.output = Output::silent});
  EXPECT_THROW(nothing.fit(loader), ShapeError);
}

}  // namespace
}  // namespace cairn
