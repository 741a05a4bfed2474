// Hooks: what they see, what they may do.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "autograd/leaf.h"
#include "cairn/autograd/backward.h"
#include "cairn/ops/arithmetic.h"
#include "cairn/ops/elementwise.h"
#include "cairn/ops/reduce.h"
#include "cairn/tensor/create.h"
#include "support.h"

using namespace cairn;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

namespace {

TEST(Hook, SeesTheWholeGradientOnce) {
  const Tensor x = leaf({2.});
  Tensor h = x * 1.0;
  std::vector<double> seen;
  h.register_hook([&](const Tensor& g) {
    seen.push_back(g.item<double>());
    return Tensor();
  });
  (h * 3.0 + h * 4.0).backward();
  EXPECT_THAT(seen, ElementsAre(7.0));
  EXPECT_EQ(x.grad().item<double>(), 7);
}

TEST(Hook, ReplacesAndIsRemoved) {
  Tensor x = leaf({2.});
  const int64_t doubled = x.register_hook([](const Tensor& g) { return g * 2.0; });
  const int64_t plus_one = x.register_hook([](const Tensor& g) { return g + 1.0; });
  EXPECT_NE(doubled, plus_one);
  (x * 3.0).backward();
  EXPECT_EQ(x.grad().item<double>(), 7) << "in the order they were set";
  x.set_grad({});
  x.remove_hook(doubled);
  (x * 3.0).backward();
  EXPECT_EQ(x.grad().item<double>(), 4);
  x.remove_hook(plus_one);
  x.remove_hook(plus_one);
  EXPECT_THROW(tensor({1.}).register_hook([](const Tensor& g) { return g; }), GraphError);
}

TEST(Hook, MayRemoveItself) {
  Tensor x = leaf({2.});
  int calls = 0;
  int64_t number = -1;
  number = x.register_hook([&](const Tensor&) {
    ++calls;
    x.remove_hook(number);
    return Tensor();
  });
  for (int i = 0; i < 3; ++i) (x * 3.0).backward();
  EXPECT_EQ(calls, 1);
}

TEST(Hook, OfAnotherShapeIsRefused) {
  Tensor x = leaf({2.});
  x.register_hook([](const Tensor&) { return ones({3}, f64); });
  EXPECT_THAT(text_of<ShapeError>([&] { (x * 3.0).backward(); }),
              HasSubstr("a hook returned a gradient of another shape or dtype; got returned (3,) f64, had (1,) f64"));
  EXPECT_FALSE(x.grad().defined());
}

TEST(Hook, MayDropWhatIsDifferentiated) {
  for (const bool at_the_leaf : {false, true}) {
    Tensor x = leaf({1., 2.}), h = x * 2.0, loss = sum(h * h);
    const auto drop = [&](const Tensor&) {
      loss = Tensor();
      return Tensor();
    };
    (at_the_leaf ? x : h).register_hook(drop);
    h = Tensor();
    loss.backward();
    EXPECT_FALSE(loss.defined());
    EXPECT_EQ(values(x.grad()), (Values{8, 16}));
  }
}

TEST(Hook, MayDropWhatWouldKeepItsGradient) {
  Tensor x = leaf({1., 2.}), h = x * 2.0, kept = h * 3.0;
  const Tensor loss = sum(kept * kept);
  h.retain_grad();
  kept.retain_grad();
  x.register_hook([&](const Tensor&) {  // both gradients are whole by now
    h = Tensor();
    return Tensor();
  });
  loss.backward();
  EXPECT_EQ(values(kept.grad()), (Values{12, 24}));
  EXPECT_EQ(values(x.grad()), (Values{72, 144}));
}

}  // namespace
