#pragma once
// Small IDX files for tests, whole and damaged.

#include <gtest/gtest.h>
#include <zlib.h>

#include <string>
#include <vector>

#include "support.h"

namespace cairn::testing {

inline std::string big_endian(int64_t v) {
  return {static_cast<char>(v >> 24), static_cast<char>(v >> 16), static_cast<char>(v >> 8), static_cast<char>(v)};
}

/// Header of an IDX file and then `elements`.
inline std::string idx(const std::vector<int64_t>& sizes, const std::string& elements, int type = 8) {
  std::string bytes = {0, 0, static_cast<char>(type), static_cast<char>(sizes.size())};
  for (int64_t n : sizes) bytes += big_endian(n);
  return bytes + elements;
}

inline std::string gzip(const std::string& bytes) {
  z_stream s{};
  deflateInit2(&s, 9, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
  std::string out(deflateBound(&s, bytes.size()) + 64, '\0');
  s.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  s.avail_in = static_cast<uInt>(bytes.size());
  s.next_out = reinterpret_cast<Bytef*>(out.data());
  s.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&s, Z_FINISH), Z_STREAM_END);
  out.resize(s.total_out);
  deflateEnd(&s);
  return out;
}

}  // namespace cairn::testing
