// A training that was stopped and went on is one that never stopped, to the last bit.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <numeric>
#include <thread>

#include "cairn/base/threads.h"
#include "cairn/io/model.h"
#include "cairn/nn/activation.h"
#include "cairn/nn/dropout.h"
#include "cairn/nn/linear.h"
#include "cairn/nn/norm.h"
#include "cairn/nn/sequential.h"
#include "cairn/optim/adamw.h"
#include "cairn/optim/sgd.h"
#include "cairn/tensor/create.h"
#include "cairn/tensor/random.h"
#include "cairn/train/trainer.h"
#include "support.h"

namespace cairn {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;
using train::End;
using train::Output;
using train::RunOptions;
using train::Trainer;
using train::TrainerOptions;

constexpr int64_t samples = 70, batch = 16, batches = 5, epochs = 3;

// A small training with all that has a state: batch norm, dropout, shuffling, Adam, a schedule, averages, validation with a
// metric, the best.
struct Training {
  data::TensorDataset set = make_set();
  data::DataLoader loader{set, {.batch_size = batch, .shuffle = true, .seed = 3}};
  data::DataLoader validation{set, {.batch_size = 50}};
  nn::Sequential model = make_model();
  optim::AdamW optimizer{model.parameters(), {.lr = 1e-2}};
  TrainerOptions options = {.epochs = epochs,
                            .schedule = optim::schedule::cosine({.t_max = epochs * batches}),
                            .clip_grad_norm = 1,
                            .metrics = {{"F1", train::F1(3)}},
                            .ema = optim::EMAOptions{.decay = 0.9},
                            .output = Output::silent};

  static data::TensorDataset make_set() {
    Generator random(11);
    return {randn({samples, 6}, f32, random), randint(0, 3, {samples}, i64, random)};
  }
  static nn::Sequential make_model() {
    manual_seed(5);
    return nn::Sequential(nn::Linear(6, 12), nn::BatchNorm1d(12), nn::Activation("gelu"), nn::Dropout(0.3),
                          nn::Linear(12, 3));
  }
};

struct Result {
  uint64_t weights;
  std::vector<double> numbers;  // of the history
  bool operator==(const Result&) const = default;
};

Result result_of(const Training& t, const train::History& history) {
  Result r{nn::checksum(t.model), {}};
  for (const auto& e : history) {
    r.numbers.insert(r.numbers.end(), {double(e.epoch), e.loss, e.accuracy, e.lr});
    if (e.validation) r.numbers.insert(r.numbers.end(), {e.validation->loss, e.validation->accuracy});
    if (e.validation)
      for (const auto& [name, value] : e.validation->metrics) r.numbers.push_back(value);
  }
  return r;
}

struct ResumeTest : ::testing::Test {
  testing::Folder parent;
  std::string folder = parent / "run";

  // Trains until the hook throws, `stop` batches on, or to the end.
  Result learn(int64_t stop = 1000, RunOptions run_options = {}, TrainerOptions changes = {.epochs = 0}) {
    Training t;
    run_options.resume = true;
    train::Run run(folder, run_options);
    if (changes.epochs != 0) {
      changes.output = Output::silent;
      t.options = changes;
    }
    t.options.run = &run;
    Trainer trainer(t.model, t.optimizer, t.options);
    trainer.on_batch_end([&](const train::Progress&) {
      if (--stop == 0) throw std::runtime_error("power failure");
    });
    return result_of(t, trainer.fit(t.loader, &t.validation));
  }
};

TEST_F(ResumeTest, AfterAStopAtAnyBatch) {
  const Result whole = learn();
  const std::string last = testing::bytes_of(folder + "/last.safetensors"),
                    best = testing::bytes_of(folder + "/best.safetensors");
  for (int64_t stop = 1; stop <= epochs * batches; ++stop) {
    std::filesystem::remove_all(folder);
    EXPECT_THROW(learn(stop, {.checkpoint_steps = 2}), std::runtime_error);
    EXPECT_EQ(learn(), whole) << "stopped at " << stop;
    EXPECT_EQ(testing::bytes_of(folder + "/last.safetensors"), last) << "stopped at " << stop;
    EXPECT_EQ(testing::bytes_of(folder + "/best.safetensors"), best) << "stopped at " << stop;
  }
}

TEST_F(ResumeTest, AfterManyStopsAndOnOtherThreads) {
  const int before = num_threads();
  const WholeTeams teams;
  set_num_threads(1);
  const Result whole = learn();
  std::filesystem::remove_all(folder);
  for (const int threads : {8, 2, 3, 1}) {
    set_num_threads(threads);
    EXPECT_THROW(learn(3, {.checkpoint_steps = 1}), std::runtime_error);
  }
  EXPECT_EQ(learn(), whole);
  set_num_threads(before);
}

TEST_F(ResumeTest, ARunThatIsFinishedStaysSo) {
  const Result whole = learn();
  EXPECT_EQ(learn(1), whole);  // not a batch more
}

TEST_F(ResumeTest, TheLogIsThatOfOneTraining) {
  EXPECT_THROW(learn(9, {.checkpoint_steps = 1, .log_steps = 1}), std::runtime_error);
  learn(1000, {.log_steps = 1});
  std::vector<int64_t> steps, ends;
  std::ifstream file(folder + "/metrics.jsonl");
  for (std::string line; std::getline(file, line);) {
    const Json event = Json::parse(line);
    if (event.at("event") == "step") steps.push_back(event.at("step"));
    if (event.at("event") == "epoch") ends.push_back(event.at("epoch"));
  }
  std::vector<int64_t> expected(epochs * batches);
  std::iota(expected.begin(), expected.end(), 1);
  EXPECT_EQ(steps, expected);
  EXPECT_THAT(ends, ::testing::ElementsAre(0, 1, 2));
}

TEST_F(ResumeTest, GroupsOfBatchesAreNotTornApart) {
  const TrainerOptions grouped = {.epochs = epochs, .accumulate = 2, .patience = 2};
  const Result whole = learn(1000, {}, grouped);
  for (int64_t stop = 1; stop <= 7; ++stop) {
    std::filesystem::remove_all(folder);
    EXPECT_THROW(learn(stop, {.checkpoint_steps = 1}, grouped), std::runtime_error);
    EXPECT_EQ(learn(1000, {}, grouped), whole);
  }
}

TEST_F(ResumeTest, ABudgetEndsItAndALargerOneGoesOn) {
  const auto to_step = [&](int64_t steps) {
    Training t;
    train::Run run(folder, {.resume = true});
    t.options.run = &run;
    t.options.max_steps = steps;
    Trainer trainer(t.model, t.optimizer, t.options);
    const auto history = trainer.fit(t.loader, &t.validation);
    EXPECT_EQ(trainer.end(), steps == 0 ? End::finished : End::budget);
    return result_of(t, history);
  };
  const Result whole = learn();
  const std::string best = testing::bytes_of(folder + "/best.safetensors");
  std::filesystem::remove_all(folder);
  EXPECT_EQ(to_step(7).numbers.size(), 14U);  // an epoch and a part of one, both evaluated
  EXPECT_EQ(to_step(10).numbers.size(), 14U);
  EXPECT_EQ(to_step(0), whole);
  EXPECT_EQ(testing::bytes_of(folder + "/best.safetensors"), best);
}

TEST_F(ResumeTest, CtrlCFinishesTheStepAndSaves) {
  const Result whole = learn();
  std::filesystem::remove_all(folder);
  Training t;
  train::Run run(folder);
  t.options.run = &run;
  Trainer trainer(t.model, t.optimizer, t.options);
  int64_t seen = 0;
  trainer.on_batch_end([&](const train::Progress&) {
    if (++seen == 7) std::raise(SIGINT);
  });
  const auto history = trainer.fit(t.loader, &t.validation);
  EXPECT_EQ(trainer.end(), End::interrupted);
  EXPECT_EQ(history.size(), 1U);
  EXPECT_EQ(seen, 7);
  {
    Training again;
    again.options.run = &run;
    Trainer rest(again.model, again.optimizer, again.options);
    EXPECT_EQ(result_of(again, rest.fit(again.loader, &again.validation)), whole);
    EXPECT_EQ(rest.end(), End::finished);
  }
}

TEST_F(ResumeTest, AStopByAHookStaysOne) {
  for (int i = 0; i < 2; ++i) {
    Training t;
    train::Run run(folder, {.resume = true});
    t.options.run = &run;
    Trainer trainer(t.model, t.optimizer, t.options);
    trainer.on_epoch_end([](const train::EpochResult& r) { return r.epoch < 1; });
    EXPECT_EQ(trainer.fit(t.loader, &t.validation).size(), 2U);
    EXPECT_EQ(trainer.end(), End::hook);
  }
}

TEST_F(ResumeTest, EpochsBeforeItKeepTheirTimes) {
  const auto seconds = [&] {
    Training t;
    train::Run run(folder, {.resume = true});
    t.options.run = &run;
    std::vector<double> all;
    for (const auto& r : Trainer(t.model, t.optimizer, t.options).fit(t.loader, &t.validation)) {
      all.push_back(r.seconds);
      EXPECT_EQ(r.samples_per_second > 0, r.seconds > 0);
    }
    return all;
  };
  EXPECT_THROW(learn(12), std::runtime_error);
  const auto times = seconds();
  EXPECT_THAT(times, ::testing::AllOf(::testing::SizeIs(3), ::testing::Each(::testing::Gt(0))));
  EXPECT_EQ(seconds(), times);
  parent.write("run/metrics.jsonl", R"({"event":"epoch","epoch":0,"seconds":"a day"})");
  EXPECT_EQ(seconds(), std::vector<double>(3, 0)) << "what is damaged is nothing to stop for";
}

TEST_F(ResumeTest, AnEpochThatWasStoppedInsideCountsAsAWhole) {
  const auto fit = [&](int64_t stop) {
    Training t;
    train::Run run(folder, {.resume = true, .checkpoint_steps = 1, .meters = false});
    t.options.run = &run;
    t.options.max_steps = stop;
    Trainer trainer(t.model, t.optimizer, t.options);
    trainer.on_batch_end([](const train::Progress&) { std::this_thread::sleep_for(std::chrono::milliseconds(20)); });
    return trainer.fit(t.loader);
  };
  fit(9);  // one batch before the second epoch ends
  const train::History history = fit(0);
  EXPECT_GT(history[1].seconds, 0.02 * batches);
  EXPECT_LT(history[1].samples_per_second, samples / (0.02 * batches));
}

TEST_F(ResumeTest, TheLogTellsOfAnErrorThatEndsIt) {
  EXPECT_THROW(learn(6), std::runtime_error);
  const std::string log = testing::bytes_of(folder + "/metrics.jsonl");
  EXPECT_THAT(log.substr(log.rfind("{\"event\"")),
              AllOf(HasSubstr(R"("event":"end")"), HasSubstr(R"("reason":"error")")));
}

TEST_F(ResumeTest, ADamagedCheckpointNamesTheOneBeforeIt) {
  const auto fit = [&] {
    Training t;
    train::Run run(folder, {.resume = true, .keep = 2});
    t.options.run = &run;
    Trainer(t.model, t.optimizer, t.options).fit(t.loader);
  };
  fit();
  std::filesystem::resize_file(folder + "/last.safetensors", 1000);  // and with it the newest, which is a link to it
  EXPECT_THAT(fit, ThrowsMessage<FileError>(HasSubstr("remove it and copy step-000000010.safetensors to its name")));
  std::filesystem::remove(folder + "/last.safetensors");
  std::filesystem::copy_file(folder + "/step-000000010.safetensors", folder + "/last.safetensors");
  fit();
}

TEST_F(ResumeTest, ACheckpointOfAnotherModelIsNotSaidToBeDamaged) {
  const auto fit = [&](nn::Sequential model) {
    Training t;
    train::Run run(folder, {.resume = true, .keep = 2});
    optim::AdamW optimizer(model.parameters(), {.lr = 1e-2});
    Trainer(model, optimizer, {.epochs = 2, .run = &run, .output = Output::silent}).fit(t.loader);
  };
  fit(nn::Sequential(nn::Linear(6, 3)));
  EXPECT_THAT([&] { fit(nn::Sequential(nn::Linear(6, 4), nn::Linear(4, 3))); },
              ThrowsMessage<FileError>(AllOf(HasSubstr("of another model"), ::testing::Not(HasSubstr("copy step-")))));
}

TEST_F(ResumeTest, AWeightThatIsNotFiniteIsNotSaved) {
  EXPECT_THROW(learn(6), std::runtime_error);
  const std::string before = testing::bytes_of(folder + "/last.safetensors");
  Training t;
  train::Run run(folder, {.resume = true, .checkpoint_steps = 1});
  t.options.run = &run;
  Trainer trainer(t.model, t.optimizer, t.options);
  trainer.on_batch_end([&](const train::Progress&) {
    const NoGrad no_grad;
    t.model.parameters()[0].tensor.fill_(INFINITY);
  });
  EXPECT_THAT([&] { trainer.fit(t.loader, &t.validation); },
              ThrowsMessage<ValueError>(HasSubstr("a weight is not finite after a step")));
  EXPECT_EQ(testing::bytes_of(folder + "/last.safetensors"), before);
}

TEST_F(ResumeTest, WhatIsMonitoredMayChange) {
  EXPECT_THROW(learn(6), std::runtime_error);
  Training t;
  train::Run run(folder, {.resume = true});
  t.options.run = &run;
  t.options.monitor = "loss";
  t.options.patience = 9;
  t.options.ema.reset();
  Trainer trainer(t.model, t.optimizer, t.options);
  EXPECT_EQ(trainer.fit(t.loader, &t.validation).size(), 3U);
}

TEST_F(ResumeTest, TheBestModelIsKept) {
  learn();
  const io::SavedModel best = io::load(folder + "/best.safetensors");
  Training t;
  double most = 0;
  std::ifstream file(folder + "/metrics.jsonl");
  for (std::string line; std::getline(file, line);) {
    const Json event = Json::parse(line);
    if (event.at("event") == "epoch") most = std::max(most, event.at("validation").at("accuracy").get<double>());
  }
  EXPECT_EQ(train::evaluate(*best.model, t.validation).accuracy, most);
}

TEST_F(ResumeTest, AnotherDataSetInsideAnEpochIsRefused) {
  EXPECT_THROW(learn(2, {.checkpoint_steps = 1}), std::runtime_error);
  Training t;
  train::Run run(folder, {.resume = true});
  t.options.run = &run;
  const data::DataLoader other(t.set, {.batch_size = 7});
  Trainer trainer(t.model, t.optimizer, t.options);
  EXPECT_THAT([&] { trainer.fit(other); },
              ThrowsMessage<FileError>(AllOf(HasSubstr("last.safetensors"), HasSubstr("batches 5"))));
}

// A file that cannot grow as large as it must is what a full disk is, too.
TEST_F(ResumeTest, AFullDiskIsAnErrorAndTheLastCheckpointStays) {
  EXPECT_THROW(learn(6, {.log_steps = 1000, .meters = false}), std::runtime_error);
  const std::string before = testing::bytes_of(folder + "/last.safetensors");
  ASSERT_GT(before.size(), 3000U);
  ASSERT_LT(std::filesystem::file_size(folder + "/metrics.jsonl"), 1000U);
  const pid_t child = ::fork();
  if (child == 0) {
    const rlimit small{3000, 3000};
    ::setrlimit(RLIMIT_FSIZE, &small);
    int status = 1;
    try {
      learn(1000, {.log_steps = 1000, .meters = false});
    } catch (const FileError& e) {
      const std::string text = e.what();
      status = text.find("File too large") != text.npos && text.find(".safetensors") != text.npos ? 7 : 2;
    } catch (...) {
      status = 3;
    }
    ::_exit(status);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_TRUE(WIFEXITED(status)) << "signal " << WTERMSIG(status);
  EXPECT_EQ(WEXITSTATUS(status), 7);
  EXPECT_EQ(testing::bytes_of(folder + "/last.safetensors"), before);
  const Result resumed = learn();
  std::filesystem::remove_all(folder);
  EXPECT_EQ(learn(), resumed);
}

}  // namespace
}  // namespace cairn
