#pragma once
// What the readers of activations share: names, formulas and radial functions.

#include <string_view>

namespace cairn {

/// Without the blanks around it.
inline std::string_view trimmed(std::string_view s) {
  while (!s.empty() && s.front() == ' ') s.remove_prefix(1);
  while (!s.empty() && s.back() == ' ') s.remove_suffix(1);
  return s;
}

// What names are made of, in any locale.
inline bool letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
inline bool digit(char c) { return c >= '0' && c <= '9'; }

}  // namespace cairn
