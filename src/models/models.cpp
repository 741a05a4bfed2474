#include "cairn/models/models.h"

#include "cairn/nn/activation.h"
#include "cairn/nn/conv.h"
#include "cairn/nn/dropout.h"
#include "cairn/nn/flatten.h"
#include "cairn/nn/linear.h"
#include "cairn/nn/norm.h"
#include "cairn/nn/pool.h"

namespace cairn::models {
namespace {

// Convolution, normalisation unless it is "none", activation.
void add_conv(nn::Sequential& model, const std::string& norm, const std::string& activation, nn::Conv2d conv) {
  const int64_t channels = conv.out_channels;
  model.push_back(std::move(conv));
  if (norm != "none") model.push_back(nn::make_norm(norm, channels));
  model.push_back(nn::Activation(activation));
}

void add_dropout(nn::Sequential& model, double p) {
  if (p > 0) model.push_back(nn::Dropout(p));
}

}  // namespace

nn::Sequential mlp(int64_t inputs, const MlpOptions& o) {
  nn::Sequential model;
  model.push_back(nn::Flatten());
  int64_t in = inputs;
  for (const int64_t size : o.hidden) {
    model.push_back(nn::Linear(in, size));
    model.push_back(nn::Activation(o.activation));
    add_dropout(model, o.dropout);
    in = size;
  }
  model.push_back(nn::Linear(in, o.classes));
  return model;
}

nn::Sequential lenet5(const LeNetOptions& o) {
  nn::Sequential model;
  const auto add_pool = [&] {
    if (o.max_pool)
      model.push_back(nn::MaxPool2d(2));
    else
      model.push_back(nn::AvgPool2d(2));
  };
  add_conv(model, o.norm, o.activation, nn::Conv2d(o.channels, 6, 5, {.padding = 2}));
  add_pool();
  add_conv(model, o.norm, o.activation, nn::Conv2d(6, 16, 5));
  add_pool();
  model.push_back(nn::Flatten());
  model.push_back(nn::Linear(400, 120));
  model.push_back(nn::Activation(o.activation));
  model.push_back(nn::Linear(120, 84));
  model.push_back(nn::Activation(o.activation));
  model.push_back(nn::Linear(84, o.classes));
  return model;
}

nn::Sequential cnn(const CnnOptions& o) {
  nn::Sequential model;
  add_conv(model, o.norm, o.activation, nn::Conv2d(o.channels, 32, 3));
  add_conv(model, o.norm, o.activation, nn::Conv2d(32, 64, 3));
  model.push_back(nn::MaxPool2d(2));
  model.push_back(nn::Flatten());
  add_dropout(model, o.dropout / 2);
  model.push_back(nn::Linear(9216, 128));
  model.push_back(nn::Activation(o.activation));
  add_dropout(model, o.dropout);
  model.push_back(nn::Linear(128, o.classes));
  return model;
}

nn::Sequential alexnet(const AlexNetOptions& o) {
  nn::Sequential features, classifier, model;
  const auto conv = [&](nn::Conv2d layer) { add_conv(features, o.norm, o.activation, std::move(layer)); };
  conv(nn::Conv2d(o.channels, 64, 11, {.stride = 4, .padding = 2}));
  features.push_back(nn::MaxPool2d(3, {.stride = 2}));
  conv(nn::Conv2d(64, 192, 5, {.padding = 2}));
  features.push_back(nn::MaxPool2d(3, {.stride = 2}));
  conv(nn::Conv2d(192, 384, 3, {.padding = 1}));
  conv(nn::Conv2d(384, 256, 3, {.padding = 1}));
  conv(nn::Conv2d(256, 256, 3, {.padding = 1}));
  features.push_back(nn::MaxPool2d(3, {.stride = 2}));
  classifier.push_back(nn::Dropout(o.dropout));
  classifier.push_back(nn::Linear(256 * 6 * 6, 4096));
  classifier.push_back(nn::Activation(o.activation));
  classifier.push_back(nn::Dropout(o.dropout));
  classifier.push_back(nn::Linear(4096, 4096));
  classifier.push_back(nn::Activation(o.activation));
  classifier.push_back(nn::Linear(4096, o.classes));
  model.push_back("features", std::move(features));
  model.push_back("avgpool", nn::AdaptiveAvgPool2d(6));
  model.push_back("flatten", nn::Flatten());
  model.push_back("classifier", std::move(classifier));
  return model;
}

nn::Sequential alexnet64(const AlexNetOptions& o) {
  nn::Sequential model;
  const auto conv = [&](nn::Conv2d layer) { add_conv(model, o.norm, o.activation, std::move(layer)); };
  conv(nn::Conv2d(o.channels, 64, 11, {.stride = 4, .padding = 5}));
  model.push_back(nn::MaxPool2d(2));
  conv(nn::Conv2d(64, 192, 5, {.padding = 2}));
  model.push_back(nn::MaxPool2d(2));
  conv(nn::Conv2d(192, 384, 3, {.padding = 1}));
  conv(nn::Conv2d(384, 256, 3, {.padding = 1}));
  conv(nn::Conv2d(256, 256, 3, {.padding = 1}));
  model.push_back(nn::MaxPool2d(2));
  model.push_back(nn::Flatten());
  add_dropout(model, o.dropout);
  model.push_back(nn::Linear(1024, 1024));
  model.push_back(nn::Activation(o.activation));
  add_dropout(model, o.dropout);
  model.push_back(nn::Linear(1024, 1024));
  model.push_back(nn::Activation(o.activation));
  model.push_back(nn::Linear(1024, o.classes));
  return model;
}

}  // namespace cairn::models
