#include "cairn/ops/index.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "cairn/base/threads.h"
#include "cairn/graph/record.h"
#include "cairn/ops/compare.h"
#include "cairn/ops/join.h"
#include "cairn/tensor/create.h"
#include "ops/copy.h"
#include "ops/indices.h"

namespace cairn {

Tensor ops::checked_index(const char* operation, const Tensor& index, int64_t size) {
  require<DtypeError>(index.dtype() == i64, operation, "the index must be i64; convert with to(i64)",
                      given("index", index));
  Tensor flat = index.contiguous();
  const int64_t* p = flat.pointer<int64_t>();
  bool ok = true;
  for (int64_t i = 0; i < flat.numel(); ++i) ok &= static_cast<uint64_t>(p[i]) < static_cast<uint64_t>(size);
  if (ok) return flat;
  int64_t bad = 0;
  while (p[bad] >= 0 && p[bad] < size) ++bad;
  Shape position = index.shape();
  for (int64_t d = index.dim() - 1, rest = bad; d >= 0; --d) {
    position[static_cast<int>(d)] = rest % index.shape()[static_cast<int>(d)];
    rest /= index.shape()[static_cast<int>(d)];
  }
  fail<IndexError>(operation, "index out of range", given("index", p[bad]), given("position", position),
                   given("size", size));
}

namespace {

constexpr int64_t index_grain = 1 << 15;

// Whole numbers wrap round.
template <class S>
S plus(S a, S b) {
  if constexpr (std::is_same_v<S, int64_t>)
    return static_cast<S>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b));
  else
    return a + b;
}

Tensor checked_vector(const char* operation, const Tensor& index, int64_t size) {
  require(index.dim() <= 1, operation, "the index must be a vector", given("index", index));
  return ops::checked_index(operation, index, size);
}

// Sizes before, at and behind a dimension.
struct Around {
  int64_t outer = 1, size, inner = 1;
  Around(const Shape& shape, int dim) : size(shape[dim]) {
    for (int d = 0; d < dim; ++d) outer *= shape[d];
    for (int d = dim + 1; d < shape.size(); ++d) inner *= shape[d];
  }
};

// y[o, index[i], c] += x[o, i, c]. Tasks share out the columns (o, c), so equal indices meet in order.
void add_slices(const Tensor& y, int dim, const Tensor& index, const Tensor& source) {
  const Around a(y.shape(), dim);
  const Tensor dense = source.contiguous();
  const int64_t n = index.numel(), *at = index.pointer<int64_t>();
  visit_number("index_add", y.dtype(), [&]<class S>() {
    S* to = y.pointer<S>();
    const S* from = dense.pointer<S>();
    const auto add_columns = [=](int64_t begin, int64_t end) {
      while (begin < end) {
        const int64_t o = begin / a.inner, c = begin % a.inner, count = std::min(end - begin, a.inner - c);
        for (int64_t i = 0; i < n; ++i) {
          S* row = to + (o * a.size + at[i]) * a.inner + c;
          const S* add = from + (o * n + i) * a.inner + c;
          for (int64_t j = 0; j < count; ++j) row[j] = plus(row[j], add[j]);
        }
        begin += count;
      }
    };
    parallel_for(a.outer * a.inner, std::max<int64_t>(16, index_grain / std::max<int64_t>(n, 1)), add_columns);
  });
}

void copy_slices(const Tensor& x, int dim, const Tensor& index, const Tensor& y) {
  const int64_t n = index.numel(), *at = index.pointer<int64_t>();
  if (!x.is_contiguous()) {
    for (int64_t i = 0; i < n; ++i) ops::copy_elements(ops::part(x, dim, at[i], 1), ops::part(y, dim, i, 1));
    return;
  }
  const Around a(x.shape(), dim);
  const auto width = static_cast<int64_t>(size_of(x.dtype()));
  const char* from = ops::bytes_of(x);
  char* to = ops::bytes_of(y);
  const auto copy_rows = [&]<class Row>(Row copy_row) {
    parallel_for(a.outer * n, std::max<int64_t>(1, index_grain / a.inner), [&](int64_t begin, int64_t end) {
      for (int64_t r = begin; r < end; ++r) copy_row(r, r / n * a.size + at[r % n]);
    });
  };
  if (a.inner == 1 && width == 4)
    copy_rows([&](int64_t r, int64_t k) { std::memcpy(to + 4 * r, from + 4 * k, 4); });
  else
    copy_rows([&, bytes = a.inner * width](int64_t r, int64_t k) {
      std::memcpy(to + r * bytes, from + k * bytes, static_cast<size_t>(bytes));
    });
}

// Zeros with the slices of g added at the index: the gradient of index_select.
Tensor index_select_backward(const Tensor& g, const Shape& shape, int dim, const Tensor& index) {
  Tensor y = zeros(shape, g.dtype());
  add_slices(y, dim, index, g);
  return record("index_select_backward", y, {g, index}, Keep::input(1), [dim](const Backward& s) -> Grads {
    return {index_select(s.grad, dim, s.input(1)), none};
  });
}

// ---- one index for each element ------------------------------------------------------------------------------------------------

// The rows along the last dimension of `shape`, by threads; those that differ in `dim` alone stay together and in order
// when `keep_together`. f(x, y, i) gets the offsets of the row in tensors of strides `xs` (without its place in dim)
// and `ys`, and in a row-major one.
template <class F>
void for_rows(const Shape& shape, int dim, const Strides& xs, const Strides& ys, bool keep_together, F f) {
  const int last = shape.size() - 1;
  const int64_t length = shape[last], along = dim == last ? 1 : shape[dim], unit = keep_together ? along : 1;
  if (shape.numel() == 0) return;
  const auto units = [&](int64_t begin, int64_t end) {
    for (int64_t r = begin * unit; r < end * unit; ++r) {
      int64_t k = along == 1 ? 0 : r % along, rest = r / along, x = 0, y = 0, row = 0, step = length;
      // Places in the order (others…, dim), whatever dim is; offsets from the strides.
      Strides at = Shape::filled(last, 0);
      if (dim != last) at[dim] = k;
      for (int d = last - 1; d >= 0; --d)
        if (d != dim) {
          at[d] = rest % shape[d];
          rest /= shape[d];
        }
      for (int d = last - 1; d >= 0; --d) {
        if (d != dim) x += at[d] * xs[d];
        y += at[d] * ys[d];
        row += at[d] * step;
        step *= shape[d];
      }
      f(x, y, row);
    }
  };
  parallel_for(shape.numel() / length / unit, std::max<int64_t>(1, index_grain / (length * unit)), units);
}

void check_places(const char* operation, const Tensor& x, int dim, const Tensor& index) {
  bool ok = index.dim() == x.dim();
  for (int d = 0; ok && d < x.dim(); ++d) ok = d == dim || index.shape()[d] <= x.shape()[d];
  require(ok, operation, "the index must have the rank of x and, but for dim, no larger sizes", given("x", x),
          given("dim", dim), given("index", index));
}

void add_places(const Tensor& y, int dim, const Tensor& index, const Tensor& source) {
  const int last = index.dim() - 1;
  const int64_t length = index.shape()[last], along = y.strides()[dim], xj = dim == last ? 0 : y.strides()[last],
                sj = source.strides()[last];
  const int64_t* at = index.pointer<int64_t>();
  visit_number("scatter_add", y.dtype(), [&]<class S>() {
    for_rows(index.shape(), dim, y.strides(), source.strides(), true, [&](int64_t to, int64_t from, int64_t row) {
      S* p = y.pointer<S>() + to;
      const S* add = source.pointer<S>() + from;
      for (int64_t j = 0; j < length; ++j) {
        S& sum = p[at[row + j] * along + j * xj];
        sum = plus(sum, add[j * sj]);
      }
    });
  });
}

// Zeros with the elements of g added at the index: the gradient of gather.
Tensor gather_backward(const Tensor& g, const Shape& shape, int dim, const Tensor& index) {
  Tensor y = zeros(shape, g.dtype());
  add_places(y, dim, index.contiguous(), g);
  return record("gather_backward", y, {g, index}, Keep::input(1), [dim](const Backward& s) -> Grads {
    return {gather(s.grad, dim, s.input(1)), none};
  });
}

}  // namespace

Tensor index_select(const Tensor& x, int64_t dim, const Tensor& index) {
  const int d = wrap_dim("index_select", dim, x.dim());
  const Tensor flat = checked_vector("index_select", index, x.shape()[d]);
  Shape shape = x.shape();
  shape[d] = flat.numel();
  Tensor y = ops::empty_ordered(x, shape);
  if (y.numel() > 0) copy_slices(x, d, flat, y);
  return record("index_select", y, {x, flat}, Keep::input(1), [d](const Backward& s) -> Grads {
    return {index_select_backward(s.grad, s.shape(0), d, s.input(1)), none};
  });
}

Tensor index_add(const Tensor& x, int64_t dim, const Tensor& index, const Tensor& source) {
  const int d = wrap_dim("index_add", dim, x.dim());
  const Tensor flat = checked_vector("index_add", index, x.shape()[d]);
  Shape wanted = x.shape();
  wanted[d] = flat.numel();
  require(source.shape() == wanted, "index_add", "source must have the shape of x with one slice for each index",
          given("x", x), given("index", index), given("source", source));
  require<DtypeError>(source.dtype() == x.dtype(), "index_add", "dtypes must be equal; convert one with to(…)",
                      given("x", x), given("source", source));
  visit_number("index_add", x.dtype(), []<class>() {});
  Tensor y = empty(x.shape(), x.dtype());
  ops::copy_elements(x, y);
  add_slices(y, d, flat, source);
  return record("index_add", y, {x, flat, source}, Keep::input(1), [d](const Backward& s) -> Grads {
    return {s.grad, none, s.needs(2) ? index_select(s.grad, d, s.input(1)) : none};
  });
}

Tensor gather(const Tensor& x, int64_t dim, const Tensor& index) {
  const int d = wrap_dim("gather", dim, x.dim());
  check_places("gather", x, d, index);
  const Tensor places = ops::checked_index("gather", index, x.shape()[d]);
  Tensor y = empty(index.shape(), x.dtype());
  const int last = x.dim() - 1;
  const int64_t length = index.shape()[last], along = x.strides()[d], xj = d == last ? 0 : x.strides()[last];
  const int64_t* at = places.pointer<int64_t>();
  visit_any(x.dtype(), [&]<class S>() {
    for_rows(index.shape(), d, x.strides(), y.strides(), false, [&](int64_t from, int64_t to, int64_t row) {
      const S* p = x.pointer<S>() + from;
      S* out = y.pointer<S>() + to;
      for (int64_t j = 0; j < length; ++j) out[j] = p[at[row + j] * along + j * xj];
    });
  });
  return record("gather", y, {x, places}, Keep::input(1), [d](const Backward& s) -> Grads {
    return {gather_backward(s.grad, s.shape(0), d, s.input(1)), none};
  });
}

Tensor scatter_add(const Tensor& x, int64_t dim, const Tensor& index, const Tensor& source) {
  const int d = wrap_dim("scatter_add", dim, x.dim());
  check_places("scatter_add", x, d, index);
  const Tensor places = ops::checked_index("scatter_add", index, x.shape()[d]);
  bool fits = source.dim() == index.dim();
  for (int i = 0; fits && i < index.dim(); ++i) fits = index.shape()[i] <= source.shape()[i];
  require(fits, "scatter_add", "the index must have the rank of source and no larger sizes", given("index", index),
          given("source", source));
  require<DtypeError>(source.dtype() == x.dtype(), "scatter_add", "dtypes must be equal; convert one with to(…)",
                      given("x", x), given("source", source));
  visit_number("scatter_add", x.dtype(), []<class>() {});
  Tensor y = empty(x.shape(), x.dtype());
  ops::copy_elements(x, y);
  add_places(y, d, places, source);
  const auto backward = [d, shape = source.shape()](const Backward& s) -> Grads {
    if (!s.needs(2)) return {s.grad, none, none};
    Tensor g = gather(s.grad, d, s.input(1));
    for (int i = 0; i < shape.size(); ++i)
      if (g.shape()[i] != shape[i]) {  // what the index did not reach has no part in the result
        std::vector<int64_t> missing(static_cast<size_t>(2 * (shape.size() - i)), 0);
        missing.back() = shape[i] - g.shape()[i];
        g = pad(g, missing);
      }
    return {s.grad, none, g};
  };
  return record("scatter_add", y, {x, places, source}, Keep::input(1), backward);
}

// ---- masks and classes -------------------------------------------------------------------------------------------------------------

static void check_mask(const char* operation, const Tensor& x, const Tensor& mask) {
  require<DtypeError>(mask.dtype() == boolean, operation, "the mask must be bool: compare, or convert with to(boolean)",
                      given("mask", mask));
  require(mask.dim() <= x.dim() && broadcast_shapes(operation, x.shape(), mask.shape()) == x.shape(), operation,
          "the mask must broadcast to x", given("x", x), given("mask", mask));
}

Tensor masked_fill(const Tensor& x, const Tensor& mask, double value) {
  check_mask("masked_fill", x, mask);
  require<DtypeError>(is_float(x.dtype()) || value == std::trunc(value), "masked_fill",
                      "an integer tensor does not hold a fractional value; convert it with to(f32)", x,
                      given("value", value));
  return where(mask, value, x);
}

Tensor masked_select(const Tensor& x, const Tensor& mask) {
  check_mask("masked_select", x, mask);
  const Tensor flags = mask.expand(x.shape()).contiguous();
  const bool* on = flags.pointer<bool>();
  std::vector<int64_t> places;
  for (int64_t i = 0; i < flags.numel(); ++i)
    if (on[i]) places.push_back(i);
  return index_select(x.reshape({x.numel()}), 0, from_vector(places));
}

Tensor one_hot(const Tensor& index, int64_t classes) {
  require<DtypeError>(index.dtype() == i64, "one_hot", "the index must be i64; convert with to(i64)",
                      given("index", index));
  const Tensor flat = index.contiguous();
  const int64_t *p = flat.pointer<int64_t>(), n = flat.numel();
  if (classes < 0) {
    require<ValueError>(n > 0, "one_hot", "no index to tell the number of classes from; give it",
                        given("index", index));
    // At least one class, so that a negative index is out of range.
    classes = std::clamp<int64_t>(*std::max_element(p, p + n), 0, INT64_MAX - 1) + 1;
  }
  const Tensor places = ops::checked_index("one_hot", flat, classes);
  Shape shape = index.shape();
  shape.push_back(classes);
  Tensor y = zeros(shape, i64);
  for (int64_t i = 0; i < n; ++i) y.pointer<int64_t>()[i * classes + p[i]] = 1;
  return y;
}

}  // namespace cairn
