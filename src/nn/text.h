#pragma once
// Numbers for people.

#include <cstdint>
#include <string>

namespace cairn::nn {

/// 535818 is "535,818".
inline std::string with_commas(int64_t n) {
  std::string digits = std::to_string(n);
  for (auto at = static_cast<int64_t>(digits.size()) - 3; at > 0; at -= 3) digits.insert(static_cast<size_t>(at), ",");
  return digits;
}

}  // namespace cairn::nn
