#pragma once
// Layers that normalise.

#include <optional>

#include "cairn/nn/module.h"

namespace cairn::nn {

struct BatchNormOptions {
  double eps = 1e-5;
  std::optional<double> momentum = 0.1;  ///< of the running statistics; none takes the mean over all batches so far
  bool affine = true;                    ///< weight and bias
  bool track_running_stats = true;       ///< without, evaluation uses the batch's own statistics too
  Dtype dtype = f32;
};

/// batch_norm with weight, bias and running statistics of its own. Parameters `weight` (1) and `bias` (0); buffers
/// `running_mean` (0), `running_var` (1), `num_batches_tracked`, as PyTorch has them.
class BatchNorm : public Layer {
 public:
  int64_t num_features;
  BatchNormOptions settings;
  Tensor& weight;  ///< undefined without affine, as bias
  Tensor& bias;
  Tensor& running_mean;  ///< undefined without track_running_stats, as the other two
  Tensor& running_var;
  Tensor& num_batches_tracked;

  Tensor forward(const Tensor& x) override;
  Json options() const override;

 protected:
  BatchNorm(const char* layer, int64_t num_features, const BatchNormOptions& options);
  static BatchNormOptions read(const char* layer, const Json& options, int64_t& num_features);

 private:
  virtual void check_rank(const Tensor& x) const = 0;
};

/// Of samples (n, num_features), or of sequences (n, num_features, l).
class BatchNorm1d : public BatchNorm {
 public:
  explicit BatchNorm1d(int64_t num_features, const BatchNormOptions& options = {});
  static BatchNorm1d from_options(const Json& options);

 private:
  void check_rank(const Tensor& x) const override;
};

/// Of images (n, num_features, h, w).
class BatchNorm2d : public BatchNorm {
 public:
  explicit BatchNorm2d(int64_t num_features, const BatchNormOptions& options = {});
  static BatchNorm2d from_options(const Json& options);

 private:
  void check_rank(const Tensor& x) const override;
};

struct LayerNormOptions {
  double eps = 1e-5;
  bool elementwise_affine = true;  ///< weight and bias
  bool bias = true;
  Dtype dtype = f32;
};

/// layer_norm over the last dimensions with weight (1) and bias (0) of its own.
class LayerNorm : public Layer {
 public:
  Shape normalized_shape;
  LayerNormOptions settings;
  Tensor& weight;
  Tensor& bias;

  explicit LayerNorm(const Shape& normalized_shape, const LayerNormOptions& options = {});
  Tensor forward(const Tensor& x) override;
  Json options() const override;
  static LayerNorm from_options(const Json& options);
};

struct RMSNormOptions {
  std::optional<double> eps = {};  ///< by default the distance from 1 to the next number of the dtype
  bool elementwise_affine = true;  ///< weight
  Dtype dtype = f32;
};

/// rms_norm over the last dimensions with a weight (1) of its own.
class RMSNorm : public Layer {
 public:
  Shape normalized_shape;
  RMSNormOptions settings;
  Tensor& weight;

  explicit RMSNorm(const Shape& normalized_shape, const RMSNormOptions& options = {});
  Tensor forward(const Tensor& x) override;
  Json options() const override;
  static RMSNorm from_options(const Json& options);
};

struct GroupNormOptions {
  double eps = 1e-5;
  bool affine = true;
  Dtype dtype = f32;
};

/// group_norm with weight (1) and bias (0) of its own.
class GroupNorm : public Layer {
 public:
  int64_t num_groups, num_channels;
  GroupNormOptions settings;
  Tensor& weight;
  Tensor& bias;

  GroupNorm(int64_t num_groups, int64_t num_channels, const GroupNormOptions& options = {});
  Tensor forward(const Tensor& x) override;
  Json options() const override;
  static GroupNorm from_options(const Json& options);
};

/// A normalisation of images by its name, for models that take one as an option: "batch", "group" or "group(8)" (as many
/// groups; by default 32, or the largest number below that divides the channels), "layer" (one group), "instance" (a
/// group a channel), "none" (Identity).
///   throws  NameError for another name; ValueError for groups that do not divide the channels
std::unique_ptr<Layer> make_norm(const std::string& name, int64_t channels);
std::vector<std::string> norm_names();

}  // namespace cairn::nn
