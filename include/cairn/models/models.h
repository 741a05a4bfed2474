#pragma once
// Networks that made history, as functions that return them. Each is an nn::Sequential of registered layers, so all can be
// saved and loaded, printed, and taken apart. Activation and normalisation are names (nn::Activation, nn::make_norm).

#include <memory>
#include <string>
#include <vector>

#include "cairn/nn/residual.h"
#include "cairn/nn/sequential.h"

namespace cairn::models {

struct MlpOptions {
  std::vector<int64_t> hidden = {512, 256};
  std::string activation = "relu";
  double dropout = 0;  ///< behind each hidden layer
  int64_t classes = 10;
};

/// Flatten, then dense layers with activations between them.
nn::Sequential mlp(int64_t inputs, const MlpOptions& options = {});

struct LeNetOptions {
  std::string activation = "tanh";
  bool max_pool = false;  ///< max instead of average pooling: with "relu" the form that is used today
  std::string norm = "none";
  int64_t classes = 10;
  int64_t channels = 1;
};

/// LeCun, Bottou, Bengio and Haffner 1998 in its usual reading (all maps connected, a dense output layer): 61,706
/// parameters.
///   shape   (n, channels, 28, 28) → (n, classes)
nn::Sequential lenet5(const LeNetOptions& options = {});

struct CnnOptions {
  std::string activation = "relu";
  std::string norm = "none";
  double dropout =
      0;  ///< 0.25 before and 0.5 behind the hidden dense layer suit MNIST: this is the second, half of it the first
  int64_t classes = 10;
  int64_t channels = 1;
};

/// Two 3×3 convolutions (32 and 64 channels), max pooling, and a dense layer of 128: the usual small network for MNIST.
///   shape   (n, channels, 28, 28) → (n, classes)
nn::Sequential cnn(const CnnOptions& options = {});

struct AlexNetOptions {
  std::string activation = "relu";
  std::string norm = "none";
  double dropout = 0.5;
  int64_t classes = 1000;
  int64_t channels = 3;
};

/// Krizhevsky 2014 ("One weird trick"), the form that torchvision has: 61,100,840 parameters with 1000 classes, names
/// features.0.weight … classifier.6.bias (without a norm).
///   shape   (n, channels, h, w) with h, w ≥ 63, usually 224 → (n, classes)
nn::Sequential alexnet(const AlexNetOptions& options = {});

/// The same five convolutions and three dense layers for images of 64 × 64 pixels; usually with fewer classes.
nn::Sequential alexnet64(const AlexNetOptions& options = {.classes = 10});

struct ResNetOptions {
  std::string activation = "relu";
  std::string norm = "batch";
  nn::Shortcut shortcut = nn::Shortcut::projection;
  double drop_path = 0;  ///< stochastic depth of the last block; rises from 0 along the others
  int64_t classes = 10;
  int64_t channels = 3;
};

/// The CIFAR form of He et al. 2016 (section 4.2) with 6n + 2 layers: 3 × n basic blocks of 16, 32 and 64 channels. For
/// 20 layers 272,474 parameters with projection shortcuts and 269,722 with identity ones.
///   shape   (n, channels, h, w), usually 32 × 32 → (n, classes)
///   throws  ValueError unless depth = 6n + 2 with n ≥ 1
nn::Sequential resnet_cifar(int64_t depth, const ResNetOptions& options = {});
inline nn::Sequential resnet20(const ResNetOptions& options = {}) { return resnet_cifar(20, options); }
inline nn::Sequential resnet32(const ResNetOptions& options = {}) { return resnet_cifar(32, options); }
inline nn::Sequential resnet44(const ResNetOptions& options = {}) { return resnet_cifar(44, options); }
inline nn::Sequential resnet56(const ResNetOptions& options = {}) { return resnet_cifar(56, options); }
inline nn::Sequential resnet110(const ResNetOptions& options = {}) { return resnet_cifar(110, options); }

/// The ImageNet forms: 11,689,512, 21,797,672 and 25,557,032 parameters with 1000 classes. Names as torchvision's
/// (layer1.0.conv1.weight … fc.bias), so that its weights load.
///   shape   (n, channels, h, w), usually 224 × 224 → (n, classes)
nn::Sequential resnet18(const ResNetOptions& options = {.classes = 1000});
nn::Sequential resnet34(const ResNetOptions& options = {.classes = 1000});
nn::Sequential resnet50(const ResNetOptions& options = {.classes = 1000});

struct ModelOptions {
  std::string activation = {};  ///< empty: the model's own
  std::string norm = {};        ///< empty: the model's own
  int64_t classes = 10;
  Shape input = {1, 28, 28};  ///< c, h, w
};

/// A model by its name, for programs.
///   throws  NameError for a name that is not in model_names(); ValueError for an input size that the model does not take
std::unique_ptr<nn::Layer> make_model(const std::string& name, const ModelOptions& options = {});
std::vector<std::string> model_names();
/// What the model was made for: sizes c, h, w and the number of classes.
ModelOptions usual_options(const std::string& name);

}  // namespace cairn::models
