#include "cairn/nn/norm.h"

#include <charconv>
#include <nlohmann/json.hpp>

#include "cairn/nn/identity.h"
#include "cairn/nn/registry.h"
#include "cairn/ops/layer_norm.h"
#include "cairn/ops/norm.h"
#include "cairn/tensor/create.h"

namespace cairn::nn {
namespace {

// `make`, unless the parameter is not wanted.
Tensor filled(bool wanted, const Shape& shape, double value, Dtype dtype) {
  return wanted ? full(shape, value, dtype) : Tensor();
}

int64_t checked(const char* layer, const char* name, int64_t count, Dtype dtype) {
  require<ValueError>(count >= 1, layer, "needs at least one channel", given(name, count));
  require<DtypeError>(is_float(dtype), layer, "needs f32 or f64", given("dtype", dtype));
  return count;
}

}  // namespace

BatchNorm::BatchNorm(const char* layer, int64_t num_features, const BatchNormOptions& o)
    : num_features(checked(layer, "num_features", num_features, o.dtype)),
      settings(o),
      weight(parameter("weight", filled(o.affine, {num_features}, 1, o.dtype))),
      bias(parameter("bias", filled(o.affine, {num_features}, 0, o.dtype))),
      running_mean(buffer("running_mean", filled(o.track_running_stats, {num_features}, 0, o.dtype))),
      running_var(buffer("running_var", filled(o.track_running_stats, {num_features}, 1, o.dtype))),
      num_batches_tracked(buffer("num_batches_tracked", filled(o.track_running_stats, {}, 0, i64))) {}

Tensor BatchNorm::forward(const Tensor& x) {
  check_rank(x);
  require(x.size(1) == num_features, type_name().c_str(), "x has other than num_features channels (dimension 1)",
          given("x", x), given("num_features", num_features));
  const bool own = training() || !running_mean.defined();
  double momentum = settings.momentum.value_or(0);
  if (training() && num_batches_tracked.defined()) {
    const double batches = num_batches_tracked.item<double>() + 1;
    if (!settings.momentum) momentum = 1 / batches;
    Tensor y = batch_norm(x, running_mean, running_var, weight, bias, own, momentum, settings.eps);
    num_batches_tracked.fill_(batches);  // when nothing has thrown
    return y;
  }
  return batch_norm(x, running_mean, running_var, weight, bias, own, momentum, settings.eps);
}

Json BatchNorm::options() const {
  Json json = {{"num_features", num_features}};
  if (settings.eps != 1e-5) json["eps"] = settings.eps;
  if (!settings.momentum) json["momentum"] = "none";
  if (settings.momentum && *settings.momentum != 0.1) json["momentum"] = *settings.momentum;
  if (!settings.affine) json["affine"] = false;
  if (!settings.track_running_stats) json["track_running_stats"] = false;
  return json;
}

BatchNormOptions BatchNorm::read(const char* layer, const Json& options, int64_t& num_features) {
  const OptionReader o(layer, options, {"num_features", "eps", "momentum", "affine", "track_running_stats"});
  num_features = o.integer("num_features");
  BatchNormOptions read{.eps = o.number("eps", 1e-5),
                        .affine = o.boolean("affine", true),
                        .track_running_stats = o.boolean("track_running_stats", true)};
  if (o.has("momentum") && o.value("momentum") == "none")
    read.momentum.reset();
  else
    read.momentum = o.number("momentum", 0.1);
  return read;
}

BatchNorm1d::BatchNorm1d(int64_t num_features, const BatchNormOptions& options)
    : BatchNorm("BatchNorm1d", num_features, options) {}

void BatchNorm1d::check_rank(const Tensor& x) const {
  require(x.dim() == 2 || x.dim() == 3, "BatchNorm1d", "x must be (n, c) or (n, c, l)", given("x", x));
}

BatchNorm1d BatchNorm1d::from_options(const Json& options) {
  int64_t features = 0;
  const BatchNormOptions o = read("BatchNorm1d", options, features);
  return BatchNorm1d(features, o);
}

BatchNorm2d::BatchNorm2d(int64_t num_features, const BatchNormOptions& options)
    : BatchNorm("BatchNorm2d", num_features, options) {}

void BatchNorm2d::check_rank(const Tensor& x) const {
  require(x.dim() == 4, "BatchNorm2d", "x must be (n, c, h, w)", given("x", x));
}

BatchNorm2d BatchNorm2d::from_options(const Json& options) {
  int64_t features = 0;
  const BatchNormOptions o = read("BatchNorm2d", options, features);
  return BatchNorm2d(features, o);
}

static Shape checked_shape(const char* layer, const Shape& shape, Dtype dtype) {
  require<ValueError>(!shape.empty() && shape.numel() > 0, layer, "normalized_shape must not be empty",
                      given("normalized_shape", shape));
  require<DtypeError>(is_float(dtype), layer, "needs f32 or f64", given("dtype", dtype));
  return shape;
}

LayerNorm::LayerNorm(const Shape& shape, const LayerNormOptions& o)
    : normalized_shape(checked_shape("LayerNorm", shape, o.dtype)),
      settings(o),
      weight(parameter("weight", filled(o.elementwise_affine, shape, 1, o.dtype))),
      bias(parameter("bias", filled(o.elementwise_affine && o.bias, shape, 0, o.dtype))) {}

Tensor LayerNorm::forward(const Tensor& x) { return layer_norm(x, normalized_shape, weight, bias, settings.eps); }

Json LayerNorm::options() const {
  Json json = {{"normalized_shape", std::vector<int64_t>(normalized_shape.begin(), normalized_shape.end())}};
  if (settings.eps != 1e-5) json["eps"] = settings.eps;
  if (!settings.elementwise_affine) json["elementwise_affine"] = false;
  if (!settings.bias) json["bias"] = false;
  return json;
}

LayerNorm LayerNorm::from_options(const Json& options) {
  const OptionReader o("LayerNorm", options, {"normalized_shape", "eps", "elementwise_affine", "bias"});
  return LayerNorm(Shape(o.integers("normalized_shape")), {.eps = o.number("eps", 1e-5),
                                                           .elementwise_affine = o.boolean("elementwise_affine", true),
                                                           .bias = o.boolean("bias", true)});
}

RMSNorm::RMSNorm(const Shape& shape, const RMSNormOptions& o)
    : normalized_shape(checked_shape("RMSNorm", shape, o.dtype)),
      settings(o),
      weight(parameter("weight", filled(o.elementwise_affine, shape, 1, o.dtype))) {}

Tensor RMSNorm::forward(const Tensor& x) { return rms_norm(x, normalized_shape, weight, settings.eps); }

Json RMSNorm::options() const {
  Json json = {{"normalized_shape", std::vector<int64_t>(normalized_shape.begin(), normalized_shape.end())}};
  if (settings.eps) json["eps"] = *settings.eps;
  if (!settings.elementwise_affine) json["elementwise_affine"] = false;
  return json;
}

RMSNorm RMSNorm::from_options(const Json& options) {
  const OptionReader o("RMSNorm", options, {"normalized_shape", "eps", "elementwise_affine"});
  RMSNormOptions read{.elementwise_affine = o.boolean("elementwise_affine", true)};
  if (o.has("eps")) read.eps = o.number("eps");
  return RMSNorm(Shape(o.integers("normalized_shape")), read);
}

static int64_t checked_groups(int64_t groups, int64_t channels, Dtype dtype) {
  checked("GroupNorm", "num_channels", channels, dtype);
  require<ValueError>(groups >= 1 && channels % groups == 0, "GroupNorm", "num_groups must divide num_channels",
                      given("num_groups", groups), given("num_channels", channels));
  return groups;
}

GroupNorm::GroupNorm(int64_t num_groups, int64_t num_channels, const GroupNormOptions& o)
    : num_groups(checked_groups(num_groups, num_channels, o.dtype)),
      num_channels(num_channels),
      settings(o),
      weight(parameter("weight", filled(o.affine, {num_channels}, 1, o.dtype))),
      bias(parameter("bias", filled(o.affine, {num_channels}, 0, o.dtype))) {}

Tensor GroupNorm::forward(const Tensor& x) {
  require(x.dim() >= 2 && x.size(1) == num_channels, "GroupNorm", "x must be (n, num_channels, …)", given("x", x),
          given("num_channels", num_channels));
  return group_norm(x, num_groups, weight, bias, settings.eps);
}

Json GroupNorm::options() const {
  Json json = {{"num_groups", num_groups}, {"num_channels", num_channels}};
  if (settings.eps != 1e-5) json["eps"] = settings.eps;
  if (!settings.affine) json["affine"] = false;
  return json;
}

GroupNorm GroupNorm::from_options(const Json& options) {
  const OptionReader o("GroupNorm", options, {"num_groups", "num_channels", "eps", "affine"});
  return GroupNorm(o.integer("num_groups"), o.integer("num_channels"),
                   {.eps = o.number("eps", 1e-5), .affine = o.boolean("affine", true)});
}

std::vector<std::string> norm_names() { return {"batch", "group", "layer", "instance", "none"}; }

std::unique_ptr<Layer> make_norm(const std::string& name, int64_t channels) {
  if (name == "batch") return std::make_unique<BatchNorm2d>(channels);
  if (name == "layer") return std::make_unique<GroupNorm>(1, channels);
  if (name == "instance") return std::make_unique<GroupNorm>(channels, channels);
  if (name == "none") return std::make_unique<Identity>();
  int64_t groups = 32;
  if (name == "group") {
    while (channels % groups != 0) --groups;
    return std::make_unique<GroupNorm>(groups, channels);
  }
  if (name.starts_with("group(") && name.ends_with(")")) {
    const char *from = name.data() + 6, *end = name.data() + name.size() - 1;
    if (const auto read = std::from_chars(from, end, groups); read.ec == std::errc() && read.ptr == end)
      return std::make_unique<GroupNorm>(groups, channels);
  }
  fail_unknown("norm", name, norm_names());
}

}  // namespace cairn::nn
