#include "train/parse_object.h"

#include <nlohmann/json.hpp>

namespace cairn::train {

std::optional<Json> parse_object(const std::string& text) {
  constexpr int deepest = 32;
  bool too_deep = false;
  Json j = Json::parse(
      text, [&](int depth, Json::parse_event_t, Json&) { return !(too_deep |= depth > deepest); }, false);
  if (too_deep || !j.is_object()) return std::nullopt;
  return j;
}

}  // namespace cairn::train
