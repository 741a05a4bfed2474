#include "cairn/tensor/tensor.h"

#include <algorithm>
#include <numeric>

namespace cairn {

static bool is_row_major(const Shape& shape, const Strides& strides) {
  int64_t step = 1;
  for (int i = shape.size() - 1; i >= 0; --i) {
    if (shape[i] != 1 && strides[i] != step) return false;
    step *= shape[i];
  }
  return true;
}

Ref<Body> Body::make(Ref<Storage> storage, const Shape& shape, const Strides& strides, int64_t offset, Dtype dtype) {
  const int64_t numel = shape.numel();
  return make(std::move(storage), shape, strides, offset, numel, dtype, numel == 0 || is_row_major(shape, strides));
}

int64_t Tensor::size(int64_t d) const { return shape()[wrap_dim("size", d, dim())]; }

// Dimensions ordered from the largest stride to the smallest, those of size 1 last; ties keep their order.
static Dims by_stride(const Shape& shape, const Strides& strides) {
  Dims order = Shape::filled(shape.size(), 0);
  std::iota(order.begin(), order.end(), int64_t{0});
  const auto weight = [&](int64_t d) { return shape[int(d)] == 1 ? 0 : strides[int(d)]; };
  std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) { return weight(a) > weight(b); });
  return order;
}

bool Tensor::is_dense() const {
  if (is_contiguous()) return true;
  const Dims order = by_stride(shape(), strides());
  int64_t step = 1;
  for (int i = order.size() - 1; i >= 0; --i) {
    const int d = static_cast<int>(order[i]);
    if (shape()[d] == 1) continue;
    if (strides()[d] != step) return false;
    step *= shape()[d];
  }
  return true;
}

template <class T>
std::vector<T> Tensor::to_vector() const {
  std::vector<T> out(static_cast<size_t>(numel()));
  const Shape& n = shape();
  visit_any(dtype(), [&]<class S>() {
    const S* p = pointer<S>();
    Shape at = Shape::filled(dim(), 0);
    for (size_t i = 0; i < out.size(); ++i) {
      int64_t place = 0;
      for (int d = 0; d < dim(); ++d) place += at[d] * strides()[d];
      out[i] = static_cast<T>(p[place]);
      for (int d = dim() - 1; d >= 0 && ++at[d] == n[d]; --d) at[d] = 0;
    }
  });
  return out;
}
template std::vector<float> Tensor::to_vector() const;
template std::vector<double> Tensor::to_vector() const;
template std::vector<int64_t> Tensor::to_vector() const;
template std::vector<uint8_t> Tensor::to_vector() const;
template std::vector<bool> Tensor::to_vector() const;

void* Tensor::checked_data(Dtype wanted) const {
  if (dtype() != wanted)
    fail<DtypeError>("data", std::string("the tensor does not hold ") + name_of(wanted) + "; convert with to(…)",
                     *this);
  require(is_contiguous(), "data", "elements are not in row-major order; call contiguous() first", *this);
  return static_cast<char*>(body_->storage->data) + body_->offset * static_cast<int64_t>(size_of(wanted));
}

void Tensor::fail_undefined() {
  throw ValueError(
      "tensor: used before it was given a value (default-constructed, or a gradient that is not there yet)");
}

std::string describe(const Tensor& t) {
  return t.defined() ? to_string(t.shape()) + " " + name_of(t.dtype()) : "an undefined tensor";
}

static Tensor fresh(const Shape& shape, const Strides& strides, int64_t numel, Dtype dtype, bool contiguous) {
  require(numel * static_cast<int64_t>(size_of(dtype)) <= (int64_t{1} << 46), "empty",
          "the tensor would be larger than 64 TiB", given("shape", shape));
  return Tensor(Body::make(shape, strides, numel, dtype, contiguous));
}

Tensor empty(const Shape& shape, Dtype dtype) {
  Strides strides;
  const int64_t numel = checked_numel("empty", shape, strides);
  return fresh(shape, strides, numel, dtype, true);
}

Tensor empty_like(const Tensor& x) { return empty_like(x, x.dtype()); }

Tensor empty_like(const Tensor& x, Dtype dtype) {
  if (x.is_contiguous()) return fresh(x.shape(), row_major(x.shape()), x.numel(), dtype, true);
  if (!x.is_dense()) return empty(x.shape(), dtype);
  return fresh(x.shape(), x.strides(), x.numel(), dtype, false);
}

Tensor as_strided(const Tensor& x, const Shape& shape, const Strides& strides, int64_t offset) {
  return Tensor(Body::make(x.body()->storage, shape, strides, offset, x.dtype()));
}

}  // namespace cairn
