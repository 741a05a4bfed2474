// Activation functions: forward plus backward over 4 Mi floats.
#include <cairn/cairn.h>

#include "bench.h"

namespace bench {

std::vector<Workload> activations() {
  constexpr int64_t n = 4 << 20, columns = 128;

  std::vector<Workload> list;
  const auto measure = [&](const std::string& name, const std::function<Tensor(const Tensor&)>& f, const Shape& shape) {
    list.push_back(
        {"act_" + name, "fwd_bwd_rate", "Melem/s", static_cast<double>(n) / 1e6, [f, shape]() -> std::function<void()> {
           manual_seed(1);
           Tensor x = randn(shape).requires_grad_(), g;
           {
             const NoGrad off;
             g = ones(f(x).shape());
           }
           return [f, x, g]() mutable {
             x.set_grad(Tensor());
             f(x).backward(g);
           };
         }});
  };

  for (const char* name :
       {"relu", "leaky_relu", "elu", "sigmoid", "tanh", "softplus", "gelu", "gelu_tanh", "silu", "mish"})
    measure(name, activation(name), {n});
  // The same as compiled lambdas and as formulas read at run time.
  measure("lambda_mish",
          [](const Tensor& x) {
            return elementwise(
                "lambda", [](auto v) { return v * tanh(softplus(v)); }, x);
          },
          {n});
  measure("formula_mish", activation("x * tanh(softplus(x))"), {n});
  measure("lambda_max",
          [](const Tensor& x) {
            return elementwise(
                "lambda", [](auto v) { return maximum(v, 0.1 * v); }, x);
          },
          {n});
  measure("formula_max", activation("max(x, 0.1 * x)"), {n});
  measure("formula_where", activation("x > 0 ? x : 0.1 * x"), {n});
  measure("swiglu", [](const Tensor& x) { return swiglu(x); }, {n / columns, columns});
  measure("maxout", [](const Tensor& x) { return maxout(x, 2); }, {n / columns, columns});
  measure("sparsemax", [](const Tensor& x) { return sparsemax(x, -1); }, {n / columns, columns});
  measure("softmax", [](const Tensor& x) { return softmax(x, -1); }, {n / columns, columns});
  measure("layer_norm", [](const Tensor& x) { return layer_norm(x, {columns}); }, {n / columns, columns});
  return list;
}

}  // namespace bench
