#include "cairn/nn/fuse.h"

#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "cairn/graph/node.h"
#include "cairn/models/models.h"
#include "cairn/nn/conv.h"
#include "cairn/nn/norm.h"
#include "cairn/nn/registry.h"
#include "cairn/nn/residual.h"
#include "cairn/nn/sequential.h"
#include "cairn/ops/arithmetic.h"
#include "cairn/ops/elementwise.h"
#include "cairn/ops/reduce.h"
#include "cairn/tensor/random.h"

using namespace cairn;

namespace {

double distance(const Tensor& a, const Tensor& b) { return amax(abs(a - b)).item<double>(); }

// Running statistics and weights that are not those of a new model.
void stir(nn::Layer& model, const Shape& input) {
  const NoGrad off;
  model.train();
  for (int i = 0; i < 3; ++i) model(randn(input) * 2.0 + 0.5);
  for (const nn::Parameter& p : model.named_parameters())
    if (Tensor t = p.tensor; t.dim() == 1) uniform_(t, 0.5, 1.5);
  model.eval();
}

TEST(Fuse, GivesTheSameOutputsWithoutNorms) {
  manual_seed(3);
  for (const char* name : {"resnet20", "resnet18", "resnet50"}) {
    models::ModelOptions options = models::usual_options(name);
    options.input = {3, 32, 32}, options.classes = 10;
    const auto model = models::make_model(name, options);
    stir(*model, {4, 3, 32, 32});
    const auto fused = nn::fuse(*model);
    EXPECT_FALSE(fused->training());
    for (const auto& [key, value] : fused->state_dict()) EXPECT_EQ(key.find("running"), std::string::npos) << key;
    const NoGrad off;
    const Tensor x = randn({3, 3, 32, 32}), expected = (*model)(x);
    const double size = amax(abs(expected)).item<double>();
    EXPECT_LE(distance((*fused)(x), expected), 1e-5 * size) << name;  // f32, twenty to fifty layers deep
    model->to(f64);
    const auto exact = nn::fuse(*model);
    EXPECT_LE(distance((*exact)(x.to(f64)), (*model)(x.to(f64))), 1e-12 * size) << name;
  }
}

TEST(Fuse, FoldsWhatItCanAndLeavesTheRest) {
  manual_seed(4);
  nn::Sequential model(nn::BatchNorm2d(3), nn::Conv2d(3, 4, 3), nn::BatchNorm2d(4, {.eps = 1e-2, .affine = false}),
                       nn::Residual(nn::Sequential(nn::Conv2d(4, 4, 1, {.bias = false}), nn::BatchNorm2d(4))),
                       nn::Conv2d(4, 2, 1), nn::BatchNorm2d(2, {.track_running_stats = false}));
  stir(model, {2, 3, 6, 6});
  const uint64_t before = nn::checksum(model);
  const auto fused = nn::fuse(model);
  EXPECT_EQ(nn::checksum(model), before);  // the original is left as it is
  const NoGrad off;
  const Tensor x = randn({5, 3, 6, 6});
  EXPECT_LE(distance((*fused)(x), model(x)), 1e-5);
  int norms = 0;
  for (const auto& [name, value] : fused->state_dict()) norms += name.ends_with("running_mean");
  EXPECT_EQ(norms, 1);  // the one in front
}

TEST(Fuse, GivesAModelThatIsBuiltAgainFromItsDescription) {
  manual_seed(5);
  nn::BasicBlock block(4, 6, {.stride = 2, .activation = "gelu"});
  stir(block, {8, 4, 7, 7});
  const auto fused = nn::fuse(block);
  const auto again = nn::build(nn::describe(*fused));
  again->eval();
  again->load_state_dict(fused->state_dict());
  const NoGrad off;
  const Tensor x = randn({2, 4, 7, 7});
  EXPECT_EQ(distance((*again)(x), (*fused)(x)), 0);
  EXPECT_LE(distance((*fused)(x), block(x)), 2e-6);  // outputs of a few ones
}

}  // namespace
