#include "cairn/base/shape.h"

#include <algorithm>

#include "cairn/base/error.h"

namespace cairn {

void Shape::too_long(int64_t count) {
  fail<ShapeError>("shape", "a tensor has at most " + std::to_string(max_rank) + " dimensions",
                   given("dimensions", count));
}

void Shape::insert(int at, int64_t v) {
  push_back(v);
  std::rotate(begin() + at, end() - 1, end());
}

void Shape::erase(int at) {
  std::move(begin() + at + 1, end(), begin() + at);
  --size_;
}

bool Shape::contains(int64_t v) const { return std::find(begin(), end(), v) != end(); }

std::string to_string(const Shape& shape) {
  std::string text = "(";
  for (int i = 0; i < shape.size(); ++i) text += (i ? ", " : "") + std::to_string(shape[i]);
  return text + (shape.size() == 1 ? ",)" : ")");
}

std::ostream& operator<<(std::ostream& out, const Shape& shape) { return out << to_string(shape); }

int64_t checked_numel(const char* operation, const Shape& shape, Strides& row_major) {
  row_major = shape;
  int64_t product = 1;  // of the sizes other than 0: strides are products of sizes, whether or not one of them is 0
  bool none = false;
  for (int i = shape.size() - 1; i >= 0; --i) {
    const int64_t n = shape[i];
    row_major[i] = product;
    require(n >= 0, operation, "a size is negative", given("shape", shape));
    none |= n == 0;
    if (__builtin_mul_overflow(product, std::max<int64_t>(n, 1), &product) || product > max_numel) [[unlikely]]
      fail<ShapeError>(operation, "the tensor would be larger than 64 TiB", given("shape", shape));
  }
  return none ? 0 : product;
}

int64_t checked_numel(const char* operation, const Shape& shape) {
  Strides unused;
  return checked_numel(operation, shape, unused);
}

Strides row_major(const Shape& shape) {
  Strides strides = shape;
  uint64_t step = 1;  // unsigned, so that a shape nobody has checked yet wraps
  for (int i = shape.size() - 1; i >= 0; --i) {
    strides[i] = static_cast<int64_t>(step);
    step *= static_cast<uint64_t>(std::max<int64_t>(shape[i], 1));
  }
  return strides;
}

int wrap_dim(const char* operation, int64_t dim, int rank) {
  if (dim < -rank || dim >= rank) {
    const std::string range =
        rank == 0 ? "the tensor has no dimensions" : std::to_string(-rank) + " to " + std::to_string(rank - 1);
    fail<IndexError>(operation, "dimension out of range (" + range + ")", given("dim", dim));
  }
  return static_cast<int>(dim < 0 ? dim + rank : dim);
}

Dims wrap_dims(const char* operation, const Dims& dims, int rank) {
  Dims out;
  if (dims.empty()) {
    for (int i = 0; i < rank; ++i) out.push_back(i);
    return out;
  }
  for (int64_t d : dims) {
    const int64_t w = wrap_dim(operation, d, rank);
    require<IndexError>(!out.contains(w), operation, "a dimension is given twice", given("dims", dims));
    out.push_back(w);
  }
  std::sort(out.begin(), out.end());
  return out;
}

Shape broadcast_shapes(const char* operation, const Shape& a, const Shape& b) {
  const Shape& longer = a.size() >= b.size() ? a : b;
  const Shape& shorter = a.size() >= b.size() ? b : a;
  Shape out = longer;
  const int shift = longer.size() - shorter.size();
  for (int i = 0; i < shorter.size(); ++i) {
    const int64_t l = longer[i + shift], s = shorter[i];
    require(l == s || l == 1 || s == 1, operation,
            "shapes do not broadcast (sizes, aligned at the end, must be equal or 1)", given("a", a), given("b", b));
    out[i + shift] = l == 1 ? s : l;
  }
  return out;
}

}  // namespace cairn
