#include "cairn/train/loop.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <iostream>

#include "cairn/base/threads.h"
#include "cairn/data/mnist.h"
#include "cairn/nn/activation.h"
#include "cairn/nn/flatten.h"
#include "cairn/nn/linear.h"
#include "cairn/nn/sequential.h"
#include "cairn/ops/elementwise.h"
#include "cairn/ops/reduce.h"
#include "cairn/optim/adamw.h"
#include "cairn/optim/sgd.h"
#include "cairn/tensor/create.h"
#include "cairn/tensor/random.h"

namespace cairn {
namespace {

// Puts the number of threads back.
struct Threads {
  int before = num_threads();
  ~Threads() { set_num_threads(before); }
};

// Images whose brightest quarter names one of four classes; for machines without MNIST.
data::Mnist synthetic(int64_t n) {
  Generator generator(9);
  const Tensor labels = randint(0, 4, {n}, i64, generator);
  const Tensor images = randint(0, 100, {n, 1, 28, 28}, u8, generator);
  for (int64_t i = 0; i < n; ++i) {
    const int64_t label = labels[i].item<int64_t>();
    images[i]
        .slice(1, 14 * (label / 2), 14 * (label / 2) + 14)
        .slice(2, 14 * (label % 2), 14 * (label % 2) + 14)
        .fill_(90);
  }
  return {images, labels, images, labels};
}

data::Mnist images(int64_t n) {
  const std::string folder = data::find_data("mnist", "", CAIRN_SOURCE_DIR, data::has_mnist);
  if (folder.empty()) {
    std::cout << "MNIST is neither in $CAIRN_DATA/mnist nor in data/mnist: made-up images take its place\n";
    return synthetic(n);
  }
  data::Mnist m = data::load_mnist(folder);
  m.train_images = m.train_images.slice(0, 0, n);
  m.train_labels = m.train_labels.slice(0, 0, n);
  return m;
}

// The network and the steps of examples/mnist.cpp on the first images.
struct Outcome {
  uint64_t weights;
  train::Progress progress;
  train::Evaluation evaluation;
};

Outcome learn(const data::TensorDataset& set, int threads) {
  const Threads restored;
  set_num_threads(threads);
  manual_seed(1);
  nn::Sequential model(nn::Flatten(), nn::Linear(784, 512), nn::Activation("relu"), nn::Linear(512, 256),
                       nn::Activation("relu"), nn::Linear(256, 10));
  optim::AdamW optimizer(model.parameters(), {.lr = 2e-3});
  const data::DataLoader loader(set, {.batch_size = 128, .shuffle = true, .seed = 1});
  Outcome o{};
  for (int64_t epoch = 0; epoch < 2; ++epoch) o.progress = train::train_epoch(model, optimizer, loader, epoch);
  o.evaluation = train::evaluate(model, data::DataLoader(set, {.batch_size = 1000}));
  o.weights = nn::checksum(model);
  return o;
}

TEST(Training, HasTheSameBitsOnAnyNumberOfThreads) {
  const data::Mnist mnist = images(3000);
  const data::TensorDataset set(mnist.train_images, mnist.train_labels, {.mean = {0.1307}, .deviation = {0.3081}});
  const Outcome one = learn(set, 1);
  EXPECT_GT(one.evaluation.accuracy, 0.9);
  for (const int threads : {2, 3, 8}) {
    reset_parallel_stats();
    const Outcome more = learn(set, threads);
    EXPECT_EQ(parallel_stats().largest_team, threads);
    EXPECT_EQ(more.weights, one.weights) << threads;
    EXPECT_EQ(more.progress.loss, one.progress.loss) << threads;
    EXPECT_EQ(more.evaluation.loss, one.evaluation.loss) << threads;
  }
  EXPECT_EQ(learn(set, 1).weights, one.weights);  // and again
}

TEST(Training, ReportsWhatItDoes) {
  const data::TensorDataset set(randn({10, 3}), randint(0, 2, {10}));
  const data::DataLoader loader(set, {.batch_size = 4});
  nn::Linear model(3, 2);
  optim::SGD optimizer(model.parameters(), {.lr = 0});  // so that the mean over batches is the loss of the model
  std::vector<int64_t> batches;
  const train::Progress p = train::train_epoch(model, optimizer, loader, 5, [&](const train::Progress& so_far) {
    EXPECT_EQ(so_far.epoch, 5);
    EXPECT_EQ(so_far.samples, 4 * so_far.batch);
    EXPECT_EQ(so_far.batches, 3);
    batches.push_back(so_far.batch);
  });
  EXPECT_THAT(batches, ::testing::ElementsAre(0, 1, 2));
  EXPECT_EQ(p.samples, 10);
  EXPECT_EQ(p.batch, 3);
  EXPECT_GT(p.seconds, 0);
  const train::Evaluation e = train::evaluate(model, loader);
  EXPECT_NEAR(p.loss, e.loss, 1e-6);
  EXPECT_EQ(p.accuracy, e.accuracy);
  EXPECT_EQ(std::round(e.accuracy * 10), e.accuracy * 10);
}

TEST(Training, TheRateCanChangeWithinAnEpoch) {
  const data::TensorDataset set(ones({4, 1}), zeros({4}, i64));
  const data::DataLoader loader(set, {.batch_size = 1});
  nn::Linear model(1, 2);
  optim::SGD optimizer(model.parameters(), {.lr = 1});
  const uint64_t before = nn::checksum(model);
  train::train_epoch(model, optimizer, loader, 0, [&](const train::Progress&) { optimizer.set_lr(0); });
  EXPECT_EQ(nn::checksum(model), before);
}

TEST(Training, ModesAreSetAndPutBack) {
  struct Watcher : nn::Layer {
    nn::Linear& inner = add("inner", nn::Linear(1, 2));
    bool seen = false;
    Tensor forward(const Tensor& x) override {
      seen = training();
      return inner(x);
    }
  };
  const data::TensorDataset set(ones({4, 1}), zeros({4}, i64));
  const data::DataLoader loader(set, {});
  Watcher model;
  train::evaluate(model, loader);
  EXPECT_FALSE(model.seen);
  EXPECT_TRUE(model.training());
  model.eval();
  optim::SGD optimizer(model.parameters(), {.lr = 1});
  train::train_epoch(model, optimizer, loader, 0);
  EXPECT_TRUE(model.seen);
}

TEST(Training, ALossThatIsNotFiniteStopsIt) {
  const data::TensorDataset set(full({4, 1}, INFINITY), zeros({4}, i64));
  const data::DataLoader loader(set, {.batch_size = 2});
  nn::Linear model(1, 2);
  optim::SGD optimizer(model.parameters(), {.lr = 1});
  const uint64_t before = nn::checksum(model);
  try {
    train::train_epoch(model, optimizer, loader, 3);
    FAIL();
  } catch (const ValueError& e) {
    EXPECT_THAT(e.what(), ::testing::HasSubstr("the loss is not finite"));
    EXPECT_THAT(e.what(), ::testing::HasSubstr("epoch 3, batch 0"));
  }
  EXPECT_EQ(nn::checksum(model), before);
}

TEST(Training, EvaluatePutsTheModeBackWhenTheModelThrows) {
  nn::Sequential model(nn::Linear(5, 2));
  const data::TensorDataset set(randn({8, 4}), zeros({8}, i64));
  const data::DataLoader loader(set, {.batch_size = 4});
  EXPECT_THROW(train::evaluate(model, loader), ShapeError);
  EXPECT_TRUE(model.training());
}

}  // namespace
}  // namespace cairn
