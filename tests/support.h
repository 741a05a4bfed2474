#pragma once
// What tests of several floors need.

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>
#include <string>
#include <vector>

#include "cairn/base/error.h"
#include "cairn/base/memory.h"
#include "cairn/base/threads.h"
#include "cairn/tensor/tensor.h"

namespace cairn {

/// Whether this is built with a sanitizer, under which all takes ten times as long.
inline bool under_sanitizer() { return memory::pool_is_bypassed(); }
/// How often a test tries something: a fifth of n under a sanitizer.
inline int rounds(int n) { return under_sanitizer() ? n / 5 : n; }

inline constexpr double inf = std::numeric_limits<double>::infinity();

using Values = std::vector<double>;
inline Values values(const Tensor& t) { return t.to_vector<double>(); }

/// The text of the E that f throws.
template <class E, class F>
std::string text_of(F f) {
  try {
    f();
  } catch (const E& e) {
    return e.what();
  }
  ADD_FAILURE() << "nothing of that type was thrown";
  return "";
}

/// What f() gives, computed by whole teams of 1, 2, 3 and 8 threads, is the same each time.
template <class F>
void expect_same_on_any_threads(F f) {
  const int before = num_threads();
  const WholeTeams teams;
  set_num_threads(1);
  const auto first = f();
  for (const int threads : {2, 3, 8}) {
    set_num_threads(threads);
    EXPECT_EQ(f(), first) << threads << " threads";
  }
  set_num_threads(before);
}

namespace testing {

/// A folder of its own that goes with the test.
class Folder {
 public:
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "cairn-XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  const std::string& path() const { return path_; }
  /// The path of a file in it.
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }
  /// Writes a file and returns its path.
  std::string write(const std::string& name, const std::string& bytes) const {
    std::ofstream(*this / name, std::ios::binary) << bytes;
    return *this / name;
  }
  /// Names of the files in it, sorted.
  std::vector<std::string> names() const {
    std::vector<std::string> found;
    for (const auto& entry : std::filesystem::directory_iterator(path_))
      found.push_back(entry.path().filename().string());
    std::sort(found.begin(), found.end());
    return found;
  }

 private:
  std::string path_;
};

inline std::string bytes_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace testing
}  // namespace cairn
