#include "cairn/optim/optimizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "cairn/base/threads.h"
#include "cairn/nn/linear.h"
#include "cairn/ops/arithmetic.h"
#include "cairn/ops/compare.h"
#include "cairn/ops/reduce.h"
#include "cairn/optim/adamw.h"
#include "cairn/optim/sgd.h"
#include "cairn/tensor/create.h"
#include "cairn/tensor/random.h"

namespace cairn {
namespace {

using ::testing::HasSubstr;

Tensor leaf(const Tensor& t, const Tensor& gradient = Tensor()) {
  Tensor w = t.clone().requires_grad_();
  if (gradient.defined()) w.set_grad(gradient);
  return w;
}

TEST(SGD, FirstStepsByHand) {
  Tensor w = leaf(tensor({1., 2.}, f64), tensor({0.5, -1.}, f64));
  optim::SGD plain({w}, {.lr = 0.1});
  plain.step();
  EXPECT_TRUE(allclose(w.detach(), tensor({0.95, 2.1}, f64), 0, 1e-15));

  w = leaf(tensor({1., 2.}, f64), tensor({0.5, -1.}, f64));
  optim::SGD heavy({w}, {.lr = 0.1, .momentum = 0.5, .dampening = 0.2, .weight_decay = 0.1});
  heavy.step();  // g = (0.6, −0.8), v = g
  EXPECT_TRUE(allclose(w.detach(), tensor({0.94, 2.08}, f64), 0, 1e-15));
  heavy.step();  // g = (0.594, −0.792), v = 0.5 v + 0.8 g = (0.7752, −1.0336)
  EXPECT_TRUE(allclose(w.detach(), tensor({0.86248, 2.18336}, f64), 0, 1e-15));

  w = leaf(tensor({1.}, f64), tensor({1.}, f64));
  optim::SGD nesterov({w}, {.lr = 0.1, .momentum = 0.5, .nesterov = true});
  nesterov.step();  // g + 0.5 v = 1.5
  EXPECT_NEAR(w.item<double>(), 0.85, 1e-15);
}

TEST(AdamW, FirstStepByHand) {
  Tensor w = leaf(tensor({1., 2.}, f64), tensor({0.5, -4.}, f64));
  optim::AdamW adamw({w}, {.lr = 0.1, .eps = 0, .weight_decay = 0.5});
  adamw.step();  // the first step is lr · sign(g), after w ← 0.95 w
  EXPECT_TRUE(allclose(w.detach(), tensor({0.85, 2.0}, f64), 0, 1e-14));
}

TEST(Optimizer, DecayAndRateAreEachParametersOwn) {
  for (const bool adam : {false, true}) {
    std::vector<nn::Parameter> list;
    for (int i = 0; i < 4; ++i)
      list.emplace_back(leaf(ones({1}, f64), ones({1}, f64)), "w",
                        nn::ParameterOptions{.decay = i < 2, .lr_scale = i % 2 ? 1.0 : 0.5});
    std::unique_ptr<optim::Optimizer> o;
    if (adam)
      o = std::make_unique<optim::AdamW>(list, optim::AdamWOptions{.lr = 0.1, .eps = 0, .weight_decay = 0.5});
    else
      o = std::make_unique<optim::SGD>(list, optim::SGDOptions{.lr = 0.1, .weight_decay = 0.5});
    o->step();
    const double expected[] = {1 - 0.05 * 1.5, 1 - 0.1 * 1.5, 1 - 0.05, 1 - 0.1};  // the first gradient is ±1 for both
    for (size_t i = 0; i < 4; ++i) EXPECT_NEAR(list[i].tensor.item<double>(), expected[i], 1e-14) << adam << i;
  }
}

// A parameter without a gradient is left alone, and its own count of steps does not go on.
TEST(Optimizer, SkipsWhatHasNoGradient) {
  Tensor a = leaf(ones({2}), ones({2})), b = leaf(ones({2}));
  optim::AdamW o({a, b}, {.lr = 0.1, .weight_decay = 0.5});
  o.step();
  EXPECT_TRUE(equal(b.detach(), ones({2})));
  b.set_grad(ones({2}));
  a.set_grad(Tensor());
  const Tensor before = a.detach().clone();
  o.step();
  EXPECT_TRUE(equal(a.detach(), before));
  EXPECT_TRUE(equal(b.detach(), before));  // its first step is what a's was
}

TEST(Optimizer, ZeroGradDrops) {
  Tensor a = leaf(ones({2}), ones({2}));
  optim::SGD o({a}, {.lr = 1});
  o.zero_grad();
  EXPECT_FALSE(a.grad().defined());
  o.step();
  EXPECT_TRUE(equal(a.detach(), ones({2})));
}

TEST(Optimizer, AGradientInAnotherLayoutIsReadRight) {
  const Tensor g = tensor({{1., 2., 3.}, {4., 5., 6.}});
  Tensor rows = leaf(zeros({2, 3}), g), mixed = leaf(zeros({2, 3}), g.t().contiguous().t());
  Tensor columns = zeros({3, 2}).t().requires_grad_(), expanded = leaf(zeros({2, 3}), ones({1}).expand({2, 3}));
  columns.set_grad(g);
  optim::AdamW o({rows, mixed, columns, expanded}, {.lr = 0.1});
  optim::SGD s({rows, mixed, columns, expanded}, {.lr = 1});
  s.step();
  for (const Tensor& w : {rows, mixed, columns}) EXPECT_TRUE(equal(w.detach(), -g));
  EXPECT_TRUE(equal(expanded.detach(), full({2, 3}, -1)));
  o.step();
  for (const Tensor& w : {mixed, columns}) EXPECT_TRUE(equal(w.detach(), rows.detach()));
}

TEST(Optimizer, ATensorListedTwiceIsUpdatedOnce) {
  Tensor w = leaf(ones({1}), ones({1}));
  optim::SGD o({w, w}, {.lr = 0.25});
  EXPECT_EQ(o.parameters().size(), 1U);
  o.step();
  EXPECT_EQ(w.item<float>(), 0.75F);
}

TEST(Optimizer, AStepCountsAsAModification) {
  Tensor w = leaf(ones({2}));
  const Tensor loss = sum(w * w);
  loss.backward({}, true);
  optim::SGD o({w}, {.lr = 0.1});
  o.step();
  EXPECT_THROW(loss.backward(), GraphError);
}

TEST(Optimizer, ElementsDoNotDependOnTheirPlaceOrOnThreads) {
  const int64_t n = 100003;
  const Tensor w0 = randn({n}), g = randn({n});
  const auto run = [&](int64_t begin, int64_t end, int threads) {
    const int before = num_threads();
    set_num_threads(threads);
    Tensor w = leaf(w0.slice(0, begin, end), g.slice(0, begin, end).contiguous());
    optim::AdamW o({w}, {.lr = 0.01, .weight_decay = 0.1});
    for (int i = 0; i < 3; ++i) o.step();
    set_num_threads(before);
    return w.detach();
  };
  const Tensor all = run(0, n, 1);
  EXPECT_TRUE(equal(run(0, n, 3), all));
  EXPECT_TRUE(equal(run(5, 18, 1), all.slice(0, 5, 18)));
  EXPECT_TRUE(equal(run(n - 3, n, 1), all.slice(0, n - 3)));
}

TEST(Optimizer, TheRateCanBeSet) {
  Tensor w = leaf(ones({1}), ones({1}));
  optim::SGD o({w}, {.lr = 0.5});
  EXPECT_EQ(o.lr(), 0.5);
  o.set_lr(0.25);
  o.step();
  EXPECT_EQ(w.item<float>(), 0.75F);
  EXPECT_THROW(o.set_lr(-1), ValueError);
  EXPECT_THROW(o.set_lr(NAN), ValueError);
  EXPECT_EQ(o.lr(), 0.25);
}

TEST(Optimizer, Misuse) {
  Tensor w = leaf(ones({2}));
  try {
    optim::SGD o({w}, {.lr = -0.5});
    FAIL();
  } catch (const ValueError& e) {
    EXPECT_THAT(e.what(), HasSubstr("SGD: an option is out of range; got lr -0.5"));
  }
  EXPECT_THROW(optim::SGD({w}, {.momentum = -1}), ValueError);
  EXPECT_THROW(optim::SGD({w}, {.nesterov = true}), ValueError);
  EXPECT_THROW(optim::SGD({w}, {.momentum = 0.9, .dampening = 0.1, .nesterov = true}), ValueError);
  EXPECT_THROW(optim::AdamW({w}, {.betas = {1, 0.9}}), ValueError);
  EXPECT_THROW(optim::AdamW({w}, {.betas = {0.9, 1.5}}), ValueError);
  EXPECT_THROW(optim::AdamW({w}, {.eps = -1}), ValueError);
  EXPECT_THROW(optim::AdamW({w}, {.weight_decay = NAN}), ValueError);
  EXPECT_THROW(optim::SGD({}, {.lr = 1}), ValueError);
  EXPECT_THROW(optim::SGD({Tensor()}, {.lr = 1}), ValueError);
  EXPECT_THROW(optim::SGD({ones({2}, i64)}, {.lr = 1}), DtypeError);
  EXPECT_THROW(optim::SGD({w * 2.0}, {.lr = 1}), ValueError);
  EXPECT_THROW(optim::SGD({ones({1}).expand({3})}, {.lr = 1}), ValueError);
}

}  // namespace
}  // namespace cairn
