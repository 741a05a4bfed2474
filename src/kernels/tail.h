#pragma once
// Rows in lines. The last one may be incomplete: its other lanes hold padding, and no element's value depends on that.

#include <cstring>

#include "cairn/math/lanes.h"

namespace cairn::kernels {

using detail::masked;

/// The first n lanes; the others are replaced by `padding`.
template <class S>
[[gnu::always_inline]] inline Lanes<S> keep_first(Lanes<S> v, int64_t n, S padding = 0) {
  alignas(64) static constexpr struct Count {
    S value[Lanes<S>::size] = {};
    constexpr Count() {
      for (int i = 0; i < Lanes<S>::size; ++i) value[i] = static_cast<S>(i);
    }
  } count;
  return where(Lanes<S>::load(count.value) < static_cast<double>(n), v, Lanes<S>(static_cast<double>(padding)));
}

/// p[0] … p[n − 1], then `padding`. Without masks a whole line is read where one fits before `end`, the end of an array that
/// nobody writes to meanwhile: several times faster than a partial one.
template <class S>
[[gnu::always_inline]] inline Lanes<S> load_tail(const S* p, int64_t n, const S* end, S padding = 0) {
  constexpr int64_t w = Lanes<S>::size;
  if (n >= w) return Lanes<S>::load(p);
  if constexpr (masked) return Lanes<S>::load_partial(p, n, padding);
  if (end - p >= w) return keep_first(Lanes<S>::load(p), n, padding);
  alignas(64) S line[w];
  Lanes<S>(static_cast<double>(padding)).store(line);
  std::memcpy(line, p, static_cast<size_t>(n) * sizeof(S));
  return Lanes<S>::load(line);
}

template <class S>
[[gnu::always_inline]] inline void store_tail(Lanes<S> v, S* p, int64_t n) {
  if (n >= Lanes<S>::size) return v.store(p);
  if constexpr (masked) return v.store_partial(p, n);
  alignas(64) S line[Lanes<S>::size];
  v.store(line);
  std::memcpy(p, line, static_cast<size_t>(n) * sizeof(S));
}

/// f(i, count) for each line of n numbers: those from i on, `count` of them. Where it is called in an inner loop the caller
/// is [[gnu::flatten]]: else f is called for each line, and what it adds up lies in memory.
template <class S, class F>
[[gnu::always_inline]] inline void each_line(int64_t n, F f) {
  constexpr int64_t w = Lanes<S>::size;
  int64_t i = 0;
  for (; i + w <= n; i += w) f(i, w);
  if (i < n) f(i, n - i);
}

/// A sum of many lines in two levels, so that rounding errors stay small in long rows.
template <class S>
struct LineSum {
  Lanes<S> total = 0.0, part = 0.0;
  int lines = 0;
  [[gnu::always_inline]] void operator+=(Lanes<S> v) {
    part += v;
    next();
  }
  /// The same with a product, fused where that is possible.
  [[gnu::always_inline]] void add_product(Lanes<S> a, Lanes<S> b) {
    part = fma(a, b, part);
    next();
  }
  [[gnu::always_inline]] void next() {
    if (++lines % 64 == 0) {
      total += part;
      part = 0.0;
    }
  }
  S sum() const { return (total + part).sum(); }
};

}  // namespace cairn::kernels
