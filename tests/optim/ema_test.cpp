#include "cairn/optim/ema.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "cairn/nn/linear.h"
#include "cairn/nn/norm.h"
#include "cairn/ops/compare.h"
#include "cairn/ops/elementwise.h"
#include "cairn/ops/reduce.h"
#include "cairn/optim/sgd.h"
#include "cairn/tensor/create.h"
#include "cairn/tensor/random.h"
#include "support.h"

namespace cairn {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

struct Point : nn::Module {  // two weights, a buffer and a count
  Tensor& w = parameter("w", tensor({1., 2.}, f64));
  Tensor& mean = buffer("mean", tensor({5.}, f64));
  Tensor& seen = buffer("seen", tensor(7));
};

void set(Tensor& t, double value) {
  const NoGrad no_grad;
  t.fill_(value);
}

std::vector<double> average_of(const optim::EMA& ema, const std::string& name) {
  return ema.average().at(name).to_vector<double>();
}

TEST(EMA, MixesWeightsAndCopiesBuffers) {
  Point model;
  optim::EMA ema(model, {.decay = 0.75});
  EXPECT_THAT(average_of(ema, "w"), ElementsAre(1, 2)) << "it begins with the weights";
  set(model.w, 5);
  set(model.mean, 9);
  set(model.seen, 8);
  ema.update();
  EXPECT_THAT(average_of(ema, "w"), ElementsAre(0.75 * 1 + 0.25 * 5, 0.75 * 2 + 0.25 * 5));
  EXPECT_THAT(average_of(ema, "mean"), ElementsAre(9));
  EXPECT_THAT(average_of(ema, "seen"), ElementsAre(8));
  set(model.w, 1);
  ema.update();
  EXPECT_THAT(average_of(ema, "w"), ElementsAre(0.75 * 2 + 0.25, 0.75 * 2.75 + 0.25));
  EXPECT_THAT(model.w.to_vector<double>(), ElementsAre(1, 1)) << "the model's own stay as they are";
  EXPECT_EQ(ema.updates(), 2);
}

TEST(EMA, WarmsUpAndStartsLate) {
  Point model;
  optim::EMA ema(model, {.decay = 0.5, .warmup = true, .start = 2});
  std::vector<double> decays;
  for (int i = 0; i < 14; ++i) {
    decays.push_back(ema.decay());
    set(model.w, i);
    ema.update();
    if (i < 2) {
      EXPECT_THAT(average_of(ema, "w"), ElementsAre(i, i));
    }
  }
  EXPECT_THAT(decays, ElementsAre(0, 0, 1. / 10, 2. / 11, 3. / 12, 4. / 13, 5. / 14, 6. / 15, 7. / 16, 8. / 17, 0.5,
                                  0.5, 0.5, 0.5));  // (1 + t) / (10 + t) is 0.5 at t = 8
}

// Σ (1 − d) d^(n − 1 − i) wᵢ + dⁿ w₋₁, in f64 beside the recursion in f32.
TEST(EMA, IsTheWeightedSumOfAllWeights) {
  for (const Dtype dtype : {f32, f64}) {
    nn::Linear model(37, 11, {.dtype = dtype});
    optim::EMA ema(model, {.decay = 0.9});
    std::vector<double> sum = model.weight.to_vector<double>();
    for (int i = 0; i < 30; ++i) {
      {
        const NoGrad no_grad;
        model.weight.copy_(randn(model.weight.shape(), dtype));
      }
      ema.update();
      const std::vector<double> w = model.weight.to_vector<double>();
      for (size_t k = 0; k < w.size(); ++k) sum[k] = 0.9 * sum[k] + 0.1 * w[k];
    }
    const std::vector<double> average = average_of(ema, "weight");
    const double rounding = 30 * (dtype == f32 ? 0x1p-24 : 0x1p-53) * 4;  // of numbers below 4, an update's each
    for (size_t k = 0; k < sum.size(); ++k) EXPECT_NEAR(average[k], sum[k], rounding);
  }
}

TEST(EMA, SwapsInAndBack) {
  Point model;
  optim::EMA ema(model, {.decay = 0.5});
  set(model.w, 3);
  ema.update();
  set(model.mean, 6);  // after the update, such as by a forward
  {
    const optim::EMA::Swapped averaged(ema);
    EXPECT_TRUE(ema.swapped());
    EXPECT_THAT(model.w.to_vector<double>(), ElementsAre(2, 2.5));
    EXPECT_THAT(model.mean.to_vector<double>(), ElementsAre(5));
    EXPECT_THAT(average_of(ema, "w"), ElementsAre(2, 2.5)) << "wherever the averages lie";
    EXPECT_THAT(text_of<ValueError>([&] { ema.update(); }), HasSubstr("swap() them back before update()"));
    EXPECT_THROW(ema.load_state_dict(ema.state_dict()), ValueError);
    EXPECT_THROW(optim::EMA::Swapped again(ema), ValueError);
    EXPECT_TRUE(ema.swapped());
  }
  EXPECT_FALSE(ema.swapped());
  EXPECT_THAT(model.w.to_vector<double>(), ElementsAre(3, 3));
  EXPECT_THAT(model.mean.to_vector<double>(), ElementsAre(6));
  EXPECT_THAT(average_of(ema, "w"), ElementsAre(2, 2.5));
}

TEST(EMA, SwapsBackWhenSomethingThrows) {
  Point model;
  optim::EMA ema(model);
  set(model.w, 3);
  EXPECT_THROW(
      {
        const optim::EMA::Swapped averaged(ema);
        throw ValueError("during an evaluation");
      },
      ValueError);
  EXPECT_THAT(model.w.to_vector<double>(), ElementsAre(3, 3));
}

TEST(EMA, TheModelComputesWithTheAveragesAtOnce) {
  nn::Linear model(300, 40);  // large enough for a kernel that keeps a packed weight
  optim::EMA ema(model, {.decay = 0.5});
  const Tensor x = randn({64, 300});
  const NoGrad no_grad;
  const Tensor first = model(x);
  model.weight.mul_(3);
  ema.update();
  const Tensor own = model(x);
  {
    const optim::EMA::Swapped averaged(ema);
    nn::Linear twice(300, 40);
    twice.load_state_dict(model.state_dict());
    EXPECT_TRUE(equal(model(x), twice(x)));
    EXPECT_FALSE(equal(model(x), own));
  }
  EXPECT_TRUE(equal(model(x), own));
}

struct Tied : nn::Module {
  Tensor& a = parameter("a", tensor({1., 2.}));
  Tensor& b = parameter("b", a);
  Tensor& across = parameter("across", reshape_t());
  static Tensor reshape_t() { return tensor({{1., 2., 3.}, {4., 5., 6.}}).t(); }  // not row-major
};

TEST(EMA, OfTiedAndTransposedWeights) {
  Tied model;
  optim::EMA ema(model, {.decay = 0.5});
  EXPECT_EQ(ema.average().size(), 3u);  // the tied one under both names
  {
    const NoGrad no_grad;
    model.a.add_(2);
    model.across.add_(tensor({{2., 0.}, {0., 4.}, {0., 0.}}));
  }
  ema.update();
  EXPECT_THAT(average_of(ema, "a"), ElementsAre(2, 3));
  EXPECT_THAT(average_of(ema, "across"), ElementsAre(2, 4, 2, 7, 3, 6));
  const optim::EMA::Swapped averaged(ema);
  EXPECT_THAT(model.b.to_vector<double>(), ElementsAre(2, 3));
  EXPECT_THAT(model.across.to_vector<double>(), ElementsAre(2, 4, 2, 7, 3, 6));
}

TEST(EMA, GoesOnFromItsStateWithTheSameBits) {
  const auto step = [](nn::Linear& model, optim::EMA& ema, uint64_t seed) {
    manual_seed(seed);
    const NoGrad no_grad;
    for (int i = 0; i < 5; ++i) {
      model.weight.add_(randn(model.weight.shape()), 0.1);
      ema.update();
    }
  };
  nn::Linear model(8, 3), other(8, 3);
  const optim::EMAOptions options{.decay = 0.8, .warmup = true, .start = 2};
  optim::EMA ema(model, options), fresh(other, options);
  step(model, ema, 1);
  nn::StateDict state;
  for (const auto& [name, tensor] : ema.state_dict()) state[name] = tensor.clone();
  EXPECT_EQ(state.size(), 3u);
  EXPECT_EQ(state.at("updates").item<int64_t>(), 5);
  EXPECT_TRUE(state.contains("average.weight"));
  other.load_state_dict(model.state_dict());
  fresh.load_state_dict(state);
  step(model, ema, 2);
  step(other, fresh, 2);
  EXPECT_EQ(fresh.updates(), 10);
  for (const auto& [name, tensor] : ema.average()) EXPECT_TRUE(equal(tensor, fresh.average().at(name))) << name;

  const auto refuses = [&](const char* name, const Tensor& value) {
    nn::StateDict wrong = state;
    wrong[name] = value;
    if (!value.defined()) wrong.erase(name);
    const Tensor before = fresh.average().at("weight").clone();
    try {
      fresh.load_state_dict(wrong);
    } catch (const Error& e) {
      EXPECT_TRUE(equal(fresh.average().at("weight"), before)) << "nothing has changed";
      EXPECT_EQ(fresh.updates(), 10);
      return std::string(e.what());
    }
    return std::string("it took it");
  };
  EXPECT_THAT(refuses("updates", tensor(-1)), HasSubstr("EMA: the count of updates in the state"));
  EXPECT_THAT(refuses("updates", {}), HasSubstr("EMA: the state does not fit: missing updates"));
  EXPECT_THAT(refuses("average.bias", {}), HasSubstr("missing average.bias"));
  EXPECT_THAT(refuses("average.more", tensor(1)), HasSubstr("unexpected average.more"));
  EXPECT_THAT(refuses("average.bias", zeros({4})), HasSubstr("average.bias is (3,) f32, the state holds (4,) f32"));
}

TEST(EMA, TheAverageOfATiedModelLoadsToo) {
  struct Tied : nn::Module {
    Tensor& a = parameter("a", zeros({3}));
    Tensor& b = parameter("b", a);
  } model;
  optim::EMA ema(model);
  EXPECT_EQ(ema.average().size(), 2U);
  EXPECT_EQ(ema.state_dict().size(), 2U);  // one of them, and the count
  model.load_state_dict(ema.average());
  ema.load_state_dict(ema.state_dict());
}

TEST(EMA, TheAverageLoadsIntoAModel) {
  nn::BatchNorm2d model(3), other(3);
  optim::EMA ema(model, {.decay = 0.5});
  model(randn({4, 3, 5, 5}));
  ema.update();
  other.load_state_dict(ema.average());
  EXPECT_TRUE(equal(other.running_mean, model.running_mean));
  EXPECT_EQ(other.num_batches_tracked.item<int64_t>(), 1);
}

// Noise about a minimum averages out: what it is for.
TEST(EMA, LiesNearerToTheMinimumThanNoisySteps) {
  manual_seed(3);
  Tensor target = full({100}, 1);
  struct Model : nn::Module {
    Tensor& w = parameter("w", zeros({100}));
  } model;
  optim::SGD sgd(model.parameters(), {.lr = 0.2});
  optim::EMA ema(model, {.decay = 0.98, .warmup = true});
  const auto distance = [&](const Tensor& w) { return sum(square(w.detach() - target)).item<double>(); };
  for (int i = 0; i < 400; ++i) {
    sgd.zero_grad();
    sum(square(model.w - (target + randn({100})))).backward();
    sgd.step();
    ema.update();
  }
  EXPECT_LT(distance(ema.average().at("w")), 0.1 * distance(model.w));
}

TEST(EMA, SameBitsOnAnyThreads) {
  expect_same_on_any_threads([] {
    manual_seed(1);
    nn::Linear model(512, 700);
    optim::EMA ema(model, {.decay = 0.9});
    const NoGrad no_grad;
    model.weight.mul_(1.7);
    ema.update();
    return ema.average().at("weight").to_vector<float>();
  });
}

TEST(EMA, NamesWhatIsOutOfRange) {
  Point model;
  EXPECT_EQ(text_of<ValueError>([&] { optim::EMA(model, {.decay = 1}); }), "EMA: decay must be in [0, 1); got decay 1");
  EXPECT_THROW(optim::EMA(model, {.decay = -0.1}), ValueError);
  EXPECT_THROW(optim::EMA(model, {.decay = NAN}), ValueError);
  EXPECT_THAT(text_of<ValueError>([&] { optim::EMA(model, {.start = -1}); }), HasSubstr("start"));
  struct Empty : nn::Module {
  } none;
  optim::EMA ema(none);
  ema.update();
  const optim::EMA::Swapped averaged(ema);
  EXPECT_TRUE(ema.average().empty());
}

}  // namespace
}  // namespace cairn
