#include "cairn/graph/node.h"

#include <gtest/gtest.h>

#include "cairn/graph/record.h"
#include "cairn/ops/arithmetic.h"
#include "cairn/tensor/create.h"

using namespace cairn;

namespace {

TEST(GradMode, IsOnAndNests) {
  EXPECT_TRUE(grad_enabled());
  {
    const NoGrad off;
    EXPECT_FALSE(grad_enabled());
    {
      const GradMode on(true);
      EXPECT_TRUE(grad_enabled());
      const NoGrad again;
      EXPECT_FALSE(grad_enabled());
    }
    EXPECT_FALSE(grad_enabled());
  }
  EXPECT_TRUE(grad_enabled());
}

TEST(GradMode, EndsWithAnException) {
  try {
    const NoGrad off;
    throw ValueError("thrown on purpose");
  } catch (const ValueError&) {
  }
  EXPECT_TRUE(grad_enabled());
}

TEST(Grads, HoldAnyNumber) {
  EXPECT_EQ(Grads().size(), 0);
  Grads two{ones({1}), none};
  EXPECT_EQ(two.size(), 2);
  EXPECT_TRUE(two[0].defined());
  EXPECT_FALSE(two[1].defined());
  Grads many(std::vector<Tensor>(7, ones({2})));
  EXPECT_EQ(many.size(), 7);
  EXPECT_EQ(many[6].numel(), 2);
}

TEST(Node, ALeafHasOneNodeForLife) {
  Tensor x = ones({2}).requires_grad_();
  const Node* node = gradient_node(x).get();
  ASSERT_NE(node, nullptr);
  EXPECT_STREQ(node->name, "leaf");
  EXPECT_EQ(node->input_count, 0);
  const Tensor handle = x;
  EXPECT_EQ(gradient_node(handle).get(), node);
  EXPECT_EQ(gradient_node(ones({2})).get(), nullptr);
}

TEST(Node, AnInputIsOlder) {
  const Tensor x = ones({2}).requires_grad_();
  const Tensor y = x * 2.0, z = y + x;
  EXPECT_LT(gradient_node(x)->sequence, gradient_node(y)->sequence);
  EXPECT_LT(gradient_node(y)->sequence, gradient_node(z)->sequence);
}

TEST(Node, TheBackPointerGoesWithTheTensor) {
  Tensor y;
  {
    const Tensor x = ones({2}).requires_grad_();
    y = x * 2.0;
    EXPECT_NE(gradient_node(y)->inputs[0].node->owner, nullptr);
  }
  EXPECT_EQ(gradient_node(y)->inputs[0].node->owner, nullptr);
  y.backward(ones({2}));  // nobody is left to receive the gradient
}

TEST(Node, WhatTheGraphKeepsHasNoHistory) {
  const Tensor x = ones({2}).requires_grad_();
  const Ref<Body> kept = detached(x);
  EXPECT_FALSE(kept->requires_grad);
  EXPECT_FALSE(kept->node);
  EXPECT_EQ(kept->storage.get(), x.body()->storage.get());
  EXPECT_EQ(detached(x).get(), kept.get()) << "made once";
}

}  // namespace
