// Every network, activation and layer in ONNX Runtime.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <sstream>

#include "cairn/activation/activation.h"
#include "cairn/activation/radial.h"
#include "cairn/models/models.h"
#include "cairn/nn/activation.h"
#include "cairn/nn/conv.h"
#include "cairn/nn/dropout.h"
#include "cairn/nn/embedding.h"
#include "cairn/nn/flatten.h"
#include "cairn/nn/fold.h"
#include "cairn/nn/identity.h"
#include "cairn/nn/linear.h"
#include "cairn/nn/norm.h"
#include "cairn/nn/pool.h"
#include "cairn/nn/radial.h"
#include "cairn/nn/registry.h"
#include "cairn/nn/residual.h"
#include "cairn/nn/sequential.h"
#include "cairn/nn/taylor.h"
#include "cairn/nn/transformer.h"
#include "cairn/tensor/random.h"
#include "io/onnx_runs.h"

namespace cairn {
namespace {

using testing::Runs;
using testing::tolerance;

TEST(OnnxRuntime, ADifferenceIsSeen) {
  Runs runs;
  runs.add("linear", nn::Sequential(nn::Linear(3, 4), nn::Activation("tanh")), {3});
  runs.spoil(2, 1e-4F);
  const auto found = runs.run();
  if (!found) GTEST_SKIP() << "skipped: onnxruntime-node is absent";
  ASSERT_EQ(found->size(), 2U);
  EXPECT_GT((*found)[0]["error"].get<double>(), 5e-5);
  EXPECT_LT((*found)[1]["error"].get<double>(), tolerance);
}

TEST(OnnxRuntime, Networks) {
  manual_seed(1);
  Runs runs;
  for (const std::string name : {"mlp", "lenet5", "lenet5_1998", "cnn", "resnet20", "alexnet64"}) {
    const models::ModelOptions usual = models::usual_options(name);
    runs.add(name, *models::make_model(name, usual), usual.input);
  }
  runs.add("resnet20, identity shortcuts, gelu",
           models::resnet20({.activation = "gelu", .norm = "group(4)", .shortcut = nn::Shortcut::identity}),
           {3, 32, 32});
  runs.add("bottlenecks",
           nn::Sequential(nn::Bottleneck(8, 4, {.stride = 2, .activation = "silu"}), nn::Bottleneck(16, 4)), {8, 9, 9});
  runs.compare();
}

TEST(OnnxRuntime, EveryActivation) {
  manual_seed(2);
  Runs runs;
  for (const ActivationInfo& info : activations()) {
    runs.add(info.name, nn::Sequential(nn::Activation(info.name)), {4, 6}, 3);
    if (!info.elementwise()) continue;
    std::vector<double> other;
    for (const auto& p : info.parameters) other.push_back(p.value * 0.7 + 0.05);
    if (!other.empty())
      runs.add(info.name + ", other parameters", nn::Sequential(nn::Activation(cairn::Activation(info, other))), {5},
               3);
    if (info.learnable)
      runs.add(info.name + ", by channel", nn::Sequential(nn::Activation(info.name, {.channels = 4})), {4, 3, 3}, 3);
  }
  for (const std::string text :
       {"x * sigmoid(beta * x); beta = 1.5", "max(x, a * x); a = 0.1", "0 * x", "taylor(tanh, 7, 1.5)",
        "where(x > 0 & x < 1 | isnan(x), x, where(xor(x > 2, x != 3), pow(abs(x), 1.5), floor(x)))",
        "erfc(x) + normal_pdf(x) + cos(x) + sign(x) + normal_cdf_tanh(x)", "where(!(x <= 1), rsqrt(x), log(2 - x))",
        "log1p(exp(-x))", "where(isfinite(x), expm1(x / 4), 0)", "1e3 * log1p(1e-3 * square(x))", "norm(1, 1)",
        "norm(3, 1)", "norm(0, -1)", "softmax(1)", "maxout(3, -1)", "crelu(-1)", "swiglu(1)", "logsumexp(1)", "max(1)"})
    runs.add(text, nn::Sequential(nn::Activation(text)), {4, 6}, 3);
  runs.compare();
}

template <class... L>
nn::Sequential in_a_row(L... layers) {
  return nn::Sequential(std::move(layers)...);
}

TEST(OnnxRuntime, EveryLayer) {
  manual_seed(3);
  Runs runs;
  std::vector<std::string> covered;
  const auto add = [&](const char* type, const Shape& sample, nn::Sequential model, double spread = 1) {
    std::ostringstream text;
    text << model;
    covered.push_back(type);
    runs.add(text.str(), std::move(model), sample, spread);
  };
  const Shape image = {4, 6, 7}, sequence = {4, 9};
  add("Linear", {3}, in_a_row(nn::Linear(3, 5), nn::Linear(5, 2, {.bias = false})));
  add("Linear", {4, 3}, in_a_row(nn::Linear(3, 5), nn::Linear(5, 2, {.bias = false})));
  add("Sequential", {3}, in_a_row(nn::Sequential(), nn::Sequential(nn::Linear(3, 3), nn::Sequential(nn::Identity()))));
  add("Identity", {3}, in_a_row(nn::Identity()));
  for (auto dropout : {0.2, 0.5}) add("Dropout", {3}, in_a_row(nn::Dropout(dropout), nn::Linear(3, 3)));
  add("Dropout2d", image, in_a_row(nn::Dropout2d(0.2)));
  add("StochasticDepth", image, in_a_row(nn::StochasticDepth(0.2, Drop::batch)));
  add("Flatten", image, in_a_row(nn::Flatten()));
  add("Flatten", image, in_a_row(nn::Flatten(2), nn::Flatten(0, 1), nn::Flatten(1, 1)));
  for (const int64_t stride : {1, 2, 3})
    for (const int64_t padding : {0, 1, 2})
      for (const int64_t dilation : {1, 2}) {
        add("Conv1d", sequence,
            in_a_row(nn::Conv1d(4, 6, 3, {.stride = stride, .padding = padding, .dilation = dilation, .groups = 2})));
        add("Conv2d", image,
            in_a_row(
                nn::Conv2d(4, 6, {3, 2}, {.stride = {stride, 1}, .padding = {padding, 1}, .dilation = {1, dilation}})));
        if (padding < 2)
          for (const bool ceil_mode : {false, true}) {
            add("MaxPool1d", sequence, in_a_row(nn::MaxPool1d(2, {stride, padding, dilation, ceil_mode})));
            add("MaxPool2d", image,
                in_a_row(nn::MaxPool2d({2, 3}, {{stride, 2}, {1, padding}, {dilation, 1}, ceil_mode})));
            for (const bool count_padding : {false, true}) {
              add("AvgPool1d", sequence, in_a_row(nn::AvgPool1d(2, {stride, padding, ceil_mode, count_padding})));
              add("AvgPool2d", image,
                  in_a_row(nn::AvgPool2d({2, 3}, {{stride, 2}, {1, padding}, ceil_mode, count_padding})));
            }
            add("LPPool2d", image, in_a_row(nn::LPPool2d(1 + 0.75 * double(padding), 2, {stride, ceil_mode})));
          }
        if (dilation == 1 || stride > 1)
          add("ConvTranspose2d", image,
              in_a_row(nn::ConvTranspose2d(4, 2, 3,
                                           {.stride = stride,
                                            .padding = padding,
                                            .output_padding = stride - 1,
                                            .dilation = dilation,
                                            .groups = 2})));
      }
  add("Conv2d", image, in_a_row(nn::Conv2d(4, 6, {3, 4}, {.padding = "same", .dilation = {1, 2}, .bias = false})));
  add("Conv2d", image, in_a_row(nn::Conv2d(4, 4, 3, {.groups = 4})));
  add("ConvTranspose2d", image, in_a_row(nn::ConvTranspose2d(4, 2, {1, 2}, {.stride = {1, 2}, .bias = false})));
  add("MaxPool2d", image, in_a_row(nn::MaxPool2d(2, {.stride = 3, .dilation = 3, .ceil_mode = true})));
  add("AvgPool2d", image, in_a_row(nn::AvgPool2d(2, {.padding = 1, .divisor_override = 3})));
  add("LPPool2d", image, in_a_row(nn::LPPool2d(3, {6, 7})));
  for (const IntPair size : {IntPair(1), IntPair(3, 7), IntPair(4, 3), IntPair(1, 5), IntPair(9, 8)}) {
    add("AdaptiveAvgPool2d", image, in_a_row(nn::AdaptiveAvgPool2d(size)));
    add("AdaptiveMaxPool2d", image, in_a_row(nn::AdaptiveMaxPool2d(size)));
    add("AdaptiveAvgPool1d", sequence, in_a_row(nn::AdaptiveAvgPool1d(size.h)));
    add("AdaptiveMaxPool1d", sequence, in_a_row(nn::AdaptiveMaxPool1d(size.h)));
  }
  add("BatchNorm1d", {4}, in_a_row(nn::BatchNorm1d(4)));
  add("BatchNorm1d", sequence, in_a_row(nn::BatchNorm1d(4, {.eps = 1e-2, .affine = false})));
  add("BatchNorm1d", sequence, in_a_row(nn::BatchNorm1d(4, {.track_running_stats = false})));
  add("BatchNorm2d", image, in_a_row(nn::BatchNorm2d(4), nn::BatchNorm2d(4, {.track_running_stats = false})));
  add("LayerNorm", image, in_a_row(nn::LayerNorm({6, 7}, {.eps = 1e-3, .bias = false}), nn::LayerNorm({7})));
  add("LayerNorm", {5}, in_a_row(nn::LayerNorm({5}, {.elementwise_affine = false})));
  add("GroupNorm", image, in_a_row(nn::GroupNorm(2, 4, {.eps = 1e-3, .affine = false}), nn::GroupNorm(4, 4)));
  add("GroupNorm", {4}, in_a_row(nn::GroupNorm(2, 4)));
  for (const int64_t dim : {1, 2, -1}) {
    add("Softmax", image, in_a_row(nn::Softmax(dim)));
    add("LogSoftmax", image, in_a_row(nn::LogSoftmax(dim)));
    add("Softmin", image, in_a_row(nn::Softmin(dim)));
    add("Sparsemax", image, in_a_row(nn::Sparsemax(dim)));
  }
  add("GLU", image, in_a_row(nn::GLU(1)));
  add("ReGLU", image, in_a_row(nn::ReGLU(-3)));
  add("GeGLU", image, in_a_row(nn::GeGLU(2)));
  add("SwiGLU", image, in_a_row(nn::SwiGLU(1)));
  add("BilinearGLU", image, in_a_row(nn::BilinearGLU(1)));
  add("CReLU", image, in_a_row(nn::CReLU()));
  add("Maxout", image, in_a_row(nn::Maxout(2), nn::Maxout(7, -1)));
  add("Taylor", image, in_a_row(nn::Taylor("tanh", 7, 1.5), nn::Taylor("x * sigmoid(beta * x); beta = 2", 6, 1.25)));
  add("RReLU", image, in_a_row(nn::RReLU(0.1, 0.2)));
  add("Activation", image, in_a_row(nn::PReLU(4)));
  add("Residual", image, in_a_row(nn::Residual(nn::Conv2d(4, 4, 3, {.padding = 1}))));
  add("Residual", image, in_a_row(nn::Residual(nn::Conv2d(4, 5, 1), nn::Conv2d(4, 5, 1, {.bias = false}))));
  add("BasicBlock", image, in_a_row(nn::BasicBlock(4, 6, {.stride = 2, .activation = "gelu", .drop_path = 0.1})));
  add("BasicBlock", image, in_a_row(nn::BasicBlock(4, 7, {.norm = "none", .shortcut = nn::Shortcut::identity})));
  add("BasicBlock", image, in_a_row(nn::BasicBlock(4, 4, {.stride = 3, .shortcut = nn::Shortcut::identity})));
  add("Bottleneck", image, in_a_row(nn::Bottleneck(4, 2, {.norm = "group(2)"})));
  for (const RadialFunctionInfo& info : radial_functions()) {
    add("RadialBasis", {3}, in_a_row(nn::RadialBasis(3, 5, info.name, {.width = 2})));
    add("RadialBasis", {2, 3},
        in_a_row(nn::RadialBasis(3, 4, info.name, {.learn_centres = false, .learn_widths = false})));
  }
  const Shape tokens = {5, 8};
  add("RMSNorm", image, in_a_row(nn::RMSNorm({6, 7}, {.eps = 1e-3}), nn::RMSNorm({7})));
  for (const int64_t longest : {5, 9})
    add("PositionalEmbedding", tokens, in_a_row(nn::PositionalEmbedding(longest, 8, {.std = 0.5})));
  add("SinusoidalEncoding", tokens, in_a_row(nn::SinusoidalEncoding(8)));
  add("TransformerEncoderLayer", tokens, in_a_row(nn::TransformerEncoderLayer(8, 2, {.dim_feedforward = 12})));
  for (const char* activation : {"gelu", "silu", "swish(1.5)"})
    add("TransformerEncoderLayer", tokens,
        in_a_row(nn::TransformerEncoderLayer(8, 4,
                                             {.dim_feedforward = 12,
                                              .activation = activation,
                                              .layer_norm_eps = 1e-3,
                                              .norm_first = true,
                                              .bias = false,
                                              .gated = true,
                                              .norm = "rms",
                                              .is_causal = true})));
  add("TransformerEncoder", tokens,
      in_a_row(nn::TransformerEncoder(8, 2, 2, {.dim_feedforward = 12, .activation = "gelu", .norm_first = true})));
  add("Embedding", {5},
      in_a_row(nn::Sequential(nn::Embedding(7, 8, {.padding_idx = 2})), nn::SinusoidalEncoding(8),
               nn::TransformerEncoder(8, 2, 2, {.dim_feedforward = 12}), nn::Flatten(), nn::Linear(40, 3)),
      0);
  for (const std::string& type : nn::registered_layers()) {
    if (type.starts_with("user.")) continue;  // what other tests registered
    EXPECT_THAT(covered, ::testing::Contains(type)) << "no case for this layer";
  }
  runs.compare();
}

}  // namespace
}  // namespace cairn
