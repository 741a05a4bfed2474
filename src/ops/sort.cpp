#include "cairn/ops/sort.h"

#include <algorithm>
#include <type_traits>

#include "cairn/base/threads.h"
#include "cairn/graph/branches.h"
#include "cairn/graph/record.h"
#include "cairn/ops/index.h"

namespace cairn {
namespace {

template <class S>
struct Item {
  S value;
  int64_t place;
};

// A total order with NaN at the top; equal values keep their order.
template <class S, bool descending>
bool before(const Item<S>& a, const Item<S>& b) {
  const S x = descending ? b.value : a.value, y = descending ? a.value : b.value;
  if constexpr (std::is_floating_point_v<S>) {
    const bool x_nan = x != x, y_nan = y != y;
    if (x_nan || y_nan) return x_nan != y_nan ? y_nan : a.place < b.place;
  }
  return x != y ? x < y : a.place < b.place;
}

template <class S, bool descending>
void order_lines(const S* x, int64_t lines, int64_t n, int64_t k, int64_t* indices) {
  parallel_for(lines, std::max<int64_t>(1, 4096 / std::max<int64_t>(n, 1)), [&](int64_t begin, int64_t end) {
    std::vector<Item<S>> items(static_cast<size_t>(n));
    for (int64_t line = begin; line < end; ++line) {
      for (int64_t i = 0; i < n; ++i) items[static_cast<size_t>(i)] = {x[line * n + i], i};
      if (4 * k < n)
        std::partial_sort(items.begin(), items.begin() + k, items.end(), before<S, descending>);
      else
        std::sort(items.begin(), items.end(), before<S, descending>);
      for (int64_t i = 0; i < k; ++i) indices[line * k + i] = items[static_cast<size_t>(i)].place;
    }
  });
}

// Where the first k of the order stand, along dimension d.
Tensor ordered(const Tensor& x, int d, int64_t k, bool descending) {
  const NoGrad plain;
  const Tensor lines = x.transpose(d, -1).contiguous();
  const int64_t n = x.shape()[d];
  Shape shape = lines.shape();
  shape[shape.size() - 1] = k;
  Tensor indices = empty(shape, i64);
  visit_any(x.dtype(), [&]<class S>() {
    const auto order = descending ? order_lines<S, true> : order_lines<S, false>;
    if (k > 0) order(lines.pointer<S>(), lines.numel() / n, n, k, indices.pointer<int64_t>());
  });
  indices = indices.transpose(d, -1).contiguous();
  if (branches_wanted()) report_branches(indices);
  return indices;
}

}  // namespace

ValuesIndices sort(const Tensor& x, int64_t dim, bool descending) {
  const int d = wrap_dim("sort", dim, x.dim());
  const Tensor indices = ordered(x, d, x.shape()[d], descending);
  return {gather(x, d, indices), indices};
}

Tensor argsort(const Tensor& x, int64_t dim, bool descending) {
  const int d = wrap_dim("argsort", dim, x.dim());
  return ordered(x, d, x.shape()[d], descending);
}

ValuesIndices topk(const Tensor& x, int64_t k, int64_t dim, bool largest) {
  const int d = wrap_dim("topk", dim, x.dim());
  require<ValueError>(k >= 0 && k <= x.shape()[d], "topk", "k must lie between 0 and the size of the dimension", x,
                      given("k", k), given("dim", dim));
  const Tensor indices = ordered(x, d, k, largest);
  return {gather(x, d, indices), indices};
}

}  // namespace cairn
