// Activation functions: forward plus backward over 4 Mi floats.
#include <cairn/cairn.h>

#include "bench.h"

namespace bench {

void activations(const Options& options) {
  using namespace cairn;
  constexpr int64_t n = 4 << 20, columns = 128;

  const auto measure = [&](const std::string& name, const std::function<Tensor(const Tensor&)>& f, const Shape& shape) {
    const std::string workload = "act_" + name;
    if (!wanted(options, workload)) return;
    Tensor x = randn(shape).requires_grad_();
    const Tensor g = ones(shape);
    const double seconds = seconds_per_call(options, [&] {
      x.set_grad(Tensor());
      f(x).backward(g);
    });
    report(options, workload, "fwd_bwd_rate", static_cast<double>(n) / seconds / 1e6, "Melem/s");
  };

  for (const char* name :
       {"relu", "leaky_relu", "elu", "sigmoid", "tanh", "softplus", "gelu", "gelu_tanh", "silu", "mish"})
    measure(name, activation(name), {n});
  measure("softmax", [](const Tensor& x) { return softmax(x, -1); }, {n / columns, columns});
  measure("layer_norm", [](const Tensor& x) { return layer_norm(x, {columns}); }, {n / columns, columns});
}

}  // namespace bench
