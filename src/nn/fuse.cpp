#include "cairn/nn/fuse.h"

#include <cmath>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "cairn/graph/node.h"
#include "cairn/nn/registry.h"
#include "cairn/ops/arithmetic.h"
#include "cairn/ops/elementwise.h"
#include "cairn/tensor/create.h"
#include "nn/path.h"

namespace cairn::nn {
namespace {

// A convolution and the norm behind it, by their dotted names.
struct Pair {
  std::string conv, norm;
  double eps;
};

// Rewrites the description of a layer to its folded form, and lists what was folded.
void rewrite(Json& layer, const std::string& path, std::vector<Pair>& pairs) {
  const std::string type = layer["type"];
  Json& options = layer["options"];
  if (type == "Residual") {
    for (const char* part : {"body", "shortcut"})
      if (options.contains(part)) rewrite(options[part], join(path, part), pairs);
  } else if ((type == "BasicBlock" || type == "Bottleneck") && options["norm"] == "batch") {
    for (const char* number : {"1", "2", "3"})
      pairs.push_back({join(path, std::string("conv") + number), join(path, std::string("bn") + number), 1e-5});
    pairs.push_back({join(path, "downsample.0"), join(path, "downsample.1"), 1e-5});
    options["norm"] = "none";
  } else if (type == "Sequential") {
    Json& layers = options["layers"];
    const auto name = [&](size_t i) {
      return join(path, options.contains("names") ? options["names"][i].get<std::string>() : std::to_string(i));
    };
    for (size_t i = 0; i < layers.size(); ++i) {
      rewrite(layers[i], name(i), pairs);
      if (i == 0 || layers[i - 1]["type"] != "Conv2d" || layers[i]["type"] != "BatchNorm2d") continue;
      const Json norm = layers[i]["options"];
      if (!norm.value("track_running_stats", true)) continue;
      pairs.push_back({name(i - 1), name(i), norm.value("eps", 1e-5)});
      layers[i - 1]["options"]["bias"] = true;
      layers[i] = {{"type", "Identity"}, {"options", Json::object()}};
    }
  }
}

// Takes a value out of a state; an undefined tensor when it is not there.
Tensor take(StateDict& state, const std::string& name) {
  const auto node = state.extract(name);
  return node.empty() ? Tensor() : node.mapped();
}

void fold(StateDict& state, const Pair& p) {
  if (!state.contains(p.conv + ".weight")) return;  // a block without this convolution
  Tensor weight = state.at(p.conv + ".weight");
  const Tensor bias = take(state, p.conv + ".bias"), gamma = take(state, p.norm + ".weight"),
               beta = take(state, p.norm + ".bias"), mean = take(state, p.norm + ".running_mean"),
               var = take(state, p.norm + ".running_var");
  take(state, p.norm + ".num_batches_tracked");
  // In f64: the folded weights are rounded once.
  Tensor scale = rsqrt(var.to(f64) + p.eps);
  if (gamma.defined()) scale = scale * gamma.to(f64);
  Tensor shift = (bias.defined() ? bias.to(f64) - mean.to(f64) : -mean.to(f64)) * scale;
  if (beta.defined()) shift = shift + beta.to(f64);
  state[p.conv + ".weight"] = (weight.to(f64) * scale.reshape({-1, 1, 1, 1})).to(weight.dtype());
  state[p.conv + ".bias"] = shift.to(weight.dtype());
}

}  // namespace

std::unique_ptr<Layer> fuse(const Layer& model) {
  const NoGrad off;
  Json description = describe(model);
  std::vector<Pair> pairs;
  rewrite(description, "", pairs);
  StateDict state = model.state_dict();
  for (const Pair& p : pairs) fold(state, p);
  std::unique_ptr<Layer> fused = build(description);
  if (const auto parameters = model.named_parameters(); !parameters.empty()) fused->to(parameters[0].tensor.dtype());
  fused->load_state_dict(state);
  fused->eval();
  return fused;
}

}  // namespace cairn::nn
