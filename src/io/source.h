#pragma once
// The bytes of a file, for formats that say how many there must be.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace cairn::io {

/// Bytes that are read once, from first to last. What a format claims is held against left() before memory is taken.
class Source {
 public:
  /// Who reads, and what from, are for the texts of errors.
  Source(std::string operation, std::string what) : operation_(std::move(operation)), what_(std::move(what)) {}
  virtual ~Source() = default;
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;

  /// How many bytes follow. Where nobody can tell they are read ahead, so that no more than `wanted` are counted.
  virtual int64_t left(int64_t wanted) = 0;
  /// Reads as many bytes.
  ///   throws  FileError when there are fewer
  virtual void read(void* to, int64_t bytes) = 0;
  /// Throws FileError: "operation: problem; got 'file'".
  [[noreturn]] void fail(const std::string& problem) const;

 private:
  std::string operation_, what_;
};

/// A regular file, or a pipe. Reading copies and maps nothing: a file that somebody cuts short meanwhile is an error.
class FileSource : public Source {
 public:
  /// throws  FileError when there is no such file, or it cannot be read
  FileSource(std::string operation, const std::string& path);
  ~FileSource() override;
  int64_t left(int64_t wanted) override;
  void read(void* to, int64_t bytes) override;

  bool regular() const { return regular_; }
  /// The whole file as memory: what is written there stays in this process. Null for what cannot be mapped.
  std::shared_ptr<char> map() const;
  int64_t position() const { return position_; }
  /// Goes on behind bytes that are read from the map.
  void skip(int64_t bytes) { position_ += bytes; }

 private:
  int64_t read_some(void* to, int64_t bytes) const;

  int descriptor_ = -1;
  bool regular_ = true;
  int64_t length_ = 0, position_ = 0;
  std::vector<char> ahead_;  // what was read of a pipe: the bytes up to length_
};

}  // namespace cairn::io
