#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "cairn/autograd/backward.h"
#include "cairn/graph/record.h"
#include "cairn/ops/arithmetic.h"
#include "cairn/ops/reduce.h"
#include "cairn/tensor/create.h"

using namespace cairn;
using ::testing::Contains;
using ::testing::ElementsAre;

namespace {

TEST(Observer, SeesOperationsAndTheirTensors) {
  std::vector<std::string> seen;
  const Tensor a = ones({2, 3}), b = ones({3});
  {
    const Observer observer([&](const Operation& op) {
      seen.push_back(op.name);
      if (op.inputs.size() == 2) {
        EXPECT_EQ(op.inputs[0]->shape(), (Shape{2, 3}));
        EXPECT_EQ(op.inputs[1]->shape(), (Shape{3}));
      }
      EXPECT_EQ(op.output.shape(), (Shape{2, 3}));
    });
    (a + b) * 2.0;
  }
  EXPECT_THAT(seen, ElementsAre("add", "mul_scalar"));
  const Tensor after = a + b;
  EXPECT_EQ(seen.size(), 2u) << "an observer sees nothing after its end";
}

TEST(Observer, SeesBackwardAndWorkWithoutAGraph) {
  std::vector<std::string> seen;
  const Tensor x = ones({3}).requires_grad_();
  const Tensor y = x * x;
  const Observer observer([&](const Operation& op) { seen.push_back(op.name); });
  y.backward(ones({3}));
  EXPECT_THAT(seen, Contains("mul"));
}

TEST(Observer, Nests) {
  int outer = 0, inner = 0;
  const Tensor a = ones({2});
  const Observer first([&](const Operation&) { ++outer; });
  {
    const Observer second([&](const Operation&) { ++inner; });
    a + a;
  }
  a + a;
  EXPECT_EQ(outer, 2);
  EXPECT_EQ(inner, 1);
}

TEST(Observer, MayComputeItself) {
  std::vector<double> means;
  const Observer observer([&](const Operation& op) { means.push_back(mean(op.output).item<double>()); });
  const Tensor x = full({4}, 3);
  x * 2.0;
  EXPECT_THAT(means, ElementsAre(6.0)) << "its own operations are not reported to it";
}

TEST(Observer, AnExceptionPassesThrough) {
  const Tensor x = ones({2});
  {
    const Observer observer([](const Operation&) { throw ValueError("seen"); });
    EXPECT_THROW(x + x, ValueError);
    EXPECT_THROW(x + x, ValueError) << "and the next operation is observed again";
  }
  EXPECT_NO_THROW(x + x);
}

TEST(Observer, NotInsideAnother) {
  const Tensor x = ones({2});
  const Observer observer([](const Operation&) { const Observer inner([](const Operation&) {}); });
  EXPECT_THROW(x + x, ValueError);
}

TEST(Observer, IsToldOfEveryNodeThatBackwardRuns) {
  std::vector<std::string> told;
  Tensor x = full({3}, 2).requires_grad_(), w = full({3}, 5).requires_grad_();
  const Tensor y = sum(x * w);
  {
    const Observer observer(
        [&](const Operation& op) { told.push_back(std::string(op.name) + " of " + op.backward_of->name); },
        [&](const BackwardOperation& op) {
          told.push_back(op.node.name);
          if (op.node.input_count == 1) return;
          EXPECT_EQ(op.context.grad.shape(), (Shape{3}));
          EXPECT_TRUE(op.context.needs(0));
          EXPECT_FALSE(op.context.needs(1)) << "only x is asked for";
          EXPECT_THAT(op.grads[0].to_vector<double>(), ElementsAre(5, 5, 5));
          EXPECT_TRUE(op.node.inputs[1].saved) << "not freed yet";
        });
    grad({y}, {x});
  }
  EXPECT_THAT(told, ElementsAre("reshape of sum", "expand of sum", "sum", "mul of mul", "mul"));
}

TEST(Observer, ForwardsBelongToNoBackward) {
  Tensor x = ones({2}).requires_grad_();
  int forward = 0, backward = 0;
  const Observer observer([&](const Operation& op) { ++(op.backward_of ? backward : forward); });
  const Tensor y = sum(x * x);
  EXPECT_EQ(forward, 2);
  y.backward();
  EXPECT_GT(backward, 0);
  EXPECT_EQ(forward, 2);
  x + x;
  EXPECT_EQ(forward, 3);
}

TEST(Observer, AnExceptionAboutABackwardLeavesGradientsAsTheyWere) {
  Tensor x = ones({2}).requires_grad_();
  const Tensor y = sum(x * x);
  {
    const Observer observer([](const Operation&) {},
                            [](const BackwardOperation& op) {
                              if (std::string(op.node.name) == "mul") throw ValueError("seen");
                            });
    EXPECT_THROW(y.backward(), ValueError);
  }
  EXPECT_FALSE(x.grad().defined());
  sum(x * x).backward();
  EXPECT_THAT(x.grad().to_vector<double>(), ElementsAre(2, 2));
}

}  // namespace
