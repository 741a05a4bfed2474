#include "cairn/nn/taylor.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "cairn/nn/registry.h"

namespace cairn::nn {

Taylor::Taylor(std::string_view function, int64_t degree, double interval)
    : Taylor(activation(function), degree, interval) {}

Taylor::Taylor(cairn::Activation function, int64_t degree, double interval)
    : function_(std::move(function)),
      interval_(interval),
      series_(taylor_series(function_, degree)),
      polynomial_(taylor_activation(function_, series_, interval)) {}

Json Taylor::options() const {
  return {{"function", function_.text()},
          {"degree", static_cast<int64_t>(coefficients().size()) - 1},
          {"interval", interval_}};
}

Taylor Taylor::from_options(const Json& options) {
  const OptionReader read("Taylor", options, {"function", "degree", "interval"});
  return {read.text("function"), read.integer("degree"), read.number("interval")};
}

}  // namespace cairn::nn
