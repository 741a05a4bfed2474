#pragma once
// Convolutional layers.

#include "cairn/nn/module.h"
#include "cairn/ops/conv.h"

namespace cairn::nn {

struct ConvOptions {
  IntPair stride = 1;
  Padding padding = 0;  ///< numbers, or "same"
  IntPair dilation = 1;
  int64_t groups = 1;
  bool bias = true;
  Dtype dtype = f32;
};

/// conv2d with a weight of its own: `nn::Conv2d(16, 32, 3, {.stride = 2, .padding = 1, .bias = false})`.
///   shape   x (n, in_channels, h, w) → (n, out_channels, h', w'), see conv2d;
///           weight (out_channels, in_channels / groups, kh, kw), bias (out_channels)
///   init    weight and bias uniform in ±1/√(in_channels / groups · kh · kw), as PyTorch has it
///   throws  ValueError for sizes below 1 and for groups that do not divide both channel counts
class Conv2d : public Layer {
 public:
  int64_t in_channels, out_channels;
  IntPair kernel_size;
  ConvOptions settings;
  Tensor& weight;
  Tensor& bias;  ///< undefined without a bias

  Conv2d(int64_t in_channels, int64_t out_channels, IntPair kernel_size, ConvOptions options = {});
  Tensor forward(const Tensor& x) override;
  Json options() const override;
  static Conv2d from_options(const Json& options);
};

/// The same over one dimension: x (n, in_channels, l) → (n, out_channels, l'), weight (out, in / groups, k). Of the pairs
/// in the options both numbers must be equal.
class Conv1d : public Layer {
 public:
  int64_t in_channels, out_channels, kernel_size;
  ConvOptions settings;
  Tensor& weight;
  Tensor& bias;  ///< undefined without a bias

  Conv1d(int64_t in_channels, int64_t out_channels, int64_t kernel_size, ConvOptions options = {});
  Tensor forward(const Tensor& x) override;
  Json options() const override;
  static Conv1d from_options(const Json& options);
};

struct ConvTransposeOptions {
  IntPair stride = 1;
  IntPair padding = 0;
  IntPair output_padding = 0;
  IntPair dilation = 1;
  int64_t groups = 1;
  bool bias = true;
  Dtype dtype = f32;
};

/// conv_transpose2d with a weight of its own.
///   shape   x (n, in_channels, h, w) → (n, out_channels, h', w'); weight (in_channels, out_channels / groups, kh, kw)
///   init    weight and bias uniform in ±1/√(out_channels / groups · kh · kw), as PyTorch has it
class ConvTranspose2d : public Layer {
 public:
  int64_t in_channels, out_channels;
  IntPair kernel_size;
  ConvTransposeOptions settings;
  Tensor& weight;
  Tensor& bias;  ///< undefined without a bias

  ConvTranspose2d(int64_t in_channels, int64_t out_channels, IntPair kernel_size, ConvTransposeOptions options = {});
  Tensor forward(const Tensor& x) override;
  Json options() const override;
  static ConvTranspose2d from_options(const Json& options);
};

}  // namespace cairn::nn
