#pragma once
// What the tests of this floor need.

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <string>

#include "cairn/tensor/tensor.h"

namespace cairn::testing {

/// Equal shape, dtype and bits, NaN included.
inline bool same_bits(const Tensor& a, const Tensor& b) {
  if (a.shape() != b.shape() || a.dtype() != b.dtype()) return false;
  const Tensor x = a.contiguous(), y = b.contiguous();
  return std::memcmp(x.pointer<char>(), y.pointer<char>(), static_cast<size_t>(x.numel()) * size_of(x.dtype())) == 0;
}

/// A .safetensors file: the length of the header, the header, the data.
inline std::string safetensors_file(const std::string& header, const std::string& data) {
  std::string bytes(8, '\0');
  const uint64_t length = header.size();
  std::memcpy(bytes.data(), &length, 8);
  return bytes + header + data;
}

/// Runs f in a process of its own, which may be spoiled; what it returns must be true.
inline bool in_a_child(const std::function<bool()>& f) {
  const pid_t child = ::fork();
  if (child == 0) {
    bool ok = false;
    try {
      ok = f();
    } catch (...) {
    }
    ::_exit(ok ? 0 : 1);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/// The same where no file may grow past so many bytes, as on a disk that has no more room.
inline bool in_a_child_with_room(size_t bytes, const std::function<bool()>& f) {
  return in_a_child([&] {
    std::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{bytes, bytes};
    return ::setrlimit(RLIMIT_FSIZE, &limit) == 0 && f();
  });
}

/// Runs tests/io/SCRIPT with these arguments and returns its exit status; 77 where there is no Python, or none with the
/// modules that it needs. An interpreter of the system may have modules that the first one on the path has not.
inline int run_script(const std::string& script, const std::string& arguments) {
  int status = 77;
  for (const std::string python : {"python3", "/usr/bin/python3"}) {
    status =
        WEXITSTATUS(std::system((python + " '" CAIRN_SOURCE_DIR "/tests/io/" + script + "' " + arguments).c_str()));
    if (status == 127) status = 77;  // the shell found no such program
    if (status != 77) break;
  }
  return status;
}

}  // namespace cairn::testing
