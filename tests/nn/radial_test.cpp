#include "cairn/nn/radial.h"

#include <cairn/testing.h>
#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "cairn/autograd/backward.h"
#include "cairn/nn/linear.h"
#include "cairn/nn/sequential.h"
#include "cairn/nn/summary.h"
#include "cairn/ops/arithmetic.h"
#include "cairn/ops/compare.h"
#include "cairn/ops/elementwise.h"
#include "cairn/ops/loss.h"
#include "cairn/ops/reduce.h"
#include "cairn/optim/adamw.h"
#include "cairn/tensor/create.h"
#include "cairn/tensor/random.h"
#include "support.h"

namespace cairn {
namespace {

using ::testing::HasSubstr;
using Inputs = std::vector<Tensor>;
using V = std::vector<double>;

// The layer as a function of x, centres and log_width.
std::function<Tensor(const Inputs&)> with_parameters(nn::RadialBasis& layer) {
  return [&layer](const Inputs& in) {
    layer.centres = in[1];
    layer.log_width = in[2];
    return layer.forward(in[0]);
  };
}

TEST(RadialBasis, ComputesByHand) {
  nn::RadialBasis layer(2, 2, "gaussian", {.dtype = f64});
  layer.load_state_dict(
      {{"centres", tensor({{0., 0.}, {3., 4.}}, f64)}, {"log_width", tensor({0., std::log(5.)}, f64)}});
  const V y = layer(tensor({{0., 0.}, {1., 1.}}, f64)).to_vector<double>();
  const V expected = {1, std::exp(-1.0), std::exp(-2.0), std::exp(-13.0 / 25)};
  for (size_t i = 0; i < 4; ++i) EXPECT_NEAR(y[i], expected[i], 1e-15);
  EXPECT_EQ(layer(zeros({4, 5, 2}, f64)).shape(), Shape({4, 5, 2}));
  EXPECT_EQ(nn::RadialBasis(3, 7)(zeros({0, 3})).shape(), Shape({0, 7}));
}

TEST(RadialBasis, GradientsOfEveryFunction) {
  manual_seed(4);
  for (const char* name : {"gaussian", "multiquadric", "inverse_multiquadric", "inverse_quadratic", "polyharmonic(1)",
                           "polyharmonic(3)", "polyharmonic(4)", "thin_plate", "wendland"}) {
    SCOPED_TRACE(name);
    nn::RadialBasis layer(3, 4, name, {.dtype = f64});
    EXPECT_GRADIENTS(with_parameters(layer), {randn({5, 3}, f64), randn({4, 3}, f64), randn({4}, f64) * 0.3 + 0.5});
  }
}

TEST(RadialBasis, GradientsOnTheCentres) {
  const Tensor centres = randn({4, 3}, f64);
  for (const char* name : {"gaussian", "multiquadric", "inverse_multiquadric", "inverse_quadratic"}) {
    SCOPED_TRACE(name);
    nn::RadialBasis layer(3, 4, name, {.dtype = f64});
    EXPECT_GRADIENTS(with_parameters(layer), {centres.clone(), centres.clone(), randn({4}, f64) * 0.3});
  }
}

// d/dx and d²/dx² of φ(‖x − c‖) with x = c, where gradcheck meets a kink in q.
TEST(RadialBasis, DerivativesOnACentreByHand) {
  struct Row {
    const char* name;
    double curvature;
  };
  for (const Row& row : {Row{"gaussian", -2}, Row{"multiquadric", 1}, Row{"inverse_multiquadric", -1},
                         Row{"inverse_quadratic", -2}, Row{"wendland", -20}, Row{"polyharmonic(1)", 0},
                         Row{"thin_plate", 0}, Row{"polyharmonic(3)", 0}, Row{"polyharmonic(4)", 0}})
    for (const Dtype dtype : {f32, f64}) {
      SCOPED_TRACE(std::string(row.name) + " " + name_of(dtype));
      nn::RadialBasis layer(2, 1, row.name, {.dtype = dtype});
      Tensor x = layer.centres.detach().clone().requires_grad_();
      const std::vector<Tensor> leaves = {x, layer.centres, layer.log_width};
      for (const Tensor& g : grad({layer(x)}, leaves))
        for (const double v : g.to_vector<double>()) EXPECT_EQ(v, 0);
      const Tensor first = grad({layer(x)}, {x}, {}, true, true)[0];
      const std::vector<Tensor> second = grad({first.select(1, 0)}, leaves, {}, false, false, true);
      const double a = row.curvature;
      EXPECT_EQ(second[0].to_vector<double>(), V({a, 0}));
      EXPECT_EQ(second[1].to_vector<double>(), V({-a, -0.0}));
      EXPECT_EQ(second[2].to_vector<double>(), V({0}));
    }
}

// What is near a centre but not on it has finite gradients too, in f32, however near.
TEST(RadialBasis, GradientsBesideACentreAreFinite) {
  for (const RadialFunctionInfo& info : radial_functions()) {
    SCOPED_TRACE(info.name);
    nn::RadialBasis layer(2, 1, info.name);
    layer.load_state_dict({{"centres", zeros({1, 2})}}, false);
    for (const double step : {1e-3, 1e-10, 1e-19, 1e-22, 1e-40}) {
      Tensor x = full({1, 2}, step).requires_grad_();
      for (const Tensor& g : grad({layer(x)}, {x, layer.centres, layer.log_width}))
        EXPECT_TRUE(all(isfinite(g)).item<bool>()) << step;
    }
  }
}

TEST(RadialBasis, TakesItsCentresFromTheData) {
  manual_seed(2);
  const Tensor middles = tensor({{0., 0.}, {10., 0.}, {0., 10.}});
  const Tensor data = (middles.unsqueeze(1) + randn({3, 200, 2}) * 0.1).reshape({600, 2});
  nn::RadialBasis layer(2, 3);
  const Tensor before = layer.centres;
  Generator generator(1);
  const KMeans found = layer.initialise_from(data, {}, generator);
  EXPECT_TRUE(equal(layer.centres.detach(), found.centres));
  EXPECT_EQ(before.body().get(), layer.centres.body().get());  // an optimiser made before still knows it
  EXPECT_TRUE(layer.centres.requires_grad());
  // Distances 10, 10, √200 between the three: means of the two nearest.
  V widths = layer.widths().to_vector<double>();
  std::sort(widths.begin(), widths.end());
  EXPECT_NEAR(widths[0], 10, 0.05);
  EXPECT_NEAR(widths[1], (10 + std::sqrt(200.0)) / 2, 0.05);
  EXPECT_NEAR(widths[2], (10 + std::sqrt(200.0)) / 2, 0.05);
  layer.initialise_from(data, {.neighbours = 1, .overlap = 3}, generator);
  for (const double w : layer.widths().to_vector<double>()) EXPECT_NEAR(w, 30, 0.15);
}

TEST(RadialBasis, WidthsOfFewAndOfEqualCentres) {
  nn::RadialBasis one(1, 1, "gaussian", {.dtype = f64});
  one.initialise_from(tensor({{-1.}, {1.}, {-1.}, {1.}}, f64));
  EXPECT_NEAR(one.widths().item<double>(), 1, 1e-15);
  nn::RadialBasis equal_ones(1, 3, "gaussian", {.width = 7});
  equal_ones.initialise_from(full({5, 1}, 2.0), {.overlap = 3});
  for (const double w : equal_ones.widths().to_vector<double>()) EXPECT_NEAR(w, 7, 1e-5);
  nn::RadialBasis four(1, 4, "gaussian", {.dtype = f64});  // 0, 0, 0 and 6: the nearest of the last are at 6
  four.initialise_from(tensor({{0.}, {0.}, {0.}, {6.}}, f64));
  for (const double w : four.widths().to_vector<double>()) EXPECT_NEAR(w, 6, 1e-14);
}

TEST(RadialBasis, StartsTheSameOnAnyNumberOfThreads) {
  const Tensor data = randn({4000, 6});
  expect_same_on_any_threads([&] {
    nn::RadialBasis layer(6, 40);
    Generator generator(8);
    layer.initialise_from(data, {.iterations = 5}, generator);
    return nn::checksum(layer);
  });
}

TEST(RadialBasis, WhatIsLearnedAndHow) {
  const auto names = [](const nn::RadialBasis& layer) {
    std::string all;
    for (const nn::Parameter& p : layer.parameters()) {
      all += p.name + " ";
      EXPECT_FALSE(p.decay);
      EXPECT_EQ(p.lr_scale, 0.25);
    }
    all += "|";
    for (const nn::Buffer& b : layer.named_buffers()) all += " " + b.name;
    return all;
  };
  EXPECT_EQ(names(nn::RadialBasis(2, 3, "gaussian", {.lr_scale = 0.25})), "centres log_width |");
  EXPECT_EQ(names(nn::RadialBasis(2, 3, "gaussian", {.learn_centres = false, .lr_scale = 0.25})),
            "log_width | centres");
  EXPECT_EQ(names(nn::RadialBasis(2, 3, "gaussian", {.learn_centres = false, .learn_widths = false})),
            "| centres log_width");
  manual_seed(1);
  const nn::RadialBasis layer(2, 3, "wendland", {.width = 0.5});
  EXPECT_NEAR(max(layer.widths()).item<double>(), 0.5, 1e-7);
  manual_seed(1);
  EXPECT_TRUE(equal(layer.centres.detach(), randn({3, 2})));
}

// A bump off the centre of the data: the one centre finds it, and its width.
TEST(RadialBasis, LearnsWhereAndHowWide) {
  manual_seed(3);
  const Tensor x = rand({256, 2}, f64) * 4.0 - 2.0;
  const Tensor y = exp(-sum(square(x - tensor({0.7, -0.4}, f64)), {1}, true) / 0.64);
  nn::RadialBasis layer(2, 1, "gaussian", {.dtype = f64});
  layer.initialise_from(x);
  optim::AdamW optimizer(layer.parameters(), {.lr = 0.02});
  for (int step = 0; step < 400; ++step) {
    optimizer.zero_grad();
    mse_loss(layer(x), y).backward();
    optimizer.step();
  }
  EXPECT_NEAR(layer.centres[0][0].item<double>(), 0.7, 1e-3);
  EXPECT_NEAR(layer.centres[0][1].item<double>(), -0.4, 1e-3);
  EXPECT_NEAR(layer.widths().item<double>(), 0.8, 1e-3);
}

TEST(RadialBasis, SaysWhatItIs) {
  EXPECT_EQ(nn::RadialBasis(2, 64, "polyharmonic", {.learn_widths = false, .width = 0.5}).options().dump(),
            R"j({"in":2,"out":64,"function":"polyharmonic(3)","learn_widths":false,"width":0.5})j");
  nn::Sequential model(nn::RadialBasis(2, 8), nn::Linear(8, 1));
  EXPECT_EQ(nn::costs(model, {5, 2}).front().multiply_adds, 5 * 2 * 8);
}

TEST(RadialBasis, Misuse) {
  EXPECT_THROW(nn::RadialBasis(2, 0), ValueError);
  EXPECT_THROW(nn::RadialBasis(2, -3), ValueError);
  EXPECT_THROW(nn::RadialBasis(0, 3), ValueError);
  EXPECT_THROW(nn::RadialBasis(2, 3, "gaussian", {.width = 0}), ValueError);
  EXPECT_THROW(nn::RadialBasis(2, 3, "gaussian", {.lr_scale = -1}), ValueError);
  EXPECT_THROW(nn::RadialBasis(2, 3, "gaussian", {.dtype = i64}), DtypeError);
  EXPECT_THROW(nn::RadialBasis(2, 3, "gauss"), NameError);
  nn::RadialBasis layer(2, 3);
  EXPECT_EQ(text_of<ShapeError>([&] {
              layer(zeros({4, 3}));
            }),
            "RadialBasis: the last size of x must be `in`; got x (4, 3) f32, in 2");
  EXPECT_THROW(layer(zeros({4, 2}, f64)), DtypeError);
  const uint64_t before = nn::checksum(layer);
  EXPECT_THAT(text_of<ValueError>([&] { layer.initialise_from(zeros({2, 2})); }), HasSubstr("as many points"));
  EXPECT_THROW(layer.initialise_from(zeros({9, 3})), ShapeError);
  EXPECT_THROW(layer.initialise_from(zeros({9})), ShapeError);
  EXPECT_THROW(layer.initialise_from(zeros({9, 2}), {.neighbours = 0}), ValueError);
  EXPECT_THROW(layer.initialise_from(zeros({9, 2}), {.overlap = 0}), ValueError);
  EXPECT_EQ(nn::checksum(layer), before);
}

}  // namespace
}  // namespace cairn
