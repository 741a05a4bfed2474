#pragma once
// The loops of element-wise work, over raw pointers: `map` for whole blocks, `map_strided` for operands of any strides.
// Tails run through a padded lane and every stride runs the same instructions, so an element's value never depends on
// where it lies.

#include <array>
#include <cstdint>
#include <cstdlib>
#include <type_traits>

#include "cairn/base/shape.h"
#include "cairn/base/threads.h"
#include "cairn/math/lanes.h"

namespace cairn {
inline namespace CAIRN_ISA {

/// Elements of one piece of parallel element-wise work: some 10 µs.
inline constexpr int64_t map_grain = 1 << 14;

/// How far ahead a loop asks for what it will read and write, in elements. The processor foresees a loop's lines too,
/// but not across pages, and while a formula computes the memory would stand idle: it is worth up to a fifth of the
/// time.
inline constexpr int64_t map_ahead = 512;

/// What a formula costs beside moving its numbers, which decides how its results are best written. `little` (relu, a + b):
/// without asking for their lines first, which would be half the work while they are in a cache, and from streamed_bytes
/// on past the caches, which saves reading them. `much`: the other way about. Whatever goes through map_strided or runs
/// counts as little, a power too.
enum class Work { little, much };

/// A result as large has left the caches before anyone reads it: what was read for it wants room, and so do other cores.
/// (The size that the system tells of a cache is that of others as well on a machine that is shared.)
inline constexpr int64_t streamed_bytes = 16 << 20;

namespace detail {

// Whether n results at y, made of what lies at x, are written past the caches. In place they are not: their lines are there.
template <class S, class... X>
bool streams(int64_t n, const S* y, const X*... x) {
  if constexpr (!Number<S>) return false;
  return n * static_cast<int64_t>(sizeof(S)) >= streamed_bytes && reinterpret_cast<uintptr_t>(y) % line_bytes == 0 &&
         ((static_cast<const void*>(y) != static_cast<const void*>(x)) && ...);
}

// Flattened: the formula is inlined however long it is, and its constants stay in registers.
template <Work work, class S, class F, class... X>
[[gnu::flatten]] void map_piece(int64_t n, F& f, S* y, const X*... x) {
  using L = Lanes<S>;
  int64_t i = 0;
  for (; i + L::size <= n; i += L::size) {
    (__builtin_prefetch(x + i + map_ahead), ...);
    if constexpr (work == Work::much) __builtin_prefetch(y + i + map_ahead, 1);
    L(f(L::load(x + i)...)).store(y + i);
  }
  if (i < n) L(f(L::load_partial(x + i, n - i)...)).store_partial(y + i, n - i);
}
template <class S, class F, class... X>
[[gnu::flatten]] void map_streamed(int64_t n, F& f, S* y, const X*... x) {
  using L = Lanes<S>;
  int64_t i = 0;
  for (; i + L::size <= n; i += L::size) {
    (__builtin_prefetch(x + i + map_ahead), ...);
    L(f(L::load(x + i)...)).stream(y + i);
  }
  if (i < n) L(f(L::load_partial(x + i, n - i)...)).store_partial(y + i, n - i);
  end_of_streams();
}

}  // namespace detail

/// y[i] = f(x[i], …) for i in [0, n), on several threads when n is large. y may be one of the x.
///   f  takes a Lanes<S> for each x and gives a Lanes<S>, or a constant
template <Work work = Work::much, Number S, class F, class... X>
requires(std::is_same_v<X, S>&&...) void map(int64_t n, F f, S* y, const X*... x) {
  const bool streamed = work == Work::little && detail::streams(n, y, x...);
  parallel_for(n, map_grain, [&](int64_t begin, int64_t end) {
    if constexpr (work == Work::little)
      if (streamed) return detail::map_streamed(end - begin, f, y + begin, (x + begin)...);
    detail::map_piece<work>(end - begin, f, y + begin, (x + begin)...);
  });
}

/// The walk over N operands seen under one shape (stride 0 where an operand is stretched), in as few and as long runs
/// as their strides allow. The innermost run follows the memory of operand 0, which is the one written.
template <int N>
class Walk {
 public:
  using Offsets = std::array<int64_t, N>;

  Walk(const Shape& shape, const std::array<const Strides*, N>& strides) : numel_(shape.numel()) {
    for (int d = 0; d < shape.size(); ++d)
      if (shape[d] != 1) insert(shape[d], d, strides);
    merge();
  }

  /// Steps of the operands along a run.
  const Offsets& steps() const { return step_[static_cast<size_t>(rank_ - 1)]; }

  /// f(n, offsets) for every run of n elements; offsets are those of its first element. Runs may be on several threads.
  template <class F>
  void operator()(F f) const {
    parallel_for(numel_, map_grain, [&](int64_t begin, int64_t end) {
      std::array<int64_t, max_rank> index{};
      Offsets at{};
      int64_t rest = begin;
      for (int d = rank_ - 1; d >= 0; --d) {
        const auto k = static_cast<size_t>(d);
        index[k] = rest % size_[k];
        rest /= size_[k];
        for (size_t j = 0; j < N; ++j) at[j] += index[k] * step_[k][j];
      }
      const auto inner = static_cast<size_t>(rank_ - 1);
      for (int64_t i = begin; i < end;) {
        const int64_t n = std::min(size_[inner] - index[inner], end - i);
        f(n, at);
        i += n;
        advance(inner, n, index, at);
      }
    });
  }

 private:
  void insert(int64_t size, int d, const std::array<const Strides*, N>& strides) {
    // Dimensions come in order and are put before those of smaller stride.
    auto k = static_cast<size_t>(rank_++);
    for (; k > 0 && std::abs(step_[k - 1][0]) < std::abs((*strides[0])[d]); --k) {
      size_[k] = size_[k - 1];
      step_[k] = step_[k - 1];
    }
    size_[k] = size;
    for (size_t j = 0; j < N; ++j) step_[k][j] = (*strides[j])[d];
  }

  void merge() {
    if (rank_ == 0) size_[0] = 1, step_[0] = {}, rank_ = 1;
    size_t kept = 0;
    for (size_t k = 1; k < static_cast<size_t>(rank_); ++k) {
      bool one_run = true;
      for (size_t j = 0; j < N; ++j) one_run &= step_[kept][j] == step_[k][j] * size_[k];
      size_[one_run ? kept : kept + 1] = one_run ? size_[kept] * size_[k] : size_[k];
      if (!one_run) ++kept;
      step_[kept] = step_[k];
    }
    rank_ = static_cast<int>(kept) + 1;
  }

  void advance(size_t inner, int64_t n, std::array<int64_t, max_rank>& index, Offsets& at) const {
    index[inner] += n;
    for (size_t j = 0; j < N; ++j) at[j] += n * step_[inner][j];
    for (size_t k = inner; k > 0 && index[k] == size_[k]; --k) {
      index[k] = 0;
      ++index[k - 1];
      for (size_t j = 0; j < N; ++j) at[j] += step_[k - 1][j] - size_[k] * step_[k][j];
    }
  }

  int64_t numel_;
  int rank_ = 0;
  std::array<int64_t, max_rank> size_;  // from the outermost loop to the innermost
  std::array<Offsets, max_rank> step_;
};

namespace detail {

template <class S, class F, class... X>
concept OnLanes = Number<S> &&(std::is_same_v<X, S>&&...) &&
                  requires(F& f, Lanes<std::conditional_t<Number<S>, S, float>> l, X...) {
  f(((void)sizeof(X), l)...);
};

// An operand of a run: its first element and the step to the next.
template <class T>
struct Run {
  T* p;
  int64_t step;
  bool streamed = false;  // if it is a result, of step 1
};
template <Number S>
Lanes<S> gather(Run<const S> x, int64_t i, int64_t n) {
  alignas(64) S line[Lanes<S>::size] = {};
  for (int64_t k = 0; k < n; ++k) line[k] = x.p[(i + k) * x.step];
  return Lanes<S>::load(line);
}
template <Number S>
void scatter(Run<S> y, Lanes<S> v, int64_t i, int64_t n) {
  alignas(64) S line[Lanes<S>::size];
  v.store(line);
  for (int64_t k = 0; k < n; ++k) y.p[(i + k) * y.step] = line[k];
}

template <class F, class O, class... X>
[[gnu::flatten]] void map_run(int64_t n, F& f, Run<O> y, Run<const X>... x) {
  if constexpr (OnLanes<O, F, X...>) {
    using L = Lanes<O>;
    if (y.step == 1 && ((x.step == 1) && ...))
      return y.streamed ? map_streamed(n, f, y.p, x.p...) : map_piece<Work::little>(n, f, y.p, x.p...);
    for (int64_t i = 0; i < n; i += L::size) {
      const int64_t k = std::min<int64_t>(n - i, L::size);
      scatter(y, L(f(gather(x, i, k)...)), i, k);
    }
  } else if (y.step == 1 && ((x.step == 1) && ...)) {
    for (int64_t i = 0; i < n; ++i) y.p[i] = static_cast<O>(f(x.p[i]...));
  } else {
    for (int64_t i = 0; i < n; ++i) y.p[i * y.step] = static_cast<O>(f(x.p[i * x.step]...));
  }
}

// Two operands: one of them stretched over the run is the common case of broadcasting.
template <class F, class O, class A, class B>
void map_run2(int64_t n, F& f, Run<O> y, Run<const A> a, Run<const B> b) {
  if (y.step == 1 && a.step == 1 && b.step == 0) {
    const B c = *b.p;
    if constexpr (OnLanes<O, F, A, B>) {
      auto g = [&f, c = Lanes<O>(static_cast<double>(c))](auto v) { return f(v, c); };
      return map_piece<Work::little>(n, g, y.p, a.p);
    } else {
      for (int64_t i = 0; i < n; ++i) y.p[i] = static_cast<O>(f(a.p[i], c));
      return;
    }
  }
  if (y.step == 1 && a.step == 0 && b.step == 1) {
    const A c = *a.p;
    if constexpr (OnLanes<O, F, A, B>) {
      auto g = [&f, c = Lanes<O>(static_cast<double>(c))](auto v) { return f(c, v); };
      return map_piece<Work::little>(n, g, y.p, b.p);
    } else {
      for (int64_t i = 0; i < n; ++i) y.p[i] = static_cast<O>(f(c, b.p[i]));
      return;
    }
  }
  map_run(n, f, y, a, b);
}

}  // namespace detail

/// A pointer to the first element, and strides (in elements) under the common shape: 0 where the operand is stretched.
template <class T>
struct Strided {
  T* p;
  const Strides& strides;
};

/// y = f(x, …) over `shape`, element by element. y may be one of the x when its strides are the same.
///   f  as for map where all element types are the same float; else it takes and gives single elements
template <class F, class O, class... X>
void map_strided(const Shape& shape, F f, Strided<O> y, Strided<const X>... x) {
  const Walk<1 + sizeof...(X)> walk(shape, {&y.strides, &x.strides...});
  walk([&](int64_t n, const auto& at) {
    const auto& step = walk.steps();
    [&]<size_t... k>(std::index_sequence<k...>) {
      const detail::Run<O> out{y.p + at[0], step[0]};
      if constexpr (sizeof...(X) == 2)
        detail::map_run2(n, f, out, detail::Run<const X>{x.p + at[k + 1], step[k + 1]}...);
      else
        detail::map_run(n, f, out, detail::Run<const X>{x.p + at[k + 1], step[k + 1]}...);
    }
    (std::index_sequence_for<X...>());
  });
}

}  // namespace CAIRN_ISA
}  // namespace cairn
