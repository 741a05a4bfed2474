#pragma once
// Element types as run-time tags.

#include <cstddef>
#include <cstdint>
#include <ostream>
#include <type_traits>

#include "cairn/base/error.h"

namespace cairn {

/// Element type of a tensor. u8 is for storage alone: make, index, slice, copy and convert.
enum class Dtype : uint8_t { f32, f64, i64, boolean, u8 };

inline constexpr Dtype f32 = Dtype::f32;
inline constexpr Dtype f64 = Dtype::f64;
inline constexpr Dtype i64 = Dtype::i64;
inline constexpr Dtype boolean = Dtype::boolean;
inline constexpr Dtype u8 = Dtype::u8;

/// Bytes of one element.
constexpr size_t size_of(Dtype d) {
  switch (d) {
    case Dtype::f32:
      return 4;
    case Dtype::f64:
    case Dtype::i64:
      return 8;
    default:
      return 1;
  }
}

/// "f32", "f64", "i64", "bool", "u8".
constexpr const char* name_of(Dtype d) {
  switch (d) {
    case Dtype::f32:
      return "f32";
    case Dtype::f64:
      return "f64";
    case Dtype::i64:
      return "i64";
    case Dtype::boolean:
      return "bool";
    default:
      return "u8";
  }
}

constexpr bool is_float(Dtype d) { return d == Dtype::f32 || d == Dtype::f64; }

template <class T>
inline constexpr Dtype dtype_of = [] {
  static_assert(std::is_same_v<T, float> || std::is_same_v<T, double> || std::is_same_v<T, int64_t> ||
                    std::is_same_v<T, bool> || std::is_same_v<T, uint8_t>,
                "an element is a float, double, int64_t, bool or uint8_t");
  if (std::is_same_v<T, float>) return Dtype::f32;
  if (std::is_same_v<T, double>) return Dtype::f64;
  if (std::is_same_v<T, int64_t>) return Dtype::i64;
  return std::is_same_v<T, bool> ? Dtype::boolean : Dtype::u8;
}();

inline std::ostream& operator<<(std::ostream& out, Dtype d) { return out << name_of(d); }
inline std::string describe(Dtype d) { return name_of(d); }

/// Calls `f.operator()<S>()` with the C++ type of a floating dtype.
///   throws  DtypeError for another dtype, naming the operation and the remedy
template <class F>
decltype(auto) visit_float(const char* operation, Dtype d, F&& f) {
  if (d == Dtype::f32) return f.template operator()<float>();
  if (d != Dtype::f64) fail<DtypeError>(operation, "needs f32 or f64; convert with to(f32)", given("dtype", d));
  return f.template operator()<double>();
}

/// As visit_float, for f32, f64 and i64.
template <class F>
decltype(auto) visit_number(const char* operation, Dtype d, F&& f) {
  if (d == Dtype::i64) return f.template operator()<int64_t>();
  if (!is_float(d)) fail<DtypeError>(operation, "needs f32, f64 or i64; convert with to(…)", given("dtype", d));
  return visit_float(operation, d, f);
}

/// As visit_float, for every dtype.
template <class F>
decltype(auto) visit_any(Dtype d, F&& f) {
  switch (d) {
    case Dtype::f32:
      return f.template operator()<float>();
    case Dtype::f64:
      return f.template operator()<double>();
    case Dtype::i64:
      return f.template operator()<int64_t>();
    case Dtype::boolean:
      return f.template operator()<bool>();
    default:
      return f.template operator()<uint8_t>();
  }
}

}  // namespace cairn
