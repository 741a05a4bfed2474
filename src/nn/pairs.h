#pragma once
// Pairs of numbers in the options of layers: one number when both are equal.

#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "cairn/nn/registry.h"
#include "cairn/ops/pair.h"

namespace cairn::nn {

inline Json as_json(IntPair p) { return p.h == p.w ? Json(p.h) : Json::array({p.h, p.w}); }

inline IntPair pair_from(const OptionReader& o, const char* layer, const char* name,
                         std::optional<IntPair> otherwise = {}) {
  if (otherwise && !o.has(name)) return *otherwise;
  if (!o.value(name).is_array()) return o.integer(name);
  const std::vector<int64_t> both = o.integers(name);
  if (both.size() != 2) throw ValueError(std::string(layer) + ": the option '" + name + "' must be one number or two");
  return {both[0], both[1]};
}

}  // namespace cairn::nn
