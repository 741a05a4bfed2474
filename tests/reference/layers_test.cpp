// Convolutions, pools and normalisation held to PyTorch's values and gradients.
#include "cases.h"

namespace cairn::reference {
namespace {

IntPair pair_of(const Json& j) {
  return j.is_array() ? IntPair(j[0].get<int64_t>(), j[1].get<int64_t>()) : j.get<int64_t>();
}

TEST(Reference, ConvolutionsPoolsAndNorms) {
  const auto bias = [](const Case& c) { return c.inputs.contains("bias") ? c("bias") : Tensor(); };
  check("layers",
        {
            {"conv2d",
             [&](const Case& c) {
               return conv2d(c("x"), c("weight"), bias(c),
                             {pair_of(c.params["stride"]), pair_of(c.params["padding"]), pair_of(c.params["dilation"]),
                              c.params["groups"]});
             }},
            {"conv1d",
             [&](const Case& c) {
               return conv1d(
                   c("x"), c("weight"), bias(c),
                   {c.params["stride"], c.params["padding"].get<int64_t>(), c.params["dilation"], c.params["groups"]});
             }},
            {"conv_transpose2d",
             [&](const Case& c) {
               return conv_transpose2d(
                   c("x"), c("weight"), bias(c),
                   {pair_of(c.params["stride"]), pair_of(c.params["padding"]), pair_of(c.params["output_padding"])});
             }},
            {"max_pool2d",
             [](const Case& c) {
               return max_pool2d(c("x"), pair_of(c.params["kernel"]),
                                 {.stride = pair_of(c.params["stride"]), .padding = pair_of(c.params["padding"])});
             }},
            {"avg_pool2d",
             [](const Case& c) {
               return avg_pool2d(c("x"), pair_of(c.params["kernel"]),
                                 {.stride = pair_of(c.params["stride"]), .padding = pair_of(c.params["padding"])});
             }},
            {"adaptive_avg_pool2d",
             [](const Case& c) { return adaptive_avg_pool2d(c("x"), pair_of(c.params["output"])); }},
            {"group_norm",
             [](const Case& c) {
               return group_norm(c("x"), c.params["groups"], c("weight"), c("bias"), c.params["eps"].get<double>());
             }},
        });
}

// Training moves the running statistics as PyTorch does; evaluation uses those given.
TEST(Reference, BatchNorm) {
  int found = 0;
  const Json file = load("layers");
  for (const Json& c : file["cases"]) {
    const bool training = c["op"] == "batch_norm_train";
    if (!training && c["op"] != "batch_norm_eval") continue;
    SCOPED_TRACE(c["op"].get<std::string>());
    ++found;
    std::map<std::string, Tensor> in;
    for (const auto& [key, value] : c["inputs"].items()) in[key] = tensor_of(value).requires_grad_();
    const int64_t channels = in.at("x").size(1);
    Tensor mean = zeros({channels}, f64), var = ones({channels}, f64);
    if (c["params"].contains("running_mean")) {
      mean = tensor_of(c["params"]["running_mean"]), var = tensor_of(c["params"]["running_var"]);
    }
    const Tensor y = batch_norm(in.at("x"), mean, var, in.at("weight"), in.at("bias"), training,
                                c["params"].value("momentum", 0.1), c["params"].value("eps", 1e-5));
    expect_near(y, c["output"], operation_tolerance, "output");
    y.backward(tensor_of(c["grad_output"]));
    for (const auto& [key, value] : c["grads"].items())
      expect_near(in.at(key).grad(), value, operation_tolerance, "gradient of " + key);
    if (!training) continue;
    expect_near(mean, c["running_mean_after"], operation_tolerance, "running mean");
    expect_near(var, c["running_var_after"], operation_tolerance, "running variance");
  }
  EXPECT_EQ(found, 2);
}

}  // namespace
}  // namespace cairn::reference
