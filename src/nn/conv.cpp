#include "cairn/nn/conv.h"

#include <cmath>

#include "cairn/tensor/random.h"
#include "nn/pairs.h"

namespace cairn::nn {
namespace {

// Uniform in ±1/√fan_in: what kaiming_uniform_ gives for a = √5.
Tensor uniform_in(const Shape& shape, int64_t fan_in, Dtype dtype) {
  const double bound = 1 / std::sqrt(static_cast<double>(fan_in));
  Tensor t = empty(shape, dtype);
  return uniform_(t, -bound, bound);
}

void check_sizes(const char* layer, int64_t in, int64_t out, IntPair kernel, int64_t groups, Dtype dtype) {
  require<ValueError>(in >= 1 && out >= 1, layer, "channel counts must be at least 1", given("in_channels", in),
                      given("out_channels", out));
  require<ValueError>(kernel.h >= 1 && kernel.w >= 1, layer, "kernel_size must be at least 1", given("h", kernel.h),
                      given("w", kernel.w));
  require<ValueError>(groups >= 1 && in % groups == 0 && out % groups == 0, layer,
                      "groups must divide in_channels and out_channels", given("groups", groups),
                      given("in_channels", in), given("out_channels", out));
  require<DtypeError>(is_float(dtype), layer, "needs f32 or f64", given("dtype", dtype));
}

Tensor weight_of(const char* layer, int64_t in, int64_t out, IntPair kernel, const ConvOptions& o, bool flat) {
  check_sizes(layer, in, out, kernel, o.groups, o.dtype);
  const int64_t fan_in = in / o.groups * kernel.h * kernel.w;
  if (flat) return uniform_in({out, in / o.groups, kernel.w}, fan_in, o.dtype);
  return uniform_in({out, in / o.groups, kernel.h, kernel.w}, fan_in, o.dtype);
}

Tensor bias_of(int64_t size, int64_t fan_in, bool wanted, Dtype dtype) {
  return wanted ? uniform_in({size}, fan_in, dtype) : Tensor();
}

Json padding_json(const Padding& p) { return p.same ? Json("same") : as_json(p.size); }

// The usual values stay out of what is printed and saved.
void add_common(Json& json, IntPair stride, const Json& padding, IntPair dilation, int64_t groups, bool bias) {
  if (stride != IntPair(1)) json["stride"] = as_json(stride);
  if (padding != Json(0)) json["padding"] = padding;
  if (dilation != IntPair(1)) json["dilation"] = as_json(dilation);
  if (groups != 1) json["groups"] = groups;
  json["bias"] = bias;
}

// What describes a Conv2d or a Conv1d.
Json described(int64_t in, int64_t out, const Json& kernel_size, const ConvOptions& o) {
  Json json = {{"in_channels", in}, {"out_channels", out}, {"kernel_size", kernel_size}};
  add_common(json, o.stride, padding_json(o.padding), o.dilation, o.groups, o.bias);
  return json;
}

constexpr auto option_names = {"in_channels", "out_channels", "kernel_size", "stride",
                               "padding",     "dilation",     "groups",      "bias"};

ConvOptions read_common(const OptionReader& o, const char* layer) {
  ConvOptions c{.stride = pair_from(o, layer, "stride", 1),
                .dilation = pair_from(o, layer, "dilation", 1),
                .groups = o.integer("groups", 1),
                .bias = o.boolean("bias", true)};
  if (o.has("padding") && o.value("padding").is_string())
    c.padding = Padding(o.text("padding"));
  else
    c.padding = pair_from(o, layer, "padding", 0);
  return c;
}

int64_t one_of(IntPair pair, const char* name) {
  require<ValueError>(pair.h == pair.w, "Conv1d", "there is one dimension: give one number", name,
                      given("first", pair.h), given("second", pair.w));
  return pair.w;
}

}  // namespace

Conv2d::Conv2d(int64_t in_channels, int64_t out_channels, IntPair kernel_size, ConvOptions options)
    : in_channels(in_channels),
      out_channels(out_channels),
      kernel_size(kernel_size),
      settings(options),
      weight(parameter("weight", weight_of("Conv2d", in_channels, out_channels, kernel_size, options, false))),
      bias(parameter("bias", bias_of(out_channels, weight.numel() / out_channels, options.bias, options.dtype))) {}

Tensor Conv2d::forward(const Tensor& x) {
  return conv2d(x, weight, bias, {settings.stride, settings.padding, settings.dilation, settings.groups});
}

Json Conv2d::options() const { return described(in_channels, out_channels, as_json(kernel_size), settings); }

Conv2d Conv2d::from_options(const Json& options) {
  const OptionReader o("Conv2d", options, option_names);
  return Conv2d(o.integer("in_channels"), o.integer("out_channels"), pair_from(o, "Conv2d", "kernel_size"),
                read_common(o, "Conv2d"));
}

Conv1d::Conv1d(int64_t in_channels, int64_t out_channels, int64_t kernel_size, ConvOptions options)
    : in_channels(in_channels),
      out_channels(out_channels),
      kernel_size(kernel_size),
      settings(options),
      weight(parameter("weight", weight_of("Conv1d", in_channels, out_channels, {1, kernel_size}, options, true))),
      bias(parameter("bias", bias_of(out_channels, weight.numel() / out_channels, options.bias, options.dtype))) {
  one_of(options.stride, "stride"), one_of(options.padding.size, "padding"), one_of(options.dilation, "dilation");
}

Tensor Conv1d::forward(const Tensor& x) {
  return conv1d(x, weight, bias, {settings.stride.w, settings.padding, settings.dilation.w, settings.groups});
}

Json Conv1d::options() const { return described(in_channels, out_channels, kernel_size, settings); }

Conv1d Conv1d::from_options(const Json& options) {
  const OptionReader o("Conv1d", options, option_names);
  return Conv1d(o.integer("in_channels"), o.integer("out_channels"), o.integer("kernel_size"),
                read_common(o, "Conv1d"));
}

static Tensor transposed_weight(int64_t in, int64_t out, IntPair kernel, const ConvTransposeOptions& o) {
  check_sizes("ConvTranspose2d", in, out, kernel, o.groups, o.dtype);
  const int64_t filters = out / o.groups;
  return uniform_in({in, filters, kernel.h, kernel.w}, filters * kernel.h * kernel.w, o.dtype);
}

ConvTranspose2d::ConvTranspose2d(int64_t in_channels, int64_t out_channels, IntPair kernel_size,
                                 ConvTransposeOptions options)
    : in_channels(in_channels),
      out_channels(out_channels),
      kernel_size(kernel_size),
      settings(options),
      weight(parameter("weight", transposed_weight(in_channels, out_channels, kernel_size, options))),
      bias(parameter("bias", bias_of(out_channels, weight.numel() / in_channels, options.bias, options.dtype))) {}

Tensor ConvTranspose2d::forward(const Tensor& x) {
  return conv_transpose2d(
      x, weight, bias,
      {settings.stride, settings.padding, settings.output_padding, settings.dilation, settings.groups});
}

Json ConvTranspose2d::options() const {
  Json json = {{"in_channels", in_channels}, {"out_channels", out_channels}, {"kernel_size", as_json(kernel_size)}};
  if (settings.output_padding != IntPair(0)) json["output_padding"] = as_json(settings.output_padding);
  add_common(json, settings.stride, as_json(settings.padding), settings.dilation, settings.groups, bias.defined());
  return json;
}

ConvTranspose2d ConvTranspose2d::from_options(const Json& options) {
  constexpr const char* name = "ConvTranspose2d";
  const OptionReader o(name, options,
                       {"in_channels", "out_channels", "kernel_size", "stride", "padding", "output_padding", "dilation",
                        "groups", "bias"});
  const ConvOptions c = read_common(o, name);
  require<ValueError>(!c.padding.same, name, "padding must be numbers");
  return ConvTranspose2d(o.integer("in_channels"), o.integer("out_channels"), pair_from(o, name, "kernel_size"),
                         {.stride = c.stride,
                          .padding = c.padding.size,
                          .output_padding = pair_from(o, name, "output_padding", 0),
                          .dilation = c.dilation,
                          .groups = c.groups,
                          .bias = c.bias});
}

}  // namespace cairn::nn
