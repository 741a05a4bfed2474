#include "cairn/nn/meter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <sstream>
#include <thread>

#include "cairn/activation/activation.h"
#include "cairn/autograd/backward.h"
#include "cairn/graph/node.h"
#include "cairn/graph/record.h"
#include "cairn/nn/activation.h"
#include "cairn/nn/conv.h"
#include "cairn/nn/dropout.h"
#include "cairn/nn/linear.h"
#include "cairn/nn/norm.h"
#include "cairn/nn/sequential.h"
#include "cairn/nn/taylor.h"
#include "cairn/ops/arithmetic.h"
#include "cairn/ops/join.h"
#include "cairn/ops/loss.h"
#include "cairn/ops/reduce.h"
#include "cairn/tensor/create.h"
#include "cairn/tensor/random.h"
#include "support.h"

namespace cairn {
namespace {

using nn::ActivationMeter;
using nn::measure;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

struct Numbers : ::testing::TestWithParam<Dtype> {};

// The activation alone, on inputs written down: what comes out can be counted by hand.
ActivationMeter of(const char* function, const Tensor& x, const nn::Meter::Loss& loss = {}) {
  nn::Sequential model(nn::Activation{function});
  const nn::MeterReport report = measure(model, x, loss);
  EXPECT_EQ(report.activations.size(), 1u);
  return report.activations.at(0);
}

TEST_P(Numbers, OfAReluByHand) {
  const Tensor x = tensor({{1., -1., 0.}, {3., -2., -5.}}, GetParam());
  const ActivationMeter a = of("relu", x, [](const Tensor& y) { return mean(sum(y * y, {1})); });
  EXPECT_EQ(a.layer, "0");
  EXPECT_EQ(a.function, "relu");
  EXPECT_EQ(a.units, 3);
  EXPECT_DOUBLE_EQ(a.dead, 2.0 / 3);
  EXPECT_DOUBLE_EQ(a.sparsity, 4.0 / 6);
  EXPECT_DOUBLE_EQ(a.saturated, 0);
  EXPECT_DOUBLE_EQ(a.mean, 4.0 / 6);
  EXPECT_DOUBLE_EQ(a.variance, 10.0 / 6 - 4.0 / 9);
  // A sample's loss is the sum of squares: its gradient 2 y, of norm 2 and 6.
  EXPECT_DOUBLE_EQ(a.gradient_norm, std::sqrt((4.0 + 36.0) / 2));
  EXPECT_DOUBLE_EQ(a.gradient_zeros, 4.0 / 6);
}

TEST_P(Numbers, OfASaturatedSigmoid) {
  const Tensor x = tensor({{20., 0., -20.}, {30., 1., 2.}}, GetParam());
  const ActivationMeter a = of("sigmoid", x);
  EXPECT_DOUBLE_EQ(a.dead, 1.0 / 3) << "the first unit alone is flat for both samples";
  EXPECT_DOUBLE_EQ(a.saturated, 3.0 / 6);
  EXPECT_DOUBLE_EQ(a.sparsity, 0);
  EXPECT_TRUE(std::isnan(a.gradient_norm)) << "no loss was given";
  EXPECT_TRUE(std::isnan(a.gradient_zeros));
}

INSTANTIATE_TEST_SUITE_P(Meter, Numbers, ::testing::Values(f32, f64),
                         [](const auto& p) { return std::string(name_of(p.param)); });

TEST(Meter, TellsDeadFromSaturated) {
  const Tensor high = full({4, 2}, 9.);
  EXPECT_EQ(of("relu6", high).dead, 0) << "it is on, at its upper end";
  EXPECT_EQ(of("relu6", high).saturated, 1);
  EXPECT_EQ(of("squared_relu", full({4, 2}, 1e-4)).dead, 0) << "on, though nearly flat there";
  EXPECT_EQ(of("squared_relu", -high).dead, 1);
  EXPECT_EQ(of("leaky_relu", -high).dead, 0) << "output ≤ 0 is no death where a slope is left";
  EXPECT_EQ(of("leaky_relu(1e-4)", -high).dead, 1);
  EXPECT_EQ(of("step", high).dead, 1) << "it has a slope nowhere";
  EXPECT_EQ(of("relu", full({4, 2}, NAN)).dead, 0) << "NaN is another illness";
}

TEST(Meter, KnowsTheSlopeOfAnythingThatRuns) {
  const Tensor x = tensor({{2., -2.}});
  EXPECT_EQ(of("max(x, 1e-4 * x)", x).dead, 0.5);
  EXPECT_EQ(of("max(x, a * x); a = 1e-4", x).dead, 0.5);
  EXPECT_EQ(of("prelu(1e-4)", x).dead, 0.5);
  EXPECT_EQ(of("max(x, a * x); a = 1e-4", x).function, "max(x, a * x); a = 1e-4");
  register_activation("meter_test_cut", [](auto v) { return where(v > 1.0, v, 1.0 + v * 0.0); });
  EXPECT_EQ(of("meter_test_cut", x).dead, 0.5);
  EXPECT_EQ(of("meter_test_cut", x).saturated, 0.5);
}

TEST(Meter, KnowsEveryActivationOfTheCatalogue) {
  for (const Dtype dtype : {f32, f64})
    for (const ActivationInfo& info : activations()) {
      if (!info.elementwise()) continue;
      SCOPED_TRACE(info.name);
      nn::Sequential model(nn::Activation{info.name});
      model.to(dtype);
      const auto loss = [](const Tensor& y) { return mean(y); };
      const nn::MeterReport report = measure(model, tensor({{-2., 0.25}, {0.5, 3.}}, dtype), loss);
      ASSERT_EQ(report.activations.size(), info.name == "identity" ? 0u : 1u);
      for (const ActivationMeter& a : report.activations) {
        EXPECT_EQ(a.function, activation(info.name).text());
        EXPECT_EQ(a.units, 2);
        EXPECT_FALSE(std::isnan(a.dead));
        EXPECT_FALSE(std::isnan(a.saturated));
        EXPECT_GT(a.gradient_norm, 0);
      }
    }
}

TEST(Meter, KnowsTaylorPolynomials) {
  const Tensor x = tensor({{1., 0.5}, {1., -0.5}}, f64);  // x - x³ / 3, whose slope at 1 is 0
  nn::Sequential layer(nn::Taylor("tanh", 3, 1.5));
  for (const ActivationMeter& a : {of("taylor(tanh, 3, 1.5)", x), measure(layer, x)["0"]}) {
    EXPECT_EQ(a.function, "taylor(tanh, 3, 1.5)");
    EXPECT_DOUBLE_EQ(a.dead, 0.5);
    EXPECT_DOUBLE_EQ(a.saturated, 0.5);
    EXPECT_DOUBLE_EQ(a.mean, 1.0 / 3);
  }
  struct Functional : nn::Layer {
    Tensor forward(const Tensor& v) override { return activation("taylor(tanh, 3, 1.5)")(v); }
  } model;
  EXPECT_EQ(measure(model, x)[""].function, "taylor");
  EXPECT_DOUBLE_EQ(measure(model, x)[""].dead, 0.5);
}

TEST(Meter, DeathIsThatOfTheParametersThatRan) {
  const Tensor x = tensor({{-0.5, -2.}, {-0.25, -3.}});
  EXPECT_EQ(of("threshold(-1)", x).dead, 0.5) << "-0.5 is handed on, with slope 1";
  EXPECT_EQ(of("threshold(-0.125)", x).dead, 1);
  EXPECT_EQ(of("threshold(-0.0078125)", tensor({{-0.001}})).dead, 0) << "the piece that is alive is narrow";
  EXPECT_EQ(of("threshold(0.5)", tensor({{0.25, 1.}})).dead, 0.5);
  EXPECT_EQ(of("threshold(0, -1)", x).dead, 1);
  EXPECT_EQ(of("where(x <= 0, 0, x - 1)", tensor({{0.5, -1.}})).dead, 0.5) << "below 0, and with a slope";
  EXPECT_EQ(of("maximum(1e-4 * x, 0)", tensor({{0.5, -1.}})).dead, 0.5) << "on, though nearly flat";
  struct Functional : nn::Layer {
    Tensor forward(const Tensor& v) override { return threshold(v, -1); }
  } model;
  EXPECT_EQ(measure(model, x)[""].dead, 0.5);
}

TEST(Meter, ReadsTheSlopeOfWhatKeepsItsOutput) {
  const Tensor x = tensor({{-9., 0.5, 9.}});
  const auto flat = [&](const char* function) { return std::pair{of(function, x).dead, of(function, x).saturated}; };
  EXPECT_EQ(flat("relu"), std::pair(1.0 / 3, 0.0));
  EXPECT_EQ(flat("relu6"), std::pair(1.0 / 3, 1.0 / 3));
  EXPECT_EQ(flat("leaky_relu"), std::pair(0.0, 0.0));
  EXPECT_EQ(flat("hardtanh"), std::pair(2.0 / 3, 2.0 / 3));
  EXPECT_EQ(flat("hardtanh(-10, 1)"), std::pair(1.0 / 3, 1.0 / 3));
}

TEST(Meter, OperationsOfOnesOwnMayHaveAnyName) {
  struct Own : nn::Layer {
    Tensor forward(const Tensor& x) override {
      return record("two words (", x.detach() * 2.0, {x}, Keep::nothing(),
                    [](const Backward& s) -> Grads { return {s.grad}; });
    }
  } model;
  EXPECT_TRUE(measure(model, ones({1, 2})).activations.empty());
}

TEST(Meter, AChannelOfAnImageIsAUnit) {
  Tensor x = full({2, 3, 4, 4}, -1.);
  x.select(0, 1).select(0, 2).select(0, 0).select(0, 3).fill_(1);  // one pixel of channel 2
  const ActivationMeter a = of("relu", x);
  EXPECT_EQ(a.units, 3);
  EXPECT_DOUBLE_EQ(a.dead, 2.0 / 3);
  EXPECT_DOUBLE_EQ(a.sparsity, 95.0 / 96);
  // The same behind a convolution, whose results lie in memory with the channels innermost.
  nn::Sequential model(nn::Conv2d(1, 2, 1), nn::Activation("relu"));
  auto& conv = dynamic_cast<nn::Conv2d&>(*model.children()[0].second);
  const NoGrad no_grad;
  conv.weight.copy_(tensor({1., -1.}).reshape({2, 1, 1, 1}));
  conv.bias.fill_(0);
  EXPECT_DOUBLE_EQ(measure(model, ones({3, 1, 5, 5}))["1"].dead, 0.5);
}

TEST(Meter, AFeatureOfTokensIsAUnit) {
  nn::Sequential model(nn::Linear(2, 4), nn::Dropout(0.5), nn::Activation("relu"));
  auto& linear = dynamic_cast<nn::Linear&>(*model.children()[0].second);
  {
    const NoGrad no_grad;
    linear.weight.fill_(0);
    linear.bias.copy_(tensor({-1., 1., -1., -1.}));
  }
  const ActivationMeter a = measure(model, randn({3, 7, 2}))["2"];
  EXPECT_EQ(a.units, 4) << "and not the 7 tokens";
  EXPECT_DOUBLE_EQ(a.dead, 0.75);
  nn::Sequential sound(nn::Conv1d(2, 5, 1), nn::Activation("relu"));
  EXPECT_EQ(measure(sound, randn({3, 2, 7}))["1"].units, 5);
  nn::Sequential norm(nn::LayerNorm({6}), nn::Activation("relu"));
  EXPECT_EQ(measure(norm, randn({3, 2, 6}))["1"].units, 6);
}

struct Block : nn::Layer {
  nn::Linear& hidden = add("hidden", nn::Linear(3, 5));
  nn::Activation& shared = add("shared", nn::Activation("elu(0.5)"));
  Tensor forward(const Tensor& x) override {
    const Tensor a = shared(gelu(hidden(x)));
    return a + shared(relu(x.slice(1, 0, 1)));
  }
};

TEST(Meter, SeesFunctionalCallsAndSharedLayers) {
  nn::Sequential model;
  model.push_back("block", Block());
  model.push_back("last", nn::Activation("tanh"));
  const nn::MeterReport report = measure(model, randn({4, 3}));
  std::vector<std::string> seen;
  for (const ActivationMeter& a : report.activations)
    seen.push_back(a.layer + " " + a.function + " " + std::to_string(a.call) + " " + std::to_string(a.units));
  EXPECT_THAT(seen, ElementsAre("block gelu 1 5", "block.shared elu(0.5) 1 5", "block relu 1 1",
                                "block.shared elu(0.5) 2 1", "last tanh 1 5"));
}

TEST(Meter, SeveralBatchesAreOneLargeOne) {
  manual_seed(3);
  nn::Sequential model(nn::Linear(4, 16), nn::Activation("relu"), nn::Linear(16, 8), nn::Activation("tanh"),
                       nn::Linear(8, 3));
  model.to(f64);
  const Tensor x = randn({10, 4}, f64), y = randint(3, {10});
  const auto loss = [](const Tensor& labels) {
    return [labels](const Tensor& outputs) { return cross_entropy(outputs, labels); };
  };
  const nn::MeterReport whole = measure(model, x, loss(y));
  nn::Meter meter(model);
  for (const auto& [begin, end] : {std::pair{0, 3}, {3, 4}, {4, 10}})
    meter.add(x.slice(0, begin, end), loss(y.slice(0, begin, end)));
  const nn::MeterReport parts = meter.report();
  EXPECT_EQ(parts.samples, 10);
  ASSERT_EQ(parts.activations.size(), 2u);
  constexpr double rounding = 1e-14;  // sums in another order
  for (size_t i = 0; i < 2; ++i) {
    const ActivationMeter &a = whole.activations[i], &b = parts.activations[i];
    EXPECT_EQ(a.dead, b.dead);
    EXPECT_EQ(a.saturated, b.saturated);
    EXPECT_EQ(a.sparsity, b.sparsity);
    EXPECT_EQ(a.gradient_zeros, b.gradient_zeros);
    EXPECT_NEAR(a.mean, b.mean, rounding);
    EXPECT_NEAR(a.variance, b.variance, rounding);
    EXPECT_NEAR(a.gradient_norm, b.gradient_norm, rounding);
    EXPECT_GT(a.gradient_norm, 0);
  }
  // The gradient again, by hand.
  const Tensor hidden = relu(dynamic_cast<nn::Layer&>(*model.children()[0].second)(x)).detach().requires_grad_();
  Tensor out = hidden;
  for (const size_t i : {2, 3, 4}) out = dynamic_cast<nn::Layer&>(*model.children()[i].second)(out);
  const Tensor g = grad({cross_entropy(out, y)}, {hidden})[0] * 10.0;
  EXPECT_NEAR(whole["1"].gradient_norm, std::sqrt(sum(g * g).item<double>() / 10), rounding);
}

TEST(Meter, GradientsAreThoseOfTheBatchesThatHaveThem) {
  struct Some : nn::Layer {
    bool both = true;
    nn::Activation& first = add("first", nn::Activation("relu"));
    nn::Activation& second = add("second", nn::Activation("tanh"));
    Tensor forward(const Tensor& x) override { return both ? first(x) + second(x * 0.0) : first(x); }
  } model;
  const auto loss = [](const Tensor& y) { return mean(sum(y, {1})); };  // a gradient of ones for each sample
  const Tensor x = ones({2, 4}, f64);
  nn::Meter meter(model);
  meter.add(x);
  EXPECT_TRUE(std::isnan(meter.report()["first"].gradient_norm));
  meter.add(x, loss);
  EXPECT_DOUBLE_EQ(meter.report()["first"].gradient_norm, 2);
  model.both = false;
  meter.add(ones({6, 4}, f64), loss);
  meter.add(x);
  EXPECT_DOUBLE_EQ(meter.report()["first"].gradient_norm, 2);
  EXPECT_DOUBLE_EQ(meter.report()["second"].gradient_norm, 2) << "it ran in two of the batches, in one with a loss";
  EXPECT_EQ(meter.report().samples, 12);
}

TEST(Meter, AUnitIsAliveWhenOneBatchSaysSo) {
  nn::Sequential model(nn::Activation("relu"));
  nn::Meter meter(model);
  meter.add(tensor({{-1., 1., -1.}}));
  meter.add(tensor({{-1., -1., 1.}}));
  EXPECT_DOUBLE_EQ(meter.report()["0"].dead, 1.0 / 3);
}

TEST(Meter, LeavesEverythingAsItWas) {
  nn::Sequential model(nn::Linear(3, 4), nn::BatchNorm1d(4), nn::Activation("relu"), nn::Dropout(0.5));
  model.children()[1].second->eval();  // frozen on purpose
  model.train(true);
  model.children()[1].second->eval();
  const uint64_t before = checksum(model), position = default_generator().position();
  const Tensor x = ones({5, 3});
  {
    const NoGrad no_grad;
    measure(model, x, [](const Tensor& y) { return mean(y * y); });
    EXPECT_FALSE(grad_enabled());
  }
  EXPECT_TRUE(grad_enabled());
  EXPECT_FALSE(x.requires_grad());
  EXPECT_EQ(checksum(model), before);
  EXPECT_EQ(default_generator().position(), position);
  EXPECT_TRUE(model.training());
  EXPECT_FALSE(model.children()[1].second->training());
  EXPECT_TRUE(model.children()[3].second->training());
  for (const nn::Parameter& p : model.parameters()) EXPECT_FALSE(p.tensor.grad().defined()) << p.name;
  EXPECT_THROW(measure(model, ones({5, 4})), ShapeError);
  EXPECT_TRUE(model.training()) << "also when it throws";
}

struct Noisy : nn::Layer {
  Tensor& calls = buffer("calls", zeros({1}));
  Tensor forward(const Tensor& x) override {
    const NoGrad no_grad;
    calls.fill_(calls.item<double>() + 1);
    return relu(x + randn(x.shape()));
  }
};

TEST(Meter, PutsBackWhatEvaluationChanges) {
  Noisy model;
  const uint64_t position = default_generator().position();
  EXPECT_EQ(measure(model, ones({2, 3})).activations.size(), 1u) << "without a graph too";
  EXPECT_EQ(model.calls.item<double>(), 0);
  EXPECT_EQ(default_generator().position(), position);
}

struct Assigning : nn::Layer {
  Tensor& calls = buffer("calls", zeros({1}));
  Tensor& both = buffer("both", zeros({1}));
  Tensor& first = buffer("first", Tensor());
  Tensor forward(const Tensor& x) override {
    calls = calls + 1.0;
    both.fill_(7);  // what was there, and then another
    both = both + sum(x);
    if (!first.defined()) first = x * 2.0;
    return relu(x);
  }
};

TEST(Meter, PutsBackTheBuffersThatForwardAssigns) {
  nn::Sequential model;
  auto& part = model.push_back("part", Assigning());
  const Tensor calls = part.calls, both = part.both;
  const uint64_t before = checksum(model);
  measure(model, ones({2, 3}));
  EXPECT_EQ(checksum(model), before);
  EXPECT_EQ(part.calls.body().get(), calls.body().get()) << "the tensor itself, which others may hold";
  EXPECT_EQ(part.both.body().get(), both.body().get());
  EXPECT_EQ(both.item<double>(), 0);
  EXPECT_FALSE(part.first.defined());
  EXPECT_THROW(nn::Meter(model).add(ones({2, 3}), [](const Tensor& y) { return y; }), ShapeError);
  EXPECT_EQ(checksum(model), before) << "also when it throws";
}

struct Detached : nn::Layer {
  Tensor forward(const Tensor& x) override {
    const NoGrad no_grad;
    return cat({sigmoid(x), relu(x), elu(x, 1e-4)}, 1);
  }
};

TEST(Meter, WithoutAGraph) {
  Detached model;
  const nn::MeterReport r = measure(model, tensor({{20., -20.}}), [](const Tensor& y) { return mean(y); });
  EXPECT_EQ(r.activations[0].dead, 1) << "the slope of the function of that name";
  EXPECT_EQ(r.activations[1].dead, 0.5);
  EXPECT_TRUE(std::isnan(r.activations[2].dead)) << "with which parameter, nobody can tell";
  EXPECT_EQ(r.activations[0].gradient_norm, 0) << "none arrives";
  EXPECT_EQ(r.activations[0].gradient_zeros, 1);
}

struct Pair : nn::Module {
  nn::Linear& a = add("a", nn::Linear(2, 3));
  Tensor forward(const Tensor& x, const Tensor& y) {
    const Tensor first = relu(a(x));
    return first + tanh(a(y));
  }
};

TEST(Meter, TakesAForwardOfAnyForm) {
  Pair model;
  nn::Meter meter(model);
  const Tensor x = randn({5, 2});
  meter.add(
      5, [&] { return model.forward(x, x); }, [](const Tensor& out) { return mean(sigmoid(out)); });
  const nn::MeterReport r = meter.report();
  ASSERT_EQ(r.activations.size(), 2u) << "the loss is not part of the model";
  EXPECT_EQ(r.activations[0].layer, "");
  EXPECT_EQ(r.activations[1].function, "tanh");
  EXPECT_GT(r.activations[1].gradient_norm, 0);
  EXPECT_THAT(text_of<ValueError>([&] { meter.add(x); }), HasSubstr("Meter: the model has a forward of its own"));
  EXPECT_THROW(meter.add(0, [&] { return model.forward(x, x); }), ValueError);
}

TEST(Meter, AParameterIsNoUnit) {
  struct Scaled : nn::Layer {
    Tensor& log_scale = parameter("log_scale", zeros({3}));
    Tensor forward(const Tensor& x) override { return x * exp(log_scale); }
  } model;
  EXPECT_TRUE(measure(model, ones({2, 3})).activations.empty());
}

TEST(Meter, LooksAtItsOwnThreadAlone) {
  struct Threaded : nn::Layer {
    Tensor forward(const Tensor& x) override {
      std::thread([&] { relu(x.detach()); }).join();
      return tanh(x);
    }
  } model;
  EXPECT_EQ(measure(model, ones({1, 2})).activations.size(), 1u);
}

TEST(Meter, RefusesWhatDoesNotFitAndKeepsWhatItHas) {
  nn::Sequential model(nn::Activation("relu"));
  nn::Meter meter(model);
  meter.add(ones({2, 3}));
  EXPECT_THAT(text_of<ShapeError>([&] { meter.add(ones({2, 4})); }), HasSubstr("another number of units than before"));
  EXPECT_THAT(text_of<ShapeError>([&] {
                meter.add(ones({2, 3}), [](const Tensor& y) { return y; });
              }),
              HasSubstr("the loss must be a tensor of one element"));
  EXPECT_EQ(meter.report().samples, 2);
  EXPECT_THAT(text_of<NameError>([&] { meter.report()["1"]; }), HasSubstr("layer with an activation"));
}

TEST(Meter, PrintsATable) {
  nn::Sequential model;
  model.push_back("activation1", nn::Activation("relu"));
  model.push_back("squash", nn::Activation("sigmoid"));
  const Tensor x = tensor({{1., -1.}, {3., -2.}});
  std::ostringstream out;
  out << measure(model, x);
  EXPECT_THAT(out.str(),
              ::testing::StartsWith("layer        activation  units    dead  saturated  sparsity    mean  variance\n"
                                    "-----------------------------------------------------------------------------\n"
                                    "activation1  relu            2  50.0 %      0.0 %    50.0 %  1.0000    1.5000\n"
                                    "squash       sigmoid         2   0.0 %      0.0 %     0.0 %  0.6709    0.0353\n"
                                    "over 2 samples; a unit is a feature, of images a channel\n"
                                    "  dead        units"));
  const auto loss = [](const Tensor& y) { return mean(y); };
  EXPECT_THAT(nn::to_string(measure(model, x, loss), false), HasSubstr("  grad norm  grad zeros\n"));
  EXPECT_THAT(nn::to_string(measure(model, x, loss), false), ::testing::Not(HasSubstr("over 2 samples")));
}

}  // namespace
}  // namespace cairn
