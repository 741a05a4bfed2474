#include "cairn/nn/residual.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "cairn/graph/node.h"
#include "cairn/nn/activation.h"
#include "cairn/nn/conv.h"
#include "cairn/nn/identity.h"
#include "cairn/nn/linear.h"
#include "cairn/nn/norm.h"
#include "cairn/nn/registry.h"
#include "cairn/nn/sequential.h"
#include "cairn/ops/arithmetic.h"
#include "cairn/ops/compare.h"
#include "cairn/ops/elementwise.h"
#include "cairn/tensor/create.h"
#include "cairn/tensor/random.h"
#include "cairn/testing.h"
#include "support.h"

namespace cairn {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<std::string> names_of(const nn::Module& m) {
  std::vector<std::string> names;
  for (const nn::Parameter& p : m.named_parameters()) names.push_back(p.name);
  return names;
}

// ---- Residual ----------------------------------------------------------------------------------------------------------------

TEST(Residual, AddsTheBodyToItsInput) {
  nn::Residual block(nn::Linear(3, 3));
  auto& body = dynamic_cast<nn::Linear&>(*block.children()[0].second);
  const Tensor x = randn({5, 3});
  EXPECT_TRUE(equal(block(x), body(x) + x));
  EXPECT_THAT(names_of(block), ElementsAre("body.weight", "body.bias"));
}

TEST(Residual, TakesAnyShortcut) {
  nn::Residual block(nn::Sequential(nn::Linear(3, 4), nn::Activation("tanh")), nn::Linear(3, 4, {.bias = false}));
  auto& body = dynamic_cast<nn::Layer&>(*block.children()[0].second);
  auto& shortcut = dynamic_cast<nn::Layer&>(*block.children()[1].second);
  const Tensor x = randn({5, 3});
  EXPECT_TRUE(equal(block(x), body(x) + shortcut(x)));
  EXPECT_THAT(names_of(block), ElementsAre("body.0.weight", "body.0.bias", "shortcut.weight"));
}

TEST(Residual, NestsAndMoves) {
  nn::Residual inner(nn::Linear(2, 2));
  const Tensor x = randn({3, 2}), y = inner(x);
  nn::Residual moved(std::move(inner));  // moved, not wrapped
  EXPECT_TRUE(equal(moved(x), y));
  EXPECT_THAT(names_of(nn::Sequential(std::move(moved))), ElementsAre("0.body.weight", "0.body.bias"));
}

TEST(Residual, RefusesAShortcutThatDoesNotFit) {
  nn::Residual narrower(nn::Linear(3, 2));
  EXPECT_THAT(text_of<ShapeError>([&] {
                narrower(ones({5, 3}));
              }),
              AllOf(HasSubstr("Residual: body and shortcut must give one shape"),
                    HasSubstr("got body (5, 2) f32, shortcut (5, 3) f32")));
  nn::Residual broadcast(nn::Linear(1, 3));  // x would stretch, silently
  EXPECT_THROW(broadcast(ones({5, 1})), ShapeError);
  EXPECT_THROW(nn::Residual(std::unique_ptr<nn::Layer>()), ValueError);
}

TEST(Residual, HasGradients) {
  nn::Residual block(nn::Sequential(nn::Linear(3, 3), nn::Activation("tanh")));
  block.to(f64);
  EXPECT_GRADIENTS([&](const std::vector<Tensor>& in) { return block(in[0]); }, {randn({2, 3}, f64)});
}

// ---- the blocks of ResNets ---------------------------------------------------------------------------------------------------

// The layer of that name in a block.
nn::Layer& child(nn::Module& m, const std::string& name) {
  for (const auto& [known, layer] : m.children())
    if (known == name) return dynamic_cast<nn::Layer&>(*layer);
  throw NameError("no child " + name);
}

TEST(BasicBlock, IsTheFormulaOfThePaper) {
  const NoGrad no_grad;
  nn::BasicBlock block(4, 6, {.stride = 2, .activation = "gelu"});
  block.eval();
  const Tensor x = randn({2, 4, 7, 5});
  const auto at = [&](const char* name, const Tensor& in) { return child(block, name)(in); };
  const Tensor body = at("bn2", at("conv2", gelu(at("bn1", at("conv1", x)))));
  const Tensor y = block(x);
  EXPECT_EQ(y.shape(), (Shape{2, 6, 4, 3}));
  EXPECT_TRUE(equal(y, gelu(body + at("downsample", x))));
}

TEST(Bottleneck, IsTheFormulaOfThePaper) {
  const NoGrad no_grad;
  nn::Bottleneck block(4, 3, {.stride = 2, .activation = "tanh"});
  block.eval();
  const Tensor x = randn({2, 4, 7, 5});
  const auto at = [&](const char* name, const Tensor& in) { return child(block, name)(in); };
  const Tensor narrow = tanh(at("bn1", at("conv1", x)));
  EXPECT_EQ(narrow.shape(), (Shape{2, 3, 7, 5}));  // the stride stands at the 3×3
  const Tensor body = at("bn3", at("conv3", tanh(at("bn2", at("conv2", narrow)))));
  const Tensor y = block(x);
  EXPECT_EQ(y.shape(), (Shape{2, 12, 4, 3}));
  EXPECT_TRUE(equal(y, tanh(body + at("downsample", x))));
}

TEST(BasicBlock, HasTorchvisionsNames) {
  EXPECT_THAT(names_of(nn::BasicBlock(4, 4)),
              ElementsAre("conv1.weight", "bn1.weight", "bn1.bias", "conv2.weight", "bn2.weight", "bn2.bias"));
  EXPECT_THAT(names_of(nn::BasicBlock(4, 6)),
              ElementsAre("conv1.weight", "bn1.weight", "bn1.bias", "conv2.weight", "bn2.weight", "bn2.bias",
                          "downsample.0.weight", "downsample.1.weight", "downsample.1.bias"));
  EXPECT_THAT(names_of(nn::Bottleneck(16, 4)),
              ElementsAre("conv1.weight", "bn1.weight", "bn1.bias", "conv2.weight", "bn2.weight", "bn2.bias",
                          "conv3.weight", "bn3.weight", "bn3.bias"));
}

TEST(BasicBlock, ProjectsWhereTheSizeChangesAndThereAlone) {
  const auto projects = [](nn::BasicBlock block) { return block.state_dict().contains("downsample.0.weight"); };
  EXPECT_FALSE(projects(nn::BasicBlock(4, 4)));
  EXPECT_TRUE(projects(nn::BasicBlock(4, 6)));
  EXPECT_TRUE(projects(nn::BasicBlock(4, 4, {.stride = 2})));
  EXPECT_FALSE(projects(nn::BasicBlock(4, 6, {.stride = 2, .shortcut = nn::Shortcut::identity})));
}

// A body that gives nothing leaves the shortcut: every second pixel, and zeros for the channels that x does not have.
TEST(BasicBlock, TheIdentityShortcutPicksPixelsAndAddsZeros) {
  const NoGrad no_grad;
  nn::BasicBlock block(1, 4,
                       {.stride = 2, .activation = "identity", .norm = "none", .shortcut = nn::Shortcut::identity});
  for (const nn::Parameter& p : block.parameters()) Tensor(p.tensor).zero_();
  const Tensor x = arange(1, 10).to(f32).reshape({1, 1, 3, 3});
  const Tensor y = block(x);
  ASSERT_EQ(y.shape(), (Shape{1, 4, 2, 2}));
  EXPECT_THAT(y.to_vector<double>(), ElementsAre(0, 0, 0, 0, 1, 3, 7, 9, 0, 0, 0, 0, 0, 0, 0, 0));
}

TEST(BasicBlock, HasGradients) {
  manual_seed(4);
  for (const auto shortcut : {nn::Shortcut::projection, nn::Shortcut::identity})
    for (const std::string norm : {"batch", "group(1)", "none"}) {
      SCOPED_TRACE(norm);
      nn::BasicBlock block(2, 3, {.stride = 2, .activation = "tanh", .norm = norm, .shortcut = shortcut});
      block.to(f64);
      EXPECT_GRADIENTS([&](const std::vector<Tensor>& in) { return block(in[0]); }, {randn({2, 2, 3, 4}, f64)});
    }
}

// In training a sample has the body, scaled so that its expectation stays, or has not; in evaluation all have it.
TEST(BasicBlock, StochasticDepthSkipsTheBody) {
  const NoGrad no_grad;
  manual_seed(6);
  constexpr double p = 0.25;
  nn::BasicBlock block(2, 2, {.activation = "identity", .norm = "none", .drop_path = p});
  const Tensor x = randn({400, 2, 3, 3});
  block.eval();
  const Tensor body = block(x) - x;
  block.train();
  const Tensor y = block(x);
  int64_t kept = 0;
  for (int64_t i = 0; i < x.size(0); ++i) {
    const bool has_body = !equal(y[i], x[i]);
    kept += has_body;
    if (!has_body) continue;
    EXPECT_TRUE(allclose(y[i], x[i] + body[i] / (1 - p), 1e-5, 1e-5)) << i;  // float32 differences of the order of 1
  }
  EXPECT_NEAR(static_cast<double>(kept), 300, 45);  // five deviations of 400 draws
}

TEST(BasicBlock, IsMadeAgainFromItsOptions) {
  const nn::BlockOptions options{
      .stride = 2, .activation = "elu(0.5)", .norm = "group(2)", .shortcut = nn::Shortcut::identity, .drop_path = 0.1};
  for (const Json& json : {nn::BasicBlock(4, 6, options).options(), nn::Bottleneck(4, 6, options).options()})
    EXPECT_EQ(json.dump(), R"j({"in_channels":4,"channels":6,"stride":2,"activation":"elu(0.5)","norm":"group(2)",)j"
                           R"("shortcut":"identity","drop_path":0.1})");
  const nn::BasicBlock again = nn::BasicBlock::from_options(nn::BasicBlock(4, 6, options).options());
  EXPECT_EQ(again.options(), nn::BasicBlock(4, 6, options).options());
}

TEST(BasicBlock, Misuse) {
  EXPECT_THAT(text_of<ValueError>([] { nn::BasicBlock(0, 4); }), HasSubstr("at least 1; got in_channels 0"));
  EXPECT_THROW(nn::BasicBlock(4, 0), ValueError);
  EXPECT_THROW(nn::BasicBlock(4, 4, {.stride = 0}), ValueError);
  for (const double p : {-0.1, 1.0, 0.0 / 0.0}) EXPECT_THROW(nn::BasicBlock(4, 4, {.drop_path = p}), ValueError) << p;
  EXPECT_THAT(text_of<ValueError>([] { nn::BasicBlock(6, 4, {.shortcut = nn::Shortcut::identity}); }),
              HasSubstr("an identity shortcut cannot lead to fewer channels; got in_channels 6, channels 4"));
  EXPECT_THROW(nn::BasicBlock(4, 4, {.activation = "rleu"}), NameError);
  EXPECT_THROW(nn::BasicBlock(4, 4, {.norm = "btach"}), NameError);
  EXPECT_THROW(nn::BasicBlock(4, 4)(ones({2, 3, 5, 5})), ShapeError);
  Json wrong = nn::BasicBlock(4, 4).options();
  wrong["shortcut"] = "none";
  EXPECT_THAT(text_of<ValueError>([&] { nn::BasicBlock::from_options(wrong); }),
              HasSubstr("the shortcut must be projection or identity; got shortcut 'none'"));
}

}  // namespace
}  // namespace cairn
