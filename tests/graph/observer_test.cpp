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

}  // namespace
