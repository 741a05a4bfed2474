#pragma once
// Tensors out of nothing, out of numbers in the program text, and out of memory that is already there.

#include <concepts>
#include <functional>
#include <initializer_list>
#include <span>
#include <type_traits>
#include <vector>

#include "cairn/tensor/tensor.h"

namespace cairn {

/// Tensors of one value. An integer dtype takes whole values only, u8 those from 0 to 255.
///   throws  ShapeError for a negative size, DtypeError for a fractional value with an integer dtype,
///           ValueError for one out of the dtype's range
Tensor zeros(const Shape& shape, Dtype dtype = f32);
Tensor ones(const Shape& shape, Dtype dtype = f32);
Tensor full(const Shape& shape, double value, Dtype dtype = f32);

/// The same with the shape of x, its layout and, unless another is given, its dtype.
Tensor zeros_like(const Tensor& x);
Tensor zeros_like(const Tensor& x, Dtype dtype);
Tensor ones_like(const Tensor& x);
Tensor ones_like(const Tensor& x, Dtype dtype);
Tensor full_like(const Tensor& x, double value);
Tensor full_like(const Tensor& x, double value, Dtype dtype);

namespace detail {
template <class T>
concept Arithmetic = std::is_arithmetic_v<T>;
}

/// A number that knows whether it was written as bool, whole or floating.
///   throws  ValueError for a whole number from 2^63
struct Literal {
  double floating;
  int64_t whole;
  Dtype natural;  // bool, i64 or f32: the dtype of a tensor made from it, as in PyTorch

  template <detail::Arithmetic T>
  Literal(T v)
      : floating(static_cast<double>(v)),
        whole(std::is_integral_v<T> ? static_cast<int64_t>(v) : 0),
        natural(std::is_integral_v<T> ? i64 : f32) {
    if constexpr (std::is_same_v<T, bool>) natural = boolean;
    if constexpr (std::is_unsigned_v<T> && sizeof(T) >= sizeof(int64_t))
      require<ValueError>(whole >= 0, "tensor", "a whole number must be below 2^63", given("value", v));
  }
};

/// start, start + step, … before end: i64 when all of them are integers, else f32.
///   throws  ValueError when step is 0 or leads away from end
Tensor arange(Literal end);
Tensor arange(Literal end, Dtype dtype);
Tensor arange(Literal start, Literal end, Literal step = 1);
Tensor arange(Literal start, Literal end, Literal step, Dtype dtype);

/// `steps` numbers from start to end, both included, equally far apart.
///   throws  ValueError for negative steps, DtypeError unless dtype is f32 or f64
Tensor linspace(double start, double end, int64_t steps, Dtype dtype = f32);

/// Ones on the diagonal of an n × m matrix (n × n when m is negative).
Tensor eye(int64_t n, int64_t m = -1, Dtype dtype = f32);

/// Numbers in nested braces, as deep as a tensor has dimensions.
class Nested {
 public:
  template <detail::Arithmetic T>
  Nested(T v) : values_{Literal(v)}, natural_(values_[0].natural) {}
  /// throws  ShapeError when the items differ in shape
  Nested(std::initializer_list<Nested> items);

  const Shape& shape() const { return shape_; }
  const std::vector<Literal>& values() const { return values_; }
  /// bool when all numbers are, else i64 when none is floating, else f32.
  Dtype natural() const { return natural_; }

 private:
  Shape shape_;
  std::vector<Literal> values_;
  Dtype natural_ = f32;
};

/// `tensor({{1., 2.}, {3., 4.}})` is (2, 2) f32, `tensor({1, 2})` i64, `tensor({true})` bool, `tensor(3.5)` a scalar; a
/// dtype overrules.
///   throws  ShapeError for ragged lists; DtypeError, ValueError as full
Tensor tensor(const Nested& values);
Tensor tensor(const Nested& values, Dtype dtype);

namespace detail {
Tensor from_memory(const void* data, size_t count, const Shape& shape, Dtype dtype);
Tensor on_memory(void* data, const Shape& shape, Dtype dtype, std::function<void()> finished);
}  // namespace detail

/// A copy of the numbers in row-major order; the dtype is that of the numbers (float f32, double f64, bool, uint8_t u8,
/// other integers i64).
///   throws  ShapeError when the shape holds another count
template <class T>
Tensor from_span(std::span<const T> v, const Shape& shape) {
  if constexpr (std::is_same_v<T, float> || std::is_same_v<T, double> || std::is_same_v<T, uint8_t> ||
                std::is_same_v<T, bool> || std::is_same_v<T, int64_t>) {
    return detail::from_memory(v.data(), v.size(), shape, dtype_of<T>);
  } else {
    static_assert(std::is_integral_v<T>, "an element is a float, double, bool or integer");
    const std::vector<int64_t> wide(v.begin(), v.end());
    return detail::from_memory(wide.data(), wide.size(), shape, i64);
  }
}
template <class T>
Tensor from_vector(const std::vector<T>& v, const Shape& shape) {
  if constexpr (std::is_same_v<T, bool>) {  // packed bits
    const std::vector<uint8_t> bytes(v.begin(), v.end());
    return detail::from_memory(bytes.data(), bytes.size(), shape, boolean);
  } else {
    return from_span(std::span<const T>(v), shape);
  }
}
template <class T>
Tensor from_vector(const std::vector<T>& v) {
  return from_vector(v, {static_cast<int64_t>(v.size())});
}

/// A tensor on memory that belongs to somebody else, without copying: row-major elements of T, aligned as a T is. It
/// must stay valid until `finished` is called, which happens when the last tensor on it (views and graphs included) has
/// gone.
///   throws  ValueError for a null pointer, unless the tensor is empty
template <class T>
Tensor from_blob(T* data, const Shape& shape, const std::function<void()>& finished = {}) {
  return detail::on_memory(data, shape, dtype_of<T>, finished);
}

}  // namespace cairn
