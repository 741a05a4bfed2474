#include "cairn/nn/sequential.h"

#include <nlohmann/json.hpp>

#include "cairn/nn/registry.h"

namespace cairn::nn {

Json Sequential::options() const {
  Json list = Json::array();
  for (const Layer* layer : layers_) list.push_back(describe(*layer));
  return {{"layers", std::move(list)}};
}

Sequential Sequential::from_options(const Json& options) {
  const Json& list = OptionReader("Sequential", options, {"layers"}).value("layers");
  if (!list.is_array()) throw ValueError("Sequential: the option 'layers' must be a list of descriptions");
  Sequential model;
  for (const Json& layer : list) model.push_back(build(layer));
  return model;
}

}  // namespace cairn::nn
