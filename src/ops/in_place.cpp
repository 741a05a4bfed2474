// The in-place members of Tensor.
#include "cairn/tensor/tensor.h"

#include "ops/copy.h"
#include "ops/loops.h"

namespace cairn {
namespace {

// x sees some of the elements that y sees, or may: both lie in one storage, and their spans meet.
bool may_overlap(const Tensor& y, const Tensor& x) {
  if (y.body()->storage.get() != x.body()->storage.get()) return false;
  const auto span = [](const Tensor& t) {
    int64_t low = t.body()->offset, high = low;
    for (int d = 0; d < t.dim(); ++d)
      if (t.shape()[d] > 0) (t.strides()[d] < 0 ? low : high) += (t.shape()[d] - 1) * t.strides()[d];
    return std::pair(low, high);
  };
  const auto [y0, y1] = span(y);
  const auto [x0, x1] = span(x);
  return x0 <= y1 && y0 <= x1;
}

// What is checked before anything changes; gives the operand to read, copied when it lies across the elements to be
// written.
Tensor prepare(const char* operation, const Tensor& y, const Tensor& x) {
  y.check_in_place(operation);
  require<GraphError>(!(x.requires_grad() && grad_enabled()), operation,
                      "the operand's gradient is being recorded, and would be lost; use NoGrad or detach()", y, x);
  ops::require_same_dtype(operation, y, x);
  for (int d = 0; d < y.dim(); ++d)
    require(y.strides()[d] != 0 || y.shape()[d] <= 1, operation,
            "cannot write to an expanded tensor, whose elements share memory; use clone()", y);
  require(x.dim() <= y.dim() && broadcast_shapes(operation, y.shape(), x.shape()) == y.shape(), operation,
          "the operand does not broadcast to the tensor's shape", y, x);
  const bool same_elements = ops::same_layout(y, x) && y.body()->offset == x.body()->offset;
  if (same_elements || !may_overlap(y, x)) return x;
  const NoGrad plain;
  return x.clone();
}

void prepare(const char* operation, const Tensor& y) {
  y.check_in_place(operation);
  for (int d = 0; d < y.dim(); ++d)
    require(y.strides()[d] != 0 || y.shape()[d] <= 1, operation,
            "cannot write to an expanded tensor, whose elements share memory; use clone()", y);
}

// y = f(y, x)
template <class S, class F>
void update(const Tensor& y, const Tensor& x, F f) {
  ops::fill<S, S, S>(y, y, x, f);
}

// y = f(y)
template <class S, class F>
void update(const Tensor& y, F f) {
  if (y.is_dense()) return ops::fill<S, S>(y, y, f);
  map_strided(y.shape(), f, Strided<S>{y.pointer<S>(), y.strides()}, Strided<const S>{y.pointer<S>(), y.strides()});
}

int64_t wrapping(uint64_t v) { return static_cast<int64_t>(v); }

}  // namespace

Tensor& Tensor::fill_(double value) {
  prepare("fill_", *this);
  visit_any(dtype(), [&]<class S>() {
    const S v = ops::element_for<S>("fill_", *this, value);
    if (is_dense()) {
      S* p = pointer<S>();
      parallel_for(numel(), 4 * map_grain, [&](int64_t begin, int64_t end) { std::fill(p + begin, p + end, v); });
    } else {
      update<S>(*this, [v](S) { return v; });
    }
  });
  bump_version();
  return *this;
}

Tensor& Tensor::copy_(const Tensor& source) {
  const Tensor x = prepare("copy_", *this, source);
  if (ops::bytes_of(x) == ops::bytes_of(*this) && x.shape() == shape() && x.strides() == strides()) return *this;
  kernels::copy_strided(shape(), dtype(), ops::bytes_of(x), ops::stretched(x, shape()), dtype(), ops::bytes_of(*this),
                        strides());
  bump_version();
  return *this;
}

Tensor& Tensor::add_(const Tensor& other, double alpha) {
  const Tensor x = prepare("add_", *this, other);
  visit_number("add_", dtype(), [&]<class S>() {
    if constexpr (std::is_same_v<S, int64_t>) {
      const int64_t k = ops::whole_number("add_", *this, alpha);
      update<S>(*this, x, [k](S a, S b) { return wrapping(uint64_t(a) + uint64_t(k) * uint64_t(b)); });
    } else if (alpha == 1) {
      update<S>(*this, x, [](auto a, auto b) { return a + b; });
    } else {
      update<S>(*this, x, [alpha](Lanes<S> a, Lanes<S> b) { return fma(b, Lanes<S>(alpha), a); });
    }
  });
  bump_version();
  return *this;
}

Tensor& Tensor::add_(double value) {
  prepare("add_", *this);
  visit_number("add_", dtype(), [&]<class S>() {
    if constexpr (std::is_same_v<S, int64_t>) {
      const int64_t c = ops::whole_number("add_", *this, value);
      update<S>(*this, [c](S a) { return wrapping(uint64_t(a) + uint64_t(c)); });
    } else {
      update<S>(*this, [value](Lanes<S> a) { return a + value; });
    }
  });
  bump_version();
  return *this;
}

Tensor& Tensor::mul_(const Tensor& other) {
  const Tensor x = prepare("mul_", *this, other);
  visit_number("mul_", dtype(), [&]<class S>() {
    if constexpr (std::is_same_v<S, int64_t>)
      update<S>(*this, x, [](S a, S b) { return wrapping(uint64_t(a) * uint64_t(b)); });
    else
      update<S>(*this, x, [](auto a, auto b) { return a * b; });
  });
  bump_version();
  return *this;
}

Tensor& Tensor::mul_(double value) {
  prepare("mul_", *this);
  visit_number("mul_", dtype(), [&]<class S>() {
    if constexpr (std::is_same_v<S, int64_t>) {
      const int64_t c = ops::whole_number("mul_", *this, value);
      update<S>(*this, [c](S a) { return wrapping(uint64_t(a) * uint64_t(c)); });
    } else {
      update<S>(*this, [value](Lanes<S> a) { return a * value; });
    }
  });
  bump_version();
  return *this;
}

Tensor& Tensor::operator/=(const Tensor& other) {
  const Tensor x = prepare("div_", *this, other);
  visit_float("div_", dtype(), [&]<class S>() { update<S>(*this, x, [](auto a, auto b) { return a / b; }); });
  bump_version();
  return *this;
}

Tensor& Tensor::operator/=(double value) {
  prepare("div_", *this);
  visit_float("div_", dtype(), [&]<class S>() { update<S>(*this, [value](Lanes<S> a) { return a / value; }); });
  bump_version();
  return *this;
}

}  // namespace cairn
