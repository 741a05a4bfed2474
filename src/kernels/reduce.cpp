#include "kernels/reduce.h"

#include <algorithm>
#include <limits>

#include "cairn/base/memory.h"
#include "cairn/base/threads.h"
#include "cairn/math/lanes.h"
#include "kernels/tail.h"

namespace cairn::kernels {
namespace {

constexpr int64_t row_block = 2048;     // numbers of a row that one task folds: 32 additions a lane of f32
constexpr int64_t column_block = 128;   // rows that one task folds
constexpr int64_t column_width = 1024;  // columns of a task
constexpr int64_t grain = 32768;        // numbers worth a thread

template <class S>
struct Sum {
  static constexpr S identity = 0;
  static Lanes<S> map(Lanes<S> x) { return x; }
  static Lanes<S> join(Lanes<S> a, Lanes<S> b) { return a + b; }
  static S last(Lanes<S> a) { return a.sum(); }
  using Next = Sum;  // how partial results are folded
};
template <class S>
struct SumOfSquares : Sum<S> {
  static Lanes<S> map(Lanes<S> x) { return x * x; }
};
template <class S>
struct Prod : Sum<S> {
  static constexpr S identity = 1;
  static Lanes<S> join(Lanes<S> a, Lanes<S> b) { return a * b; }
  static S last(Lanes<S> v) {
    return v.fold([](Lanes<S> a, Lanes<S> b) { return a * b; });
  }
  using Next = Prod;
};
template <class S>
struct Max : Sum<S> {
  static constexpr S identity = -std::numeric_limits<S>::infinity();
  [[gnu::always_inline]] static Lanes<S> join(Lanes<S> a, Lanes<S> b) { return maximum(a, b); }
  static S last(Lanes<S> v) { return v.max(); }
  using Next = Max;
};
template <class S>
struct Min : Sum<S> {
  static constexpr S identity = std::numeric_limits<S>::infinity();
  [[gnu::always_inline]] static Lanes<S> join(Lanes<S> a, Lanes<S> b) { return minimum(a, b); }
  static S last(Lanes<S> v) { return v.min(); }
  using Next = Min;
};

// Four accumulators hide the latency of the addition.
template <class Op, class S>
S fold_row(const S* x, int64_t n, const S* end) {
  constexpr int64_t w = Lanes<S>::size;
  Lanes<S> acc[4] = {Op::identity, Op::identity, Op::identity, Op::identity};
  int64_t i = 0;
  for (; i + 4 * w <= n; i += 4 * w)
    for (int k = 0; k < 4; ++k) acc[k] = Op::join(acc[k], Op::map(Lanes<S>::load(x + i + k * w)));
  for (int k = 0; i < n; i += w, ++k) acc[k] = Op::join(acc[k], Op::map(load_tail(x + i, n - i, end, Op::identity)));
  return Op::last(Op::join(Op::join(acc[0], acc[1]), Op::join(acc[2], acc[3])));
}

template <class Op, class S>
void fold_rows(const S* x, S* y, int64_t outer, int64_t n) {
  const int64_t blocks = std::max<int64_t>(1, (n + row_block - 1) / row_block);
  const S* end = x + outer * n;
  S* partial = blocks == 1 ? y : static_cast<S*>(memory::allocate(static_cast<size_t>(outer * blocks) * sizeof(S)));
  parallel_for(outer * blocks, std::max<int64_t>(1, grain / std::clamp<int64_t>(n, 1, row_block)),
               [&](int64_t begin, int64_t stop) {
                 for (int64_t task = begin; task < stop; ++task) {
                   const int64_t row = task / blocks, at = task % blocks * row_block;
                   partial[task] = fold_row<Op>(x + row * n + at, std::min(row_block, n - at), end);
                 }
               });
  if (blocks == 1) return;
  fold_rows<typename Op::Next>(partial, y, outer, blocks);
  memory::deallocate(partial, static_cast<size_t>(outer * blocks) * sizeof(S));
}

// `K` lines of columns over `n` rows, two rows at a time.
template <class Op, int K, class S>
void fold_columns_strip(const S* x, S* y, int64_t n, int64_t inner) {
  constexpr int64_t w = Lanes<S>::size;
  Lanes<S> even[K], odd[K];
  for (int k = 0; k < K; ++k) even[k] = odd[k] = Op::identity;
  int64_t r = 0;
  for (; r + 2 <= n; r += 2)
    for (int k = 0; k < K; ++k) {
      even[k] = Op::join(even[k], Op::map(Lanes<S>::load(x + r * inner + k * w)));
      odd[k] = Op::join(odd[k], Op::map(Lanes<S>::load(x + (r + 1) * inner + k * w)));
    }
  for (int k = 0; k < K; ++k) {
    if (r < n) even[k] = Op::join(even[k], Op::map(Lanes<S>::load(x + r * inner + k * w)));
    Op::join(even[k], odd[k]).store(y + k * w);
  }
}

// The last columns, fewer than a line.
template <class Op, class S>
void fold_columns_tail(const S* x, S* y, int64_t n, int64_t inner, int64_t columns, const S* end) {
  Lanes<S> even = Op::identity, odd = Op::identity;
  int64_t r = 0;
  for (; r + 2 <= n; r += 2) {
    even = Op::join(even, Op::map(load_tail(x + r * inner, columns, end, Op::identity)));
    odd = Op::join(odd, Op::map(load_tail(x + (r + 1) * inner, columns, end, Op::identity)));
  }
  if (r < n) even = Op::join(even, Op::map(load_tail(x + r * inner, columns, end, Op::identity)));
  store_tail(Op::join(even, odd), y, columns);
}

template <class Op, class S>
void fold_columns(const S* x, S* y, Extent e) {
  constexpr int64_t w = Lanes<S>::size;
  const int64_t blocks = std::max<int64_t>(1, (e.n + column_block - 1) / column_block);
  const int64_t strips = (e.inner + column_width - 1) / column_width;
  const size_t bytes = static_cast<size_t>(e.outer * blocks * e.inner) * sizeof(S);
  const S* end = x + e.outer * e.n * e.inner;
  S* partial = blocks == 1 ? y : static_cast<S*>(memory::allocate(bytes));
  const int64_t work = std::clamp<int64_t>(e.n, 1, column_block) * std::min(e.inner, column_width);
  parallel_for(e.outer * blocks * strips, std::max<int64_t>(1, grain / work), [&](int64_t begin, int64_t stop) {
    for (int64_t task = begin; task < stop; ++task) {
      const int64_t strip = task % strips, block = task / strips % blocks, o = task / strips / blocks;
      const int64_t row = block * column_block, rows = std::min(column_block, e.n - row);
      int64_t c = strip * column_width;
      const int64_t c_end = std::min(e.inner, c + column_width);
      const S* from = x + (o * e.n + row) * e.inner;
      S* to = partial + (o * blocks + block) * e.inner;
      for (; c + 4 * w <= c_end; c += 4 * w) fold_columns_strip<Op, 4>(from + c, to + c, rows, e.inner);
      for (; c + w <= c_end; c += w) fold_columns_strip<Op, 1>(from + c, to + c, rows, e.inner);
      if (c < c_end) fold_columns_tail<Op>(from + c, to + c, rows, e.inner, c_end - c, end);
    }
  });
  if (blocks == 1) return;
  fold_columns<typename Op::Next>(partial, y, {e.outer, blocks, e.inner});
  memory::deallocate(partial, bytes);
}

template <class Op, class S>
void fold_floats(const S* x, S* y, Extent e) {
  if (e.outer == 0 || e.inner == 0) return;
  if (e.inner == 1) return fold_rows<Op>(x, y, e.outer, e.n);
  fold_columns<Op>(x, y, e);
}

// Whole numbers are exact in any order: plain loops, which the compiler vectorises.
template <class A, class T, class F>
void fold_exact(const T* x, A* y, Extent e, A identity, F join) {
  const int64_t work = std::max<int64_t>(1, e.n * e.inner);
  if (e.outer == 1 && e.inner == 1 && e.n > grain) {
    const int64_t blocks = (e.n + grain - 1) / grain;
    A* partial = static_cast<A*>(memory::allocate(static_cast<size_t>(blocks) * sizeof(A)));
    parallel_for(e.n, grain, [&](int64_t begin, int64_t stop) {
      A acc = identity;
      for (int64_t i = begin; i < stop; ++i) acc = join(acc, x[i]);
      partial[begin / grain] = acc;
    });
    *y = identity;
    for (int64_t b = 0; b < blocks; ++b) *y = join(*y, partial[b]);
    return memory::deallocate(partial, static_cast<size_t>(blocks) * sizeof(A));
  }
  parallel_for(e.outer, std::max<int64_t>(1, grain / work), [&](int64_t begin, int64_t stop) {
    for (int64_t o = begin; o < stop; ++o) {
      const T* from = x + o * e.n * e.inner;
      A* to = y + o * e.inner;
      std::fill(to, to + e.inner, identity);
      if (e.inner == 1) {
        A acc = identity;
        for (int64_t i = 0; i < e.n; ++i) acc = join(acc, from[i]);
        *to = acc;
      } else {
        for (int64_t r = 0; r < e.n; ++r)
          for (int64_t c = 0; c < e.inner; ++c) to[c] = join(to[c], from[r * e.inner + c]);
      }
    }
  });
}

}  // namespace

template <class S>
void fold(Fold op, const S* x, S* y, Extent e) {
  switch (op) {
    case Fold::sum:
      return fold_floats<Sum<S>>(x, y, e);
    case Fold::sum_of_squares:
      return fold_floats<SumOfSquares<S>>(x, y, e);
    case Fold::prod:
      return fold_floats<Prod<S>>(x, y, e);
    case Fold::max:
      return fold_floats<Max<S>>(x, y, e);
    case Fold::min:
      return fold_floats<Min<S>>(x, y, e);
  }
}
template void fold(Fold, const float*, float*, Extent);
template void fold(Fold, const double*, double*, Extent);

template <class T>
void fold_whole(Fold op, const T* x, int64_t* y, Extent e) {
  using Limits = std::numeric_limits<int64_t>;
  // Unsigned, because sums of labels may wrap and must not be undefined.
  const auto add = [](int64_t a, auto b) {
    return static_cast<int64_t>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b));
  };
  const auto multiply = [](int64_t a, auto b) {
    return static_cast<int64_t>(static_cast<uint64_t>(a) * static_cast<uint64_t>(b));
  };
  switch (op) {
    case Fold::prod:
      return fold_exact(x, y, e, int64_t{1}, multiply);
    case Fold::max:
      return fold_exact(x, y, e, Limits::min(), [](int64_t a, auto b) { return std::max<int64_t>(a, b); });
    case Fold::min:
      return fold_exact(x, y, e, Limits::max(), [](int64_t a, auto b) { return std::min<int64_t>(a, b); });
    default:
      return fold_exact(x, y, e, int64_t{0}, add);
  }
}
template void fold_whole(Fold, const int64_t*, int64_t*, Extent);
template void fold_whole(Fold, const bool*, int64_t*, Extent);

template <class T>
void fold_truth(bool all, const T* x, bool* y, Extent e) {
  if (all)
    fold_exact(x, y, e, true, [](bool a, auto b) { return static_cast<bool>(a & (b != 0)); });
  else
    fold_exact(x, y, e, false, [](bool a, auto b) { return static_cast<bool>(a | (b != 0)); });
}
template void fold_truth(bool, const float*, bool*, Extent);
template void fold_truth(bool, const double*, bool*, Extent);
template void fold_truth(bool, const int64_t*, bool*, Extent);
template void fold_truth(bool, const bool*, bool*, Extent);
template void fold_truth(bool, const uint8_t*, bool*, Extent);

template <class T>
void find_first(const T* x, const T* value, int64_t* index, Extent e) {
  const auto is = [](T t, T v) { return t == v || (t != t && v != v); };
  parallel_for(e.outer, std::max<int64_t>(1, grain / std::max<int64_t>(1, e.n * e.inner)),
               [=](int64_t begin, int64_t stop) {
                 for (int64_t o = begin; o < stop; ++o) {
                   const T* from = x + o * e.n * e.inner;
                   const T* v = value + o * e.inner;
                   int64_t* at = index + o * e.inner;
                   if (e.inner == 1) {
                     int64_t r = 0;
                     while (!is(from[r], *v)) ++r;
                     *at = r;
                   } else {  // from the end, so that the first one found is written last
                     for (int64_t r = e.n - 1; r >= 0; --r)
                       for (int64_t c = 0; c < e.inner; ++c) at[c] = is(from[r * e.inner + c], v[c]) ? r : at[c];
                   }
                 }
               });
}
template void find_first(const float*, const float*, int64_t*, Extent);
template void find_first(const double*, const double*, int64_t*, Extent);
template void find_first(const int64_t*, const int64_t*, int64_t*, Extent);

template <class S>
void prod_gradient(const S* x, const S* g, S* dx, int64_t outer, int64_t n) {
  parallel_for(outer, std::max<int64_t>(1, grain / std::max<int64_t>(1, n)), [&](int64_t begin, int64_t stop) {
    for (int64_t o = begin; o < stop; ++o) {
      const S* from = x + o * n;
      S* to = dx + o * n;
      S before = g[o], after = 1;
      for (int64_t i = 0; i < n; ++i) {
        to[i] = before;
        before *= from[i];
      }
      for (int64_t i = n - 1; i >= 0; --i) {
        to[i] *= after;
        after *= from[i];
      }
    }
  });
}
template void prod_gradient(const float*, const float*, float*, int64_t, int64_t);
template void prod_gradient(const double*, const double*, double*, int64_t, int64_t);

}  // namespace cairn::kernels
