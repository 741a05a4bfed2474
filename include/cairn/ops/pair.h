#pragma once
// What convolutions and pools take for height and width.

#include <cstdint>

namespace cairn {

/// One number for both, or {height, width}.
struct IntPair {
  int64_t h, w;
  constexpr IntPair(int64_t both) : h(both), w(both) {}
  constexpr IntPair(int64_t h, int64_t w) : h(h), w(w) {}
  bool operator==(const IntPair&) const = default;
};

}  // namespace cairn
