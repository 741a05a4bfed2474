// Every layer in f32 beside itself in f64, at the sizes of real networks: the largest difference, as a part of the largest
// value, of its outputs, of the gradient of its inputs and of those of its parameters.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <set>

#include "cairn/graph/node.h"
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
#include "cairn/ops/arithmetic.h"
#include "cairn/ops/elementwise.h"
#include "cairn/ops/reduce.h"
#include "cairn/tensor/random.h"

using namespace cairn;

namespace {

struct Row {
  std::shared_ptr<nn::Layer> layer;
  Shape input;
  double tolerance = 1e-5;
};

template <class L>
Row row(L layer, const Shape& input, double tolerance = 1e-5) {
  return {std::make_shared<L>(std::move(layer)), input, tolerance};
}

// Those that sum over many products get many; 3 × 3 kernels with stride 1 over many channels go by Winograd's way.
std::vector<Row> rows() {
  constexpr double winograd = 1e-4;
  const Shape image = {8, 32, 17, 19}, matrix = {65, 96}, line = {8, 32, 45}, tokens = {3, 150, 96};
  return {
      row(nn::Linear(784, 300), {129, 784}),
      row(nn::Conv2d(32, 64, 3, {.padding = 1}), image, winograd),
      row(nn::Conv2d(31, 33, 3), {4, 31, 17, 19}),
      row(nn::Conv2d(32, 48, {5, 2}, {.stride = 2, .padding = 2, .groups = 2}), image),
      row(nn::Conv2d(32, 32, 3, {.padding = 1, .groups = 32}), image),
      row(nn::Conv2d(32, 64, 1), image),
      row(nn::Conv1d(32, 24, 5, {.stride = 2}), line),
      row(nn::ConvTranspose2d(32, 16, 3, {.stride = 2, .padding = 1}), image),
      row(nn::MaxPool2d(3, {.stride = 2}), image),
      row(nn::MaxPool1d(3), line),
      row(nn::AvgPool2d(3, {.stride = 2}), image),
      row(nn::LPPool2d(3, 2), image),
      row(nn::AvgPool1d(3), line),
      row(nn::AdaptiveAvgPool2d(1), image),
      row(nn::AdaptiveMaxPool2d(5), image),
      row(nn::AdaptiveAvgPool1d(7), line),
      row(nn::AdaptiveMaxPool1d(7), line),
      row(nn::BatchNorm1d(96), matrix),
      row(nn::BatchNorm2d(32), image),
      row(nn::LayerNorm({96}), matrix),
      row(nn::RMSNorm({96}), matrix),
      row(nn::GroupNorm(4, 32), image),
      row(nn::PositionalEmbedding(65, 96), matrix),
      row(nn::SinusoidalEncoding(96), matrix),
      row(nn::TransformerEncoderLayer(96, 4, {.dim_feedforward = 200, .dropout = 0, .activation = "gelu"}), tokens),
      row(nn::TransformerEncoder(96, 4, 2,
                                 {.dim_feedforward = 200,
                                  .dropout = 0,
                                  .activation = "gelu",
                                  .norm_first = true,
                                  .gated = true,
                                  .is_causal = true}),
          tokens),
      row(nn::Activation("gelu"), matrix),
      row(nn::Softmax(-1), matrix),
      row(nn::LogSoftmax(-1), matrix),
      row(nn::Softmin(-1), matrix),
      row(nn::Sparsemax(-1), matrix),
      row(nn::GLU(), matrix),
      row(nn::ReGLU(), matrix),
      row(nn::GeGLU(), matrix),
      row(nn::SwiGLU(), matrix),
      row(nn::BilinearGLU(), matrix),
      row(nn::CReLU(), matrix),
      row(nn::Maxout(3), matrix),
      row(nn::Taylor("tanh", 7, 1.0), matrix),
      row(nn::RadialBasis(3, 40), {65, 3}),
      row(nn::Flatten(), image),
      row(nn::Identity(), matrix),
      row(nn::Sequential(nn::Linear(96, 96), nn::Activation("tanh"), nn::Linear(96, 10)), matrix),
      row(nn::Residual(nn::Linear(96, 96)), matrix),
      row(nn::BasicBlock(32, 32, {.activation = "tanh"}), image, winograd),
      row(nn::Bottleneck(32, 16, {.activation = "tanh"}), image, winograd),
  };
}

// Output, gradient of the input, gradients of the parameters, for the gradient g of the output.
std::vector<Tensor> results(nn::Layer& layer, const Tensor& at, const Tensor& g) {
  layer.zero_grad();
  Tensor x = at.detach().clone();
  x.requires_grad_();
  const Tensor y = layer(x);
  y.backward(g);
  std::vector<Tensor> all = {y.detach(), x.grad()};
  for (const nn::Parameter& p : layer.parameters()) all.push_back(p.tensor.grad());
  return all;
}

// Before any test registers one of its own.
const std::vector<std::string> built_in = nn::registered_layers();

TEST(Precision, OfEveryLayer) {
  const NoGrad off;
  manual_seed(11);
  std::set<std::string> seen;
  for (const Row& r : rows()) {
    seen.insert(r.layer->type_name());
    SCOPED_TRACE(r.layer->type_name());
    const Tensor x = randn(r.input), g = randn((*r.layer)(x).shape());
    const GradMode recorded(true);
    const std::vector<Tensor> single = results(*r.layer, x, g);
    r.layer->to(f64);
    const std::vector<Tensor> exact = results(*r.layer, x.to(f64), g.to(f64));
    ASSERT_EQ(single.size(), exact.size());
    for (size_t i = 0; i < exact.size(); ++i) {
      if (!exact[i].defined()) continue;
      const NoGrad compared;
      const double largest = amax(abs(exact[i])).item<double>();
      EXPECT_LE(amax(abs(single[i].to(f64) - exact[i])).item<double>(), r.tolerance * largest)
          << (i == 0   ? "output"
              : i == 1 ? "gradient of the input"
                       : "gradient of a parameter")
          << ", " << i;
      EXPECT_EQ(single[i].dtype(), f32);
    }
  }
  for (const std::string& name : built_in) {
    if (name.starts_with("Dropout") || name == "StochasticDepth" || name == "RReLU") continue;  // dice have no twin
    if (name == "Embedding") continue;                                                          // takes ids
    EXPECT_TRUE(seen.contains(name)) << name << " stands in no row";
  }
}

}  // namespace
