#include "kernels/maxout.h"

#include <algorithm>
#include <type_traits>

#include "cairn/math/map.h"

namespace cairn::kernels {
namespace {

// V is a line of numbers or one number: where the block is long lines lie side by side, where it is short the numbers of
// one unit do.
template <class V, class S>
[[gnu::always_inline]] inline V get(const S* p) {
  if constexpr (std::is_same_v<V, S>)
    return *p;
  else
    return V::load(p);
}
template <class V, class S>
[[gnu::always_inline]] inline void put(V v, S* p) {
  if constexpr (std::is_same_v<V, S>)
    *p = v;
  else
    v.store(p);
}
template <class S>
[[gnu::always_inline]] inline S larger(S a, S b) {
  return ((a > b) | (a != a)) ? a : b;
}
template <class S>
[[gnu::always_inline]] inline Lanes<S> larger(Lanes<S> a, Lanes<S> b) {
  return maximum(a, b);
}
template <class S>
[[gnu::always_inline]] inline S one_if_equal(S a, S b) {
  return a == b ? S(1) : S(0);
}
template <class S>
[[gnu::always_inline]] inline Lanes<S> one_if_equal(Lanes<S> a, Lanes<S> b) {
  return where(a == b, Lanes<S>(1.0), 0.0);
}

template <class V, class S>
[[gnu::always_inline]] inline V largest(const S* x, int64_t pieces, int64_t block) {
  V m = get<V>(x);
  for (int64_t p = 1; p < pieces; ++p) m = larger(get<V>(x + p * block), m);
  return m;
}

template <class V, class S>
[[gnu::always_inline]] inline void share(const S* x, const S* g, S* dx, int64_t pieces, int64_t block) {
  const V m = largest<V>(x, pieces, block);
  V ties = one_if_equal(get<V>(x), m);
  for (int64_t p = 1; p < pieces; ++p) ties = ties + one_if_equal(get<V>(x + p * block), m);
  const V part = V(1) / ties, up = get<V>(g);  // of no number that equals NaN: 0 · ∞
  for (int64_t p = 0; p < pieces; ++p) put(up * (one_if_equal(get<V>(x + p * block), m) * part), dx + p * block);
}

// f.operator()<V>(place in x, place in y) for all lines of the runs that go on in memory, and single numbers behind them.
template <class S, class F>
void each(int64_t units, int64_t pieces, int64_t block, F f) {
  constexpr int64_t w = Lanes<S>::size;
  parallel_for(units * block, map_grain, [=](int64_t begin, int64_t end) {
    int64_t unit = begin / block, at = begin % block;
    for (int64_t i = begin; i < end; ++unit, at = 0) {
      const int64_t n = std::min(block - at, end - i), from = unit * pieces * block + at;
      int64_t k = 0;
      for (; k + w <= n; k += w) f.template operator()<Lanes<S>>(from + k, i + k);
      for (; k < n; ++k) f.template operator()<S>(from + k, i + k);
      i += n;
    }
  });
}

// The number of pieces as a constant where it is a usual one and they are neighbours: then a unit is a few instructions.
template <class F>
void with_pieces(int64_t pieces, int64_t block, F f) {
  if (block == 1 && pieces == 2) return f(std::integral_constant<int64_t, 2>(), std::integral_constant<int64_t, 1>());
  if (block == 1 && pieces == 3) return f(std::integral_constant<int64_t, 3>(), std::integral_constant<int64_t, 1>());
  if (block == 1 && pieces == 4) return f(std::integral_constant<int64_t, 4>(), std::integral_constant<int64_t, 1>());
  f(pieces, block);
}

}  // namespace

template <class S>
void maxout(const S* x, S* y, int64_t units, int64_t pieces, int64_t block) {
  with_pieces(pieces, block, [=](auto k, auto b) {
    if constexpr (!std::is_same_v<decltype(b), int64_t>)
      parallel_for(units, map_grain, [=](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) y[i] = largest<S>(x + i * k, k, b);
      });
    else
      each<S>(units, k, b, [=]<class V>(int64_t i, int64_t j) { put(largest<V>(x + i, k, b), y + j); });
  });
}
template void maxout(const float*, float*, int64_t, int64_t, int64_t);
template void maxout(const double*, double*, int64_t, int64_t, int64_t);

template <class S>
void maxout_gradient(const S* x, const S* g, S* dx, int64_t units, int64_t pieces, int64_t block) {
  with_pieces(pieces, block, [=](auto k, auto b) {
    if constexpr (!std::is_same_v<decltype(b), int64_t>)
      parallel_for(units, map_grain, [=](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) share<S>(x + i * k, g + i, dx + i * k, k, b);
      });
    else
      each<S>(units, k, b, [=]<class V>(int64_t i, int64_t j) { share<V>(x + i, g + j, dx + i, k, b); });
  });
}
template void maxout_gradient(const float*, const float*, float*, int64_t, int64_t, int64_t);
template void maxout_gradient(const double*, const double*, double*, int64_t, int64_t, int64_t);

}  // namespace cairn::kernels
