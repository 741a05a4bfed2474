#include "cairn/nn/pool.h"

#include "nn/pairs.h"

namespace cairn::nn {
namespace {

// What describes a pool, of images or of sequences; the usual values stay out of what is printed and saved.
template <class Size, class Options>
Json described(Size kernel_size, const Options& o) {
  const Options usual;
  Json json = {{"kernel_size", as_json(kernel_size)}};
  if (o.stride != usual.stride) json["stride"] = as_json(o.stride);
  if constexpr (requires { o.padding; })
    if (o.padding != usual.padding) json["padding"] = as_json(o.padding);
  if constexpr (requires { o.dilation; })
    if (o.dilation != usual.dilation) json["dilation"] = as_json(o.dilation);
  if (o.ceil_mode) json["ceil_mode"] = true;
  if constexpr (requires { o.count_include_pad; })
    if (!o.count_include_pad) json["count_include_pad"] = false;
  if constexpr (requires { o.divisor_override; })
    if (o.divisor_override) json["divisor_override"] = *o.divisor_override;
  return json;
}

void read(const OptionReader& o, const char* layer, const char* name, IntPair& to) {
  to = pair_from(o, layer, name, to);
}
void read(const OptionReader& o, const char*, const char* name, int64_t& to) { to = o.integer(name, to); }

template <class Options>
Options read_options(const OptionReader& from, const char* layer) {
  Options o;
  read(from, layer, "stride", o.stride);
  if constexpr (requires { o.padding; }) read(from, layer, "padding", o.padding);
  if constexpr (requires { o.dilation; }) read(from, layer, "dilation", o.dilation);
  o.ceil_mode = from.boolean("ceil_mode", false);
  if constexpr (requires { o.count_include_pad; }) o.count_include_pad = from.boolean("count_include_pad", true);
  if constexpr (requires { o.divisor_override; })
    if (from.has("divisor_override")) o.divisor_override = from.integer("divisor_override");
  return o;
}

}  // namespace

Json MaxPool2d::options() const { return described(kernel_size, settings); }

MaxPool2d MaxPool2d::from_options(const Json& options) {
  constexpr const char* name = "MaxPool2d";
  const OptionReader o(name, options, {"kernel_size", "stride", "padding", "dilation", "ceil_mode"});
  return MaxPool2d(pair_from(o, name, "kernel_size"), read_options<MaxPool2dOptions>(o, name));
}

Json MaxPool1d::options() const { return described(kernel_size, settings); }

MaxPool1d MaxPool1d::from_options(const Json& options) {
  constexpr const char* name = "MaxPool1d";
  const OptionReader o(name, options, {"kernel_size", "stride", "padding", "dilation", "ceil_mode"});
  return MaxPool1d(o.integer("kernel_size"), read_options<MaxPool1dOptions>(o, name));
}

Json AvgPool2d::options() const { return described(kernel_size, settings); }

AvgPool2d AvgPool2d::from_options(const Json& options) {
  constexpr const char* name = "AvgPool2d";
  const OptionReader o(name, options,
                       {"kernel_size", "stride", "padding", "ceil_mode", "count_include_pad", "divisor_override"});
  return AvgPool2d(pair_from(o, name, "kernel_size"), read_options<AvgPool2dOptions>(o, name));
}

Json AvgPool1d::options() const { return described(kernel_size, settings); }

AvgPool1d AvgPool1d::from_options(const Json& options) {
  constexpr const char* name = "AvgPool1d";
  const OptionReader o(name, options, {"kernel_size", "stride", "padding", "ceil_mode", "count_include_pad"});
  return AvgPool1d(o.integer("kernel_size"), read_options<AvgPool1dOptions>(o, name));
}

Json AdaptiveAvgPool2d::options() const { return {{"output_size", as_json(output_size)}}; }

AdaptiveAvgPool2d AdaptiveAvgPool2d::from_options(const Json& options) {
  const OptionReader o("AdaptiveAvgPool2d", options, {"output_size"});
  return AdaptiveAvgPool2d(pair_from(o, "AdaptiveAvgPool2d", "output_size"));
}

Json AdaptiveMaxPool2d::options() const { return {{"output_size", as_json(output_size)}}; }

AdaptiveMaxPool2d AdaptiveMaxPool2d::from_options(const Json& options) {
  const OptionReader o("AdaptiveMaxPool2d", options, {"output_size"});
  return AdaptiveMaxPool2d(pair_from(o, "AdaptiveMaxPool2d", "output_size"));
}

Json AdaptiveAvgPool1d::options() const { return {{"output_size", output_size}}; }

AdaptiveAvgPool1d AdaptiveAvgPool1d::from_options(const Json& options) {
  return AdaptiveAvgPool1d(OptionReader("AdaptiveAvgPool1d", options, {"output_size"}).integer("output_size"));
}

Json AdaptiveMaxPool1d::options() const { return {{"output_size", output_size}}; }

AdaptiveMaxPool1d AdaptiveMaxPool1d::from_options(const Json& options) {
  return AdaptiveMaxPool1d(OptionReader("AdaptiveMaxPool1d", options, {"output_size"}).integer("output_size"));
}

Json LPPool2d::options() const {
  Json json = {{"p", p}};
  json.update(described(kernel_size, settings));
  return json;
}

LPPool2d LPPool2d::from_options(const Json& options) {
  constexpr const char* name = "LPPool2d";
  const OptionReader o(name, options, {"p", "kernel_size", "stride", "ceil_mode"});
  return LPPool2d(o.number("p"), pair_from(o, name, "kernel_size"), read_options<LpPool2dOptions>(o, name));
}

}  // namespace cairn::nn
