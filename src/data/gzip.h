#pragma once
// The bytes of a file, unpacked on the way where it is gzip.

#include <zlib.h>

#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "cairn/base/error.h"

namespace cairn::data {

/// Reads a file from its beginning to its end. Whether it is gzip is told by its content, not by its name.
class ByteReader {
 public:
  /// `operation` is who reads, for the texts of errors.
  ///   throws  FileError when there is no such file or it cannot be opened
  ByteReader(std::string operation, std::string path);
  ~ByteReader();
  ByteReader(const ByteReader&) = delete;
  ByteReader& operator=(const ByteReader&) = delete;

  bool gzip() const { return gzip_; }
  /// Bytes of the file as it lies there.
  int64_t file_size() const { return file_size_; }
  /// Reads up to n bytes; fewer only at the end.
  ///   throws  FileError when gzip data are damaged, cut short or followed by something else
  size_t read(uint8_t* to, size_t n);
  /// "operation: problem; got 'path'"
  [[noreturn]] void fail(const std::string& problem) const;

 private:
  size_t read_plain(uint8_t* to, size_t n);
  size_t unpack(uint8_t* to, size_t n);

  std::string operation_, path_;
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> file_{nullptr, std::fclose};
  int64_t file_size_ = 0;
  bool gzip_ = false;
  std::vector<uint8_t> input_;
  z_stream stream_{};
  bool ended_ = false;
  int members_ = 0;
};

}  // namespace cairn::data
