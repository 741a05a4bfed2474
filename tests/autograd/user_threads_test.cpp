// Several threads of a program, each with a model of its own: they share the pool, the crew of threads, the default
// generator and the counters, and must neither race (the thread sanitizer watches) nor change each other's bits.
#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "cairn/autograd/backward.h"
#include "cairn/base/memory.h"
#include "cairn/base/random.h"
#include "cairn/base/threads.h"
#include "cairn/graph/node.h"
#include "cairn/nn/activation.h"
#include "cairn/nn/conv.h"
#include "cairn/nn/dropout.h"
#include "cairn/nn/flatten.h"
#include "cairn/nn/linear.h"
#include "cairn/nn/norm.h"
#include "cairn/nn/sequential.h"
#include "cairn/ops/loss.h"
#include "cairn/optim/adamw.h"
#include "cairn/tensor/random.h"

using namespace cairn;

namespace {

constexpr int trainers = 3, steps = 6;

nn::Sequential network() {
  return nn::Sequential(nn::Conv2d(3, 16, 3, {.padding = 1}), nn::BatchNorm2d(16), nn::Activation("gelu"),
                        nn::Conv2d(16, 8, 3, {.stride = 2}), nn::Activation("relu"), nn::Flatten(),
                        nn::Linear(8 * 5 * 5, 200), nn::Activation("tanh"), nn::Linear(200, 10));
}

// The weights after some steps on data made from the seed.
uint64_t train(nn::Sequential& model, uint64_t seed) {
  Generator generator(seed);
  const Tensor x = randn({32, 3, 12, 12}, f32, generator), y = randint(0, 10, {32}, i64, generator);
  optim::AdamW optimizer(model.parameters(), {.lr = 1e-3});
  for (int i = 0; i < steps; ++i) {
    optimizer.zero_grad();
    cross_entropy(model(x), y).backward();
    optimizer.step();
  }
  return nn::checksum(model);
}

TEST(UserThreads, TrainModelsOfTheirOwnToTheSameBits) {
  const int before = num_threads();
  set_num_threads(3);
  std::vector<nn::Sequential> alone, together;
  for (int i = 0; i < trainers; ++i) {
    manual_seed(static_cast<uint64_t>(i));
    alone.push_back(network());
    manual_seed(static_cast<uint64_t>(i));
    together.push_back(network());
  }
  std::vector<uint64_t> expected(trainers), got(trainers);
  for (size_t i = 0; i < trainers; ++i) expected[i] = train(alone[i], i);
  std::vector<std::thread> threads;
  for (size_t i = 0; i < trainers; ++i) threads.emplace_back([&, i] { got[i] = train(together[i], i); });
  for (std::thread& t : threads) t.join();
  EXPECT_EQ(got, expected);
  EXPECT_NE(got[0], got[1]);
  set_num_threads(before);
}

// What is shared by all: the default generator, counters, modes of recording.
TEST(UserThreads, ShareWhatIsShared) {
  std::vector<std::thread> threads;
  for (int i = 0; i < trainers; ++i)
    threads.emplace_back([] {
      for (int k = 0; k < 20; ++k) {
        nn::Sequential model(nn::Linear(5, 7), nn::Dropout(0.5), nn::Linear(7, 2));  // weights of the default generator
        const Tensor x = randn({3, 5});
        mse_loss(model(x), randn({3, 2})).backward();
        {
          const NoGrad off;  // of this thread alone
          EXPECT_FALSE(model(x).requires_grad());
        }
        EXPECT_TRUE(model(x).requires_grad());
        EXPECT_GE(memory::stats().peak, 0);
      }
    });
  for (std::thread& t : threads) t.join();
}

}  // namespace
