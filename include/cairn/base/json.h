#pragma once
// JSON values, by name only: whoever reads or makes one includes <nlohmann/json.hpp>, which takes seconds to compile.

#include <nlohmann/json_fwd.hpp>

namespace cairn {

/// An object keeps the order in which its members were written.
using Json = nlohmann::ordered_json;

}  // namespace cairn
