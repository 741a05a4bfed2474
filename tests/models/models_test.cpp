#include "cairn/models/models.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cairn/autograd/backward.h"
#include "cairn/io/model.h"
#include "cairn/ops/arithmetic.h"
#include "cairn/ops/compare.h"
#include "cairn/ops/loss.h"
#include "cairn/optim/adam.h"
#include "cairn/optim/sgd.h"
#include "cairn/tensor/create.h"
#include "cairn/tensor/random.h"
#include "support.h"

using namespace cairn;

namespace {

// Those of all other forms are in make_model_test.cpp.
TEST(Models, HaveThePublishedNumberOfParametersWithIdentityShortcuts) {
  EXPECT_EQ(models::resnet20({.shortcut = nn::Shortcut::identity}).num_parameters(), 269'722);
}

// The names of resnet18 in torchvision's state dict, in full, and some of the others'.
TEST(Models, HaveTorchvisionsNames) {
  std::vector<std::string> expected = {"conv1.weight", "fc.weight", "fc.bias"};
  const auto norm = [&](const std::string& name) {
    for (const char* part : {"weight", "bias", "running_mean", "running_var", "num_batches_tracked"})
      expected.push_back(name + "." + part);
  };
  norm("bn1");
  for (int layer = 1; layer <= 4; ++layer)
    for (int block = 0; block < 2; ++block) {
      const std::string name = "layer" + std::to_string(layer) + "." + std::to_string(block) + ".";
      for (const char* number : {"1", "2"}) {
        expected.push_back(name + "conv" + number + ".weight");
        norm(name + "bn" + number);
      }
      if (layer > 1 && block == 0) {
        expected.push_back(name + "downsample.0.weight");
        norm(name + "downsample.1");
      }
    }
  std::vector<std::string> found;
  for (const auto& [name, value] : models::resnet18().state_dict()) found.push_back(name);
  EXPECT_THAT(found, ::testing::UnorderedElementsAreArray(expected));

  const nn::StateDict resnet50 = models::resnet50().state_dict(),
                      alexnet = models::alexnet({.classes = 7}).state_dict();
  EXPECT_EQ(resnet50.at("layer1.0.downsample.0.weight").shape(), Shape({256, 64, 1, 1}));
  EXPECT_EQ(resnet50.at("layer3.5.conv2.weight").shape(), Shape({256, 256, 3, 3}));
  EXPECT_EQ(resnet50.at("layer4.2.bn3.running_var").shape(), Shape({2048}));
  EXPECT_EQ(alexnet.at("features.10.weight").shape(), Shape({256, 256, 3, 3}));
  EXPECT_EQ(alexnet.at("classifier.1.weight").shape(), Shape({4096, 9216}));
  EXPECT_EQ(alexnet.at("classifier.6.bias").shape(), Shape({7}));
  EXPECT_EQ(alexnet.size(), 16u);
}

struct Small {
  const char* name;
  Shape input;
};

// Each small model learns a batch by heart a little, with any norm and activation, and comes back from a file.
TEST(Models, TrainAndSaveAndLoad) {
  const cairn::testing::Folder folder;
  for (const Small& s : {Small{"mlp", {1, 28, 28}}, Small{"lenet5", {1, 28, 28}}, Small{"lenet5_1998", {1, 28, 28}},
                         Small{"cnn", {1, 28, 28}}, Small{"alexnet64", {3, 64, 64}}, Small{"resnet20", {3, 16, 16}},
                         Small{"resnet20", {1, 28, 28}}})
    for (const char* norm : {"", "group"}) {
      if (*norm != '\0' && std::string(s.name) == "mlp") continue;
      SCOPED_TRACE(std::string(s.name) + " " + norm);
      manual_seed(5);
      const std::string activation = *norm != '\0' ? "gelu" : "";
      auto model = models::make_model(s.name, {.activation = activation, .norm = norm, .classes = 4, .input = s.input});
      if (std::string(s.name) == "alexnet64")  // its dropout hides in so few steps that it learns
        model = std::make_unique<nn::Sequential>(models::alexnet64({.dropout = 0, .classes = 4}));
      Shape batch = {4};
      for (const int64_t n : s.input) batch.push_back(n);
      const Tensor x = randn(batch), y = tensor({0, 1, 2, 3});
      optim::Adam optimizer(model->parameters(), {.lr = 5e-4});
      double first = 0, last = 0;
      for (int step = 0; step < rounds(12); ++step) {
        optimizer.zero_grad();
        const Tensor loss = cross_entropy((*model)(x), y);
        loss.backward();
        optimizer.step();
        (step == 0 ? first : last) = loss.item<double>();
      }
      EXPECT_LT(last, first);
      model->eval();
      io::save(*model, folder / "m");
      const io::SavedModel saved = io::load(folder / "m");
      EXPECT_TRUE(equal((*saved.model)(x), (*model)(x)));
    }
}

TEST(Models, TrainToTheSameBitsOnAnyNumberOfThreads) {
  expect_same_on_any_threads([] {
    manual_seed(6);
    nn::Sequential model = models::resnet20({.activation = "gelu"});
    optim::SGD optimizer(model.parameters(), {.lr = 0.05, .momentum = 0.9});
    const Tensor x = randn({16, 3, 16, 16}), y = randint(0, 10, {16});
    for (int step = 0; step < 2; ++step) {
      optimizer.zero_grad();
      cross_entropy(model(x), y).backward();
      optimizer.step();
    }
    return nn::checksum(model);
  });
}

}  // namespace
