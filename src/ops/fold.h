#pragma once
// A reduction over any set of dimensions of any dense layout, brought down to the kernels' x[outer][n][inner].

#include <algorithm>
#include <numeric>
#include <vector>

#include "cairn/graph/node.h"
#include "cairn/tensor/tensor.h"
#include "kernels/reduce.h"
#include "ops/layout.h"

namespace cairn {

// A set of dimensions in one byte: closures stay small.
class Over {
 public:
  Over(const char* operation, const Dims& dims, const Tensor& x) {
    const Dims wrapped = wrap_dims(operation, dims, x.dim());
    for (int i = 0; i < wrapped.size(); ++i) bits_ = static_cast<uint8_t>(bits_ | 1u << wrapped[i]);
  }
  bool has(int d) const { return (bits_ >> d & 1) != 0; }
  Dims dims() const {
    Dims out;
    for (int d = 0; d < max_rank; ++d)
      if (has(d)) out.push_back(d);
    return out;
  }
  Shape result(const Shape& x, bool keepdim) const {
    Shape out;
    for (int d = 0; d < x.size(); ++d)
      if (!has(d) || keepdim) out.push_back(has(d) ? 1 : x[d]);
    return out;
  }
  int64_t count(const Shape& x) const {
    int64_t n = 1;
    for (int d = 0; d < x.size(); ++d) n *= has(d) ? x[d] : 1;
    return n;
  }
  // A result stretched back over what was reduced.
  Tensor spread(const Tensor& y, const Shape& x) const { return keep(y, x).expand(x); }
  Tensor keep(const Tensor& y, const Shape& x) const { return y.dim() == x.size() ? y : y.reshape(result(x, true)); }

 private:
  uint8_t bits_ = 0;
};

// A dense tensor as runs of dimensions that lie together in memory and share their fate, and the result to fill.
struct Layout {
  struct Run {
    int64_t size;
    bool reduced;
  };
  Tensor x, y;
  std::vector<Run> runs;

  Layout(const Tensor& given, Over over, bool keepdim, Dtype dtype)
      : x(given.is_dense() ? given : ops::row_major(given)) {
    Dims order = Shape::filled(x.dim(), 0);
    std::iota(order.begin(), order.end(), int64_t{0});
    const bool permuted = !x.is_contiguous();
    if (permuted)
      std::stable_sort(order.begin(), order.end(),
                       [&](int64_t a, int64_t b) { return x.strides()[int(a)] > x.strides()[int(b)]; });
    for (int64_t d : order) {
      const int64_t n = x.shape()[int(d)];
      if (!runs.empty() && runs.back().reduced == over.has(int(d)))
        runs.back().size *= n;
      else if (n != 1)
        runs.push_back({n, over.has(int(d))});
    }
    const Shape shape = over.result(x.shape(), keepdim);
    y = empty(shape, dtype);
    if (!permuted) return;
    // The result keeps the order of dimensions in memory.
    Strides kept = Shape::filled(x.dim(), 1), strides;
    int64_t step = 1;
    for (int i = x.dim() - 1; i >= 0; --i) {
      kept[int(order[i])] = step;
      if (!over.has(int(order[i]))) step *= x.shape()[int(order[i])];
    }
    for (int d = 0; d < x.dim(); ++d)
      if (!over.has(d) || keepdim) strides.push_back(kept[d]);
    y = as_strided(y, shape, strides, 0);
  }
};

// Folds the reduced runs one after the other, the last one first; `first` takes elements of x, `next` partial results.
template <class A, class First, class Next>
void fold_runs(Layout& l, First first, Next next) {
  auto& runs = l.runs;
  Tensor partial;
  const auto is_reduced = [](const Layout::Run& r) { return r.reduced; };
  for (bool done = false; !done;) {
    const auto last = std::find_if(runs.rbegin(), runs.rend(), is_reduced);
    kernels::Extent e{1, 1, 1};
    for (auto r = runs.rbegin(); r != runs.rend(); ++r) (r < last ? e.inner : r == last ? e.n : e.outer) *= r->size;
    if (last != runs.rend()) *last = {1, false};
    done = std::none_of(runs.begin(), runs.end(), is_reduced);
    const Tensor to = done ? l.y : empty({e.outer, e.inner}, l.y.dtype());
    if (partial.defined())
      next(partial.pointer<A>(), to.pointer<A>(), e);
    else
      first(to.pointer<A>(), e);
    partial = to;
  }
}

}  // namespace cairn
