// ResNets in the form of their paper, and with the names and the first weights that torchvision gives them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "cairn/graph/node.h"
#include "cairn/io/model.h"
#include "cairn/models/models.h"
#include "cairn/ops/compare.h"
#include "cairn/ops/elementwise.h"
#include "cairn/ops/reduce.h"
#include "cairn/tensor/create.h"
#include "cairn/tensor/random.h"
#include "support.h"

namespace cairn {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using testing::Folder;
using ::testing::HasSubstr;
using ::testing::IsSupersetOf;
using ::testing::Not;

std::vector<std::string> names_of(const nn::Module& model) {
  std::vector<std::string> names;
  for (const auto& [name, tensor] : model.state_dict()) names.push_back(name);
  return names;
}

TEST(ResNets, OfCifarHaveAsManyParametersAsPublished) {
  constexpr int64_t projections = 2'752;  // two 1×1 convolutions with their norms
  const struct {
    nn::Sequential (*make)(const models::ResNetOptions&);
    int64_t identity;  // parameters with parameter-free shortcuts
  } cases[] = {{models::resnet20, 269'722},
               {models::resnet32, 464'154},
               {models::resnet44, 658'586},
               {models::resnet56, 853'018},
               {models::resnet110, 1'727'962}};
  for (const auto& c : cases) {
    EXPECT_EQ(c.make({.shortcut = nn::Shortcut::identity}).num_parameters(), c.identity);
    EXPECT_EQ(c.make({}).num_parameters(), c.identity + projections);
  }
  EXPECT_EQ(models::resnet_cifar(8).num_parameters(), 78'042);
  for (const int64_t depth : {2, 7, 21, -4})
    EXPECT_THAT(text_of<ValueError>([&] { models::resnet_cifar(depth); }), HasSubstr("the depth must be 6n + 2"));
}

TEST(ResNets, TakeImagesOfAnySize) {
  const NoGrad no_grad;
  nn::Sequential cifar = models::resnet20(), imagenet = models::resnet18({.classes = 3});
  cifar.eval(), imagenet.eval();
  EXPECT_EQ(cifar(zeros({2, 3, 17, 40})).shape(), (Shape{2, 10}));
  EXPECT_EQ(cifar(zeros({2, 3, 1, 1})).shape(), (Shape{2, 10}));
  EXPECT_EQ(imagenet(zeros({2, 3, 33, 50})).shape(), (Shape{2, 3}));
}

// In torchvision's order: it is the order in which an optimiser's state counts them.
TEST(ResNets, ParametersOfResnet18StandInTorchvisionsOrder) {
  std::vector<std::string> expected = {"conv1.weight", "bn1.weight", "bn1.bias"}, found;
  for (const std::string layer : {"layer1", "layer2", "layer3", "layer4"})
    for (const std::string block : {".0.", ".1."}) {
      for (const char* part : {"conv1.weight", "bn1.weight", "bn1.bias", "conv2.weight", "bn2.weight", "bn2.bias"})
        expected.push_back(layer + block + part);
      if (layer == "layer1" || block == ".1.") continue;  // these keep the size
      for (const char* part : {"downsample.0.weight", "downsample.1.weight", "downsample.1.bias"})
        expected.push_back(layer + block + part);
    }
  expected.insert(expected.end(), {"fc.weight", "fc.bias"});
  const nn::Sequential model = models::resnet18();
  for (const nn::Parameter& p : model.named_parameters()) found.push_back(p.name);
  EXPECT_EQ(found, expected);

  const nn::StateDict state = model.state_dict();
  EXPECT_EQ(state.size(), 122U);
  EXPECT_EQ(state.at("conv1.weight").shape(), (Shape{64, 3, 7, 7}));
  EXPECT_EQ(state.at("layer1.0.conv1.weight").shape(), (Shape{64, 64, 3, 3}));
  EXPECT_EQ(state.at("layer2.0.conv1.weight").shape(), (Shape{128, 64, 3, 3}));
  EXPECT_EQ(state.at("layer4.0.downsample.0.weight").shape(), (Shape{512, 256, 1, 1}));
  EXPECT_EQ(state.at("layer4.1.bn2.running_var").shape(), (Shape{512}));
  EXPECT_EQ(state.at("layer4.1.bn2.num_batches_tracked").dtype(), i64);
  EXPECT_EQ(state.at("fc.weight").shape(), (Shape{1000, 512}));
}

TEST(ResNets, Resnet50ProjectsWhereChannelsGrow) {
  const nn::StateDict state = models::resnet50().state_dict();
  EXPECT_EQ(state.size(), 320U);
  EXPECT_EQ(state.at("layer1.0.conv1.weight").shape(), (Shape{64, 64, 1, 1}));
  EXPECT_EQ(state.at("layer1.0.conv2.weight").shape(), (Shape{64, 64, 3, 3}));
  EXPECT_EQ(state.at("layer1.0.conv3.weight").shape(), (Shape{256, 64, 1, 1}));
  EXPECT_EQ(state.at("layer1.0.downsample.1.running_mean").shape(), (Shape{256}));
  EXPECT_EQ(state.at("layer4.2.conv1.weight").shape(), (Shape{512, 2048, 1, 1}));
  EXPECT_EQ(state.at("fc.weight").shape(), (Shape{1000, 2048}));
  EXPECT_FALSE(state.contains("layer2.1.downsample.0.weight"));
  EXPECT_FALSE(state.contains("layer3.6.conv1.weight"));
}

// A convolution in front of a norm needs no bias; one without a norm does.
TEST(ResNets, ConvolutionsHaveABiasWhereNoNormFollows) {
  EXPECT_THAT(names_of(models::resnet20()), Not(Contains("layer1.0.conv1.bias")));
  EXPECT_THAT(names_of(models::resnet20({.norm = "none"})),
              IsSupersetOf({"conv1.bias", "layer1.0.conv1.bias", "layer2.0.downsample.0.bias"}));
}

TEST(ResNets, StochasticDepthRisesAlongTheBlocks) {
  const nn::Sequential model = models::resnet_cifar(14, {.drop_path = 0.5});
  std::vector<double> p;
  for (const auto& [name, layer] : model.children())
    if (name.starts_with("layer"))
      for (const auto& [index, block] : layer->children())
        p.push_back(dynamic_cast<nn::BasicBlock&>(*block).settings.drop_path);
  EXPECT_THAT(p, ElementsAre(0, 0.1, 0.2, 0.3, 0.4, 0.5));
}

double deviation(const Tensor& t) { return std::sqrt(mean(square(t.to(f64))).item<double>()); }

// He's normal by the outputs of each convolution; norms 1 and 0; the dense layer as any other.
TEST(ResNets, BeginAsTorchvisions) {
  manual_seed(5);
  const nn::StateDict state = models::resnet18({.classes = 10}).state_dict();
  // Of n normal numbers the mean is known to 1/√n deviations and the deviation to 1/√(2n) of itself: five times that.
  for (const std::string name : {"conv1", "layer1.0.conv1", "layer3.0.conv1", "layer3.0.downsample.0"}) {
    const Tensor weight = state.at(name + ".weight");
    const auto n = static_cast<double>(weight.numel());
    const double expected = std::sqrt(2.0 / static_cast<double>(weight.size(0) * weight.size(2) * weight.size(3)));
    EXPECT_NEAR(deviation(weight) / expected, 1, 5 / std::sqrt(2 * n)) << name;
    EXPECT_NEAR(mean(weight).item<double>() / expected, 0, 5 / std::sqrt(n)) << name;
  }
  EXPECT_TRUE(equal(state.at("layer2.1.bn2.weight"), ones({128})));
  EXPECT_TRUE(equal(state.at("layer2.1.bn2.bias"), zeros({128})));
  const double bound = 1 / std::sqrt(512.0);
  EXPECT_LE(max(abs(state.at("fc.weight"))).item<double>(), bound);
  EXPECT_GT(max(abs(state.at("fc.weight"))).item<double>(), 0.99 * bound);
}

TEST(ResNets, AreSavedWithTheirShortcutsAndNames) {
  const Folder folder;
  std::vector<nn::Sequential> all;
  all.push_back(models::resnet20(
      {.activation = "elu(0.5)", .norm = "group(4)", .shortcut = nn::Shortcut::identity, .drop_path = 0.2}));
  all.push_back(models::resnet50({.classes = 4}));
  for (const nn::Sequential& model : all) {
    io::save(model, folder / "m");
    const io::SavedModel saved = io::load(folder / "m");
    EXPECT_EQ(nn::summary(*saved.model), nn::summary(model));
    EXPECT_EQ(nn::checksum(*saved.model), nn::checksum(model));
  }
  nn::Sequential other = models::resnet50({.classes = 4});
  EXPECT_TRUE(io::load_into(other, folder / "m").ok());
  EXPECT_EQ(nn::checksum(other), nn::checksum(all[1]));
}

}  // namespace
}  // namespace cairn
