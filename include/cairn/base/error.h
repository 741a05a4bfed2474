#pragma once
// Exceptions, and the one way to raise them. A message names the operation, what is wrong, what was given and, where
// there is one, the remedy:  matmul: inner sizes must match; got a (64, 784) f32, b (512, 10) f32

#include <concepts>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "cairn/base/shape.h"

namespace cairn {

/// Base of every exception of this library.
struct Error : std::runtime_error {
  using std::runtime_error::runtime_error;
};
// clang-format off
struct ShapeError : Error { using Error::Error; };  ///< sizes that do not fit together
struct DtypeError : Error { using Error::Error; };  ///< an element type the operation does not take
struct IndexError : Error { using Error::Error; };  ///< a dimension, index or label out of range
struct ValueError : Error { using Error::Error; };  ///< an option or a value out of range
struct NameError : Error { using Error::Error; };   ///< an unknown name, or one used twice
struct GraphError : Error { using Error::Error; };  ///< a misuse of autograd
struct FileError : Error { using Error::Error; };   ///< a file that is missing, damaged or of another format
// clang-format on

std::string describe(const std::string& text);
std::string describe(const char* text);
inline std::string describe(const Shape& shape) { return to_string(shape); }
std::string describe(double value);
template <std::integral I>
std::string describe(I value) {
  return std::to_string(value);
}

/// A value with the name the message shall call it by.
template <class T>
struct Given {
  const char* name;
  const T& value;
};
template <class T>
Given<T> given(const char* name, const T& value) {
  return {name, value};
}
template <class T>
std::string describe(const Given<T>& g) {
  return std::string(g.name) + " " + describe(g.value);
}

/// "operation: problem; got a …, b …"
std::string error_text(std::string_view operation, std::string_view problem, const std::vector<std::string>& got);

/// Throws E. What was given follows in order; wrap it in `given("weight", w)` to name it.
template <class E, class... Args>
[[noreturn, gnu::noinline, gnu::cold]] void fail(std::string_view operation, std::string_view problem,
                                                 const Args&... args) {
  throw E(error_text(operation, problem, {describe(args)...}));
}

/// Throws E unless `ok`. Costs one branch: nothing is formatted before it is needed.
template <class E = ShapeError, class... Args>
void require(bool ok, const char* operation, const char* problem, const Args&... args) {
  if (!ok) [[unlikely]]
    fail<E>(operation, problem, args...);
}

/// The known name nearest to a mistyped one, or "" when none is near.
std::string nearest_name(std::string_view name, const std::vector<std::string>& known);

/// Throws NameError: "activation: unknown name 'gleu'; did you mean 'gelu'? Known: …"
[[noreturn]] void fail_unknown(std::string_view what, std::string_view name, const std::vector<std::string>& known);

}  // namespace cairn
