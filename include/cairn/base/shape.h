#pragma once
// Sizes, strides and lists of dimensions: up to eight numbers, held in place.

#include <array>
#include <cstdint>
#include <initializer_list>
#include <ostream>
#include <span>
#include <string>
#include <vector>

#include "cairn/base/isa.h"

namespace cairn {

/// Largest number of dimensions of a tensor.
inline constexpr int max_rank = 8;

/// A list of at most `max_rank` numbers: the sizes of a tensor, its strides, or dimensions to work on.
class Shape {
 public:
  Shape() = default;
  /// throws  ShapeError for more than `max_rank` numbers
  Shape(std::initializer_list<int64_t> list) : Shape(std::span<const int64_t>(list.begin(), list.size())) {}
  Shape(const std::vector<int64_t>& list) : Shape(std::span<const int64_t>(list)) {}
  Shape(std::span<const int64_t> list) {
    if (list.size() > max_rank) too_long(static_cast<int64_t>(list.size()));
    for (int64_t v : list) values_[static_cast<size_t>(size_++)] = v;
  }
  /// `count` times the same number.
  static Shape filled(int count, int64_t value) {
    Shape s;
    for (int i = 0; i < count; ++i) s.push_back(value);
    return s;
  }

  int size() const { return size_; }
  bool empty() const { return size_ == 0; }
  int64_t operator[](int i) const { return values_[static_cast<size_t>(i)]; }
  int64_t& operator[](int i) { return values_[static_cast<size_t>(i)]; }
  const int64_t* begin() const { return values_.data(); }
  const int64_t* end() const { return values_.data() + size_; }
  int64_t* begin() { return values_.data(); }
  int64_t* end() { return values_.data() + size_; }
  int64_t back() const { return (*this)[size_ - 1]; }

  void push_back(int64_t v) {
    if (size_ == max_rank) too_long(max_rank + 1);
    values_[static_cast<size_t>(size_++)] = v;
  }
  void insert(int at, int64_t v);
  void erase(int at);
  bool contains(int64_t v) const;

  /// Product of all numbers; 1 for an empty list.
  int64_t numel() const {
    int64_t n = 1;
    for (int64_t v : *this) n *= v;
    return n;
  }

  friend bool operator==(const Shape& a, const Shape& b) {
    if (a.size_ != b.size_) return false;
    for (int i = 0; i < a.size_; ++i)
      if (a[i] != b[i]) return false;
    return true;
  }

 private:
  [[noreturn]] static void too_long(int64_t count);

  std::array<int64_t, max_rank> values_{};
  int size_ = 0;
};

using Strides = Shape;  ///< in elements
using Dims = Shape;     ///< dimensions; −1 is the last

/// "(2, 3)", "(4,)", "()".
std::string to_string(const Shape& shape);
std::ostream& operator<<(std::ostream& out, const Shape& shape);

/// Largest number of elements of a tensor, sizes of 0 counted as 1: strides and offsets within it cannot overflow.
inline constexpr int64_t max_numel = int64_t{1} << 46;

/// The number of elements of a tensor of that shape.
///   throws  ShapeError for a negative size, or when the sizes other than 0 have a product above `max_numel`
int64_t checked_numel(const char* operation, const Shape& shape);
/// The same, and what row_major() says.
int64_t checked_numel(const char* operation, const Shape& shape, Strides& row_major);

/// Strides, in elements, of a row-major tensor of that shape.
Strides row_major(const Shape& shape);

/// The dimension counted from the front.
///   throws  IndexError unless −rank ≤ dim < rank
int wrap_dim(const char* operation, int64_t dim, int rank);

/// Dimensions counted from the front, sorted; an empty list means all of them.
///   throws  IndexError when one is out of range or given twice
Dims wrap_dims(const char* operation, const Dims& dims, int rank);

/// The common shape of two operands under NumPy's rule: sizes are aligned at the end, 1 stretches.
///   throws  ShapeError when two sizes differ and neither is 1
Shape broadcast_shapes(const char* operation, const Shape& a, const Shape& b);

}  // namespace cairn
