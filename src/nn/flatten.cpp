#include "cairn/nn/flatten.h"

#include <nlohmann/json.hpp>

#include "cairn/nn/registry.h"

namespace cairn::nn {

Json Flatten::options() const { return {{"start", start_}, {"end", end_}}; }

Flatten Flatten::from_options(const Json& options) {
  const OptionReader o("Flatten", options, {"start", "end"});
  const int64_t start = o.integer("start"), end = o.integer("end");
  return Flatten(start, end);
}

}  // namespace cairn::nn
