// The rule of each optimiser, worked out by hand; the reference trajectories hold them over many steps.
#include <gtest/gtest.h>

#include <cmath>

#include "cairn/ops/compare.h"
#include "cairn/ops/reduce.h"
#include "cairn/optim/adadelta.h"
#include "cairn/optim/adagrad.h"
#include "cairn/optim/adam.h"
#include "cairn/optim/adamw.h"
#include "cairn/optim/nadam.h"
#include "cairn/optim/radam.h"
#include "cairn/optim/rmsprop.h"
#include "cairn/optim/sgd.h"
#include "cairn/tensor/create.h"
#include "optim/variants.h"
#include "support.h"

namespace cairn {
namespace {

constexpr double rounding = 1e-14;  // a few roundings of numbers near 1

// Where a scalar at `start` is after steps with these gradients.
template <class T>
double run(typename T::Options options, double start, const std::vector<double>& gradients, Dtype dtype = f64) {
  Tensor w = leaf(full({1}, start, dtype));
  T o({w}, options);
  for (const double g : gradients) {
    w.set_grad(full({1}, g, dtype));
    o.step();
  }
  return w.item<double>();
}

TEST(SGD, ByHand) {
  EXPECT_NEAR(run<optim::SGD>({.lr = 0.1}, 1, {0.5}), 0.95, rounding);
  // g = 0.6, v = g; then g = 0.5 + 0.1 · 0.94 = 0.594, v = 0.5 v + 0.8 g = 0.7752.
  const optim::SGDOptions heavy{.lr = 0.1, .momentum = 0.5, .dampening = 0.2, .weight_decay = 0.1};
  EXPECT_NEAR(run<optim::SGD>(heavy, 1, {0.5}), 0.94, rounding);
  EXPECT_NEAR(run<optim::SGD>(heavy, 1, {0.5, 0.5}), 0.86248, rounding);
  // g + 0.5 v = 1.5; then v = 0.5 + 2 = 2.5 and g + 0.5 v = 3.25.
  const optim::SGDOptions nesterov{.lr = 0.1, .momentum = 0.5, .nesterov = true};
  EXPECT_NEAR(run<optim::SGD>(nesterov, 1, {1}), 0.85, rounding);
  EXPECT_NEAR(run<optim::SGD>(nesterov, 1, {1, 2}), 0.525, rounding);
}

TEST(Adam, ByHand) {
  // The first step is lr · sign(g): of ∇ + 0.5 w here.
  EXPECT_NEAR(run<optim::Adam>({.lr = 0.1, .eps = 0}, 1, {-3}), 1.1, rounding);
  EXPECT_NEAR(run<optim::Adam>({.lr = 0.1, .eps = 0, .weight_decay = 0.5}, 4, {-1}), 3.9, rounding);
  // m = 0.5 · 0.5 · 1 + 0.5 · 3 = 1.75 over 0.75;  v = 0.1875 + 0.25 · 9 = 2.4375 over 0.4375.
  const optim::AdamOptions o{.lr = 0.1, .betas = {0.5, 0.75}, .eps = 0.25};
  const double w1 = 1 - 0.1 / 1.25;
  EXPECT_NEAR(run<optim::Adam>(o, 1, {1, 3}), w1 - 0.1 * (1.75 / 0.75) / (std::sqrt(2.4375 / 0.4375) + 0.25), rounding);
}

TEST(Adam, AmsgradKeepsTheLargest) {
  optim::AdamOptions o{.lr = 0.1, .betas = {0, 0.5}, .eps = 0};
  // v = 8, then 4: without amsgrad the second step divides by √(4 / 0.75), with it by √(8 / 0.75).
  const double w1 = 1 - 0.1;
  EXPECT_NEAR(run<optim::Adam>(o, 1, {4, 1e-9}), w1 - 0.1 * 1e-9 / std::sqrt(4 / 0.75), rounding);
  EXPECT_NEAR(run<optim::Adam>(o, 1, {4, 1}), w1 - 0.1 / std::sqrt(4.5 / 0.75), rounding);
  o.amsgrad = true;
  EXPECT_NEAR(run<optim::Adam>(o, 1, {4, 1}), w1 - 0.1 / std::sqrt(8 / 0.75), rounding);
  EXPECT_NEAR(
      run<optim::AdamW>({.lr = 0.1, .betas = {0, 0.5}, .eps = 0, .weight_decay = 0, .amsgrad = true}, 1, {4, 1}),
      w1 - 0.1 / std::sqrt(8 / 0.75), rounding);
}

TEST(AdamW, ByHand) {
  // w ← 0.95 w first.
  EXPECT_NEAR(run<optim::AdamW>({.lr = 0.1, .eps = 0, .weight_decay = 0.5}, 2, {-4}), 2.0, rounding);
  EXPECT_NEAR(run<optim::AdamW>({.lr = 0.1, .eps = 0}, 1, {4}), 0.999 - 0.1, rounding);
}

TEST(RMSprop, ByHand) {
  // v = 0.25 · 4, then 0.75 + 0.25 · 16.
  const double u1 = 2 / 1.5, u2 = 4 / (std::sqrt(4.75) + 0.5);
  EXPECT_NEAR(run<optim::RMSprop>({.lr = 0.1, .alpha = 0.75, .eps = 0.5}, 1, {2, 4}), 1 - 0.1 * (u1 + u2), rounding);
  EXPECT_NEAR(run<optim::RMSprop>({.lr = 0.1, .alpha = 0.75, .eps = 0.5, .momentum = 0.5}, 1, {2, 4}),
              1 - 0.1 * (u1 + 0.5 * u1 + u2), rounding);
  // a = 0.25 · 2: the variance is 1 − 0.25.
  EXPECT_NEAR(run<optim::RMSprop>({.lr = 0.1, .alpha = 0.75, .eps = 0.5, .centered = true}, 1, {2}),
              1 - 0.1 * 2 / (std::sqrt(0.75) + 0.5), rounding);
}

// The same gradient for ever has no variance; rounding must not take it below 0.
TEST(RMSprop, CentredSurvivesAConstantGradient) {
  for (const Dtype dtype : {f32, f64}) {
    Tensor w = leaf(zeros({500}, dtype), linspace(0.1, 10, 500, dtype));
    optim::RMSprop o({w}, {.alpha = 0.9, .centered = true});
    for (int i = 0; i < 400; ++i) o.step();
    EXPECT_TRUE(all(isfinite(w.detach())).item<bool>()) << dtype;
  }
}

TEST(Adagrad, ByHand) {
  EXPECT_NEAR(run<optim::Adagrad>({.lr = 0.1, .eps = 0}, 1, {3, 4}), 1 - 0.1 - 0.1 * 4 / 5, rounding);
  // s = 7 + 9, then 16 + 9; the second rate is 0.1 / 1.5.
  EXPECT_NEAR(run<optim::Adagrad>({.lr = 0.1, .lr_decay = 0.5, .initial_accumulator_value = 7, .eps = 1}, 1, {3, 3}),
              1 - 0.1 * 3 / 5 - 0.1 / 1.5 * 3 / 6, rounding);
}

TEST(Adadelta, ByHand) {
  // v = 0.25 · 4, d = √0.5 / √1.5 · 2, u = 0.25 d²; then v = 1.75, d = √(u + 0.5) / √2.25 · 2.
  const double d1 = std::sqrt(0.5 / 1.5) * 2, u = 0.25 * d1 * d1, d2 = std::sqrt((u + 0.5) / 2.25) * 2;
  EXPECT_NEAR(run<optim::Adadelta>({.lr = 0.5, .rho = 0.75, .eps = 0.5}, 1, {2, 2}), 1 - 0.5 * (d1 + d2), rounding);
}

TEST(NAdam, ByHand) {
  // With ψ = 0 every μ is β₁ / 2 = 0.25: M = 0.25, and 1 − M μ μ = 1 − 1/64; m = 0.5 g, v̂ = g².
  const optim::NAdamOptions o{.lr = 0.1, .betas = {0.5, 0.75}, .eps = 0, .momentum_decay = 0};
  EXPECT_NEAR(run<optim::NAdam>(o, 1, {2}), 1 - 0.1 * (1 + 0.25 / (1 - 1.0 / 64) * 0.5), rounding);
}

TEST(RAdam, ByHand) {
  // β₂ = 0.999: ρ₁ = 1 and the first steps are lr m̂; with β₂ = 0.9, ρ∞ = 19 and ρ passes 5 in the sixth step.
  EXPECT_NEAR(run<optim::RAdam>({.lr = 0.1}, 1, {3}), 0.7, rounding);
  const optim::RAdamOptions o{.lr = 0.1, .betas = {0, 0.9}, .eps = 0};
  double before = 1, rho = 0;
  for (int t = 1; t <= 8; ++t) {
    const double p = std::pow(0.9, t);
    rho = 19 - 2 * t * p / (1 - p);
    const double r = std::sqrt((rho - 4) * (rho - 2) * 19 / (15 * 17 * rho));
    const double after = run<optim::RAdam>(o, 1, std::vector<double>(static_cast<size_t>(t), 2));
    EXPECT_EQ(rho > 5, t >= 6);
    EXPECT_NEAR(before - after, rho > 5 ? 0.1 * r : 0.2, 1e-13) << t;  // v̂ = g² by then
    before = after;
  }
}

TEST(Rules, OptionsOutOfRange) {
  const Tensor w = leaf(ones({2}));
  using optim::SGD;
  EXPECT_EQ(text_of<ValueError>([&] { SGD({w}, {.lr = -0.5}); }), "SGD: lr must be finite and not negative; got -0.5");
  EXPECT_EQ(text_of<ValueError>([&] { SGD({w}, {.momentum = 1}); }), "SGD: momentum must be in [0, 1); got 1");
  EXPECT_EQ(text_of<ValueError>([&] { SGD({w}, {.momentum = 0.9, .dampening = 0.1, .nesterov = true}); }),
            "SGD: nesterov needs momentum and no dampening; got momentum 0.9, dampening 0.1");
  EXPECT_THROW(SGD({w}, {.momentum = -1}), ValueError);
  EXPECT_THROW(SGD({w}, {.dampening = -1}), ValueError);
  EXPECT_THROW(SGD({w}, {.weight_decay = INFINITY}), ValueError);
  EXPECT_THROW(SGD({w}, {.nesterov = true}), ValueError);
  EXPECT_EQ(text_of<ValueError>([&] {
              optim::Adam({w}, {.betas = {0.9, 1}});
            }),
            "Adam: beta2 must be in [0, 1); got 1");
  EXPECT_THROW(optim::Adam({w}, {.betas = {1, 0.9}}), ValueError);
  EXPECT_THROW(optim::Adam({w}, {.eps = -1}), ValueError);
  EXPECT_THROW(optim::Adam({w}, {.weight_decay = -1}), ValueError);
  EXPECT_THROW(optim::AdamW({w}, {.betas = {1, 0.9}}), ValueError);
  EXPECT_THROW(optim::AdamW({w}, {.betas = {0.9, 1.5}}), ValueError);
  EXPECT_THROW(optim::AdamW({w}, {.eps = -1}), ValueError);
  EXPECT_THROW(optim::AdamW({w}, {.weight_decay = NAN}), ValueError);
  EXPECT_THROW(optim::RMSprop({w}, {.alpha = 1}), ValueError);
  EXPECT_THROW(optim::RMSprop({w}, {.eps = -1}), ValueError);
  EXPECT_THROW(optim::RMSprop({w}, {.weight_decay = -1}), ValueError);
  EXPECT_THROW(optim::RMSprop({w}, {.momentum = 1}), ValueError);
  EXPECT_THROW(optim::Adagrad({w}, {.lr_decay = -1}), ValueError);
  EXPECT_THROW(optim::Adagrad({w}, {.weight_decay = -1}), ValueError);
  EXPECT_THROW(optim::Adagrad({w}, {.initial_accumulator_value = -1}), ValueError);
  EXPECT_THROW(optim::Adagrad({w}, {.eps = -1}), ValueError);
  EXPECT_THROW(optim::Adadelta({w}, {.rho = 1}), ValueError);
  EXPECT_THROW(optim::Adadelta({w}, {.eps = -1}), ValueError);
  EXPECT_THROW(optim::Adadelta({w}, {.weight_decay = -1}), ValueError);
  EXPECT_THROW(optim::NAdam({w}, {.betas = {0.9, 1}}), ValueError);
  EXPECT_THROW(optim::NAdam({w}, {.eps = -1}), ValueError);
  EXPECT_THROW(optim::NAdam({w}, {.weight_decay = -1}), ValueError);
  EXPECT_THROW(optim::NAdam({w}, {.momentum_decay = -1}), ValueError);
  EXPECT_THROW(optim::RAdam({w}, {.betas = {1, 0.9}}), ValueError);
  EXPECT_THROW(optim::RAdam({w}, {.eps = -1}), ValueError);
  EXPECT_THROW(optim::RAdam({w}, {.weight_decay = -1}), ValueError);
}

}  // namespace
}  // namespace cairn
