#pragma once
// Pooling layers: the operations of ops/pool.h with their options.

#include "cairn/nn/module.h"
#include "cairn/ops/pool.h"

namespace cairn::nn {

class MaxPool2d : public Layer {
 public:
  IntPair kernel_size;
  MaxPool2dOptions settings;
  explicit MaxPool2d(IntPair kernel_size, const MaxPool2dOptions& options = {})
      : kernel_size(kernel_size), settings(options) {}
  Tensor forward(const Tensor& x) override { return max_pool2d(x, kernel_size, settings); }
  Json options() const override;
  static MaxPool2d from_options(const Json& options);
};

class MaxPool1d : public Layer {
 public:
  int64_t kernel_size;
  MaxPool1dOptions settings;
  explicit MaxPool1d(int64_t kernel_size, const MaxPool1dOptions& options = {})
      : kernel_size(kernel_size), settings(options) {}
  Tensor forward(const Tensor& x) override { return max_pool1d(x, kernel_size, settings); }
  Json options() const override;
  static MaxPool1d from_options(const Json& options);
};

class AvgPool2d : public Layer {
 public:
  IntPair kernel_size;
  AvgPool2dOptions settings;
  explicit AvgPool2d(IntPair kernel_size, const AvgPool2dOptions& options = {})
      : kernel_size(kernel_size), settings(options) {}
  Tensor forward(const Tensor& x) override { return avg_pool2d(x, kernel_size, settings); }
  Json options() const override;
  static AvgPool2d from_options(const Json& options);
};

class AvgPool1d : public Layer {
 public:
  int64_t kernel_size;
  AvgPool1dOptions settings;
  explicit AvgPool1d(int64_t kernel_size, const AvgPool1dOptions& options = {})
      : kernel_size(kernel_size), settings(options) {}
  Tensor forward(const Tensor& x) override { return avg_pool1d(x, kernel_size, settings); }
  Json options() const override;
  static AvgPool1d from_options(const Json& options);
};

/// With output_size 1 the mean over the whole image: global pooling.
class AdaptiveAvgPool2d : public Layer {
 public:
  IntPair output_size;
  explicit AdaptiveAvgPool2d(IntPair output_size) : output_size(output_size) {}
  Tensor forward(const Tensor& x) override { return adaptive_avg_pool2d(x, output_size); }
  Json options() const override;
  static AdaptiveAvgPool2d from_options(const Json& options);
};

class AdaptiveMaxPool2d : public Layer {
 public:
  IntPair output_size;
  explicit AdaptiveMaxPool2d(IntPair output_size) : output_size(output_size) {}
  Tensor forward(const Tensor& x) override { return adaptive_max_pool2d(x, output_size); }
  Json options() const override;
  static AdaptiveMaxPool2d from_options(const Json& options);
};

/// With output_size 1 the mean over the whole sequence.
class AdaptiveAvgPool1d : public Layer {
 public:
  int64_t output_size;
  explicit AdaptiveAvgPool1d(int64_t output_size) : output_size(output_size) {}
  Tensor forward(const Tensor& x) override { return adaptive_avg_pool1d(x, output_size); }
  Json options() const override;
  static AdaptiveAvgPool1d from_options(const Json& options);
};

class AdaptiveMaxPool1d : public Layer {
 public:
  int64_t output_size;
  explicit AdaptiveMaxPool1d(int64_t output_size) : output_size(output_size) {}
  Tensor forward(const Tensor& x) override { return adaptive_max_pool1d(x, output_size); }
  Json options() const override;
  static AdaptiveMaxPool1d from_options(const Json& options);
};

class LPPool2d : public Layer {
 public:
  double p;
  IntPair kernel_size;
  LpPool2dOptions settings;
  LPPool2d(double p, IntPair kernel_size, const LpPool2dOptions& options = {})
      : p(p), kernel_size(kernel_size), settings(options) {}
  Tensor forward(const Tensor& x) override { return lp_pool2d(x, p, kernel_size, settings); }
  Json options() const override;
  static LPPool2d from_options(const Json& options);
};

}  // namespace cairn::nn
