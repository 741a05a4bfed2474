#include "cairn/nn/identity.h"

#include <nlohmann/json.hpp>

#include "cairn/nn/registry.h"

namespace cairn::nn {

Json Identity::options() const { return Json::object(); }

Identity Identity::from_options(const Json& options) {
  const OptionReader none("Identity", options, {});
  return {};
}

}  // namespace cairn::nn
