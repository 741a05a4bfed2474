#include "cairn/nn/activation.h"

#include <nlohmann/json.hpp>

#include "cairn/nn/registry.h"

namespace cairn::nn {

Json Activation::options() const { return {{"function", function_.text()}}; }

Activation Activation::from_options(const Json& options) {
  return OptionReader("Activation", options, {"function"}).text("function");
}

}  // namespace cairn::nn
