#include "cairn/train/meters.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cairn/nn/activation.h"
#include "cairn/nn/linear.h"
#include "cairn/nn/sequential.h"
#include "cairn/ops/loss.h"
#include "cairn/optim/sgd.h"
#include "cairn/tensor/create.h"
#include "cairn/tensor/random.h"
#include "support.h"

namespace cairn {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

struct Meters : ::testing::Test {
  nn::Sequential model{nn::Linear(3, 8), nn::Activation("relu"), nn::Linear(8, 2)};
  data::TensorDataset set{randn({10, 3}), randint(2, {10})};
  data::DataLoader loader{set, {.batch_size = 4}};

  std::string written(std::FILE* file) {
    std::rewind(file);
    std::string text(1 << 16, ' ');
    text.resize(std::fread(text.data(), 1, text.size(), file));
    std::fclose(file);
    return text;
  }
};

TEST_F(Meters, MeasureAWholeLoader) {
  const nn::MeterReport report = train::measure(model, loader);
  EXPECT_EQ(report.samples, 10);
  const data::Batch all = set.gather(std::vector<int64_t>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9});
  const nn::MeterReport one =
      nn::measure(model, all.x, [&](const Tensor& outputs) { return cross_entropy(outputs, all.y); });
  EXPECT_EQ(report["1"].dead, one["1"].dead);
  EXPECT_NEAR(report["1"].gradient_norm, one["1"].gradient_norm, 1e-6);  // f32
  EXPECT_GT(one["1"].gradient_norm, 0);
  EXPECT_TRUE(model.training());
  for (const nn::Parameter& p : model.parameters()) EXPECT_FALSE(p.tensor.grad().defined());
}

TEST_F(Meters, AnotherLoss) {
  const data::TensorDataset numbers(randn({6, 3}), randn({6, 2}));
  const data::DataLoader few(numbers, {.batch_size = 4});
  const auto loss = [](const Tensor& y, const Tensor& t) { return mse_loss(y, t); };
  EXPECT_GT(train::measure(model, few, loss)["1"].gradient_norm, 0);
}

TEST_F(Meters, TheTrainerLogsThem) {
  std::FILE* file = std::tmpfile();
  optim::SGD sgd(model.parameters(), {.lr = 0.1});
  train::Trainer trainer(model, sgd, {.epochs = 5, .output = train::Output::silent});
  trainer.on_epoch_end(train::log_meters(model, loader, {.every = 2, .stream = file}));
  EXPECT_EQ(trainer.fit(loader).size(), 5u) << "it does not end the training";
  const std::string text = written(file);
  EXPECT_THAT(text, ::testing::StartsWith("after epoch 2\nlayer  activation"));
  EXPECT_THAT(text, HasSubstr("after epoch 4\nlayer"));
  EXPECT_THAT(text, Not(HasSubstr("after epoch 5")));
  const size_t legend = text.find("over 10 samples");
  EXPECT_NE(legend, text.npos);
  EXPECT_EQ(text.find("over 10 samples", legend + 1), text.npos) << "one legend is enough";
  EXPECT_THROW(train::log_meters(model, loader, {.every = 0}), ValueError);
  EXPECT_THROW(train::log_meters(model, loader, {.stream = nullptr}), ValueError);
}

TEST_F(Meters, LoggingChangesNoTraining) {
  const auto trained = [&](bool log) {
    manual_seed(1);
    nn::Sequential m(nn::Linear(3, 8), nn::Activation("relu"), nn::Linear(8, 2));
    optim::SGD sgd(m.parameters(), {.lr = 0.1, .momentum = 0.9});
    train::Trainer trainer(m, sgd, {.epochs = 3, .output = train::Output::silent});
    std::FILE* file = std::tmpfile();
    if (log) trainer.on_epoch_end(train::log_meters(m, loader, {.stream = file}));
    trainer.fit(loader);
    std::fclose(file);
    return nn::checksum(m);
  };
  EXPECT_EQ(trained(true), trained(false));
}

}  // namespace
}  // namespace cairn
