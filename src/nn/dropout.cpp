#include "cairn/nn/dropout.h"

#include <nlohmann/json.hpp>

#include "cairn/nn/registry.h"
#include "cairn/ops/dropout.h"

namespace cairn::nn {

Dropout::Dropout(double p) : p_(p) {
  require<ValueError>(p >= 0 && p <= 1, "Dropout", "the probability must be from 0 to 1", given("p", p));
}

Tensor Dropout::forward(const Tensor& x) { return dropout(x, p_, training()); }

Json Dropout::options() const { return {{"p", p_}}; }

Dropout Dropout::from_options(const Json& options) {
  return Dropout(OptionReader("Dropout", options, {"p"}).number("p"));
}

}  // namespace cairn::nn
