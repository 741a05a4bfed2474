#pragma once
// Pooling: images and sequences made smaller by what a window sees.

#include <optional>

#include "cairn/ops/pair.h"
#include "cairn/tensor/tensor.h"

namespace cairn {

// All take x (n, c, h, w) or (c, h, w), and those named 1d (n, c, l) or (c, l), f32 or f64; the results lie channels-last.
// The size that a window of `kernel` finds is ⌊(size + 2·padding − dilation·(kernel − 1) − 1) / stride⌋ + 1; with ceil_mode
// it is rounded up, but no window begins behind the image and its first padding. They throw ShapeError for a window larger
// than the padded input and for an empty one, ValueError for a window, stride or dilation below 1 and for a padding above half of the window,
// DtypeError.

struct MaxPool2dOptions {
  IntPair stride = 0;   ///< 0 stands for the window's size
  IntPair padding = 0;  ///< with −∞
  IntPair dilation = 1;
  bool ceil_mode = false;
};

/// The largest number of each window; NaN where there is one, and −∞ where dilation steps over the whole image.
///   grad  goes to the first place of the largest number, in row-major order; any order
Tensor max_pool2d(const Tensor& x, IntPair kernel_size, const MaxPool2dOptions& options = {});

struct MaxPool1dOptions {
  int64_t stride = 0;  ///< all as above
  int64_t padding = 0;
  int64_t dilation = 1;
  bool ceil_mode = false;
};

/// The same over one dimension: x (n, c, l), or (c, l).
Tensor max_pool1d(const Tensor& x, int64_t kernel_size, const MaxPool1dOptions& options = {});

struct AvgPool2dOptions {
  IntPair stride = 0;   ///< as above
  IntPair padding = 0;  ///< with zeros
  bool ceil_mode = false;
  bool count_include_pad = true;                 ///< whether padding counts among what is averaged over
  std::optional<int64_t> divisor_override = {};  ///< divides by this instead of by the count
};

/// The mean of each window.
///   throws  ValueError for a divisor of 0
///   grad    of x, any order
Tensor avg_pool2d(const Tensor& x, IntPair kernel_size, const AvgPool2dOptions& options = {});

struct AvgPool1dOptions {
  int64_t stride = 0;  ///< all as above
  int64_t padding = 0;
  bool ceil_mode = false;
  bool count_include_pad = true;
};

/// The same over one dimension: x (n, c, l), or (c, l).
Tensor avg_pool1d(const Tensor& x, int64_t kernel_size, const AvgPool1dOptions& options = {});

/// The mean (the largest) of output_size windows that cover the image as evenly as whole numbers allow: window i of o
/// goes from ⌊i·size/o⌋ to ⌈(i + 1)·size/o⌉.
///   throws  ValueError for an output size below 1, ShapeError for an image without pixels
Tensor adaptive_avg_pool2d(const Tensor& x, IntPair output_size);
Tensor adaptive_max_pool2d(const Tensor& x, IntPair output_size);
Tensor adaptive_avg_pool1d(const Tensor& x, int64_t output_size);
Tensor adaptive_max_pool1d(const Tensor& x, int64_t output_size);

struct LpPool2dOptions {
  IntPair stride = 0;  ///< as above
  bool ceil_mode = false;
};

/// (Σ |x|^p)^(1/p) over each window: p = 1 is the sum of magnitudes, p = ∞ is approached by large p. The gradient is 0
/// where a window holds nothing but zeros. Where x is 0 and p no whole number, the derivatives of |x|^p from the ⌈p⌉-th on
/// are infinite; 0 stands in their place. PyTorch differs in two cases: it sums x^p without the magnitude, which for odd p
/// and negative x is another number or NaN, and scales the sum of a window that ceil_mode cuts as if it were whole.
///   throws  ValueError unless p is finite and ≥ 1
Tensor lp_pool2d(const Tensor& x, double p, IntPair kernel_size, const LpPool2dOptions& options = {});

}  // namespace cairn
