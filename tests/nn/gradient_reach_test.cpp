#include "cairn/nn/gradient_reach.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "cairn/activation/activation.h"
#include "cairn/autograd/backward.h"
#include "cairn/graph/node.h"
#include "cairn/nn/activation.h"
#include "cairn/nn/dropout.h"
#include "cairn/nn/linear.h"
#include "cairn/nn/norm.h"
#include "cairn/nn/sequential.h"
#include "cairn/ops/arithmetic.h"
#include "cairn/ops/compare.h"
#include "cairn/ops/index.h"
#include "cairn/ops/loss.h"
#include "cairn/ops/matmul.h"
#include "cairn/ops/reduce.h"
#include "cairn/tensor/create.h"
#include "cairn/tensor/random.h"
#include "support.h"

namespace cairn {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// "name state ended" of every parameter that is not well.
std::vector<std::string> lost(const nn::GradientReach& reach) {
  std::vector<std::string> lines;
  for (const nn::ParameterReach& p : reach.parameters)
    if (p.gradient != nn::ParameterReach::some)
      lines.push_back(p.name + (p.gradient == nn::ParameterReach::zero ? " zero " : " none ") + p.ended);
  EXPECT_EQ(lines.empty(), reach.ok());
  return lines;
}
template <class F>
std::vector<std::string> lost(nn::Module& model, F forward) {
  return lost(nn::gradient_reach(model, forward));
}

// Two parameters; what a test does with the first one is up to it.
struct Two : nn::Layer {
  Tensor& a = parameter("a", full({3}, 0.5));
  Tensor& b = parameter("b", full({3}, 2.));
  std::function<Tensor(const Two&, const Tensor&)> f;
  explicit Two(std::function<Tensor(const Two&, const Tensor&)> f) : f(std::move(f)) {}
  Tensor forward(const Tensor& x) override { return f(*this, x); }
};
std::vector<std::string> lost(std::function<Tensor(const Two&, const Tensor&)> f) {
  nn::Sequential model;
  model.push_back("part", Two(std::move(f)));
  return lost(model, [&] { return sum(model(tensor({1., -2., 3.}))); });
}

TEST(GradientReach, AllIsWell) {
  nn::Sequential model(nn::Linear(2, 3), nn::Activation("tanh"), nn::Linear(3, 2));
  std::ostringstream out;
  out << nn::gradient_reach(model, [&] { return cross_entropy(model(randn({4, 2})), tensor({0, 1, 1, 0})); });
  EXPECT_EQ(out.str(), "gradient reach: all of 4 parameters have a gradient\n");
}

TEST(GradientReach, NamesWhereAPathWithoutGradientEnds) {
  EXPECT_THAT(lost([](const Two& m, const Tensor& x) { return m.b * x; }),
              ElementsAre("part.a none no operation that leads to the loss used it"));
  EXPECT_THAT(lost([](const Two& m, const Tensor& x) { return (m.a * x).detach() * m.b; }),
              ElementsAre("part.a none detached before mul in part"));
  EXPECT_THAT(lost([](const Two& m, const Tensor& x) { return m.a.detach() * m.b * x; }),
              ElementsAre("part.a none detached before mul in part"));
  EXPECT_THAT(lost([](const Two& m, const Tensor& x) {
                Tensor y;
                {
                  const NoGrad no_grad;
                  y = exp(m.a * x);
                }
                return y * m.b;
              }),
              ElementsAre("part.a none mul in part: run under NoGrad"));
  EXPECT_THAT(lost([](const Two& m, const Tensor& x) { return where(m.a * x > 0.0, m.b, 0.0); }),
              ElementsAre("part.a none gt in part: its result has no gradient"));
  EXPECT_THAT(lost([](const Two& m, const Tensor& x) { return index_select(m.b, 0, argmax(m.a * x).reshape({1})); }),
              ElementsAre("part.a none argmax in part: its result has no gradient"));
  EXPECT_THAT(lost([](const Two& m, const Tensor& x) { return index_select(m.b, 0, argmax(m.a * x, 0).reshape({1})); }),
              ElementsAre("part.a none argmax in part: its result has no gradient"));
  EXPECT_THAT(
      lost([](const Two& m, const Tensor& x) { return index_select(m.b, 0, max(m.a * x, 0).indices.reshape({1})); }),
      ElementsAre("part.a none max in part: its places have no gradient"));
  EXPECT_THAT(lost([](const Two& m, const Tensor& x) {
                tanh(m.a * x);  // for show
                argmax(m.a);
                return m.b * x;
              }),
              ElementsAre("part.a none tanh in part: the loss does not depend on it"));
  EXPECT_THAT(lost([](const Two& m, const Tensor& x) {
                Tensor a = m.a;
                a.requires_grad_(false);
                return a * m.b * x;
              }),
              ElementsAre("part.a none it does not require a gradient"));
}

TEST(GradientReach, NamesWhereAGradientBecomesZero) {
  EXPECT_THAT(lost([](const Two& m, const Tensor& x) { return relu(m.a * x - 100.0) * m.b + m.b; }),
              ElementsAre("part.a zero relu in part: what it passes back is all 0"));
  EXPECT_THAT(lost([](const Two& m, const Tensor& x) { return where(x > 100.0, m.a * x, m.b * x); }),
              ElementsAre("part.a zero where in part: what it passes back is all 0"));
  EXPECT_THAT(lost([](const Two& m, const Tensor& x) { return (m.a + x) * 0.0 + m.b; }),
              ElementsAre("part.a zero mul_scalar in part: what it passes back is all 0"));
  EXPECT_THAT(lost([](const Two& m, const Tensor& x) { return m.a * (x * 0.0) + m.b; }),
              ElementsAre("part.a zero mul in part: what it passes back is all 0"));
  EXPECT_THAT(lost([](const Two& m, const Tensor& x) { return relu(m.a * x - 9.0) * sigmoid(m.a * 1e3) + m.b; }),
              ElementsAre("part.a zero relu in part, mul in part: what it passes back is all 0"));
}

TEST(GradientReach, ADeadReluHidesAllBelowIt) {
  nn::Sequential model;
  model.push_back("hidden", nn::Sequential(nn::Linear(2, 3), nn::Activation("tanh"), nn::Linear(3, 3)));
  model.push_back("activation", nn::Activation("relu"));
  model.push_back("out", nn::Linear(3, 1));
  {
    const NoGrad no_grad;
    for (const nn::Parameter& p : model.parameters())
      if (p.name == "hidden.2.bias") Tensor(p.tensor).fill_(-100);
  }
  const std::string dead = " zero relu in activation: what it passes back is all 0";
  EXPECT_THAT(lost(model,
                   [&] {
                     return sum(model(randn({5, 2})));
                   }),
              ElementsAre("hidden.0.weight" + dead, "hidden.0.bias" + dead, "hidden.2.weight" + dead,
                          "hidden.2.bias" + dead, "out.weight zero linear in out: what it passes back is all 0"));
  std::ostringstream out;
  out << nn::gradient_reach(model, [&] { return sum(model(randn({5, 2}))); });
  EXPECT_THAT(out.str(),
              ::testing::StartsWith("gradient reach: 5 of 6 parameters have no gradient, or one of zeros alone\n"
                                    "  hidden.0.weight  zero  relu in activation: what it passes back is all 0\n"));
  EXPECT_THAT(out.str(), HasSubstr("\n  out.weight       zero  linear in out:"));
}

struct TiedLayers : nn::Layer {
  nn::Linear& first = add("first", nn::Linear(3, 3));
  nn::Linear& second = add("second", nn::Linear(3, 3));
  TiedLayers() { second.weight = first.weight; }
  Tensor forward(const Tensor& x) override { return second(tanh(first(x).detach())); }
};

TEST(GradientReach, TiedWeightsCountOnce) {
  TiedLayers model;
  const nn::GradientReach reach = nn::gradient_reach(model, [&] { return sum(model(ones({2, 3}) * 5.0)); });
  EXPECT_EQ(reach.parameters.size(), 3u);
  EXPECT_THAT(lost(reach), ElementsAre("first.bias none detached before tanh"))
      << "the weight is reached through its other place";
}

TEST(GradientReach, ReadsALossThatIsThereAlready) {
  nn::Sequential model(nn::Linear(2, 3), nn::Activation("relu"), nn::Linear(3, 1));
  nn::Sequential other(nn::Linear(2, 1));
  const Tensor loss = sum(model(randn({4, 2})) * 0.0);
  EXPECT_THAT(lost(nn::gradient_reach(other, loss)),
              ElementsAre("0.weight none not in the graph of the loss: unused, detached, or computed under NoGrad",
                          "0.bias none not in the graph of the loss: unused, detached, or computed under NoGrad"));
  EXPECT_THAT(lost(nn::gradient_reach(model, loss)),
              ::testing::Each(HasSubstr(" zero mul_scalar: what it passes back is all 0")));
  loss.backward();  // the graph is still there
  EXPECT_THROW(nn::gradient_reach(model, loss), GraphError);
}

TEST(GradientReach, LeavesEverythingAsItWas) {
  nn::Sequential model(nn::Linear(3, 4), nn::BatchNorm1d(4), nn::Activation("relu"), nn::Dropout(0.5));
  sum(model(randn({5, 3}))).backward();
  const Tensor gradient = model.parameters()[0].tensor.grad().clone(), x = randn({5, 3});
  const uint64_t before = checksum(model), position = default_generator().position();
  {
    const NoGrad no_grad;
    nn::gradient_reach(model, [&] { return sum(square(model(x))); });
    EXPECT_FALSE(grad_enabled());
  }
  EXPECT_EQ(checksum(model), before) << "running statistics too";
  EXPECT_EQ(default_generator().position(), position);
  EXPECT_TRUE(model.training());
  EXPECT_TRUE(equal(model.parameters()[0].tensor.grad(), gradient));
  EXPECT_THAT(text_of<ShapeError>([&] { nn::gradient_reach(model, [&] { return model(x); }); }),
              HasSubstr("gradient_reach: the loss must be a tensor of one element"));
}

TEST(GradientReach, PutsBackTheBuffersThatForwardAssigns) {
  struct Counting : nn::Layer {
    Tensor& calls = buffer("calls", zeros({1}));
    Tensor& last = buffer("last", Tensor());
    Tensor forward(const Tensor& x) override {
      calls = calls + 1.0;
      return last = x * 2.0;
    }
  } model;
  nn::gradient_reach(model, [&] { return sum(model(ones({2}))); });
  EXPECT_EQ(model.calls.item<double>(), 0);
  EXPECT_FALSE(model.last.defined());
}

TEST(GradientReach, ALossWithoutAnyGraph) {
  nn::Sequential model(nn::Linear(2, 1));
  EXPECT_THAT(lost(model,
                   [&] {
                     const NoGrad no_grad;
                     return sum(model(ones({1, 2})));
                   }),
              ElementsAre("0.weight none linear in 0: run under NoGrad", "0.bias none linear in 0: run under NoGrad"));
  EXPECT_THAT(lost(model,
                   [&] {
                     return sum(model(ones({1, 2}))).detach();
                   }),
              ElementsAre("0.weight none detached after sum", "0.bias none detached after sum"));
}

TEST(GradientWarnings, NameWhatABackwardLeft) {
  struct Model : nn::Module {
    Tensor& used = parameter("used", ones({2, 3}));
    Tensor& dead = parameter("dead", full({3}, -1.));
    Tensor& unused = parameter("unused", ones({2}));
    Tensor& frozen = parameter("frozen", ones({3}));
    Tensor& tied = parameter("tied", unused);
    Tensor& nothing = parameter("nothing", zeros({0}));
    Tensor& bad = parameter("bad", ones({1}));
  } model;
  model.frozen.requires_grad_(false);
  EXPECT_THAT(nn::gradient_warnings(model),
              ElementsAre("used has no gradient", "dead has no gradient", "unused has no gradient",
                          "nothing has no gradient", "bad has no gradient"));
  const Tensor mask = tensor({{0., 0., 0.}, {0., 0., 1.}});
  (sum(model.used * mask) + sum(relu(model.dead) * model.frozen) + sum(model.nothing) + sum(model.bad * NAN))
      .backward();
  EXPECT_THAT(nn::gradient_warnings(model),
              ElementsAre("dead has a gradient of zeros alone", "unused has no gradient"));
  model.dead.set_grad(zeros({1}).expand({3}));
  EXPECT_EQ(nn::gradient_warnings(model)[0], "dead has a gradient of zeros alone");
}

}  // namespace
}  // namespace cairn
