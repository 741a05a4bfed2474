#pragma once
// Walking over images with channels side by side (n, h, w, c in memory), a row at a time and some lines of channels at once.

#include <algorithm>
#include <cstdint>

#include "cairn/base/threads.h"
#include "cairn/math/lanes.h"

namespace cairn::kernels {

// f(image, row) for all rows of all images, where a row is so many numbers of work.
template <class F>
void each_row(int64_t images, int64_t rows, int64_t work, F f) {
  parallel_for(images * rows, std::max<int64_t>(1, (1 << 14) / std::max<int64_t>(work, 1)),
               [&](int64_t begin, int64_t end) {
                 for (int64_t at = begin; at < end; ++at) f(at / rows, at % rows);
               });
}

// f<lines>(k) for channels k, k + 1, … in blocks of four lines, two and single ones, the last of which may be incomplete.
template <class S, class F>
[[gnu::always_inline]] inline void each_block(int64_t channels, F f) {
  constexpr int64_t size = Lanes<S>::size;
  int64_t k = 0;
  for (; k + 4 * size <= channels; k += 4 * size) f.template operator()<4>(k);
  if (k + 2 * size <= channels) f.template operator()<2>(k), k += 2 * size;
  for (; k < channels; k += size) f.template operator()<1>(k);
}

// `n` numbers are wanted. A whole line is moved wherever it ends before `end`, which is several times faster than part of
// one: what is read beyond belongs to the next pixel and is not looked at, and what is written beyond the next pixel,
// which comes later, writes over.
template <class S>
[[gnu::always_inline]] inline Lanes<S> read(const S* p, int64_t n, const S* end) {
  return end - p >= Lanes<S>::size ? Lanes<S>::load(p) : Lanes<S>::load_partial(p, std::min<int64_t>(n, end - p));
}
template <class S>
[[gnu::always_inline]] inline void write(Lanes<S> v, S* p, const S* end) {
  if (end - p >= Lanes<S>::size)
    v.store(p);
  else
    v.store_partial(p, end - p);
}

}  // namespace cairn::kernels
