#include "cairn/nn/residual.h"

#include <nlohmann/json.hpp>

#include "cairn/nn/activation.h"
#include "cairn/nn/conv.h"
#include "cairn/nn/norm.h"
#include "cairn/nn/registry.h"
#include "cairn/nn/sequential.h"
#include "cairn/ops/arithmetic.h"
#include "cairn/ops/dropout.h"
#include "cairn/ops/join.h"

namespace cairn::nn {

Residual::Residual(std::unique_ptr<Layer> body, std::unique_ptr<Layer> shortcut)
    : body_(&add_layer("body", std::move(body))) {
  if (shortcut) shortcut_ = &add_layer("shortcut", std::move(shortcut));
}

Tensor Residual::forward(const Tensor& x) {
  const Tensor y = (*body_)(x), passed = shortcut_ ? (*shortcut_)(x) : x;
  require(y.shape() == passed.shape(), "Residual",
          "body and shortcut must give one shape; give a shortcut that changes the size as the body does",
          given("body", y), given("shortcut", passed));
  return y + passed;
}

Json Residual::options() const {
  Json json = {{"body", describe(*body_)}};
  if (shortcut_) json["shortcut"] = describe(*shortcut_);
  return json;
}

Residual Residual::from_options(const Json& options) {
  const OptionReader o("Residual", options, {"body", "shortcut"});
  return Residual(build(o.value("body")), o.has("shortcut") ? build(o.value("shortcut")) : nullptr);
}

namespace detail {

Block::Block(int64_t in, int64_t channels, int64_t out, const BlockOptions& o)
    : in_channels(in), channels(channels), settings(o), out_channels_(out) {
  require<ValueError>(in >= 1 && channels >= 1 && o.stride >= 1, "residual block",
                      "channels and stride must be at least 1", given("in_channels", in), given("channels", channels),
                      given("stride", o.stride));
  require<ValueError>(o.drop_path >= 0 && o.drop_path < 1, "residual block", "drop_path must be from 0 to below 1",
                      given("drop_path", o.drop_path));
  require<ValueError>(o.shortcut == Shortcut::projection || out >= in, "residual block",
                      "an identity shortcut cannot lead to fewer channels", given("in_channels", in),
                      given("channels", out));
}

Layer& Block::add_conv(const std::string& name, int64_t in, int64_t out, int64_t kernel, int64_t stride) {
  return add(name, Conv2d(in, out, kernel, {.stride = stride, .padding = kernel / 2, .bias = settings.norm == "none"}));
}
Layer& Block::add_norm(const std::string& name, int64_t size) {
  return add_layer(name, make_norm(settings.norm, size));
}
Layer& Block::add_activation(const std::string& name) { return add(name, Activation(settings.activation)); }

void Block::add_shortcut() {
  if (settings.shortcut == Shortcut::identity || (settings.stride == 1 && in_channels == out_channels_)) return;
  Sequential projection;
  projection.push_back(
      Conv2d(in_channels, out_channels_, 1, {.stride = settings.stride, .bias = settings.norm == "none"}));
  projection.push_back(make_norm(settings.norm, out_channels_));
  downsample_ = &add("downsample", std::move(projection));
}

Tensor Block::shortcut(const Tensor& x) {
  if (downsample_) return (*downsample_)(x);
  Tensor y = x;
  if (settings.stride > 1) y = y.slice(2, 0, INT64_MAX, settings.stride).slice(3, 0, INT64_MAX, settings.stride);
  const int64_t missing = out_channels_ - in_channels;
  return missing == 0 ? y : pad(y, {0, 0, 0, 0, missing / 2, missing - missing / 2});
}

Tensor Block::join(const Tensor& body, const Tensor& x) {
  return stochastic_depth(body, settings.drop_path, Drop::row, training()) + shortcut(x);
}

Json Block::options() const {
  Json json = {{"in_channels", in_channels},
               {"channels", channels},
               {"stride", settings.stride},
               {"activation", settings.activation},
               {"norm", settings.norm}};
  if (settings.shortcut == Shortcut::identity) json["shortcut"] = "identity";
  if (settings.drop_path != 0) json["drop_path"] = settings.drop_path;
  return json;
}

BlockOptions Block::read(const char* layer, const Json& options, int64_t& in, int64_t& channels) {
  const OptionReader o(layer, options,
                       {"in_channels", "channels", "stride", "activation", "norm", "shortcut", "drop_path"});
  in = o.integer("in_channels"), channels = o.integer("channels");
  const std::string shortcut = o.text("shortcut", "projection");
  require<ValueError>(shortcut == "projection" || shortcut == "identity", layer,
                      "the shortcut must be projection or identity", given("shortcut", shortcut));
  return {.stride = o.integer("stride", 1),
          .activation = o.text("activation", "relu"),
          .norm = o.text("norm", "batch"),
          .shortcut = shortcut == "identity" ? Shortcut::identity : Shortcut::projection,
          .drop_path = o.number("drop_path", 0.0)};
}

}  // namespace detail

BasicBlock::BasicBlock(int64_t in, int64_t channels, const BlockOptions& o)
    : Block(in, channels, channels, o),
      conv1_(add_conv("conv1", in, channels, 3, o.stride)),
      bn1_(add_norm("bn1", channels)),
      activation1_(add_activation("activation1")),
      conv2_(add_conv("conv2", channels, channels, 3, 1)),
      bn2_(add_norm("bn2", channels)),
      activation2_(add_activation("activation2")) {
  add_shortcut();
}

Tensor BasicBlock::forward(const Tensor& x) {
  const Tensor hidden = activation1_(bn1_(conv1_(x)));
  return activation2_(join(bn2_(conv2_(hidden)), x));
}

BasicBlock BasicBlock::from_options(const Json& options) {
  int64_t in = 0, channels = 0;
  const BlockOptions o = read("BasicBlock", options, in, channels);
  return BasicBlock(in, channels, o);
}

Bottleneck::Bottleneck(int64_t in, int64_t channels, const BlockOptions& o)
    : Block(in, channels, expansion * channels, o),
      conv1_(add_conv("conv1", in, channels, 1, 1)),
      bn1_(add_norm("bn1", channels)),
      activation1_(add_activation("activation1")),
      conv2_(add_conv("conv2", channels, channels, 3, o.stride)),
      bn2_(add_norm("bn2", channels)),
      activation2_(add_activation("activation2")),
      conv3_(add_conv("conv3", channels, expansion * channels, 1, 1)),
      bn3_(add_norm("bn3", expansion * channels)),
      activation3_(add_activation("activation3")) {
  add_shortcut();
}

Tensor Bottleneck::forward(const Tensor& x) {
  const Tensor narrow = activation1_(bn1_(conv1_(x))), hidden = activation2_(bn2_(conv2_(narrow)));
  return activation3_(join(bn3_(conv3_(hidden)), x));
}

Bottleneck Bottleneck::from_options(const Json& options) {
  int64_t in = 0, channels = 0;
  const BlockOptions o = read("Bottleneck", options, in, channels);
  return Bottleneck(in, channels, o);
}

}  // namespace cairn::nn
