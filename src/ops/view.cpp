// The views and copies among the members of Tensor: other sizes and strides over the same storage, and where that
// cannot be, a copy. Their contracts stand in tensor/tensor.h.
#include <algorithm>
#include <cstring>
#include <numeric>

#include "cairn/graph/record.h"
#include "cairn/tensor/create.h"
#include "cairn/tensor/tensor.h"
#include "ops/copy.h"

namespace cairn {

using ops::copy_elements;
using ops::offset_of;

namespace {

// The strides under which the elements of x, in row-major order, have another shape; false where there are none.
bool strides_for(const Tensor& x, const Shape& shape, Strides& strides) {
  strides = row_major(shape);
  if (x.is_contiguous()) return true;
  Shape runs, steps;  // dimensions that lie one within the other count as one
  for (int d = 0; d < x.dim(); ++d) {
    const int64_t n = x.shape()[d], step = x.strides()[d];
    if (n == 1) continue;
    if (!runs.empty() && steps.back() == n * step) {
      runs[runs.size() - 1] *= n;
      steps[steps.size() - 1] = step;
    } else {
      runs.push_back(n);
      steps.push_back(step);
    }
  }
  int run = runs.size();
  int64_t left = 1, step = 1;
  for (int d = shape.size() - 1; d >= 0; --d) {
    if (shape[d] == 1) continue;
    if (left == 1) {
      --run;
      left = runs[run];
      step = steps[run];
    }
    if (left % shape[d] != 0) return false;
    strides[d] = step;
    step *= shape[d];
    left /= shape[d];
  }
  return true;
}

// `wanted` with its −1 replaced by what is left for it.
Shape completed(const char* operation, const Tensor& x, const Shape& wanted) {
  Shape shape = wanted;
  int open = -1;
  for (int d = 0; d < shape.size(); ++d) {
    if (shape[d] == -1) {
      require(open < 0, operation, "only one size may be -1", x, given("shape", wanted));
      open = d;
      shape[d] = 1;
    } else {
      require(shape[d] >= 0, operation, "a size is negative", x, given("shape", wanted));
    }
  }
  int64_t known = checked_numel(operation, shape);
  if (open >= 0) {
    require(known != 0, operation, "the size -1 could be anything beside a size of 0", x, given("shape", wanted));
    shape[open] = x.numel() / known;
    known *= shape[open];
  }
  require(known == x.numel(), operation, "the new shape holds another number of elements", x, given("shape", wanted));
  return shape;
}

Tensor reshaped(const char* operation, const Tensor& x, const Shape& wanted, bool may_copy) {
  const Shape shape = completed(operation, x, wanted);
  if (shape == x.shape() && !x.requires_grad()) return x;
  Tensor y;
  if (Strides strides; strides_for(x, shape, strides)) {
    y = as_strided(x, shape, strides, offset_of(x));
  } else {
    require(may_copy, operation, "the elements do not lie so that this is possible without a copy; use reshape()", x,
            given("shape", shape));
    y = empty(shape, x.dtype());
    copy_elements(x, as_strided(y, x.shape(), row_major(x.shape()), 0));
  }
  return record("reshape", y, {x}, Keep::nothing(),
                [](const Backward& s) -> Grads { return {s.grad.reshape(s.shape(0))}; });
}

// Zeros of `shape` with g at start, start + step, … of a dimension: the gradient of a slice.
Tensor slice_backward(const Tensor& g, const Shape& shape, int dim, int64_t start, int64_t step) {
  Tensor y = zeros(shape, g.dtype());
  Strides strides = y.strides();
  const int64_t first = start * strides[dim], end = std::max(start, start + (g.shape()[dim] - 1) * step + 1);
  strides[dim] *= step;
  copy_elements(g, as_strided(y, g.shape(), strides, first));
  return record("slice_backward", y, {g}, Keep::nothing(),
                [dim, start, end, step](const Backward& s) -> Grads { return {s.grad.slice(dim, start, end, step)}; });
}

// The slice itself; everything has been checked.
Tensor sliced(const Tensor& x, int dim, int64_t start, int64_t count, int64_t step) {
  Shape shape = x.shape();
  Strides strides = x.strides();
  const int64_t offset = offset_of(x) + start * strides[dim];
  shape[dim] = count;
  strides[dim] *= step;
  return record("slice", as_strided(x, shape, strides, offset), {x}, Keep::nothing(),
                [dim, start, step](const Backward& s) -> Grads {
                  return {slice_backward(s.grad, s.shape(0), dim, start, step)};
                });
}

}  // namespace

// ---- shapes ----------------------------------------------------------------------------------------------------------------

Tensor Tensor::reshape(const Shape& shape) const { return reshaped("reshape", *this, shape, true); }
Tensor Tensor::view(const Shape& shape) const { return reshaped("view", *this, shape, false); }

Tensor Tensor::flatten(int64_t start, int64_t end) const {
  if (dim() == 0) return reshaped("flatten", *this, {1}, true);
  const int first = wrap_dim("flatten", start, dim()), last = wrap_dim("flatten", end, dim());
  require<IndexError>(first <= last, "flatten", "the first dimension comes after the last", *this,
                      given("start", start), given("end", end));
  Shape flat;
  for (int d = 0; d < dim(); ++d) {
    if (d > first && d <= last)
      flat[first] *= shape()[d];
    else
      flat.push_back(shape()[d]);
  }
  return reshaped("flatten", *this, flat, true);
}

Tensor Tensor::squeeze() const {
  Shape rest;
  for (int64_t n : shape())
    if (n != 1) rest.push_back(n);
  return reshaped("squeeze", *this, rest, false);
}

Tensor Tensor::squeeze(int64_t d) const {
  const int at = wrap_dim("squeeze", d, dim());
  Shape rest = shape();
  if (rest[at] == 1) rest.erase(at);
  return reshaped("squeeze", *this, rest, false);
}

Tensor Tensor::unsqueeze(int64_t d) const {
  Shape more = shape();
  more.insert(wrap_dim("unsqueeze", d, dim() + 1), 1);
  return reshaped("unsqueeze", *this, more, false);
}

// ---- order of dimensions -----------------------------------------------------------------------------------------------------

Tensor Tensor::transpose(int64_t dim0, int64_t dim1) const {
  const int a = wrap_dim("transpose", dim0, dim()), b = wrap_dim("transpose", dim1, dim());
  Shape sizes = shape();
  Strides steps = strides();
  std::swap(sizes[a], sizes[b]);
  std::swap(steps[a], steps[b]);
  return record("transpose", as_strided(*this, sizes, steps, offset_of(*this)), {*this}, Keep::nothing(),
                [a, b](const Backward& s) -> Grads { return {s.grad.transpose(a, b)}; });
}

Tensor Tensor::t() const {
  require(dim() == 2, "t", "needs a matrix; use transpose(dim0, dim1) for other ranks", *this);
  return transpose(0, 1);
}

Tensor Tensor::permute(const Dims& order) const {
  require(order.size() == dim(), "permute", "needs every dimension once", *this, given("order", order));
  wrap_dims("permute", order, dim());  // throws when one is out of range or given twice
  Shape sizes;
  Strides steps;
  Dims back = order;
  for (int d = 0; d < dim(); ++d) {
    const int from = wrap_dim("permute", order[d], dim());
    sizes.push_back(shape()[from]);
    steps.push_back(strides()[from]);
    back[from] = d;
  }
  return record("permute", as_strided(*this, sizes, steps, offset_of(*this)), {*this}, Keep::nothing(),
                [back](const Backward& s) -> Grads { return {s.grad.permute(back)}; });
}

Tensor Tensor::movedim(int64_t source, int64_t destination) const {
  const int from = wrap_dim("movedim", source, dim()), to = wrap_dim("movedim", destination, dim());
  Dims order = Shape::filled(dim(), 0);
  std::iota(order.begin(), order.end(), int64_t{0});
  order.erase(from);
  order.insert(to, from);
  return permute(order);
}

Tensor Tensor::expand(const Shape& wanted) const {
  const int extra = wanted.size() - dim();
  require(extra >= 0, "expand", "the new shape has fewer dimensions", *this, given("shape", wanted));
  Shape sizes = wanted;
  Strides steps = Shape::filled(wanted.size(), 0);
  for (int d = 0; d < wanted.size(); ++d) {
    const int64_t had = d < extra ? 1 : shape()[d - extra];
    if (sizes[d] == -1 && d >= extra) sizes[d] = had;
    require(sizes[d] >= 0 && (sizes[d] == had || had == 1), "expand", "only dimensions of size 1 can be stretched",
            *this, given("shape", wanted));
    if (d >= extra && sizes[d] == had) steps[d] = strides()[d - extra];
  }
  checked_numel("expand", sizes);
  return record("expand", as_strided(*this, sizes, steps, offset_of(*this)), {*this}, Keep::nothing(),
                [](const Backward& s) -> Grads { return {s.grad}; });  // the engine sums over what was stretched
}

// ---- parts ---------------------------------------------------------------------------------------------------------------------

Tensor Tensor::slice(int64_t d, int64_t start, int64_t end, int64_t step) const {
  const int at = wrap_dim("slice", d, dim());
  require<ValueError>(step > 0, "slice", "the step must be positive; use flip() to reverse", given("step", step));
  const int64_t n = shape()[at];
  const auto bound = [n](int64_t i) { return std::clamp<int64_t>(i < 0 ? i + n : i, 0, n); };
  const int64_t first = bound(start), last = std::max(first, bound(end));
  return sliced(*this, at, first, last > first ? (last - first - 1) / step + 1 : 0, std::min(step, n + 1));
}

Tensor Tensor::select(int64_t d, int64_t index) const {
  const int at = wrap_dim("select", d, dim());
  const int64_t n = shape()[at], i = index < 0 ? index + n : index;
  require<IndexError>(i >= 0 && i < n, "select", "index out of range", *this, given("dim", d), given("index", index));
  Shape sizes = shape();
  Strides steps = strides();
  sizes.erase(at);
  steps.erase(at);
  return record(
      "select", as_strided(*this, sizes, steps, offset_of(*this) + i * strides()[at]), {*this}, Keep::nothing(),
      [at, i](const Backward& s) -> Grads { return {slice_backward(s.grad.unsqueeze(at), s.shape(0), at, i, 1)}; });
}

Tensor Tensor::narrow(int64_t d, int64_t start, int64_t length) const {
  const int at = wrap_dim("narrow", d, dim());
  const int64_t n = shape()[at], first = start < 0 ? start + n : start;
  require<IndexError>(first >= 0 && length >= 0 && first <= n && length <= n - first, "narrow",
                      "start and length leave the dimension", *this, given("dim", d), given("start", start),
                      given("length", length));
  return sliced(*this, at, first, length, 1);
}

std::vector<Tensor> Tensor::chunk(int64_t chunks, int64_t d) const {
  require<ValueError>(chunks > 0, "chunk", "needs at least one piece", given("chunks", chunks));
  return split(std::max<int64_t>(1, (size(d) + chunks - 1) / chunks), d);
}

std::vector<Tensor> Tensor::split(int64_t piece, int64_t d) const {
  const int64_t n = size(d);
  require<ValueError>(piece > 0, "split", "the size of a piece must be positive", given("size", piece));
  std::vector<Tensor> pieces;
  for (int64_t at = 0; at < n || pieces.empty(); at += piece) pieces.push_back(narrow(d, at, std::min(piece, n - at)));
  return pieces;
}

std::vector<Tensor> Tensor::split(const std::vector<int64_t>& sizes, int64_t d) const {
  const int64_t n = size(d);
  int64_t total = 0;
  for (int64_t piece : sizes) {
    require<ValueError>(piece >= 0, "split", "a size is negative", *this, given("size", piece));
    total += piece;
  }
  require(total == n, "split", "the sizes must add up to that of the dimension", *this, given("dim", d),
          given("sum of sizes", total));
  std::vector<Tensor> pieces;
  int64_t at = 0;
  for (int64_t piece : sizes) {
    pieces.push_back(narrow(d, at, piece));
    at += piece;
  }
  return pieces;
}

// ---- copies ------------------------------------------------------------------------------------------------------------------

Tensor Tensor::contiguous() const {
  if (is_contiguous()) return *this;
  Tensor y = empty(shape(), dtype());
  copy_elements(*this, y);
  return record("contiguous", y, {*this}, Keep::nothing(), [](const Backward& s) -> Grads { return {s.grad}; });
}

Tensor Tensor::clone() const {
  Tensor y = empty_like(*this);
  copy_elements(*this, y);
  return record("clone", y, {*this}, Keep::nothing(), [](const Backward& s) -> Grads { return {s.grad}; });
}

Tensor Tensor::to(Dtype wanted) const {
  if (dtype() == wanted) return *this;
  Tensor y = empty_like(*this, wanted);
  copy_elements(*this, y);
  return record("to", y, {*this}, Keep::nothing(),
                [from = dtype()](const Backward& s) -> Grads { return {s.grad.to(from)}; });
}

}  // namespace cairn
