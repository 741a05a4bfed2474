#include "cairn/nn/sequential.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>

#include "cairn/nn/registry.h"

namespace cairn::nn {

Json Sequential::options() const {
  Json list = Json::array(), names = Json::array();
  bool numbered = true;
  for (const auto& [name, child] : children()) {
    numbered = numbered && name == std::to_string(names.size());
    names.push_back(name);
  }
  for (const Layer* layer : layers_) list.push_back(describe(*layer));
  Json json = {{"layers", std::move(list)}};
  if (!numbered) json["names"] = std::move(names);
  return json;
}

Sequential Sequential::from_options(const Json& options) {
  const OptionReader o("Sequential", options, {"layers", "names"});
  const Json& list = o.value("layers");
  if (!list.is_array()) throw ValueError("Sequential: the option 'layers' must be a list of descriptions");
  Json names = Json::array();
  for (size_t i = 0; i < list.size(); ++i) names.push_back(std::to_string(i));
  if (o.has("names")) names = o.value("names");
  const auto is_text = [](const Json& name) { return name.is_string(); };
  if (!names.is_array() || names.size() != list.size() || !std::all_of(names.begin(), names.end(), is_text))
    throw ValueError("Sequential: the option 'names' must be a list of texts, as many as there are layers");
  Sequential model;
  for (size_t i = 0; i < list.size(); ++i) model.push_back(names[i].get<std::string>(), build(list[i]));
  return model;
}

}  // namespace cairn::nn
