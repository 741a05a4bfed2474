#include "cairn/nn/pool.h"

#include "nn/pairs.h"

namespace cairn::nn {

Json MaxPool2d::options() const {
  Json json = {{"kernel_size", as_json(kernel_size)}};
  if (settings.stride != IntPair(0)) json["stride"] = as_json(settings.stride);
  if (settings.padding != IntPair(0)) json["padding"] = as_json(settings.padding);
  if (settings.dilation != IntPair(1)) json["dilation"] = as_json(settings.dilation);
  if (settings.ceil_mode) json["ceil_mode"] = true;
  return json;
}

MaxPool2d MaxPool2d::from_options(const Json& options) {
  constexpr const char* name = "MaxPool2d";
  const OptionReader o(name, options, {"kernel_size", "stride", "padding", "dilation", "ceil_mode"});
  return MaxPool2d(pair_from(o, name, "kernel_size"), {.stride = pair_from(o, name, "stride", 0),
                                                       .padding = pair_from(o, name, "padding", 0),
                                                       .dilation = pair_from(o, name, "dilation", 1),
                                                       .ceil_mode = o.boolean("ceil_mode", false)});
}

Json AvgPool2d::options() const {
  Json json = {{"kernel_size", as_json(kernel_size)}};
  if (settings.stride != IntPair(0)) json["stride"] = as_json(settings.stride);
  if (settings.padding != IntPair(0)) json["padding"] = as_json(settings.padding);
  if (settings.ceil_mode) json["ceil_mode"] = true;
  if (!settings.count_include_pad) json["count_include_pad"] = false;
  if (settings.divisor_override) json["divisor_override"] = *settings.divisor_override;
  return json;
}

AvgPool2d AvgPool2d::from_options(const Json& options) {
  constexpr const char* name = "AvgPool2d";
  const OptionReader o(name, options,
                       {"kernel_size", "stride", "padding", "ceil_mode", "count_include_pad", "divisor_override"});
  AvgPool2dOptions read{.stride = pair_from(o, name, "stride", 0),
                        .padding = pair_from(o, name, "padding", 0),
                        .ceil_mode = o.boolean("ceil_mode", false),
                        .count_include_pad = o.boolean("count_include_pad", true)};
  if (o.has("divisor_override")) read.divisor_override = o.integer("divisor_override");
  return AvgPool2d(pair_from(o, name, "kernel_size"), read);
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

Json LPPool2d::options() const {
  Json json = {{"p", p}, {"kernel_size", as_json(kernel_size)}};
  if (settings.stride != IntPair(0)) json["stride"] = as_json(settings.stride);
  if (settings.ceil_mode) json["ceil_mode"] = true;
  return json;
}

LPPool2d LPPool2d::from_options(const Json& options) {
  constexpr const char* name = "LPPool2d";
  const OptionReader o(name, options, {"p", "kernel_size", "stride", "ceil_mode"});
  return LPPool2d(o.number("p"), pair_from(o, name, "kernel_size"),
                  {.stride = pair_from(o, name, "stride", 0), .ceil_mode = o.boolean("ceil_mode", false)});
}

}  // namespace cairn::nn
