#pragma once
// The header of a safetensors file, checked.

#include <map>
#include <string>
#include <vector>

#include "cairn/base/shape.h"

namespace cairn::io {

/// Longest header that the format allows, in bytes.
inline constexpr uint64_t max_header = 100'000'000;

struct HeaderEntry {
  std::string name, dtype;
  Shape shape;
  int64_t begin = 0, end = 0;  ///< bytes of the data
};

struct Header {
  std::vector<HeaderEntry> entries;  ///< in the order of the data, which they cover without holes
  std::map<std::string, std::string> metadata;
};

/// Reads a header, in memory that its own length bounds.
///   data    bytes that follow the header
///   throws  FileError when anything is not as it must be; the dtypes are among those that are read
Header parse_header(const std::string& file, const std::string& text, int64_t data);

/// Throws FileError: "load_safetensors: problem; got 'file'".
[[noreturn]] void fail_file(const std::string& file, const std::string& problem);

}  // namespace cairn::io
