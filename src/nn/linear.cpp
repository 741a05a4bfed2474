#include "cairn/nn/linear.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "cairn/nn/init.h"
#include "cairn/nn/registry.h"
#include "cairn/ops/linear.h"
#include "cairn/tensor/random.h"

namespace cairn::nn {

static Tensor first_weight(int64_t in, int64_t out, Dtype dtype) {
  require<ValueError>(in >= 1 && out >= 1, "Linear", "sizes must be at least 1", given("in", in), given("out", out));
  require<DtypeError>(is_float(dtype), "Linear", "needs f32 or f64", given("dtype", dtype));
  Tensor weight = empty({out, in}, dtype);
  return init::kaiming_uniform_(weight, {.a = std::sqrt(5.0)});
}

static Tensor first_bias(int64_t in, int64_t out, Dtype dtype) {
  const double bound = 1 / std::sqrt(static_cast<double>(in));
  Tensor bias = empty({out}, dtype);
  return uniform_(bias, -bound, bound);
}

Linear::Linear(int64_t in, int64_t out, LinearOptions options)
    : in(in),
      out(out),
      weight(parameter("weight", first_weight(in, out, options.dtype))),
      bias(parameter("bias", options.bias ? first_bias(in, out, options.dtype) : Tensor())) {}

Tensor Linear::forward(const Tensor& x) { return linear(x, weight, bias); }

Json Linear::options() const { return {{"in", in}, {"out", out}, {"bias", bias.defined()}}; }

Linear Linear::from_options(const Json& options) {
  const OptionReader o("Linear", options, {"in", "out", "bias"});
  const int64_t in = o.integer("in"), out = o.integer("out");
  return Linear(in, out, {.bias = o.boolean("bias", true)});
}

}  // namespace cairn::nn
