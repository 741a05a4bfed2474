#include "cairn/graph/node.h"
#include "cairn/models/models.h"
#include "cairn/nn/activation.h"
#include "cairn/nn/conv.h"
#include "cairn/nn/flatten.h"
#include "cairn/nn/init.h"
#include "cairn/nn/linear.h"
#include "cairn/nn/norm.h"
#include "cairn/nn/pool.h"

namespace cairn::models {
namespace {

// Blocks behind a stem, as layer1, layer2, …; the first block of each but the first halves the image.
template <class Block>
nn::Sequential with_blocks(nn::Sequential model, const std::vector<int64_t>& blocks, int64_t in, int64_t channels,
                           int64_t expansion, const ResNetOptions& o) {
  int64_t total = 0, index = 0;
  for (const int64_t count : blocks) total += count;
  for (size_t stage = 0; stage < blocks.size(); ++stage, channels *= 2) {
    nn::Sequential layer;
    for (int64_t i = 0; i < blocks[stage]; ++i, ++index) {
      layer.push_back(Block(
          in, channels,
          {.stride = i == 0 && stage > 0 ? 2 : 1,
           .activation = o.activation,
           .norm = o.norm,
           .shortcut = o.shortcut,
           .drop_path = total == 1 ? 0.0 : o.drop_path * static_cast<double>(index) / static_cast<double>(total - 1)}));
      in = channels * expansion;
    }
    model.push_back("layer" + std::to_string(stage + 1), std::move(layer));
  }
  model.push_back("avgpool", nn::AdaptiveAvgPool2d(1));
  model.push_back("flatten", nn::Flatten());
  model.push_back("fc", nn::Linear(in, o.classes));
  // As torchvision, after He et al. 2015, "Delving deep into rectifiers".
  const NoGrad off;
  for (const nn::Parameter& p : model.named_parameters()) {
    Tensor weight = p.tensor;
    if (weight.dim() == 4) nn::init::kaiming_normal_(weight, {.mode = nn::init::FanMode::out, .nonlinearity = "relu"});
  }
  return model;
}

void add_stem(nn::Sequential& model, const ResNetOptions& o, nn::Conv2d conv) {
  const int64_t channels = conv.out_channels;
  model.push_back("conv1", std::move(conv));
  model.push_back("bn1", nn::make_norm(o.norm, channels));
  model.push_back("activation", nn::Activation(o.activation));
}

template <class Block>
nn::Sequential imagenet(const std::vector<int64_t>& blocks, int64_t expansion, const ResNetOptions& o) {
  nn::Sequential model;
  add_stem(model, o, nn::Conv2d(o.channels, 64, 7, {.stride = 2, .padding = 3, .bias = o.norm == "none"}));
  model.push_back("maxpool", nn::MaxPool2d(3, {.stride = 2, .padding = 1}));
  return with_blocks<Block>(std::move(model), blocks, 64, 64, expansion, o);
}

}  // namespace

nn::Sequential resnet_cifar(int64_t depth, const ResNetOptions& o) {
  require<ValueError>(depth >= 8 && (depth - 2) % 6 == 0, "resnet_cifar", "the depth must be 6n + 2",
                      given("depth", depth));
  nn::Sequential model;
  add_stem(model, o, nn::Conv2d(o.channels, 16, 3, {.padding = 1, .bias = o.norm == "none"}));
  const int64_t blocks = (depth - 2) / 6;
  return with_blocks<nn::BasicBlock>(std::move(model), {blocks, blocks, blocks}, 16, 16, 1, o);
}

nn::Sequential resnet18(const ResNetOptions& o) { return imagenet<nn::BasicBlock>({2, 2, 2, 2}, 1, o); }
nn::Sequential resnet34(const ResNetOptions& o) { return imagenet<nn::BasicBlock>({3, 4, 6, 3}, 1, o); }
nn::Sequential resnet50(const ResNetOptions& o) {
  return imagenet<nn::Bottleneck>({3, 4, 6, 3}, nn::Bottleneck::expansion, o);
}

}  // namespace cairn::models
