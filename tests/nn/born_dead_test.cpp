#include "cairn/nn/born_dead.h"

#include <gtest/gtest.h>

#include <cmath>
#include <sstream>

#include "cairn/graph/node.h"
#include "cairn/nn/activation.h"
#include "cairn/nn/init.h"
#include "cairn/nn/linear.h"
#include "cairn/nn/sequential.h"
#include "cairn/tensor/create.h"
#include "support.h"

namespace cairn {
namespace {

// One input, one hidden unit without a bias: dead for inputs of both signs never, for positive ones when its weight is
// negative, which it is half the time.
std::unique_ptr<nn::Layer> one_unit(uint64_t) {
  return std::make_unique<nn::Sequential>(nn::Linear(1, 1, {.bias = false}), nn::Activation("relu"), nn::Linear(1, 1));
}

TEST(BornDead, OneUnitIsHalfTheTime) {
  const uint64_t position = default_generator().position();
  const nn::BornDead b = nn::born_dead(one_unit, tensor({{0.5}, {2.}}), 400);
  EXPECT_EQ(default_generator().position(), position);
  EXPECT_EQ(b.seeds, 400);
  EXPECT_LE(b.low, 0.5);
  EXPECT_GE(b.high, 0.5);
  EXPECT_NEAR(b.probability, 0.5, 0.1) << "four standard deviations";
  EXPECT_EQ(nn::born_dead(one_unit, tensor({{-1.}, {1.}}), 100).dead, 0);
  EXPECT_EQ(nn::born_dead(one_unit, tensor({{0.5}, {2.}}), 400).dead, b.dead) << "the same seeds, the same networks";
}

TEST(BornDead, HandsTheSeedOver) {
  std::vector<uint64_t> seeds;
  const auto make = [&](uint64_t seed) {
    seeds.push_back(seed);
    nn::Sequential model(nn::Linear(1, 2), nn::Activation("relu"));
    const NoGrad no_grad;
    for (const nn::Parameter& p : model.parameters()) Tensor(p.tensor).fill_(seed == 2 ? -1 : 1);
    return model;
  };
  EXPECT_EQ(nn::born_dead(make, ones({1, 1}), 3).dead, 1);
  EXPECT_EQ(seeds, (std::vector<uint64_t>{1, 2, 3}));
}

TEST(BornDead, TheIntervalIsWilsons) {
  // R: binom::binom.confint(10, 50, methods = "wilson")
  const nn::BornDead b = nn::born_dead(10, 50);
  EXPECT_NEAR(b.low, 0.1124, 1e-4);
  EXPECT_NEAR(b.high, 0.3304, 1e-4);
  EXPECT_EQ(nn::born_dead(0, 50).low, 0);
  EXPECT_NEAR(nn::born_dead(0, 50).high, 0.0713, 1e-4);
  EXPECT_EQ(nn::born_dead(50, 50).high, 1);
  std::ostringstream out;
  out << b;
  EXPECT_EQ(out.str(), "born dead: 20.0 % (95 % interval 11.2 to 33.0 %), 10 of 50 seeds");
  EXPECT_THROW(nn::born_dead(3, 2), ValueError);
  EXPECT_THROW(nn::born_dead(one_unit, ones({1, 1}), 0), ValueError);
}

}  // namespace
}  // namespace cairn
