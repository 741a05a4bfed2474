#include "cairn/autograd/anomaly.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>

#include <cmath>
#include <thread>

#include "cairn/autograd/backward.h"
#include "cairn/graph/scope.h"
#include "cairn/ops/arithmetic.h"
#include "cairn/ops/compare.h"
#include "cairn/ops/elementwise.h"
#include "cairn/ops/index.h"
#include "cairn/ops/join.h"
#include "cairn/ops/loss.h"
#include "cairn/ops/matmul.h"
#include "cairn/ops/reduce.h"
#include "cairn/ops/softmax.h"
#include "cairn/tensor/create.h"
#include "cairn/tensor/random.h"
#include "support.h"

namespace cairn {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr double inf = INFINITY;

// What f meets with detection on.
template <class F>
Anomaly anomaly_of(F f) {
  const DetectAnomaly detect;
  try {
    f();
  } catch (const AnomalyError& e) {
    EXPECT_EQ(to_string(e.anomaly), e.what());
    return e.anomaly;
  }
  ADD_FAILURE() << "nothing was found";
  return {};
}

// ---- ranges ---------------------------------------------------------------------------------------------------------

TEST(Range, CountsAndBounds) {
  const TensorRange r = range_of(tensor({{1., NAN, -3.}, {inf, -inf, 2.}}), "input 0");
  EXPECT_EQ(r.name, "input 0");
  EXPECT_EQ(r.shape, (Shape{2, 3}));
  EXPECT_EQ(r.dtype, f32);
  EXPECT_EQ(r.nan, 1);
  EXPECT_EQ(r.inf, 2);
  EXPECT_EQ(r.min, -3);
  EXPECT_EQ(r.max, 2);
  EXPECT_EQ(to_string(r), "(2, 3) f32, 1 NaN and 2 inf, else in [-3, 2]");
  EXPECT_EQ(to_string(range_of(tensor({0.25, 1.}, f64))), "(2,) f64 in [0.25, 1]");
  EXPECT_EQ(to_string(range_of(tensor({-4, 9}))), "(2,) i64 in [-4, 9]");
  EXPECT_EQ(to_string(range_of(tensor({0., 1.}) > 0.5)), "(2,) bool in [0, 1]");
  EXPECT_EQ(to_string(range_of(full({3}, NAN))), "(3,) f32, 3 NaN");
  EXPECT_EQ(to_string(range_of(zeros({0, 4}))), "(0, 4) f32");
}

TEST(Range, OfAnyStrides) {
  const Tensor x = tensor({{1., 2., 3.}, {NAN, 5., 6.}});
  EXPECT_EQ(to_string(range_of(x.t())), "(3, 2) f32, 1 NaN, else in [1, 6]");
  EXPECT_EQ(to_string(range_of(x.slice(1, 1, 3))), "(2, 2) f32 in [2, 6]");
  EXPECT_EQ(to_string(range_of(x[0].slice(0, 0, 3, 2).expand({2, 2}))), "(2, 2) f32 in [1, 3]");
}

// ---- forward --------------------------------------------------------------------------------------------------------

TEST(SetAnomaly, NamesTheFirstOperationThatGaveAnInfinity) {
  const Tensor x = tensor({0., 1., 2.});
  const Anomaly a = anomaly_of([&] { exp(log(x) * 2.0); });
  EXPECT_EQ(a.operation, "log");
  EXPECT_EQ(a.layer, "");
  EXPECT_EQ(a.call, 0);
  EXPECT_FALSE(a.backward);
  EXPECT_TRUE(a.at_fault());
  EXPECT_EQ(to_string(a),
            "log, outside of any layer: output holds 1 inf, and what it was computed from is finite\n"
            "  input 0  (3,) f32 in [0, 2]\n"
            "  output   (3,) f32, 1 inf, else in [0, 0.6931]");
  EXPECT_EQ(AnomalyError(a, "batch 2: ").what(), "batch 2: " + to_string(a));
}

TEST(SetAnomaly, NamesEveryInput) {
  const Anomaly a = anomaly_of([] { full({2, 3}, 1e30) / full({3}, 1e-30); });
  EXPECT_EQ(a.operation, "div");
  ASSERT_EQ(a.inputs.size(), 2u);
  EXPECT_EQ(a.inputs[1].shape, (Shape{3}));
  EXPECT_EQ(a.outputs[0].inf, 6);
}

TEST(SetAnomaly, SaysThatAnInputHoldsNaNAlready) {
  const Tensor x = tensor({{1., NAN}, {NAN, 2.}}), w = ones({2, 2});
  const Anomaly a = anomaly_of([&] { matmul(x, w); });
  EXPECT_EQ(a.operation, "matmul");
  EXPECT_FALSE(a.at_fault());
  EXPECT_THAT(to_string(a), HasSubstr("output holds 4 NaN, but input 0 already holds 2 NaN\n"));
}

TEST(SetAnomaly, FindsANaNMadeOfInfinities) {
  const Tensor scores = full({2, 2}, -inf);
  const Anomaly a = anomaly_of([&] { scores - scores; });
  EXPECT_THAT(to_string(a),
              HasSubstr("output holds 4 NaN, but input 0 already holds 4 inf, input 1 already holds 4 inf"));
}

TEST(SetAnomaly, LetsInfinitiesThatAreMeantThrough) {
  const DetectAnomaly detect;
  Tensor x = randn({3, 3}).requires_grad_();
  const Tensor mask = tensor({{0., 1., 1.}, {0., 0., 1.}, {0., 0., 0.}}) > 0.5;
  const Tensor filled = softmax(masked_fill(x, mask, -inf), 1);
  const Tensor added = softmax(x + where(mask, full({3, 3}, -inf), full({3, 3}, 0)), 1);
  EXPECT_TRUE(equal(filled, added));
  sum(square(filled) + square(added)).backward();
  EXPECT_NO_THROW(amax(pad(x, {1, 1}, -inf)));
}

TEST(SetAnomaly, WhatNobodyReadsIsStillFound) {
  const Tensor x = tensor({-1., 4.});
  EXPECT_EQ(anomaly_of([&] { where(x > 0.0, sqrt(x), 0.0); }).operation, "sqrt");
}

TEST(SetAnomaly, LooksIntoF64AndLayoutsAndIgnoresIntegers) {
  EXPECT_EQ(anomaly_of([] { log(zeros({2, 3}, f64).t()); }).outputs[0].dtype, f64);
  EXPECT_EQ(anomaly_of([] { zeros({4, 6}).slice(1, 0, 6, 2) / zeros({4, 3}); }).outputs[0].nan, 12);
  const DetectAnomaly detect;
  EXPECT_NO_THROW(tensor({1, 2}) * tensor({3, 4}));
  EXPECT_NO_THROW(log(zeros({0})));
}

TEST(SetAnomaly, CountsTheCallsOfALayer) {
  const std::string path = "body.head";
  Tensor x = tensor({3.}).requires_grad_();
  const auto layer = [&](const Tensor& t) {
    const Scope scope(path);
    return log(t + 0.0) + 0.0;
  };
  const auto forward = [&] { return layer(layer(layer(x))); };  // log log log 3 is a number, log of that NaN
  const Anomaly a = anomaly_of([&] { layer(forward()); });
  EXPECT_EQ(a.operation, "log");
  EXPECT_EQ(a.layer, path);
  EXPECT_EQ(a.call, 4);
  EXPECT_THAT(to_string(a), HasSubstr("log in body.head, call 4: output holds 1 NaN"));
  const Anomaly b = anomaly_of([&] {
    forward().backward();
    layer(tensor({-1.}));
  });
  EXPECT_EQ(b.call, 1) << "counted from the last backward";
  EXPECT_EQ(anomaly_of([&] { layer(tensor({-1.})); }).call, 1) << "and from when it was switched on";
  const Anomaly outermost = anomaly_of([] {
    const Scope scope("");
    log(tensor({0.}));
  });
  EXPECT_THAT(to_string(outermost), HasSubstr("log in the outermost layer, call 1: "));
}

// ---- backward -------------------------------------------------------------------------------------------------------

TEST(SetAnomaly, NamesTheForwardOfABackward) {
  const std::string path = "norm";
  Tensor x = tensor({0., 4.}).requires_grad_(), w = tensor({2., 2.}).requires_grad_();
  const Anomaly a = anomaly_of([&] {
    const auto length = [&](const Tensor& t) {
      const Scope scope(path);
      return sqrt(t);
    };
    const Tensor first = length(w), second = length(x);
    sum((first + second) * 3.0).backward();
  });
  EXPECT_EQ(a.operation, "sqrt");
  EXPECT_TRUE(a.backward);
  EXPECT_EQ(a.layer, "norm");
  EXPECT_EQ(a.call, 2);
  EXPECT_TRUE(a.at_fault());
  EXPECT_EQ(a.inputs[0].name, "gradient of the output");
  EXPECT_EQ(a.inputs[0].max, 3);
  EXPECT_THAT(to_string(a),
              HasSubstr("backward of sqrt in norm, call 2: gradient of input 0 holds 1 inf, and what it was "
                        "computed from is finite"));
  EXPECT_THAT(to_string(a), HasSubstr("\n  gradient of input 0     (2,) f32, 1 inf, else in [0.75, 0.75]"));
  EXPECT_FALSE(x.grad().defined()) << "no gradient has changed";
  EXPECT_FALSE(w.grad().defined());
}

// Where nobody else needs the gradient, the backward of sqrt would write its result into it.
TEST(SetAnomaly, ShowsTheGradientThatABackwardWasGiven) {
  Tensor x = tensor({0., 4.}).requires_grad_();
  const Anomaly a = anomaly_of([&] { sum(square(sqrt(x) + 1.0)).backward(); });
  EXPECT_EQ(a.operation, "sqrt");
  EXPECT_TRUE(a.at_fault());
  EXPECT_EQ(a.inputs.at(0).min, 2);
  EXPECT_EQ(a.inputs.at(0).max, 6);
}

// x² whose backward goes wrong in an operation of its own, and in a kernel that nobody sees.
Tensor wrong(const Tensor& x, bool seen) {
  const NoGrad no_grad;
  const Tensor y = x * x;
  const GradMode record_it(true);
  return record("wrong", y, {x}, Keep::inputs() | Keep::output(), [seen](const Backward& s) -> Grads {
    if (seen) return {s.grad / (s.input(0) - s.input(0))};
    Tensor g = s.grad.clone();
    g.data<float>()[0] = NAN;
    return {g};
  });
}

TEST(SetAnomaly, SeesOperationsInsideABackwardAndThoseThatAreNone) {
  Tensor x = tensor({1., 2.}).requires_grad_();
  const Anomaly seen = anomaly_of([&] { sum(wrong(x, true)).backward(); });
  EXPECT_EQ(seen.operation, "wrong");
  EXPECT_EQ(seen.inside, "div");
  EXPECT_THAT(to_string(seen), HasSubstr("; div in it gave the first"));
  const Anomaly unseen = anomaly_of([&] { sum(wrong(x, false)).backward(); });
  EXPECT_EQ(unseen.operation, "wrong");
  EXPECT_EQ(unseen.inside, "");
  std::vector<std::string> names;
  for (const TensorRange& r : unseen.inputs) names.push_back(r.name);
  EXPECT_THAT(names, ElementsAre("gradient of the output", "input 0", "output"));
  EXPECT_EQ(unseen.outputs.at(0).nan, 1);
}

TEST(SetAnomaly, JudgesABackwardByItsGradients) {
  Tensor x = tensor({0., 2.}).requires_grad_();
  const auto masked = [](const Tensor& t) {
    const Tensor y = t.detach().clone();
    return record("masked", y, {t}, Keep::inputs(), [](const Backward& s) -> Grads {
      return {where(s.input(0) > 0.0, s.grad / s.input(0), 0.0)};  // 1 / 0 is not taken
    });
  };
  const DetectAnomaly detect;
  EXPECT_NO_THROW(sum(masked(x)).backward());
  EXPECT_THAT(x.grad().to_vector<double>(), ElementsAre(0, 0.5));
}

TEST(SetAnomaly, SaysThatTheGradientWasNotFiniteAlready) {
  Tensor x = ones({2}).requires_grad_();
  const Anomaly a = anomaly_of([&] { (x * 2.0).backward(tensor({1., NAN})); });
  EXPECT_FALSE(a.at_fault());
  EXPECT_THAT(to_string(a),
              HasSubstr("gradient of input 0 holds 1 NaN, but gradient of the output already holds 1 NaN"));
}

TEST(SetAnomaly, ReachesGradientsOfGradients) {
  const std::string path = "energy";
  Tensor x = tensor({0., 1.}, f64).requires_grad_();
  const Anomaly a = anomaly_of([&] {
    Tensor y;
    {
      const Scope scope(path);
      y = sum(pow(x, 1.5));  // slope 0 at 0, second derivative ∞
    }
    const Tensor slope = grad({y}, {x}, {}, true, true)[0];
    sum(slope).backward();
  });
  EXPECT_TRUE(a.backward);
  EXPECT_EQ(a.layer, path) << "that of the forward whose backward it belongs to";
  EXPECT_EQ(a.outputs.at(0).inf, 1);
}

TEST(SetAnomaly, OfAFusedOperationAndItsTwin) {
  for (const bool create_graph : {false, true}) {
    Tensor x = tensor({{1e30, 0.}, {0., 1.}}).requires_grad_();
    const DetectAnomaly detect;
    const Tensor loss = cross_entropy(x, tensor({0, 1}));
    EXPECT_NO_THROW(loss.backward({}, false, create_graph));
    EXPECT_TRUE(range_of(x.grad()).finite());
  }
}

TEST(SetAnomaly, LeavesABackwardThatGivesTooFewGradientsToTheEngine) {
  Tensor x = ones({2}).requires_grad_();
  const DetectAnomaly detect;
  const Tensor y = record("short", x.detach().clone(), {x}, Keep::nothing(), [](const Backward&) { return Grads(); });
  EXPECT_THAT(text_of<GraphError>([&] { sum(y).backward(); }), HasSubstr("returned 0 gradients for 1 inputs"));
}

// ---- switching ------------------------------------------------------------------------------------------------------

TEST(SetAnomaly, OnAndOff) {
  const auto bad = [] { log(zeros({1})); };
  EXPECT_FALSE(anomaly_enabled());
  EXPECT_NO_THROW(bad());
  set_anomaly(true);
  set_anomaly(true);
  EXPECT_TRUE(anomaly_enabled());
  EXPECT_THROW(bad(), AnomalyError);
  EXPECT_THROW(bad(), Error) << "and it goes on detecting";
  {
    const DetectAnomaly within;
    set_anomaly(false);
    EXPECT_THROW(bad(), AnomalyError) << "the block wants it still";
    const DetectAnomaly again;
  }
  EXPECT_FALSE(anomaly_enabled());
  auto first = std::make_unique<DetectAnomaly>();
  const auto second = std::make_unique<DetectAnomaly>();
  first.reset();  // in another order, as threads may
  EXPECT_THROW(bad(), AnomalyError);
  first = std::make_unique<DetectAnomaly>();
  first.reset();
  EXPECT_TRUE(anomaly_enabled());
}

TEST(SetAnomaly, OffIsOff) {
  const auto bad = [] { log(zeros({1})); };
  EXPECT_FALSE(anomaly_enabled());
  EXPECT_NO_THROW(bad());
}

TEST(SetAnomaly, ChangesNoBit) {
  const auto gradient = [] {
    manual_seed(5);
    Tensor w = randn({6, 4}).requires_grad_();
    cross_entropy(tanh(matmul(randn({8, 6}), w)), tensor({0, 1, 2, 3, 0, 1, 2, 3})).backward();
    return w.grad().to_vector<float>();
  };
  const std::vector<float> plain = gradient();
  const DetectAnomaly detect;
  EXPECT_EQ(gradient(), plain);
}

TEST(SetAnomaly, EveryThreadHasItsOwnLayersAndFault) {
  const DetectAnomaly detect;
  std::vector<std::string> found(4);
  std::vector<std::thread> threads;
  for (size_t t = 0; t < found.size(); ++t)
    threads.emplace_back([&found, t] {
      const std::string path = "layer" + std::to_string(t);
      for (int i = 0; i < 200; ++i) {
        Tensor x = tensor({i == 150 ? 0. : 1., 2.}).requires_grad_();
        try {
          const Scope scope(path);
          sum(sqrt(x)).backward();
        } catch (const AnomalyError& e) {
          found[t] += e.anomaly.operation + e.anomaly.layer + ";";
        }
      }
    });
  for (std::thread& t : threads) t.join();
  EXPECT_THAT(found, ElementsAre("sqrtlayer0;", "sqrtlayer1;", "sqrtlayer2;", "sqrtlayer3;"));
}

}  // namespace
}  // namespace cairn
