#include "cairn/autograd/backward.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <utility>

#include "autograd/leaf.h"
#include "cairn/ops/arithmetic.h"
#include "cairn/ops/elementwise.h"
#include "cairn/ops/reduce.h"
#include "cairn/tensor/create.h"
#include "support.h"

using namespace cairn;
using ::testing::HasSubstr;

namespace {

// ---- what comes out ------------------------------------------------------------------------------------------------

TEST(Backward, ByHand) {
  const Tensor x = leaf({1., 2.}), y = leaf({3., 5.});
  sum(x * y + x * x).backward();
  EXPECT_EQ(values(x.grad()), (Values{5, 9}));
  EXPECT_EQ(values(y.grad()), (Values{1, 2}));
}

TEST(Backward, AddsToWhatIsThere) {
  const Tensor x = leaf({1., 2.});
  sum(x * 3.0).backward();
  const Tensor first = x.grad();
  sum(x * 4.0).backward();
  EXPECT_EQ(values(x.grad()), (Values{7, 7}));
  EXPECT_EQ(values(first), (Values{7, 7})) << "in place: who holds the gradient sees it grow";
}

TEST(Backward, SharedSubexpressionsAreWalkedOnce) {
  const Tensor x = leaf({3.});
  int walked = 0;
  const Tensor twice = record("twice", x.detach() * 2.0, {x}, Keep::nothing(), [&](const Backward& s) -> Grads {
    ++walked;
    return {s.grad * 2.0};
  });
  const Tensor left = twice * twice, right = twice + left;
  (left * right).backward();  // u⁴ + u³ with u = 2x: (4 u³ + 3 u²) · 2
  EXPECT_EQ(x.grad().item<double>(), (4 * 216 + 3 * 36) * 2);
  EXPECT_EQ(walked, 1);
}

TEST(Backward, TheSameTensorTwice) {
  const Tensor x = leaf({3.});
  (x + x).backward();
  EXPECT_EQ(x.grad().item<double>(), 2);
  const Tensor y = leaf({3.});
  (y * y).backward();
  EXPECT_EQ(y.grad().item<double>(), 6);
}

TEST(Backward, TwoLeavesNeverShareAGradient) {
  for (const bool create_graph : {false, true}) {
    const Tensor a = leaf({1., 2.}), b = leaf({3., 4.}), seed = tensor({1., 1.}, f64);
    (a + b).backward(seed, false, create_graph);
    const NoGrad off;
    a.grad().zero_();
    EXPECT_EQ(values(b.grad()), (Values{1, 1}));
    EXPECT_EQ(values(seed), (Values{1, 1}));
  }
}

TEST(Backward, SumsOverWhatWasBroadcast) {
  const Tensor x = leaf({{1., 2., 3.}, {4., 5., 6.}}), row = leaf({1., 2., 3.}), column = leaf({{1.}, {2.}}),
               scalar = leaf(2.);
  sum(x * row * column * scalar).backward();
  EXPECT_EQ(values(row.grad()), (Values{18, 24, 30}));
  EXPECT_EQ(row.grad().shape(), (Shape{3}));
  EXPECT_EQ(values(column.grad()), (Values{28, 64}));
  EXPECT_EQ(column.grad().shape(), (Shape{2, 1}));
  EXPECT_EQ(scalar.grad().item<double>(), 14 + 2 * 32);
  EXPECT_EQ(scalar.grad().shape(), Shape{});
}

TEST(Backward, ThroughViews) {
  const Tensor x = leaf({{1., 2., 3.}, {4., 5., 6.}});
  const Tensor y = x.t().slice(0, 0, 3, 2) * tensor({{1., 10.}, {100., 1000.}}, f64);
  y.reshape({4}).backward(ones({4}, f64));
  EXPECT_EQ(values(x.grad()), (Values{1, 0, 100, 10, 0, 1000}));
  const Tensor z = leaf({1., 2.});
  sum(z.expand({3, 2})[1] + z.unsqueeze(0).expand({3, 2})).backward();
  EXPECT_EQ(values(z.grad()), (Values{6, 6}));
}

TEST(Backward, SeveralOutputs) {
  const Tensor x = leaf({2.}), a = x * x, b = a * x;
  backward({a, b, b}, {tensor({1.}, f64), Tensor(), tensor({2.}, f64)});
  EXPECT_EQ(x.grad().item<double>(), 4 + 3 * 12);
}

TEST(Backward, OfALeafItself) {
  const Tensor x = leaf({1., 2.}), seed = tensor({5., 6.}, f64);
  x.backward(seed);
  EXPECT_EQ(values(x.grad()), (Values{5, 6}));
  EXPECT_NE(x.grad().body().get(), seed.body().get()) << "a copy: the seed is the caller's";
}

TEST(Backward, LeavesThatWantNothingGetNothing) {
  const Tensor x = leaf({1.}), constant = tensor({2.}, f64);
  (x * constant).backward();
  EXPECT_FALSE(constant.grad().defined());
  const Tensor cut = (x * 2.0).detach();
  EXPECT_FALSE(cut.requires_grad());
  EXPECT_TRUE(cut.is_leaf());
}

TEST(Backward, EmptyTensors) {
  const Tensor x = zeros({0, 3}, f64).requires_grad_(), row = leaf({1., 2., 3.});
  sum(x * row).backward();
  EXPECT_EQ(x.grad().shape(), (Shape{0, 3}));
  EXPECT_EQ(values(row.grad()), (Values{0, 0, 0}));
}

// ---- grad ------------------------------------------------------------------------------------------------------------

TEST(Grad, LeavesGradientsAlone) {
  const Tensor x = leaf({2.}), h = x * x, y = h * 3.0;
  const std::vector<Tensor> g = grad({y}, {h, x});
  EXPECT_EQ(g[0].item<double>(), 3);
  EXPECT_EQ(g[1].item<double>(), 12);
  EXPECT_FALSE(x.grad().defined());
}

TEST(Grad, WalksOnlyWhatLeadsToAnInput) {
  const Tensor a = leaf({2.}), b = leaf({3.});
  const auto scaled = [](const Tensor& x, int& walked) {
    return record("scaled", x.detach() * 2.0, {x}, Keep::nothing(), [&walked](const Backward& s) -> Grads {
      ++walked;
      return {s.grad * 2.0};
    });
  };
  int left = 0, right = 0;
  const Tensor y = scaled(a, left) * scaled(b, right);
  EXPECT_EQ(grad({y}, {a})[0].item<double>(), 12);
  EXPECT_EQ(left, 1);
  EXPECT_EQ(right, 0);
}

TEST(Grad, OfAnOutputWithRespectToItself) {
  const Tensor x = leaf({2.}), y = x * x;
  EXPECT_EQ(grad({y}, {y})[0].item<double>(), 1);
}

TEST(Grad, UnusedInputs) {
  const Tensor x = leaf({2.}), other = leaf({2.}), y = x * x;
  EXPECT_THAT(text_of<GraphError>([&] {
                grad({y}, {x, other}, {}, true);
              }),
              HasSubstr("grad: the outputs do not depend on an input; pass allow_unused = true"));
  const std::vector<Tensor> g = grad({y}, {x, other}, {}, true, false, true);
  EXPECT_EQ(g[0].item<double>(), 4);
  EXPECT_FALSE(g[1].defined());
  EXPECT_THAT(text_of<GraphError>([&] { grad({y}, {tensor({1.}, f64)}); }), HasSubstr("an input wants no gradient"));
}

TEST(Grad, AnUnusedBranchThatWasFreedDoesNotMatter) {
  const Tensor a = leaf({2.}), b = leaf({3.}), ya = a * a, yb = b * b, y = ya * yb;
  ya.backward();
  EXPECT_EQ(grad({y}, {b})[0].item<double>(), 24);
}

// ---- any order ---------------------------------------------------------------------------------------------------------

TEST(CreateGraph, ThirdDerivative) {
  const Tensor x = leaf({2.});
  Tensor d = x * x * x * x;
  for (const double expected : {32., 48., 48., 24.}) {
    d = grad({d}, {x}, {}, false, true)[0];
    EXPECT_EQ(d.item<double>(), expected);
  }
}

TEST(CreateGraph, ThroughTheGradientOfALeaf) {
  const Tensor x = leaf({2.});
  (x * x * x).backward({}, false, true);
  const Tensor g = x.grad();
  EXPECT_TRUE(g.requires_grad());
  EXPECT_EQ(grad({g}, {x})[0].item<double>(), 12);
}

TEST(CreateGraph, SeedsAreDifferentiatedToo) {
  const Tensor x = leaf({2.}), v = leaf({5.});
  const Tensor g = grad({x * x}, {x}, {v}, false, true)[0];
  EXPECT_EQ(grad({g}, {v})[0].item<double>(), 4);
  EXPECT_FALSE(grad({x}, {x}, {v})[0].requires_grad()) << "not without create_graph";
}

TEST(CreateGraph, OutputsKeepTheirHistory) {
  const Tensor x = leaf({0.5}), y = tanh(x);
  const Tensor g = grad({y}, {x}, {}, false, true)[0];
  const double t = std::tanh(0.5);
  EXPECT_NEAR(grad({g}, {x})[0].item<double>(), -2 * t * (1 - t * t), 1e-15);
}

TEST(CreateGraph, OnALeafDoesNotLeak) {
  const auto step = [] {
    const Tensor x = leaf({1., 2., 3.});
    sum(x * x * x + exp(x)).backward({}, false, true);
    sum(x.grad() * x.grad()).backward({}, false, true);
  };
  step();
  const int64_t before = memory::stats().in_use;
  for (int i = 0; i < 10; ++i) step();
  EXPECT_EQ(memory::stats().in_use, before);
}

// ---- the graph's end ---------------------------------------------------------------------------------------------------

TEST(RetainGraph, IsNeededForASecondWalk) {
  const Tensor x = leaf({2.}), y = x * x;
  y.backward({}, true);
  y.backward();
  EXPECT_EQ(x.grad().item<double>(), 8);
  EXPECT_EQ(text_of<GraphError>([&] { y.backward(); }),
            "backward of mul: the graph was freed by an earlier backward; pass retain_graph = true to the first");
  EXPECT_EQ(x.grad().item<double>(), 8);
}

TEST(RetainGraph, WhatWasSavedIsGivenBack) {
  const Tensor x = ones({1000}, f64).requires_grad_();
  const int64_t before = memory::stats().in_use;
  const Tensor y = sum(exp(x) * exp(x));
  const int64_t during = memory::stats().in_use;
  y.backward();
  x.grad();
  EXPECT_LT(memory::stats().in_use, during - 8000) << "both factors are gone, a gradient has come";
  EXPECT_GT(during, before);
}

TEST(Backward, NeedsAGraphAndASeed) {
  const Tensor x = leaf({1., 2.}), plain = tensor({1., 2.}, f64);
  EXPECT_THAT(
      text_of<GraphError>([&] { (x * x).backward(); }),
      HasSubstr("backward: a tensor of several elements needs a gradient of its shape; pass one, or call sum() or "
                "mean() first; got (2,) f64"));
  EXPECT_THAT(text_of<GraphError>([&] { sum(plain).backward(); }), HasSubstr("the output has no graph"));
  EXPECT_THAT(text_of<ShapeError>([&] { (x * x).backward(ones({3}, f64)); }),
              HasSubstr("output (2,) f64, gradient (3,) f64"));
  EXPECT_THAT(text_of<DtypeError>([&] { (x * x).backward(ones({2})); }), HasSubstr("gradient (2,) f32"));
  EXPECT_THAT(text_of<ValueError>([&] { backward({x * x, x * x}, {x}); }), HasSubstr("one gradient for each output"));
  EXPECT_THROW(Tensor().backward(), ValueError);
  EXPECT_FALSE(x.grad().defined());
}

// A hook may drop the output, and with it all that owned the graph.
// ---- in-place modification -----------------------------------------------------------------------------------------------

TEST(Modified, AnInputIsNoticed) {
  const Tensor x = leaf({1., 2.});
  const auto backward_after = [&](const std::function<void(Tensor&)>& change) {
    Tensor w = tensor({3., 4.}, f64);
    const Tensor y = sum(x * w);
    change(w);
    y.backward();
  };
  const auto spoiled = [&](const std::function<void(Tensor&)>& spoil) {
    return text_of<GraphError>([&] { backward_after(spoil); });
  };
  const std::string expected =
      "backward of mul: input 1 was modified in place after it was recorded; got (2,) f64. Modify a clone(), or call "
      "backward first";
  EXPECT_EQ(spoiled([](Tensor& w) { w.add_(1.0); }), expected);
  EXPECT_EQ(spoiled([](Tensor& w) { w *= 2.0; }), expected);
  EXPECT_EQ(spoiled([](Tensor& w) { w.slice(0, 0, 1).fill_(7); }), expected) << "through a view";
  EXPECT_EQ(spoiled([](Tensor& w) { w.detach().zero_(); }), expected) << "through detach";
  EXPECT_EQ(spoiled([](Tensor& w) { w.data<double>()[0] = 7; }), expected) << "through a pointer";
  EXPECT_NO_THROW(backward_after([](Tensor& w) { std::as_const(w).data<double>(); })) << "reading is free";
  EXPECT_NO_THROW(backward_after([](Tensor& w) { w = w * 2.0; })) << "another tensor of the same name";
}

TEST(Modified, AnOutputIsNoticed) {
  const Tensor x = leaf({1., 2.}), y = exp(x);
  {
    const NoGrad off;
    y.detach().mul_(2.0);
  }
  EXPECT_THAT(text_of<GraphError>([&] { y.backward(ones({2}, f64)); }),
              HasSubstr("backward of exp: the output was modified in place"));
}

TEST(Modified, AParameterUpdateBetweenForwardAndBackwardIsNoticed) {
  Tensor w = leaf({1., 2.});
  const Tensor y = sum(w * w);
  {
    const NoGrad off;
    w.add_(1.0);
  }
  EXPECT_THAT(text_of<GraphError>([&] { y.backward(); }), HasSubstr("was modified in place after it was recorded"));
}

TEST(Modified, WhatBackwardDoesNotReadMayChange) {
  const Tensor x = leaf({1., 2.});
  Tensor w = tensor({3., 4.}, f64);
  const Tensor y = sum(x + w);
  w.zero_();
  y.backward();
  EXPECT_EQ(values(x.grad()), (Values{1, 1}));
}

TEST(Modified, NotWhileItIsRecorded) {
  Tensor x = leaf({1., 2.}), y = x * 2.0;
  EXPECT_THAT(text_of<GraphError>([&] { x.add_(1.0); }), HasSubstr("wrap it in NoGrad"));
  EXPECT_THROW(y.zero_(), GraphError);
  EXPECT_THROW(x.data<double>(), GraphError);
  EXPECT_EQ(values(x), (Values{1, 2}));
}

// ---- leaves ------------------------------------------------------------------------------------------------------------

TEST(Leaf, RequiresGrad) {
  Tensor x = tensor({1., 2.}, f64);
  EXPECT_FALSE(x.requires_grad());
  EXPECT_TRUE(x.is_leaf());
  x.requires_grad_();
  EXPECT_TRUE((x * 2.0).requires_grad());
  x.requires_grad_(false);
  EXPECT_FALSE((x * 2.0).requires_grad());
  Tensor y = leaf({1.}) * 2.0;
  EXPECT_FALSE(y.is_leaf());
  EXPECT_THAT(text_of<GraphError>([&] { y.requires_grad_(false); }), HasSubstr("use detach()"));
  EXPECT_THROW(tensor({1, 2}).requires_grad_(), DtypeError);
}

TEST(Leaf, SetGrad) {
  Tensor x = leaf({1., 2.});
  x.set_grad(tensor({5., 6.}, f64));
  sum(x).backward();
  EXPECT_EQ(values(x.grad()), (Values{6, 7}));
  x.set_grad({});
  EXPECT_FALSE(x.grad().defined());
  EXPECT_THROW(x.set_grad(ones({3}, f64)), ShapeError);
  EXPECT_THROW(x.set_grad(ones({2})), DtypeError);
  EXPECT_THROW(x.set_grad(x), ValueError);
  EXPECT_THROW(Tensor().set_grad({}), ValueError);
}

TEST(Leaf, RetainGrad) {
  const Tensor x = leaf({2.});
  Tensor h = x * x;
  const Tensor y = h * 3.0;
  h.retain_grad();
  y.backward();
  EXPECT_EQ(h.grad().item<double>(), 3);
  EXPECT_EQ(x.grad().item<double>(), 12);
  EXPECT_THROW(tensor({1.}).retain_grad(), GraphError);
}

// ---- exceptions ------------------------------------------------------------------------------------------------------------

TEST(Backward, AnExceptionLeavesGradientsAlone) {
  Tensor a = leaf({1.}), b = leaf({2.}), c = leaf({3.});
  a.set_grad(tensor({10.}, f64));
  const auto build = [&] {
    const Tensor bad = record("bad", c.detach() * 1.0, {c}, Keep::nothing(),
                              [](const Backward&) -> Grads { throw ValueError("thrown on purpose"); });
    return a * b + bad * b;
  };
  EXPECT_THROW(build().backward(), ValueError);
  b.register_hook([](const Tensor&) -> Tensor { throw ValueError("thrown on purpose"); });
  Tensor product = a * b;
  product.retain_grad();
  EXPECT_THROW(product.backward(), ValueError);
  EXPECT_FALSE(product.grad().defined()) << "though it was whole";
  EXPECT_EQ(a.grad().item<double>(), 10);
  EXPECT_FALSE(b.grad().defined());
  EXPECT_TRUE(grad_enabled());
  (a * 2.0).backward();
  EXPECT_EQ(a.grad().item<double>(), 12);
}

}  // namespace
