#pragma once
// Residual blocks: what a body adds to its input. Source: He, Zhang, Ren and Sun 2016, "Deep residual learning for image
// recognition".

#include "cairn/nn/module.h"

namespace cairn::nn {

/// y = body(x) + shortcut(x), both of one shape:
///   nn::Residual(nn::Sequential(nn::Linear(64, 64), nn::Activation("gelu"), nn::Linear(64, 64)))
/// Children `body` and, unless x itself is added, `shortcut`.
class Residual : public Layer {
 public:
  template <std::derived_from<Layer> Body>
  requires(!std::same_as<Body, Residual>)  // that is a move
      explicit Residual(Body body)
      : Residual(std::make_unique<Body>(std::move(body))) {}
  template <std::derived_from<Layer> Body, std::derived_from<Layer> Shortcut>
  Residual(Body body, Shortcut shortcut)
      : Residual(std::make_unique<Body>(std::move(body)), std::make_unique<Shortcut>(std::move(shortcut))) {}
  explicit Residual(std::unique_ptr<Layer> body, std::unique_ptr<Layer> shortcut = nullptr);

  /// throws  ShapeError when the two do not have one shape
  Tensor forward(const Tensor& x) override;
  Json options() const override;
  static Residual from_options(const Json& options);

 private:
  Layer *body_, *shortcut_ = nullptr;
};

/// How a block whose result has another size brings its input to it.
enum class Shortcut {
  projection,  ///< a 1×1 convolution and a normalisation (option B of the paper)
  identity,    ///< every stride-th pixel, with zeros for the channels that are not there: no parameters (option A)
};

struct BlockOptions {
  int64_t stride = 1;
  std::string activation = "relu";  ///< a name as nn::Activation takes it
  std::string norm = "batch";       ///< a name as make_norm takes it; with "none" the convolutions have a bias
  Shortcut shortcut = Shortcut::projection;
  double drop_path = 0;  ///< stochastic depth: the probability that a sample skips the body in training
};

namespace detail {
/// What the two blocks share.
class Block : public Layer {
 public:
  int64_t in_channels, channels;
  BlockOptions settings;
  Json options() const override;

 protected:
  Block(int64_t in_channels, int64_t channels, int64_t out_channels, const BlockOptions& options);
  Tensor shortcut(const Tensor& x);
  Tensor join(const Tensor& body, const Tensor& x);
  Layer& add_conv(const std::string& name, int64_t in, int64_t out, int64_t kernel, int64_t stride);
  Layer& add_norm(const std::string& name, int64_t channels);
  Layer& add_activation(const std::string& name);
  /// Declares `downsample`, where a projection is needed; last, as torchvision orders it.
  void add_shortcut();
  static BlockOptions read(const char* layer, const Json& options, int64_t& in_channels, int64_t& channels);

 private:
  int64_t out_channels_;
  Layer* downsample_ = nullptr;
};
}  // namespace detail

/// activation(norm(conv3×3(activation(norm(conv3×3(x))))) + shortcut(x)): the block of ResNet-18 and 34 and of the CIFAR forms.
/// Children conv1, bn1, conv2, bn2 and downsample.0, downsample.1, as torchvision names them.
///   shape   (n, in_channels, h, w) → (n, channels, ⌈h/stride⌉, ⌈w/stride⌉)
class BasicBlock : public detail::Block {
 public:
  BasicBlock(int64_t in_channels, int64_t channels, const BlockOptions& options = {});
  Tensor forward(const Tensor& x) override;
  static BasicBlock from_options(const Json& options);

 private:
  Layer &conv1_, &bn1_, &activation1_, &conv2_, &bn2_, &activation2_;
};

/// 1×1, 3×3 and 1×1 convolutions, the last to four times the channels: the block of ResNet-50. The stride stands at the 3×3.
/// Children conv1, bn1, conv2, bn2, conv3, bn3 and downsample.0, downsample.1.
///   shape   (n, in_channels, h, w) → (n, 4·channels, ⌈h/stride⌉, ⌈w/stride⌉)
class Bottleneck : public detail::Block {
 public:
  static constexpr int64_t expansion = 4;
  Bottleneck(int64_t in_channels, int64_t channels, const BlockOptions& options = {});
  Tensor forward(const Tensor& x) override;
  static Bottleneck from_options(const Json& options);

 private:
  Layer &conv1_, &bn1_, &activation1_, &conv2_, &bn2_, &activation2_, &conv3_, &bn3_, &activation3_;
};

}  // namespace cairn::nn
