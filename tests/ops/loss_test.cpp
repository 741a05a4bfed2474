#include "cairn/ops/loss.h"

#include <cairn/autograd/backward.h>
#include <cairn/base/threads.h>
#include <cairn/ops/arithmetic.h>
#include <cairn/ops/elementwise.h>
#include <cairn/ops/reduce.h>
#include <cairn/ops/softmax.h>
#include <cairn/tensor/create.h>
#include <cairn/tensor/random.h>
#include <cairn/testing.h>
#include <gmock/gmock.h>

#include <cmath>
#include <limits>

#include "ops/operands.h"

using namespace cairn;
using ::testing::HasSubstr;
using Inputs = std::vector<Tensor>;
using V = std::vector<double>;

namespace {

double value(const Tensor& t) { return t.item<double>(); }

// Rows with probabilities (1/4, 3/4) and (1/2, 1/2).
Tensor logits() { return tensor({{0., std::log(3.)}, {2., 2.}}, f64); }
const double quarter = std::log(4.), half = std::log(2.), three_quarters = std::log(4. / 3);

TEST(CrossEntropy, ByHand) {
  const Tensor y = tensor({0, 1});
  EXPECT_NEAR(value(cross_entropy(logits(), y)), (quarter + half) / 2, f64_tolerance);
  EXPECT_NEAR(value(cross_entropy(logits(), y, {.reduction = Reduction::sum})), quarter + half, f64_tolerance);
  expect_near(values(cross_entropy(logits(), y, {.reduction = Reduction::none})), {quarter, half});
  const Tensor w = tensor({3., 1.}, f64);
  EXPECT_NEAR(value(cross_entropy(logits(), y, {.weight = w})), (3 * quarter + half) / 4, f64_tolerance);
  EXPECT_NEAR(value(cross_entropy(logits(), tensor({0, -100}))), quarter, f64_tolerance);
  EXPECT_NEAR(value(cross_entropy(logits(), tensor({0, 1}), {.ignore_index = 1})), quarter, f64_tolerance);
  // A fifth of the target is spread over both classes.
  EXPECT_NEAR(value(cross_entropy(logits(), tensor({0, -100}), {.label_smoothing = 0.2})),
              0.8 * quarter + 0.1 * (quarter + three_quarters), f64_tolerance);
  EXPECT_NEAR(value(cross_entropy(logits(), tensor({0, -100}), {.weight = w, .label_smoothing = 0.2})),
              (0.8 * 3 * quarter + 0.1 * (3 * quarter + three_quarters)) / 3, f64_tolerance);
  EXPECT_NEAR(value(cross_entropy(logits()[0], tensor(1))), three_quarters, f64_tolerance);
}

TEST(CrossEntropy, GradientByHand) {
  Tensor x = logits().requires_grad_();
  cross_entropy(x, tensor({0, 1})).backward();
  expect_near(values(x.grad()), {-0.375, 0.375, 0.25, -0.25});
  x.set_grad({});
  cross_entropy(x, tensor({0, -100}), {.reduction = Reduction::sum}).backward(tensor(4., f64));
  expect_near(values(x.grad()), {-3, 3, 0, 0});
}

TEST(CrossEntropy, WithProbabilities) {
  const Tensor p = tensor({{0.5, 0.5}, {1., 0.}}, f64);
  const double first = (quarter + three_quarters) / 2;
  EXPECT_NEAR(value(cross_entropy(logits(), p)), (first + half) / 2, f64_tolerance);
  expect_near(values(cross_entropy(logits(), p, {.reduction = Reduction::none})), {first, half});
  // Weights do not enter the divisor here.
  EXPECT_NEAR(value(cross_entropy(logits(), p, {.weight = tensor({2., 4.}, f64)})),
              (quarter + 2 * three_quarters + 2 * half) / 2, f64_tolerance);
  // Probabilities that say what labels say.
  const Tensor hard = tensor({{1., 0.}, {0., 1.}}, f64);
  EXPECT_NEAR(value(cross_entropy(logits(), hard, {.label_smoothing = 0.3})),
              value(cross_entropy(logits(), tensor({0, 1}), {.label_smoothing = 0.3})), f64_tolerance);
}

TEST(CrossEntropy, OfImages) {
  const Tensor x = randn({2, 4, 3, 5}, f64), y = randint(4, {2, 3, 5});
  const Tensor flat = x.permute({0, 2, 3, 1}).reshape({30, 4}), labels = y.reshape({30});
  const CrossEntropyOptions each{.weight = rand({4}, f64), .reduction = Reduction::none, .label_smoothing = 0.1};
  EXPECT_EQ(cross_entropy(x, y, each).shape(), Shape({2, 3, 5}));
  expect_near(values(cross_entropy(x, y, each)), values(cross_entropy(flat, labels, each)));
  EXPECT_NEAR(value(cross_entropy(x, y)), value(cross_entropy(flat, labels)), f64_tolerance);
  EXPECT_NEAR(value(nll_loss(log_softmax(x, 1), y)), value(cross_entropy(x, y)), f64_tolerance);
}

TEST(CrossEntropy, ExtremeLogits) {
  EXPECT_EQ(value(cross_entropy(tensor({{1e4, 0.}}), tensor({0}))), 0);
  EXPECT_EQ(value(cross_entropy(tensor({{1e4, 0.}}), tensor({1}))), 1e4);
  EXPECT_EQ(value(cross_entropy(tensor({{0., -inf}}), tensor({0}))), 0);
  EXPECT_EQ(value(cross_entropy(tensor({{0., -inf}}), tensor({1}))), inf);
  Tensor x = tensor({{0., -inf}, {1., 2.}}).requires_grad_();
  cross_entropy(x, tensor({0, -100})).backward();
  EXPECT_EQ(values(x.grad()), V({0, 0, 0, 0}));
}

TEST(CrossEntropy, OfNothing) {
  EXPECT_TRUE(std::isnan(value(cross_entropy(zeros({0, 3}), zeros({0}, i64)))));
  EXPECT_EQ(value(cross_entropy(zeros({0, 3}), zeros({0}, i64), {.reduction = Reduction::sum})), 0);
  EXPECT_TRUE(std::isnan(value(cross_entropy(zeros({2, 3}), full({2}, -100, i64)))));
  EXPECT_TRUE(std::isnan(value(nll_loss(zeros({2, 3}), full({2}, -100, i64)))));
}

TEST(CrossEntropy, FusedAgreesWithItsParts) {
  for (int64_t classes : {1, 2, 10, 16, 17, 100, 3000}) {
    const Tensor x = (randn({6, classes}) * 3.0), y = randint(classes, {6}), w = rand({classes}) + 0.5;
    for (double smoothing : {0.0, 0.1, 1.0}) {
      const CrossEntropyOptions options{
          .weight = w, .ignore_index = y.to_vector<int64_t>()[2], .label_smoothing = smoothing};
      CrossEntropyOptions wide = options;
      wide.weight = w.to(f64);
      Tensor a = x.clone().requires_grad_(), b = x.to(f64).requires_grad_();
      const Tensor ours = cross_entropy(a, y, options), exact = cross_entropy(b, y, wide);
      if (std::isnan(value(exact))) continue;  // the only label there is was ignored
      EXPECT_NEAR(value(ours), value(exact), 3e-6 * std::max(1.0, value(exact)));
      const Tensor da = grad({ours}, {a})[0], db = grad({exact}, {b}, {}, true)[0];
      expect_near(values(da), values(db), 1e-6);
      expect_near(values(grad({exact}, {b}, {}, true, true)[0]), values(db));  // the twin
    }
  }
}

TEST(CrossEntropy, SameBitsOnAnyNumberOfThreads) {
  Tensor x = randn({5000, 10}).requires_grad_();
  const Tensor y = randint(10, {5000});
  const auto run = [&] {
    const Tensor loss = cross_entropy(x, y, {.label_smoothing = 0.1});
    return std::pair(values(loss), values(grad({loss}, {x})[0]));
  };
  const int before = num_threads();
  set_num_threads(1);
  const auto one = run();
  set_num_threads(3);
  EXPECT_EQ(run(), one);
  set_num_threads(before);
}

TEST(CrossEntropy, Gradients) {
  const Tensor x = randn({4, 3}, f64), y = tensor({2, 0, -100, 1}), w = tensor({0.5, 2., 1.}, f64);
  for (Reduction reduction : {Reduction::mean, Reduction::sum, Reduction::none})
    for (double smoothing : {0.0, 0.2}) {
      const CrossEntropyOptions options{.weight = w, .reduction = reduction, .label_smoothing = smoothing};
      const auto f = [&](const Inputs& in) { return cross_entropy(in[0], y, options); };
      EXPECT_GRADIENTS(f, {x});
      EXPECT_GRADIENTS(f, {randn({3, 4}, f64).t()});
      EXPECT_GRADIENTS(f, {randn({4, 6}, f64).slice(1, 0, 6, 2)});
      const Tensor p = softmax(randn({4, 3}, f64), 1);
      EXPECT_GRADIENTS([&](const Inputs& in) { return cross_entropy(in[0], in[1], options); }, {x, p});
    }
  EXPECT_GRADIENTS([&](const Inputs& in) { return cross_entropy(in[0], y); }, {x});
  EXPECT_GRADIENTS([&](const Inputs& in) { return cross_entropy(in[0].expand({4, 3}), y); }, {randn({1, 3}, f64)});
  EXPECT_GRADIENTS([&](const Inputs& in) { return cross_entropy(in[0], tensor(1)); }, {randn({3}, f64)});
  const Tensor pixels = randint(3, {2, 2, 2});
  for (Reduction reduction : {Reduction::mean, Reduction::none})
    EXPECT_GRADIENTS([&](const Inputs& in) { return cross_entropy(in[0], pixels, {.reduction = reduction}); },
                     {randn({2, 3, 2, 2}, f64)});
  EXPECT_GRADIENTS([&](const Inputs& in) { return nll_loss(in[0], y, {.weight = w}); }, {x});
  EXPECT_GRADIENTS([&](const Inputs& in) { return nll_loss(in[0], pixels, {.reduction = Reduction::none}); },
                   {randn({2, 3, 2, 2}, f64)});
}

TEST(CrossEntropy, Errors) {
  const Tensor x = zeros({2, 3});
  EXPECT_EQ(text_of<IndexError>([&] {
              cross_entropy(x, tensor({0, 3}));
            }),
            "cross_entropy: a label is out of range (0 to classes − 1); got label 3, position 1, classes 3");
  EXPECT_THAT(text_of<IndexError>([&] {
                nll_loss(x, tensor({-1, 0}));
              }),
              HasSubstr("nll_loss: a label is out of range"));
  EXPECT_THAT(text_of<ShapeError>([&] {
                cross_entropy(x, tensor({0, 1, 2}));
              }),
              HasSubstr("without the class dimension"));
  EXPECT_THAT(text_of<ShapeError>([&] { cross_entropy(x, zeros({2, 2})); }), HasSubstr("shapes must be equal"));
  EXPECT_THAT(text_of<DtypeError>([&] { cross_entropy(x, zeros({2}, boolean)); }), HasSubstr("labels must be i64"));
  EXPECT_THAT(text_of<DtypeError>([&] { nll_loss(x, zeros({2})); }), HasSubstr("labels must be i64"));
  EXPECT_THAT(text_of<DtypeError>([&] { cross_entropy(x, zeros({2, 3}, f64)); }), HasSubstr("dtypes must be equal"));
  EXPECT_THAT(text_of<DtypeError>([&] { cross_entropy(zeros({2, 3}, i64), tensor({0, 1})); }), HasSubstr("to(f32)"));
  EXPECT_THAT(text_of<ShapeError>([&] {
                cross_entropy(x, tensor({0, 1}), {.weight = ones({2})});
              }),
              HasSubstr("one weight for each class; got input (2, 3) f32, weight (2,) f32"));
  EXPECT_THROW(cross_entropy(x, tensor({0, 1}), {.weight = ones({3}, f64)}), DtypeError);
  EXPECT_THROW(cross_entropy(tensor(1.0), tensor(0)), ShapeError);
  EXPECT_THROW(cross_entropy(zeros({2, 0}), tensor({0, 0})), ShapeError);
  EXPECT_THAT(text_of<ValueError>([&] {
                cross_entropy(x, tensor({0, 1}), {.label_smoothing = 1.5});
              }),
              HasSubstr("label_smoothing must lie in [0, 1]; got label_smoothing 1.5"));
}

TEST(Losses, ByHand) {
  const Tensor x = tensor({1., -2., 0.5}, f64), t = tensor({1., 1., 1.}, f64);
  EXPECT_NEAR(value(mse_loss(x, t)), 9.25 / 3, f64_tolerance);
  EXPECT_NEAR(value(l1_loss(x, t, Reduction::sum)), 3.5, f64_tolerance);
  EXPECT_EQ(values(mse_loss(x, t, Reduction::none)), V({0, 9, 0.25}));
  EXPECT_EQ(values(smooth_l1_loss(x, t, {.reduction = Reduction::none})), V({0, 2.5, 0.125}));
  EXPECT_EQ(values(smooth_l1_loss(x, t, {.beta = 0.25, .reduction = Reduction::none})), V({0, 2.875, 0.375}));
  EXPECT_EQ(value(smooth_l1_loss(x, t, {.beta = 0})), value(l1_loss(x, t)));
  EXPECT_EQ(values(huber_loss(x, t, {.delta = 0.25, .reduction = Reduction::none})), V({0, 0.71875, 0.09375}));
}

TEST(Losses, BinaryCrossEntropy) {
  const Tensor x = tensor({0., std::log(3.), 800., -800.}, f64), t = tensor({1., 0., 1., 0.}, f64);
  const V expected{half, quarter, 0, 0};
  expect_near(values(bce_with_logits(x, t, {.reduction = Reduction::none})), expected);
  EXPECT_NEAR(value(bce_with_logits(x, t)), (half + quarter) / 4, f64_tolerance);
  const Tensor three = full({4}, 3, f64);
  expect_near(values(bce_with_logits(x, t, {.pos_weight = three, .reduction = Reduction::none})),
              {3 * half, quarter, 0, 0});
  EXPECT_NEAR(value(bce_with_logits(x, t, {.weight = three, .reduction = Reduction::sum})), 3 * (half + quarter),
              f64_tolerance);
  // Digits survive far out, where 1 − σ(x) has lost them all.
  EXPECT_NEAR(value(bce_with_logits(tensor({-40.}, f64), tensor({0.}, f64))) / std::exp(-40), 1, 1e-14);
}

TEST(Losses, KullbackLeibler) {
  const Tensor q = tensor({0.5, 0.25, 0.25}, f64), p = tensor({0.25, 0.75, 0.}, f64);
  const double expected = 0.25 * std::log(0.5) + 0.75 * std::log(3);
  EXPECT_NEAR(value(kl_div(log(q), p, {.reduction = Reduction::sum})), expected, f64_tolerance);
  EXPECT_NEAR(value(kl_div(log(q), p)), expected / 3, f64_tolerance);
  const KlDivOptions logs{.log_target = true, .reduction = Reduction::sum};
  EXPECT_NEAR(value(kl_div(log(q.slice(0, 0, 2)), log(p.slice(0, 0, 2)), logs)), expected, f64_tolerance);
}

TEST(Losses, Gradients) {
  const Tensor a = randn({3, 4}, f64), b = randn({4, 3}, f64).t(), p = rand({3, 4}, f64) + 0.1;
  for (Reduction r : {Reduction::mean, Reduction::sum, Reduction::none}) {
    EXPECT_GRADIENTS([&](const Inputs& in) { return mse_loss(in[0], in[1], r); }, {a, b});
    EXPECT_GRADIENTS([&](const Inputs& in) { return l1_loss(in[0], in[1], r); }, {a, b});
    EXPECT_GRADIENTS([&](const Inputs& in) { return smooth_l1_loss(in[0], in[1], {.beta = 0.7, .reduction = r}); },
                     {a, b});
    EXPECT_GRADIENTS([&](const Inputs& in) { return huber_loss(in[0], in[1], {.delta = 0.7, .reduction = r}); },
                     {a, b});
    EXPECT_GRADIENTS([&](const Inputs& in) { return bce_with_logits(in[0], in[1], {.reduction = r}); }, {b, p});
    EXPECT_GRADIENTS([&](const Inputs& in) { return kl_div(in[0], in[1], {.reduction = r}); }, {b, p});
    EXPECT_GRADIENTS([&](const Inputs& in) { return kl_div(in[0], in[1], {.log_target = true, .reduction = r}); },
                     {a, b});
  }
  EXPECT_GRADIENTS(
      [](const Inputs& in) { return bce_with_logits(in[0], in[1], {.weight = in[2], .pos_weight = in[3]}); },
      {a, p, rand({3, 1}, f64), rand({4}, f64)});
  EXPECT_GRADIENTS([&](const Inputs& in) { return mse_loss(in[0].expand({3, 4}), in[1]); }, {randn({1, 4}, f64), a});
  EXPECT_GRADIENTS([&](const Inputs& in) { return huber_loss(in[0], in[1]); }, {randn({1}, f64), randn({1}, f64)});
}

TEST(Losses, Errors) {
  const Tensor x = zeros({2, 3});
  EXPECT_EQ(text_of<ShapeError>([&] { mse_loss(x, zeros({3})); }),
            "mse_loss: shapes must be equal (losses do not broadcast); got input (2, 3) f32, target (3,) f32");
  EXPECT_THROW(l1_loss(x, zeros({2, 3}, f64)), DtypeError);
  EXPECT_THROW(l1_loss(zeros({2}, i64), zeros({2}, i64)), DtypeError);
  EXPECT_THROW(smooth_l1_loss(x, x, {.beta = -1}), ValueError);
  EXPECT_THROW(huber_loss(x, x, {.delta = 0}), ValueError);
  EXPECT_THROW(bce_with_logits(x, x, {.weight = ones({4})}), ShapeError);
  EXPECT_THROW(bce_with_logits(x, x, {.weight = ones({5, 2, 3})}), ShapeError);
  EXPECT_THROW(bce_with_logits(x, x, {.pos_weight = ones({3}, f64)}), DtypeError);
  EXPECT_THROW(kl_div(x, zeros({2})), ShapeError);
  EXPECT_TRUE(std::isnan(value(mse_loss(zeros({0}), zeros({0})))));
}

TEST(Losses, CrossEntropyReliesOnNothingOfTheCaller) {
  const Tensor z = tensor({{1., 2., 3.}, {0., 1., 0.}}, f64).requires_grad_();
  Tensor labels = tensor({0, 1});
  const Tensor loss = cross_entropy(z, labels);
  const Tensor first = grad({loss}, {z}, {}, true)[0].clone();
  labels.fill_(2);  // a buffer that is used again
  grad({loss}, {z}, {}, true)[0].zero_();
  EXPECT_TRUE(equal(grad({loss}, {z}, {}, true)[0], first));
  EXPECT_TRUE(allclose(grad({loss}, {z}, {}, true, true)[0], first));
}

TEST(Losses, HuberIsFlatFarOut) {
  const Tensor x = tensor({std::numeric_limits<double>::infinity(), -1e300}, f64).requires_grad_();
  sum(huber_loss(x, zeros({2}, f64), {.delta = 0.5, .reduction = Reduction::none})).backward();
  EXPECT_EQ(x.grad().to_vector<double>(), (std::vector<double>{0.5, -0.5}));
  const Tensor y = x.detach().requires_grad_();
  sum(smooth_l1_loss(y, zeros({2}, f64), {.reduction = Reduction::none})).backward();
  EXPECT_EQ(y.grad().to_vector<double>(), (std::vector<double>{1, -1}));
}

}  // namespace
