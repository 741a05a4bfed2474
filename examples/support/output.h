#pragma once
// The end of what a program prints.

#include <cairn/base/error.h>

#include <cerrno>
#include <cstdio>
#include <system_error>

namespace support {

/// What was printed has arrived: a full disk behind `program >file` is an error, and not a file that ends early.
///   throws  FileError
inline void finish_output() {
  errno = 0;
  if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return;
  const int reason = errno;
  throw cairn::FileError("what is printed cannot be written" +
                         (reason == 0 ? "" : " (" + std::generic_category().message(reason) + ")"));
}

}  // namespace support
