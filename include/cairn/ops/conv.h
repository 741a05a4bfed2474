#pragma once
// Convolutions (cross-correlations, as the field calls them) over one and two dimensions.

#include <cstddef>
#include <string_view>

#include "cairn/ops/pair.h"
#include "cairn/tensor/tensor.h"

namespace cairn {

/// Zeros around an image: numbers for both sides, or "same", which keeps the size at stride 1 (an odd zero goes behind).
struct Padding {
  IntPair size = 0;
  bool same = false;
  constexpr Padding(int64_t both) : size(both) {}
  constexpr Padding(int64_t h, int64_t w) : size(h, w) {}
  constexpr Padding(IntPair size) : size(size) {}
  /// "same", or "valid" for none.
  ///   throws  ValueError for other names
  explicit Padding(std::string_view name);
  template <size_t size>
  Padding(const char (&name)[size]) : Padding(std::string_view(name)) {}
  bool operator==(const Padding&) const = default;
};

struct Conv2dOptions {
  IntPair stride = 1;
  Padding padding = 0;
  IntPair dilation = 1;  ///< distance between the taps of the kernel
  int64_t groups = 1;    ///< of channels that are convolved apart from each other; in_channels makes it depthwise
};

/// y[n, o, i, j] = bias[o] + Σ weight[o, c, a, b] · x[n, c, i·stride + a·dilation − padding, j·stride + b·dilation − padding],
/// c running over the channels of o's group and x being 0 outside.
///   shape   x (n, c, h, w), weight (o, c / groups, kh, kw), bias (o) or undefined → (n, o, h', w'),
///           h' = ⌊(h + 2·padding − dilation·(kh − 1) − 1) / stride⌋ + 1; x may be (c, h, w)
///   dtype   equal, f32 or f64
///   memory  the result lies channels-last
///   errors  in f32, kernels of 3 × 3 with stride 1 are computed by Winograd's algorithm where it is faster: then an output
///           may be off by 1e-5 of the largest of its tile of 4 × 4, and so may gradients, and infinity or NaN in x makes
///           NaN of the tiles that see it. In f64 sums are taken directly.
///   throws  ShapeError for channels that do not fit, or a kernel larger than the padded input; ValueError for a stride,
///           dilation or group count below 1, a negative padding, any of them from 2³¹ on, "same" with a stride above 1;
///           DtypeError
///   grad    of x, weight and bias, any order
Tensor conv2d(const Tensor& x, const Tensor& weight, const Tensor& bias = Tensor(), const Conv2dOptions& options = {});

struct Conv1dOptions {
  int64_t stride = 1;
  Padding padding = 0;
  int64_t dilation = 1;
  int64_t groups = 1;
};

/// The same over one dimension: x (n, c, l), or (c, l); weight (o, c / groups, k) → (n, o, l').
///   throws  as conv2d; ValueError for a padding of two different numbers
Tensor conv1d(const Tensor& x, const Tensor& weight, const Tensor& bias = Tensor(), const Conv1dOptions& options = {});

struct ConvTranspose2dOptions {
  IntPair stride = 1;
  IntPair padding = 0;
  IntPair output_padding = 0;  ///< rows and columns added behind, where several sizes would convolve to that of x
  IntPair dilation = 1;
  int64_t groups = 1;
};

/// The transpose of conv2d as a linear map: what conv2d's input gradient is, and what makes images larger.
///   shape   x (n, c, h, w), weight (c, o / groups, kh, kw), bias (o) or undefined → (n, o, h', w'),
///           h' = (h − 1)·stride − 2·padding + dilation·(kh − 1) + output_padding + 1; x may be (c, h, w)
///   throws  as conv2d; ValueError for an output padding that is not below stride or dilation
///   grad    of x, weight and bias, any order
Tensor conv_transpose2d(const Tensor& x, const Tensor& weight, const Tensor& bias = Tensor(),
                        const ConvTranspose2dOptions& options = {});

}  // namespace cairn
