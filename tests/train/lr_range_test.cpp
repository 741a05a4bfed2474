#include "cairn/train/lr_range.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "cairn/base/random.h"
#include "cairn/nn/activation.h"
#include "cairn/nn/dropout.h"
#include "cairn/nn/linear.h"
#include "cairn/nn/norm.h"
#include "cairn/nn/sequential.h"
#include "cairn/ops/compare.h"
#include "cairn/ops/loss.h"
#include "cairn/optim/adamw.h"
#include "cairn/optim/sgd.h"
#include "cairn/tensor/create.h"
#include "cairn/tensor/random.h"
#include "support.h"
#include "train/squared.h"

namespace cairn {
namespace {

using ::testing::HasSubstr;
using train::lr_range_test;
using train::LRRange;

// The loss w² of one weight, which begins at 1 and which a step of gradient descent multiplies by 1 − 2 lr.
struct Parabola {
  nn::Linear model{1, 1, {.bias = false, .dtype = f64}};
  data::TensorDataset set{ones({3, 1}, f64), zeros({3, 1}, f64)};
  data::DataLoader loader{set, {.batch_size = 1}};
  Parabola() {
    const NoGrad no_grad;
    model.weight.fill_(1);
  }
};

TEST(LRRange, FollowsAParabola) {
  Parabola p;
  optim::SGD sgd(p.model.parameters(), {.lr = 0.3});
  const LRRange range = lr_range_test(p.model, sgd, p.loader, squared,
                                      {.start = 1e-3, .end = 100, .steps = 26, .smoothing = 0, .diverge = 10});
  double w = 1, lowest = 1;
  std::vector<double> losses;
  for (size_t i = 0; i < range.points.size(); ++i) {
    const double lr = 1e-3 * std::pow(10, static_cast<double>(i) / 5);
    EXPECT_NEAR(range.points[i].lr, lr, 1e-12 * lr) << "from 0.001 to 100 in 25 equal factors";
    EXPECT_NEAR(range.points[i].loss, w * w, 1e-12 * w * w);  // a rounding or two a step
    EXPECT_EQ(range.points[i].smoothed, range.points[i].loss);
    losses.push_back(w * w);
    const bool last = i + 1 == range.points.size();
    EXPECT_EQ(w * w > 10 * lowest, last) << "it goes on until the loss is ten times the smallest";
    lowest = std::min(lowest, w * w);
    w *= 1 - 2 * lr;
  }
  EXPECT_LT(range.points.size(), 26u);
  const auto end = std::min_element(losses.begin(), losses.end()) - losses.begin();
  double steepest = 0, at = NAN;
  for (size_t i = 1; i < static_cast<size_t>(end); ++i)
    if (losses[i - 1] - losses[i + 1] > steepest) steepest = losses[i - 1] - losses[i + 1], at = range.points[i].lr;
  EXPECT_EQ(range.suggestion, at);
  EXPECT_GT(range.suggestion, 0.01);
  EXPECT_LT(range.suggestion, 0.5) << "a rate of 0.5 is the best there is, and 1 the largest that does not diverge";
}

TEST(LRRange, SmoothsWithoutBias) {
  Parabola p;
  optim::SGD sgd(p.model.parameters(), {.lr = 0.3});
  const LRRange range =
      lr_range_test(p.model, sgd, p.loader, squared, {.start = 1e-3, .end = 0.1, .steps = 20, .smoothing = 0.8});
  ASSERT_EQ(range.points.size(), 20u);
  EXPECT_NEAR(range.points[19].lr, 0.1, 1e-15);
  for (size_t i = 0; i < 20; ++i) {
    double sum = 0, weights = 0;
    for (size_t j = 0; j <= i; ++j) {
      const double weight = std::pow(0.8, static_cast<double>(i - j));
      sum += weight * range.points[j].loss;
      weights += weight;
    }
    EXPECT_NEAR(range.points[i].smoothed, sum / weights, 1e-14);
  }
}

// All that a test may leave changed, as bits.
struct State {
  uint64_t model;
  std::vector<std::vector<double>> optimizer, gradients;
  double random;
  bool training, part;
  bool operator==(const State&) const = default;
};

struct Network {
  nn::Sequential model{nn::Linear(6, 16), nn::BatchNorm1d(16), nn::Activation("relu"), nn::Dropout(0.5),
                       nn::Linear(16, 3)};
  optim::AdamW optimizer{model.parameters(), {.lr = 1e-2}};
  data::TensorDataset set{randn({40, 6}), randint(0, 3, {40})};
  data::DataLoader loader{set, {.batch_size = 8, .shuffle = true}};

  Network() {
    for (int i = 0; i < 3; ++i) {  // so that there is a state, statistics and gradients
      optimizer.zero_grad();
      cross_entropy(model(randn({8, 6})), randint(0, 3, {8})).backward();
      optimizer.step();
    }
    model.children()[1].second->eval();  // on purpose
  }
  State state() const {
    State s{nn::checksum(model), {}, {}, 0, model.training(), model.children()[1].second->training()};
    for (const auto& [name, tensor] : optimizer.state_dict()) s.optimizer.push_back(tensor.to_vector<double>());
    for (const nn::Parameter& p : model.parameters()) s.gradients.push_back(p.tensor.grad().to_vector<double>());
    const Generator before = default_generator();
    s.random = rand({1}).item<double>();
    default_generator() = before;
    return s;
  }
};

TEST(LRRange, PutsEverythingBack) {
  Network n;
  const State before = n.state();
  const LRRange range = lr_range_test(n.model, n.optimizer, n.loader);
  EXPECT_GT(range.points.size(), 20u);
  EXPECT_EQ(n.state(), before);
  EXPECT_EQ(range.points.size(), lr_range_test(n.model, n.optimizer, n.loader).points.size());
}

TEST(LRRange, PutsEverythingBackWhenSomethingThrows) {
  Network n;
  const State before = n.state();
  int calls = 0;
  const train::Loss loss = [&](const Tensor& y, const Tensor& t) {
    if (++calls == 7) throw ValueError("enough");
    return cross_entropy(y, t);
  };
  EXPECT_THROW(lr_range_test(n.model, n.optimizer, n.loader, loss), ValueError);
  EXPECT_EQ(calls, 7);
  EXPECT_EQ(n.state(), before);
}

TEST(LRRange, GroupsKeepTheirRatio) {
  nn::Linear body(4, 4), head(4, 2);
  nn::Sequential model(std::move(body), std::move(head));
  const auto children = model.children();
  optim::SGD sgd({{children[0].second->parameters(), {.lr = 0.1}}, {children[1].second->parameters(), {.lr = 0.4}}});
  const data::TensorDataset set(randn({12, 4}), randint(0, 2, {12}));
  const data::DataLoader loader(set, {.batch_size = 4});
  std::vector<double> ratios;
  const train::Loss loss = [&](const Tensor& y, const Tensor& t) {
    ratios.push_back(sgd.lr(1) / sgd.lr(0));
    return cross_entropy(y, t);
  };
  lr_range_test(model, sgd, loader, loss, {.steps = 8});
  for (const double ratio : ratios) EXPECT_NEAR(ratio, 4, 1e-14);
  EXPECT_EQ(sgd.lr(0), 0.1);
  EXPECT_EQ(sgd.lr(1), 0.4);
}

TEST(LRRange, EndsWhereTheLossIsNotFinite) {
  Parabola p;
  optim::SGD sgd(p.model.parameters(), {.lr = 0.3});
  int calls = 0;
  const train::Loss loss = [&](const Tensor& y, const Tensor& t) {
    return ++calls < 5 ? squared(y, t) : squared(y, t) * NAN;
  };
  const LRRange range = lr_range_test(p.model, sgd, p.loader, loss);
  EXPECT_EQ(range.points.size(), 4u);
  for (const train::LRPoint& point : range.points) EXPECT_TRUE(std::isfinite(point.smoothed));
}

TEST(LRRange, SuggestsNothingWhereTheLossNeverFalls) {
  Parabola p;
  optim::SGD sgd(p.model.parameters(), {.lr = 0.3});
  int calls = 0;
  const train::Loss rising = [&](const Tensor& y, const Tensor& t) { return 1 + 0.01 * ++calls + squared(y, t) * 0.0; };
  EXPECT_TRUE(std::isnan(lr_range_test(p.model, sgd, p.loader, rising).suggestion));
}

TEST(LRRange, NamesWhatIsOutOfRange) {
  Parabola p;
  optim::SGD sgd(p.model.parameters(), {.lr = 0.3});
  const auto text = [&](const train::LRRangeOptions& options) {
    return text_of<ValueError>([&] { lr_range_test(p.model, sgd, p.loader, squared, options); });
  };
  EXPECT_EQ(text({.start = 0}), "lr_range_test: start must be positive; got start 0");
  EXPECT_THAT(text({.start = NAN}), HasSubstr("start must be positive"));
  EXPECT_THAT(text({.start = 1, .end = 1}), HasSubstr("end must be larger than start; got end 1"));
  EXPECT_THAT(text({.end = INFINITY}), HasSubstr("end"));
  EXPECT_THAT(text({.steps = 1}), HasSubstr("at least two steps"));
  EXPECT_THAT(text({.smoothing = 1}), HasSubstr("smoothing must be in [0, 1)"));
  EXPECT_THAT(text({.diverge = 1}), HasSubstr("diverge must be larger than 1"));
  EXPECT_THROW(lr_range_test(p.model, sgd, p.loader,
                             [](const Tensor& y, const Tensor& t) {
                               return mse_loss(y.expand({2, 1}), t.expand({2, 1}), Reduction::none);
                             }),
               ShapeError);
}

}  // namespace
}  // namespace cairn
