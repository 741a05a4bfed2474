#include "cairn/train/trainer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "cairn/base/threads.h"
#include "cairn/data/glyphs.h"
#include "cairn/nn/activation.h"
#include "cairn/nn/flatten.h"
#include "cairn/nn/linear.h"
#include "cairn/nn/sequential.h"
#include "cairn/ops/loss.h"
#include "cairn/optim/adamw.h"
#include "cairn/optim/clip.h"
#include "cairn/optim/sgd.h"
#include "cairn/tensor/create.h"
#include "cairn/tensor/random.h"
#include "support.h"
#include "train/squared.h"

namespace cairn {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;
using train::EpochResult;
using train::History;
using train::Output;
using train::Progress;
using train::Trainer;

// Puts the number of threads back.
struct Threads {
  int before = num_threads();
  ~Threads() { set_num_threads(before); }
};

nn::Linear zero_layer(int64_t in, int64_t out) {
  nn::Linear layer(in, out);
  const NoGrad no_grad;
  layer.weight.zero_();
  layer.bias.zero_();
  return layer;
}

// ---- what is learned -------------------------------------------------------------------------------------------------

nn::Sequential perceptron() {
  manual_seed(1);
  return nn::Sequential(nn::Flatten(), nn::Linear(784, 512), nn::Activation("relu"), nn::Linear(512, 10));
}

struct Outcome {
  uint64_t weights;
  double loss;
  train::Evaluation evaluation;
};

Outcome learn(const data::TensorDataset& set, int threads) {
  const Threads restored;
  set_num_threads(threads);
  nn::Sequential model = perceptron();
  optim::AdamW optimizer(model.parameters(), {.lr = 2e-3});
  const data::DataLoader loader(set, {.batch_size = 128, .shuffle = true, .seed = 1});
  Trainer trainer(model, optimizer, {.epochs = 8, .output = Output::silent});
  const History history = trainer.fit(loader);
  return {nn::checksum(model), history.back().loss, trainer.evaluate(loader)};
}

TEST(Trainer, HasTheSameBitsOnAnyNumberOfThreads) {
  const WholeTeams whole;
  const data::Mnist digits = data::glyphs({.train = rounds(1500), .test = 1});
  const data::TensorDataset set(digits.train_images, digits.train_labels);
  const Outcome one = learn(set, 1);
  EXPECT_GT(one.evaluation.accuracy, under_sanitizer() ? 0.3 : 0.8);  // it learns at all
  for (const int threads : under_sanitizer() ? std::vector{3} : std::vector{2, 3, 8}) {
    reset_parallel_stats();
    const Outcome more = learn(set, threads);
    EXPECT_EQ(parallel_stats().largest_team, threads);
    EXPECT_EQ(more.weights, one.weights) << threads;
    EXPECT_EQ(more.loss, one.loss) << threads;
    EXPECT_EQ(more.evaluation.loss, one.evaluation.loss) << threads;
  }
  EXPECT_EQ(learn(set, 1).weights, one.weights);  // and again
}

TEST(Trainer, IsThePlainLoop) {
  const data::Mnist digits = data::glyphs({.train = 300, .test = 1});
  const data::TensorDataset set(digits.train_images, digits.train_labels);
  const data::DataLoader loader(set, {.batch_size = 64, .shuffle = true, .seed = 3});
  const auto schedule = optim::schedule::linear({.total_steps = 2 * loader.batches()});

  nn::Sequential by_hand = perceptron();
  std::vector<double> losses;
  {
    optim::SGD optimizer(by_hand.parameters(), {.lr = 0.1, .momentum = 0.9});
    optim::LRScheduler scheduler(optimizer, schedule);
    for (int64_t epoch = 0; epoch < 2; ++epoch) {
      double sum = 0;
      for (const auto& [x, y] : loader.epoch(epoch)) {
        optimizer.zero_grad();
        const Tensor loss = cross_entropy(by_hand(x), y);
        loss.backward();
        optim::clip_grad_norm_(optimizer.parameters(), 0.5);
        optimizer.step();
        scheduler.step();
        sum += loss.item<double>() * static_cast<double>(y.size(0));
      }
      losses.push_back(sum / 300);
    }
  }
  nn::Sequential model = perceptron();
  optim::SGD optimizer(model.parameters(), {.lr = 0.1, .momentum = 0.9});
  Trainer trainer(model, optimizer,
                  {.epochs = 2, .schedule = schedule, .clip_grad_norm = 0.5, .output = Output::silent});
  const History history = trainer.fit(loader);
  EXPECT_EQ(nn::checksum(model), nn::checksum(by_hand));
  ASSERT_EQ(history.size(), 2U);
  EXPECT_EQ(history[0].loss, losses[0]);
  EXPECT_EQ(history[1].loss, losses[1]);
}

TEST(Trainer, HistoryHoldsWhatCanBeWorkedOutByHand) {
  // Without weights and rate both logits stay 0: loss ln 2, and everything is taken for class 0.
  const data::TensorDataset set(ones({10, 1}), tensor({0, 1, 1, 0, 0, 1, 1, 1, 1, 1}));
  nn::Linear model = zero_layer(1, 2);
  optim::SGD optimizer(model.parameters(), {.lr = 0});
  Trainer trainer(model, optimizer, {.epochs = 2, .output = Output::silent});
  const History history = trainer.fit(data::DataLoader(set, {.batch_size = 4}));
  ASSERT_EQ(history.size(), 2U);
  for (int64_t epoch = 0; epoch < 2; ++epoch) {
    const EpochResult& r = history[static_cast<size_t>(epoch)];
    EXPECT_EQ(r.epoch, epoch);
    EXPECT_NEAR(r.loss, std::log(2.0), 1e-7);  // one rounding to f32
    EXPECT_EQ(r.accuracy, 0.3);
    EXPECT_FALSE(r.validation);
    EXPECT_GT(r.seconds, 0);
    EXPECT_DOUBLE_EQ(r.samples_per_second * r.seconds, 10);
    EXPECT_EQ(r.lr, 0);
  }
}

TEST(Trainer, LearnsALineByAnotherLoss) {
  // One step by hand: y = w x + b with w = b = 0 on (x, t) = (1, 2), (3, 4): dL/dw = −Σ t x = −14, dL/db = −6.
  const data::TensorDataset set(tensor({{1.}, {3.}}), tensor({{2.}, {4.}}));
  const data::DataLoader loader(set, {.batch_size = 2});
  nn::Linear model = zero_layer(1, 1);
  optim::SGD optimizer(model.parameters(), {.lr = 0.0625});
  const History first = Trainer(model, optimizer, {.epochs = 1, .loss = squared, .output = Output::silent}).fit(loader);
  EXPECT_EQ(model.weight.item<double>(), 14 * 0.0625);
  EXPECT_EQ(model.bias.item<double>(), 6 * 0.0625);
  EXPECT_EQ(first[0].loss, (4.0 + 16) / 2);
  EXPECT_TRUE(std::isnan(first[0].accuracy));
  Trainer more(model, optimizer, {.epochs = 400, .loss = squared, .output = Output::silent});
  more.fit(loader);
  EXPECT_LT(more.evaluate(loader).loss, 1e-8);  // t = x + 1, to the rounding of f32 gradients
}

TEST(Trainer, ClipsTheNormOfAllGradientsTogether) {
  const data::TensorDataset set(tensor({{3.}}), tensor({{1.}}));
  const data::DataLoader loader(set);
  const auto norm_of_step = [&](double clip) {
    nn::Linear model = zero_layer(1, 1);  // gradients −6 and −2
    optim::SGD optimizer(model.parameters(), {.lr = 1});
    Trainer(model, optimizer, {.epochs = 1, .clip_grad_norm = clip, .loss = squared, .output = Output::silent})
        .fit(loader);
    return std::hypot(model.weight.item<double>(), model.bias.item<double>());
  };
  const double whole = std::sqrt(40.0), rounding = 1e-5;  // f32, and the 1e-6 that clipping adds to the norm
  EXPECT_NEAR(norm_of_step(0), whole, rounding);
  EXPECT_NEAR(norm_of_step(2), 2, rounding);
  EXPECT_NEAR(norm_of_step(7), whole, rounding);
}

TEST(Trainer, TheScheduleCountsStepsAndBeginsAnewWithEveryFit) {
  const data::TensorDataset set(ones({4, 1}), zeros({4}, i64));
  const data::DataLoader loader(set, {.batch_size = 1});
  nn::Linear model(1, 2);
  optim::SGD optimizer(model.parameters(), {.lr = 16});
  Trainer trainer(model, optimizer,
                  {.epochs = 2, .schedule = optim::schedule::linear({.total_steps = 8}), .output = Output::silent});
  std::vector<double> rates;
  trainer.on_batch_end([&](const Progress& p) { rates.push_back(p.lr); });
  const History history = trainer.fit(loader);
  EXPECT_THAT(rates, ElementsAre(16, 14, 12, 10, 8, 6, 4, 2));
  EXPECT_EQ(history[0].lr, 10);
  rates.clear();
  trainer.fit(loader);
  EXPECT_THAT(rates, ElementsAre(16, 14, 12, 10, 8, 6, 4, 2));
}

TEST(Trainer, ValidatesAfterEveryEpoch) {
  const data::TensorDataset set(randn({8, 2}), randint(0, 2, {8})), held(randn({5, 2}), randint(0, 2, {5}));
  const data::DataLoader loader(set, {.batch_size = 4}), held_loader(held, {.batch_size = 2});
  nn::Linear model(2, 2);
  optim::SGD optimizer(model.parameters(), {.lr = 0.1});
  Trainer trainer(model, optimizer, {.epochs = 2, .output = Output::silent});
  std::vector<train::Evaluation> expected;
  trainer.on_epoch_end([&](const EpochResult& r) {
    EXPECT_TRUE(r.validation);
    expected.push_back(trainer.evaluate(held_loader));
    return true;
  });
  const History history = trainer.fit(loader, &held_loader);
  ASSERT_EQ(expected.size(), 2U);
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(history[i].validation->loss, expected[i].loss);
    EXPECT_EQ(history[i].validation->accuracy, expected[i].accuracy);
  }
  EXPECT_NE(expected[0].loss, expected[1].loss);
}

// ---- hooks, modes, errors --------------------------------------------------------------------------------------------

TEST(Trainer, HooksSeeHowFarItHasCome) {
  const data::TensorDataset set(ones({10, 1}), tensor({0, 1, 1, 0, 0, 1, 1, 1, 1, 1}));
  const data::DataLoader loader(set, {.batch_size = 4});
  nn::Linear model = zero_layer(1, 2);
  optim::SGD optimizer(model.parameters(), {.lr = 0});
  Trainer trainer(model, optimizer, {.epochs = 2, .output = Output::silent});
  std::vector<Progress> seen;
  trainer.on_batch_end([&](const Progress& p) { seen.push_back(p); });
  trainer.fit(loader);
  ASSERT_EQ(seen.size(), 6U);
  for (size_t i = 0; i < seen.size(); ++i) {
    EXPECT_EQ(seen[i].epoch, i / 3);
    EXPECT_EQ(seen[i].epochs, 2);
    EXPECT_EQ(seen[i].batch, i % 3 + 1);
    EXPECT_EQ(seen[i].batches, 3);
    EXPECT_EQ(seen[i].samples, i % 3 == 2 ? 10 : 4 * (i % 3 + 1));
    EXPECT_GE(seen[i].seconds_left, 0);
  }
  EXPECT_EQ(seen[0].accuracy, 0.5);
  EXPECT_EQ(seen[1].accuracy, 0.375);
  EXPECT_EQ(seen[2].accuracy, 0.3);
  EXPECT_EQ(seen[3].accuracy, 0.5);  // every epoch counts by itself
  EXPECT_EQ(seen[5].seconds_left, 0);
}

TEST(Trainer, EndsAfterAnEpochWhenAHookSaysSo) {
  const data::TensorDataset set(ones({4, 1}), zeros({4}, i64));
  const data::DataLoader loader(set);
  nn::Linear model(1, 2);
  optim::SGD optimizer(model.parameters(), {.lr = 0.1});
  Trainer trainer(model, optimizer, {.epochs = 9, .output = Output::silent});
  std::vector<std::string> calls;
  trainer.on_epoch_end([&](const EpochResult& r) {
    calls.push_back("a" + std::to_string(r.epoch));
    return r.epoch < 1;
  });
  trainer.on_epoch_end([&](const EpochResult& r) {
    calls.push_back("b" + std::to_string(r.epoch));
    return true;
  });
  EXPECT_EQ(trainer.fit(loader).size(), 2U);
  EXPECT_THAT(calls, ElementsAre("a0", "b0", "a1", "b1"));
}

TEST(Trainer, TrainsInTrainingModeAndPutsTheModeBack) {
  struct Watcher : nn::Layer {
    nn::Linear& inner = add("inner", nn::Linear(1, 2));
    std::vector<bool> seen;
    Tensor forward(const Tensor& x) override {
      seen.push_back(training());
      return inner(x);
    }
  };
  const data::TensorDataset set(ones({1, 1}), zeros({1}, i64));
  const data::DataLoader loader(set);
  Watcher model;
  model.eval();
  optim::SGD optimizer(model.parameters(), {.lr = 0.1});
  Trainer trainer(model, optimizer, {.epochs = 2, .output = Output::silent});
  trainer.on_batch_end([&](const Progress&) { model.eval(); });  // what a careless hook may do
  trainer.fit(loader, &loader);
  EXPECT_THAT(model.seen, ElementsAre(true, false, true, false));
  EXPECT_FALSE(model.training());
  EXPECT_FALSE(model.inner.training());
}

TEST(Trainer, TellsHowFarItHadComeWhenItThrew) {
  const data::TensorDataset set(ones({4, 1}), zeros({4}, i64));
  const data::DataLoader loader(set, {.batch_size = 2});
  nn::Linear model(1, 2);
  optim::SGD optimizer(model.parameters(), {.lr = 0.1});
  Trainer trainer(model, optimizer, {.epochs = 5, .output = Output::silent});
  trainer.on_epoch_begin([&](int64_t epoch) {
    const NoGrad off;
    if (epoch == 2) model.weight.fill_(INFINITY);
  });
  EXPECT_THROW(trainer.fit(loader), ValueError);
  ASSERT_EQ(trainer.history().size(), 2u);
  EXPECT_EQ(trainer.history()[1].epoch, 1);
  trainer.on_epoch_begin([&](int64_t) { model.load_state_dict(nn::Linear(1, 2).state_dict()); });
  trainer.fit(loader);
  EXPECT_EQ(trainer.history().size(), 5u);
}

TEST(Trainer, ALossThatIsNotFiniteStopsItBeforeAnyHarm) {
  Tensor x = ones({6, 1});
  x[5].fill_(INFINITY);
  const data::TensorDataset set(x, zeros({6}, i64));
  const data::DataLoader loader(set, {.batch_size = 2});
  nn::Linear model(1, 2);
  optim::SGD optimizer(model.parameters(), {.lr = 0.1});
  Trainer trainer(model, optimizer, {.epochs = 5, .output = Output::silent});
  uint64_t before = 0;
  trainer.on_batch_end([&](const Progress&) { before = nn::checksum(model); });
  model.eval();
  EXPECT_THAT(
      [&] { trainer.fit(loader); },
      ThrowsMessage<ValueError>(::testing::AllOf(
          HasSubstr("fit: the loss is not finite; a smaller learning rate may help"), HasSubstr("epoch 1, batch 3"))));
  EXPECT_EQ(nn::checksum(model), before);
  EXPECT_FALSE(model.training());
}

TEST(Trainer, CrossEntropyIsNotMistakenForALossOfNumbers) {
  nn::Linear model(3, 1);
  const data::TensorDataset set(randn({8, 3}), randn({8, 1}));
  const data::DataLoader loader(set, {.batch_size = 4});
  optim::SGD optimizer(model.parameters(), {.lr = 0.1});
  train::Trainer trainer(model, optimizer, {.epochs = 1, .output = train::Output::silent});
  try {
    trainer.fit(loader);
    FAIL() << "trained a regression with cross entropy";
  } catch (const ShapeError& e) {
    EXPECT_THAT(e.what(), ::testing::HasSubstr("for anything else set the option loss; got outputs (4, 1) f32"));
  }
}

TEST(Trainer, OptionsAreChecked) {
  nn::Linear model(1, 2);
  optim::SGD optimizer(model.parameters(), {.lr = 0.1});
  EXPECT_THAT([&] { Trainer(model, optimizer, {.epochs = 0}); },
              ThrowsMessage<ValueError>(HasSubstr("Trainer: this option must be at least 1; got epochs 0")));
  EXPECT_THROW(Trainer(model, optimizer, {.clip_grad_norm = -1}), ValueError);
  EXPECT_THROW(Trainer(model, optimizer, {.clip_grad_norm = INFINITY}), ValueError);
  EXPECT_THROW(Trainer(model, optimizer, {.clip_grad_norm = NAN}), ValueError);
  EXPECT_THROW(Trainer(model, optimizer, {.stream = nullptr}), ValueError);
  const data::TensorDataset set(ones({2, 1}), zeros({2}, i64));
  Trainer trainer(model, optimizer, {.loss = [](const Tensor& y, const Tensor&) { return y; }});
  EXPECT_THAT([&] { trainer.fit(data::DataLoader(set)); },
              ThrowsMessage<ShapeError>(HasSubstr("train: the loss must be a tensor of one element")));
}

}  // namespace
}  // namespace cairn
