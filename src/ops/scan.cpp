#include "cairn/ops/scan.h"

#include <algorithm>
#include <type_traits>

#include "cairn/base/threads.h"
#include "cairn/graph/record.h"
#include "ops/layout.h"

namespace cairn {
namespace {

constexpr int64_t width = 64;

// The sums of f32 are carried in f64; whole numbers wrap rather than overflow.
template <class S>
using Carry =
    std::conditional_t<std::is_same_v<S, float>, double, std::conditional_t<std::is_same_v<S, int64_t>, uint64_t, S>>;

// y[r][c] = x[0][c] + … + x[r][c], or from the last row on, for a strip of an n × inner matrix.
template <class T, class S>
void scan_strip(const T* x, S* y, int64_t n, int64_t inner, int64_t columns, bool reverse) {
  const int64_t step = reverse ? -inner : inner;
  int64_t row = reverse ? (n - 1) * inner : 0;
  if (columns == 1) {  // in a register
    Carry<S> total = 0;
    for (int64_t i = 0; i < n; ++i, row += step) y[row] = static_cast<S>(total += static_cast<Carry<S>>(x[row]));
    return;
  }
  Carry<S> total[width] = {};
  for (int64_t i = 0; i < n; ++i, row += step)
    for (int64_t c = 0; c < columns; ++c) y[row + c] = static_cast<S>(total[c] += static_cast<Carry<S>>(x[row + c]));
}

template <class T, class S>
void scan(const T* x, S* y, int64_t outer, int64_t n, int64_t inner, bool reverse) {
  const int64_t strips = (inner + width - 1) / width;
  const int64_t work = std::max<int64_t>(1, n * std::min(inner, width));
  parallel_for(outer * strips, std::max<int64_t>(1, 16384 / work), [&](int64_t begin, int64_t end) {
    for (int64_t task = begin; task < end; ++task) {
      const int64_t first = task % strips * width, at = task / strips * n * inner + first;
      scan_strip(x + at, y + at, n, inner, std::min(width, inner - first), reverse);
    }
  });
}

Tensor running_sum(const Tensor& x, int dim, bool reverse) {
  const Tensor in = ops::row_major(x);
  int64_t outer = 1, inner = 1;
  for (int d = 0; d < x.dim(); ++d) (d < dim ? outer : inner) *= d == dim ? 1 : x.shape()[d];
  const int64_t n = x.shape()[dim];
  const Tensor y = empty(x.shape(), x.dtype() == boolean ? i64 : x.dtype());
  if (x.dtype() == boolean)
    scan(in.pointer<bool>(), y.pointer<int64_t>(), outer, n, inner, reverse);
  else
    visit_number("cumsum", x.dtype(),
                 [&]<class S>() { scan(in.pointer<S>(), y.pointer<S>(), outer, n, inner, reverse); });
  return record("cumsum", y, {x}, Keep::nothing(),
                [dim, reverse](const Backward& s) -> Grads { return {running_sum(s.grad, dim, !reverse)}; });
}

}  // namespace

Tensor cumsum(const Tensor& x, int64_t dim) {
  // A scalar counts as one element along its dimension 0, as in PyTorch.
  if (x.dim() == 0) return cumsum(x.reshape({1}), dim).reshape({});
  return running_sum(x, wrap_dim("cumsum", dim, x.dim()), false);
}

}  // namespace cairn
