#include "cairn/train/checkpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "cairn/base/random.h"
#include "cairn/io/safetensors.h"
#include "cairn/nn/activation.h"
#include "cairn/nn/dropout.h"
#include "cairn/nn/linear.h"
#include "cairn/nn/norm.h"
#include "cairn/nn/sequential.h"
#include "cairn/ops/loss.h"
#include "cairn/optim/adamw.h"
#include "cairn/optim/sgd.h"
#include "cairn/tensor/create.h"
#include "cairn/tensor/random.h"
#include "support.h"

namespace cairn {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

nn::Sequential network(int64_t hidden = 8) {
  return nn::Sequential(nn::Linear(4, hidden), nn::BatchNorm1d(hidden), nn::Activation("gelu"), nn::Dropout(0.5),
                        nn::Linear(hidden, 3));
}

void train(nn::Sequential& model, optim::Optimizer& optimizer, int steps) {
  for (int i = 0; i < steps; ++i) {
    const Tensor x = randn({16, 4}), y = randint(0, 3, {16});
    optimizer.zero_grad();
    cross_entropy(model(x), y).backward();
    optimizer.step();
  }
}

// Everything that one of these trainings leaves behind, as one number.
uint64_t all_of(const nn::Sequential& model, const optim::Optimizer& optimizer) {
  uint64_t sum = nn::checksum(model) + default_generator().position();
  for (const auto& [name, tensor] : optimizer.state_dict())
    for (const double v : tensor.to(f64).to_vector<double>()) sum = sum * 31 + std::hash<double>()(v);
  return sum;
}

struct CheckpointTest : ::testing::Test {
  testing::Folder folder;
  std::string file = folder / "last.safetensors";
};

TEST_F(CheckpointTest, GoesOnWithTheSameBits) {
  manual_seed(1);
  nn::Sequential model = network();
  optim::AdamW optimizer(model.parameters(), {.lr = 1e-2});
  train(model, optimizer, 5);
  train::save_checkpoint(file, model, optimizer, {{"epoch", 3}, {"name", "größe"}}, {{"mine", ones({2})}});
  train(model, optimizer, 5);
  const uint64_t whole = all_of(model, optimizer);

  manual_seed(99);
  nn::Sequential other = network();
  optim::AdamW again(other.parameters(), {.lr = 1e-2});
  nn::StateDict extra;
  const Json progress = train::load_checkpoint(file, other, again, &extra);
  EXPECT_EQ(progress, (Json{{"epoch", 3}, {"name", "größe"}}));
  EXPECT_EQ(extra.at("mine").to_vector<float>(), (std::vector<float>{1, 1}));
  train(other, again, 5);
  EXPECT_EQ(all_of(other, again), whole);
}

TEST_F(CheckpointTest, EqualTrainingsWriteEqualBytes) {
  std::string bytes[2];
  for (std::string& b : bytes) {
    manual_seed(4);
    nn::Sequential model = network();
    optim::AdamW optimizer(model.parameters());
    train(model, optimizer, 3);
    train::save_checkpoint(file, model, optimizer, {{"epoch", 1}});
    b = testing::bytes_of(file);
  }
  EXPECT_EQ(bytes[0], bytes[1]);
}

TEST_F(CheckpointTest, EveryDamagedByteIsNoticed) {
  manual_seed(1);
  nn::Sequential model = network(2);
  optim::SGD optimizer(model.parameters(), {.lr = 0.1, .momentum = 0.9});
  train(model, optimizer, 1);
  train::save_checkpoint(file, model, optimizer, {{"epoch", 1}});
  const std::string good = testing::bytes_of(file);
  const uint64_t before = all_of(model, optimizer);
  for (size_t i = 0; i < good.size(); ++i) {
    std::string bad = good;
    bad[i] = static_cast<char>(bad[i] ^ 4);
    std::ofstream(file, std::ios::binary) << bad;
    try {
      train::load_checkpoint(file, model, optimizer);
      // White space of the header, and nothing else, may be another: '$' for ' ' is no JSON, so this is never reached.
      ADD_FAILURE() << "byte " << i << " of " << good.size() << ": '" << good[i] << "'";
    } catch (const FileError& e) {
      EXPECT_THAT(e.what(), HasSubstr(file));
    }
  }
  for (const size_t length : {size_t{0}, size_t{7}, size_t{100}, good.size() - 1}) {
    std::ofstream(file, std::ios::binary) << good.substr(0, length);
    EXPECT_THROW(train::load_checkpoint(file, model, optimizer), FileError);
  }
  EXPECT_EQ(all_of(model, optimizer), before);
}

TEST_F(CheckpointTest, OthersAreRefusedAndNothingChanges) {
  manual_seed(1);
  nn::Sequential model = network(), wide = network(9);
  optim::AdamW optimizer(model.parameters()), of_wide(wide.parameters());
  optim::SGD sgd(model.parameters(), {.lr = 0.1, .momentum = 0.9});
  train(model, optimizer, 1);
  train::save_checkpoint(file, model, optimizer, {});
  const auto message = [](auto... parts) { return ThrowsMessage<FileError>(AllOf(HasSubstr(parts)...)); };
  EXPECT_THAT([&] { train::load_checkpoint(file, wide, of_wide); },
              message("another model", "0.weight", "(9, 4) f32", "(8, 4) f32", file.c_str()));
  train(model, sgd, 1);
  const uint64_t before = all_of(model, sgd);
  EXPECT_THAT([&] { train::load_checkpoint(file, model, sgd); }, message("another optimiser", file.c_str()));
  EXPECT_EQ(all_of(model, sgd), before);

  io::save_safetensors(file, model.state_dict());
  EXPECT_THAT([&] { train::load_checkpoint(file, model, optimizer); }, message("no checkpoint", file.c_str()));
  EXPECT_THAT([&] { train::load_checkpoint(folder / "none", model, optimizer); }, message("no such file", "none"));
}

TEST_F(CheckpointTest, TiedWeightsAreWrittenOnce) {
  struct Tied : nn::Module {
    Tensor& a = parameter("a", zeros({100}));
    Tensor& b = parameter("b", a);
  } model;
  optim::SGD optimizer(model.parameters(), {.lr = 0.1});
  train::save_checkpoint(file, model, optimizer, {});
  const auto content = io::load_safetensors(file);
  EXPECT_TRUE(content.tensors.contains("model.a"));
  EXPECT_FALSE(content.tensors.contains("model.b"));
  {
    const NoGrad no_grad;
    model.a.fill_(7);
  }
  train::load_checkpoint(file, model, optimizer);
  EXPECT_EQ(model.b[0].item<float>(), 0);
}

}  // namespace
}  // namespace cairn
