#include "cairn/train/evaluate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "cairn/graph/node.h"
#include "cairn/nn/linear.h"
#include "cairn/nn/sequential.h"
#include "cairn/ops/arithmetic.h"
#include "cairn/ops/loss.h"
#include "cairn/ops/reduce.h"
#include "cairn/tensor/create.h"
#include "cairn/tensor/random.h"

namespace cairn {
namespace {

using train::Evaluation;

// Hands its input on, and remembers under what circumstances.
struct Watcher : nn::Layer {
  bool trained = false, recorded = false;
  Tensor forward(const Tensor& x) override {
    trained = training();
    recorded = grad_enabled();
    return x;
  }
};

TEST(Evaluate, MeansAreOverSamplesAndNotOverBatches) {
  // Cross entropy ln 2 for equal logits, and log(1 + e) − 1 = 0.3133 or 1.3133 where they differ by 1.
  const data::TensorDataset set(tensor({{0., 0.}, {0., 0.}, {0., 1.}}), tensor({0, 1, 0}));
  const data::DataLoader loader(set, {.batch_size = 2});
  Watcher model;
  const Evaluation e = train::evaluate(model, loader);
  EXPECT_NEAR(e.loss, (2 * std::log(2.0) + std::log1p(std::exp(1.0))) / 3, 1e-7);  // f32 losses of size 1
  EXPECT_EQ(e.accuracy, 1.0 / 3);
}

TEST(Evaluate, TakesAnyLoss) {
  const data::TensorDataset set(tensor({{1.}, {2.}, {5.}}), tensor({{0.}, {0.}, {0.}}));
  const data::DataLoader loader(set, {.batch_size = 2});
  Watcher model;
  const Evaluation e = train::evaluate(model, loader, [](const Tensor& y, const Tensor& t) { return mse_loss(y, t); });
  EXPECT_EQ(e.loss, (1.0 + 4 + 25) / 3);
  EXPECT_TRUE(std::isnan(e.accuracy));
  EXPECT_THAT([&] { train::evaluate(model, loader, [](const Tensor& y, const Tensor&) { return y; }); },
              ::testing::ThrowsMessage<ShapeError>(::testing::HasSubstr("the loss must be a tensor of one element")));
}

TEST(Evaluate, AccuracyIsForClassNumbersAlone) {
  const auto zero = [](const Tensor& y, const Tensor&) { return mean(y) * 0.0; };
  Watcher model;
  const Tensor labels = tensor({0, 1}), probabilities = tensor({{1., 0.}, {0., 1.}}), x = ones({2, 2});
  const auto accuracy = [&](const Tensor& inputs, const Tensor& targets) {
    const data::TensorDataset set(inputs, targets);
    return train::evaluate(model, data::DataLoader(set), zero).accuracy;
  };
  EXPECT_EQ(accuracy(x, labels), 0.5);
  EXPECT_EQ(accuracy(tensor({{1., 2., 2.}, {1., 2., 2.}, {NAN, 2., 1.}, {3., 2., 1.}}, f64), tensor({1, 2, 1, -100})),
            1.0 / 3);  // of equal numbers the first counts, beside NaN none; −100 is no class and does not count
  EXPECT_TRUE(std::isnan(accuracy(x, probabilities)));
  EXPECT_TRUE(std::isnan(accuracy(ones({2, 1, 1}), labels)));
}

TEST(Evaluate, RunsInEvaluationModeWithoutRecording) {
  const data::TensorDataset set(ones({4, 2}), zeros({4}, i64));
  const data::DataLoader loader(set);
  Watcher model;
  model.trained = model.recorded = true;
  train::evaluate(model, loader);
  EXPECT_FALSE(model.trained);
  EXPECT_FALSE(model.recorded);
  EXPECT_TRUE(model.training());
  EXPECT_TRUE(grad_enabled());
}

TEST(Evaluate, PutsTheModeOfEveryPartBack) {
  const data::TensorDataset set(ones({4, 2}), zeros({4}, i64));
  const data::DataLoader loader(set);
  nn::Sequential model{nn::Sequential{Watcher(), Watcher()}, Watcher()};
  model[0].eval();  // frozen
  model.children()[0].second->children()[1].second->train();
  train::evaluate(model, loader);
  EXPECT_TRUE(model.training());
  EXPECT_FALSE(model[0].training());
  EXPECT_FALSE(model[0].children()[0].second->training());
  EXPECT_TRUE(model[0].children()[1].second->training());
  EXPECT_TRUE(model[1].training());
}

TEST(Evaluate, PutsTheModeBackWhenTheModelThrows) {
  nn::Sequential model(nn::Linear(5, 2));
  const data::TensorDataset set(randn({8, 4}), zeros({8}, i64));
  const data::DataLoader loader(set, {.batch_size = 4});
  EXPECT_THROW(train::evaluate(model, loader), ShapeError);
  EXPECT_TRUE(model.training());
  EXPECT_THROW(train::predict(model, loader), ShapeError);
  EXPECT_TRUE(model[0].training());
}

TEST(Predict, GivesTheOutputsInOrder) {
  const Tensor x = randn({5, 3});
  const data::TensorDataset set(x, zeros({5}, i64));
  Watcher model;
  model.trained = true;
  const Tensor y = train::predict(model, data::DataLoader(set, {.batch_size = 2}));
  EXPECT_EQ(y.shape(), (Shape{5, 3}));
  EXPECT_EQ(y.to_vector<float>(), x.to_vector<float>());
  EXPECT_FALSE(model.trained);
  EXPECT_FALSE(model.recorded);
  EXPECT_TRUE(model.training());
}

}  // namespace
}  // namespace cairn
