#pragma once
// One pass over several arrays that are read and written together: what an optimiser does to a parameter and its state.

#include <cstdint>

#include "cairn/math/map.h"

namespace cairn::kernels {
inline namespace CAIRN_ISA {

// One thread's part. Flattened, as a call for each line takes longer than the line; f is a copy, as the numbers in it
// would be read anew after each store that could have changed them.
template <class S, class F, class... A>
[[gnu::flatten]] void sweep_piece(int64_t begin, int64_t end, F f, const S* g, A*... a) {
  using L = Lanes<S>;
  int64_t i = begin;
  for (; i + L::size <= end; i += L::size) {
    __builtin_prefetch(g + i + map_ahead);
    (__builtin_prefetch(a + i + map_ahead, 1), ...);
    [&](auto... x) {
      f(L::load(g + i), x...);
      (x.store(a + i), ...);
    }((L::load(a + i))...);
  }
  if (i < end)
    [&](auto... x) {
      f(L::load_partial(g + i, end - i), x...);
      (x.store_partial(a + i, end - i), ...);
    }((L::load_partial(a + i, end - i))...);
}

/// f(g[i], a[i], b[i], …) for i in [0, n), with g given as a value and the rest as references that are stored back.
///   f  takes a Lanes<S> and then a Lanes<S>& for each array
template <class S, class F, class... A>
void sweep(int64_t n, F f, const S* g, A*... a) {
  parallel_for(n, map_grain, [&](int64_t begin, int64_t end) { sweep_piece(begin, end, f, g, a...); });
}

}  // namespace CAIRN_ISA
}  // namespace cairn::kernels
