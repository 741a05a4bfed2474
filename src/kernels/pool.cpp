#include "kernels/pool.h"

#include <algorithm>
#include <limits>

#include "cairn/base/threads.h"

namespace cairn::kernels {

int64_t Windows::widest() const {
  int64_t most = 1;
  for (size_t i = 0; i < begin.size(); ++i) most = std::max(most, (end[i] - begin[i] + step - 1) / step);
  return most;
}

namespace {

// f(image, first row of windows, behind the last) for pieces of the work; whole images where windows may overlap.
template <class F>
void each_rows(const Images& g, const Windows& h, const Windows& w, bool whole, F f) {
  const int64_t rows = whole ? 1 : h.count(), work = std::max<int64_t>(1, (whole ? h.count() : 1) * w.count() * g.c);
  parallel_for(g.n * rows, std::max<int64_t>(1, 8192 / work), [&](int64_t begin, int64_t end) {
    for (int64_t at = begin; at < end; ++at)
      if (whole)
        f(at, int64_t{0}, h.count());
      else
        f(at / rows, at % rows, at % rows + 1);
  });
}

// f(offset of the place in the image, its number in the window) for all places of window (i, j)
template <class F>
void each_place(const Images& g, const Windows& h, const Windows& w, int64_t widest, int64_t i, int64_t j, F f) {
  int64_t row = 0;
  for (int64_t y = h.begin[size_t(i)]; y < h.end[size_t(i)]; y += h.step, row += widest) {
    int64_t number = row;
    for (int64_t x = w.begin[size_t(j)]; x < w.end[size_t(j)]; x += w.step) f((y * g.w + x) * g.c, number++);
  }
}

// The loops over channels are written for the vectoriser: nothing aliases, and they are free of branches.
template <class S, class I>
void keep_larger(const S* __restrict x, S* __restrict best, I* __restrict at, I number, int64_t c) {
  for (int64_t j = 0; j < c; ++j) {
    const bool larger = x[j] > best[j] || (x[j] != x[j] && best[j] == best[j]);
    best[j] = larger ? x[j] : best[j];
    at[j] = larger ? number : at[j];
  }
}
template <class S, class I>
void take(const S* __restrict x, const I* __restrict at, I number, S* __restrict y, int64_t c) {
  for (int64_t j = 0; j < c; ++j) y[j] = at[j] == number ? x[j] : y[j];
}
template <class S, class I>
void give(const S* __restrict y, const I* __restrict at, I number, S* __restrict x, int64_t c) {
  for (int64_t j = 0; j < c; ++j) x[j] += at[j] == number ? y[j] : S(0);
}
template <class S>
void add(const S* __restrict x, S scale, S* __restrict y, int64_t c) {
  for (int64_t j = 0; j < c; ++j) y[j] += x[j] * scale;
}

}  // namespace

template <class S, class I>
void max_pool(const Images& g, const Windows& h, const Windows& w, const S* x, S* y, I* at) {
  const int64_t widest = w.widest();
  each_rows(g, h, w, false, [&](int64_t image, int64_t begin, int64_t end) {
    const S* from = x + image * g.h * g.w * g.c;
    for (int64_t i = begin; i < end; ++i)
      for (int64_t j = 0; j < w.count(); ++j) {
        const int64_t out = ((image * h.count() + i) * w.count() + j) * g.c;
        std::fill_n(y + out, g.c, -std::numeric_limits<S>::infinity());
        std::fill_n(at + out, g.c, I(0));
        each_place(g, h, w, widest, i, j, [&](int64_t offset, int64_t number) {
          keep_larger(from + offset, y + out, at + out, static_cast<I>(number), g.c);
        });
      }
  });
}

template <class S, class I>
void pick(const Images& g, const Windows& h, const Windows& w, const S* x, const I* at, S* y) {
  const int64_t widest = w.widest();
  each_rows(g, h, w, false, [&](int64_t image, int64_t begin, int64_t end) {
    const S* from = x + image * g.h * g.w * g.c;
    for (int64_t i = begin; i < end; ++i)
      for (int64_t j = 0; j < w.count(); ++j) {
        const int64_t out = ((image * h.count() + i) * w.count() + j) * g.c;
        each_place(g, h, w, widest, i, j, [&](int64_t offset, int64_t number) {
          take(from + offset, at + out, static_cast<I>(number), y + out, g.c);
        });
      }
  });
}

template <class S, class I>
void unpick(const Images& g, const Windows& h, const Windows& w, const S* y, const I* at, S* x) {
  const int64_t widest = w.widest();
  each_rows(g, h, w, true, [&](int64_t image, int64_t begin, int64_t end) {
    S* to = x + image * g.h * g.w * g.c;
    std::fill_n(to, g.h * g.w * g.c, S(0));
    for (int64_t i = begin; i < end; ++i)
      for (int64_t j = 0; j < w.count(); ++j) {
        const int64_t out = ((image * h.count() + i) * w.count() + j) * g.c;
        each_place(g, h, w, widest, i, j, [&](int64_t offset, int64_t number) {
          give(y + out, at + out, static_cast<I>(number), to + offset, g.c);
        });
      }
  });
}

template <class S>
void avg_pool(const Images& g, const Windows& h, const Windows& w, const S* x, S* y) {
  each_rows(g, h, w, false, [&](int64_t image, int64_t begin, int64_t end) {
    const S* from = x + image * g.h * g.w * g.c;
    for (int64_t i = begin; i < end; ++i)
      for (int64_t j = 0; j < w.count(); ++j) {
        S* to = y + ((image * h.count() + i) * w.count() + j) * g.c;
        std::fill_n(to, g.c, S(0));
        const S scale = static_cast<S>(1 / (h.divisor[size_t(i)] * w.divisor[size_t(j)]));
        each_place(g, h, w, 0, i, j, [&](int64_t offset, int64_t) { add(from + offset, scale, to, g.c); });
      }
  });
}

template <class S>
void avg_pool_transpose(const Images& g, const Windows& h, const Windows& w, const S* y, S* x) {
  each_rows(g, h, w, true, [&](int64_t image, int64_t begin, int64_t end) {
    S* to = x + image * g.h * g.w * g.c;
    std::fill_n(to, g.h * g.w * g.c, S(0));
    for (int64_t i = begin; i < end; ++i)
      for (int64_t j = 0; j < w.count(); ++j) {
        const S* from = y + ((image * h.count() + i) * w.count() + j) * g.c;
        const S scale = static_cast<S>(1 / (h.divisor[size_t(i)] * w.divisor[size_t(j)]));
        each_place(g, h, w, 0, i, j, [&](int64_t offset, int64_t) { add(from, scale, to + offset, g.c); });
      }
  });
}

#define CAIRN_POOL_AT(S, I)                                                                  \
  template void max_pool(const Images&, const Windows&, const Windows&, const S*, S*, I*);   \
  template void pick(const Images&, const Windows&, const Windows&, const S*, const I*, S*); \
  template void unpick(const Images&, const Windows&, const Windows&, const S*, const I*, S*);
#define CAIRN_POOL(S)                                                                  \
  CAIRN_POOL_AT(S, uint8_t)                                                            \
  CAIRN_POOL_AT(S, int64_t)                                                            \
  template void avg_pool(const Images&, const Windows&, const Windows&, const S*, S*); \
  template void avg_pool_transpose(const Images&, const Windows&, const Windows&, const S*, S*);
CAIRN_POOL(float)
CAIRN_POOL(double)
#undef CAIRN_POOL
#undef CAIRN_POOL_AT

}  // namespace cairn::kernels
