#pragma once
// The header of a safetensors file, checked.

#include <map>
#include <string>
#include <vector>

#include "cairn/base/shape.h"
#include "io/elements.h"

namespace cairn::io {

/// Longest header that the format allows, in bytes.
inline constexpr uint64_t max_header = 100'000'000;

struct HeaderEntry {
  std::string name;
  const Stored* type = nullptr;
  Shape shape;
  int64_t begin = 0, end = 0;  ///< bytes of the data
};

struct Header {
  std::vector<HeaderEntry> entries;  ///< in the order of the data, which they cover without holes
  std::map<std::string, std::string> metadata;
};

/// Takes a header apart, in memory that its own length bounds.
///   in      stands behind the header: what is left there is the data
///   throws  FileError when anything is not as it must be
Header read_header(Source& in, const std::string& text);

}  // namespace cairn::io
