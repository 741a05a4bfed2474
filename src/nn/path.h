#pragma once
// Dotted names of members of modules.

#include <string>

namespace cairn::nn {

inline std::string join(const std::string& path, const std::string& name) {
  return path.empty() ? name : path + "." + name;
}

}  // namespace cairn::nn
