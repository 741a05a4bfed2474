#pragma once
// Files that are written whole or not at all.

#include <cstddef>
#include <string>

#include "cairn/base/error.h"

namespace cairn::io {

/// A new content for a file. It is written under a temporary name in the same folder; commit() flushes it to the disk
/// and puts it in the place of the old file in one step. Until then, and after any failure, the old file is untouched;
/// without a commit the temporary file is removed. The mode of an old file is kept, and a symbolic link stays one.
class AtomicFile {
 public:
  /// throws  FileError naming the path and the system's reason
  explicit AtomicFile(const std::string& path);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  /// Appends bytes.
  ///   throws  FileError
  void write(const void* data, size_t bytes);
  void write(const std::string& bytes) { write(bytes.data(), bytes.size()); }
  /// Makes it the file. Nothing may be written afterwards.
  ///   throws  FileError
  void commit();

 private:
  [[noreturn]] void fail_write(const char* what) const;

  std::string path_;       // as given
  std::string target_;     // behind symbolic links
  std::string temporary_;  // empty once it is gone
  int descriptor_ = -1;
};

/// The text as a file, written whole or not at all.
///   throws  FileError when it cannot be written
void write_text(const std::string& path, const std::string& text);

}  // namespace cairn::io
