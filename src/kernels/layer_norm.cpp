#include "kernels/layer_norm.h"

#include <algorithm>
#include <cmath>

#include "cairn/base/memory.h"
#include "cairn/base/threads.h"
#include "kernels/reduce.h"
#include "kernels/tail.h"

namespace cairn::kernels {

namespace {

// f<2>(r) for rows r and r + 1 of [first, last), and f<1> for what is left: for all of them where `bytes` of rows are more
// than caches hold, as memory is read and written faster in one stream.
template <class F>
void by_pairs(int64_t first, int64_t last, int64_t bytes, F f) {
  int64_t r = first;
  if (bytes <= 2 << 20)
    for (; r + 2 <= last; r += 2) f.template operator()<2>(r);
  for (; r < last; ++r) f.template operator()<1>(r);
}

// R rows side by side, so that one's sums need not wait for another's; each is worked on as it would be alone: each sum of
// products says which are fused. Without `mean`, rows are not centred; bias may be null then. Nothing at or beyond `end` is
// read.
template <int R, class S>
[[gnu::flatten]] void normalise_rows(const S* x, const S* weight, const S* bias, S* y, S* mean, S* rstd, int64_t n,
                                     S eps, const S* end) {
  Lanes<S> center[R], scale[R];
  LineSum<S> sum[R], squares[R];
  if (mean)
    each_line<S>(n, [&](int64_t i, int64_t count) {
#pragma GCC unroll 2
      for (int r = 0; r < R; ++r) sum[r] += load_tail(x + r * n + i, count, end);
    });
#pragma GCC unroll 2
  for (int r = 0; r < R; ++r) {
    if (mean) mean[r] = sum[r].sum() / static_cast<S>(n);
    center[r] = mean ? mean[r] : S(0);
  }
  each_line<S>(n, [&](int64_t i, int64_t count) {
#pragma GCC unroll 2
    for (int r = 0; r < R; ++r) {
      const Lanes<S> d = keep_first(load_tail(x + r * n + i, count, end) - center[r], count);
      squares[r].add_product(d, d);
    }
  });
#pragma GCC unroll 2
  for (int r = 0; r < R; ++r) {
    rstd[r] = S(1) / std::sqrt(squares[r].sum() / static_cast<S>(n) + eps);
    scale[r] = rstd[r];
  }
  each_line<S>(n, [&](int64_t i, int64_t count) {
    const Lanes<S> w = load_tail(weight + i, count, weight + n);
    const Lanes<S> b = bias ? load_tail(bias + i, count, bias + n)
                            : Lanes<S>(-0.0);  // adding it changes nothing, not even the sign of a zero
#pragma GCC unroll 2
    for (int r = 0; r < R; ++r) {
      const Lanes<S> normed = (load_tail(x + r * n + i, count, end) - center[r]) * scale[r];
      store_tail(fma(normed, w, b), y + r * n + i, count);
    }
  });
}

template <class S>
void normalise(const S* x, const S* weight, const S* bias, S* y, S* mean, S* rstd, int64_t rows, int64_t n, S eps) {
  const S* end = x + rows * n;
  parallel_for(rows, std::max<int64_t>(1, 8192 / std::max<int64_t>(1, n)), [=](int64_t first, int64_t last) {
    by_pairs(first, last, rows * n * static_cast<int64_t>(sizeof(S)), [&]<int R>(int64_t r) {
      normalise_rows<R>(x + r * n, weight, bias, y + r * n, mean ? mean + r : nullptr, rstd + r, n, eps, end);
    });
  });
}

// As normalise_rows; adds what the rows give to the gradients of the weights, one row after the other.
template <int R, class S>
[[gnu::flatten]] void gradient_rows(const S* x, const S* weight, const S* mean, const S* rstd, const S* g, S* dx,
                                    S* dweight, S* dbias, int64_t n, const S* x_end, const S* g_end) {
  Lanes<S> center[R], scale[R], one[R], row[R];
  LineSum<S> along_one[R], along_normed[R];
#pragma GCC unroll 2
  for (int r = 0; r < R; ++r) center[r] = mean ? mean[r] : S(0), scale[r] = rstd[r];
  each_line<S>(n, [&](int64_t i, int64_t count) {
    const Lanes<S> w = load_tail(weight + i, count, weight + n);
    Lanes<S> dw = load_tail(dweight + i, count, dweight + n);
    Lanes<S> db = dbias ? load_tail(dbias + i, count, dbias + n) : Lanes<S>(0.0);
#pragma GCC unroll 2
    for (int r = 0; r < R; ++r) {
      const Lanes<S> u = load_tail(g + r * n + i, count, g_end);
      const Lanes<S> normed = keep_first((load_tail(x + r * n + i, count, x_end) - center[r]) * scale[r], count);
      const Lanes<S> weighted = u * w;
      along_one[r] += weighted;
      along_normed[r].add_product(weighted, normed);
      dw = fma(u, normed, dw);
      db += u;
    }
    store_tail(dw, dweight + i, count);
    if (dbias) store_tail(db, dbias + i, count);
  });
  // What lies along 1 and along the normalised row is projected out.
#pragma GCC unroll 2
  for (int r = 0; r < R; ++r) {
    one[r] = mean ? along_one[r].sum() / static_cast<S>(n) : S(0);
    row[r] = along_normed[r].sum() / static_cast<S>(n);
  }
  each_line<S>(n, [&](int64_t i, int64_t count) {
    const Lanes<S> w = load_tail(weight + i, count, weight + n);
#pragma GCC unroll 2
    for (int r = 0; r < R; ++r) {
      const Lanes<S> normed = (load_tail(x + r * n + i, count, x_end) - center[r]) * scale[r];
      const Lanes<S> weighted = fma(load_tail(g + r * n + i, count, g_end), w, -one[r]);
      store_tail(scale[r] * fma(normed, -row[r], weighted), dx + r * n + i, count);
    }
  });
}

template <class S>
void normalise_gradient(const S* x, const S* weight, const S* mean, const S* rstd, const S* g, S* dx, S* dweight,
                        S* dbias, int64_t rows, int64_t n) {
  // Each block of rows sums its part of the weights' gradients: 32 is few enough for accuracy and for the work to be
  // shared.
  constexpr int64_t block = 32;
  const int64_t blocks = (rows + block - 1) / block;
  const size_t bytes = static_cast<size_t>(2 * blocks * n) * sizeof(S);
  S* const partial = static_cast<S*>(memory::allocate(bytes));
  S *const dweights = partial, *const dbiases = partial + blocks * n;
  const S *x_end = x + rows * n, *g_end = g + rows * n;
  parallel_for(blocks, std::max<int64_t>(1, 8192 / std::max<int64_t>(1, block * n)), [=](int64_t first, int64_t last) {
    for (int64_t b = first; b < last; ++b) {
      S *dw = dweights + b * n, *db = dbiases + b * n;
      std::fill_n(dw, n, S(0));
      std::fill_n(db, n, S(0));
      by_pairs(b * block, std::min(rows, (b + 1) * block), rows * n * static_cast<int64_t>(sizeof(S)),
               [&]<int R>(int64_t r) {
                 gradient_rows<R>(x + r * n, weight, mean ? mean + r : nullptr, rstd + r, g + r * n, dx + r * n, dw,
                                  dbias ? db : nullptr, n, x_end, g_end);
               });
    }
  });
  fold(Fold::sum, dweights, dweight, {1, blocks, n});
  if (dbias) fold(Fold::sum, dbiases, dbias, {1, blocks, n});
  memory::deallocate(partial, bytes);
}

}  // namespace

template <class S>
void layer_norm(const S* x, const S* weight, const S* bias, S* y, S* mean, S* rstd, int64_t rows, int64_t n, S eps) {
  normalise(x, weight, bias, y, mean, rstd, rows, n, eps);
}
template void layer_norm(const float*, const float*, const float*, float*, float*, float*, int64_t, int64_t, float);
template void layer_norm(const double*, const double*, const double*, double*, double*, double*, int64_t, int64_t,
                         double);

template <class S>
void layer_norm_gradient(const S* x, const S* weight, const S* mean, const S* rstd, const S* g, S* dx, S* dweight,
                         S* dbias, int64_t rows, int64_t n) {
  normalise_gradient(x, weight, mean, rstd, g, dx, dweight, dbias, rows, n);
}
template void layer_norm_gradient(const float*, const float*, const float*, const float*, const float*, float*, float*,
                                  float*, int64_t, int64_t);
template void layer_norm_gradient(const double*, const double*, const double*, const double*, const double*, double*,
                                  double*, double*, int64_t, int64_t);

template <class S>
void rms_norm(const S* x, const S* weight, S* y, S* rstd, int64_t rows, int64_t n, S eps) {
  normalise<S>(x, weight, nullptr, y, nullptr, rstd, rows, n, eps);
}
template void rms_norm(const float*, const float*, float*, float*, int64_t, int64_t, float);
template void rms_norm(const double*, const double*, double*, double*, int64_t, int64_t, double);

template <class S>
void rms_norm_gradient(const S* x, const S* weight, const S* rstd, const S* g, S* dx, S* dweight, int64_t rows,
                       int64_t n) {
  normalise_gradient<S>(x, weight, nullptr, rstd, g, dx, dweight, nullptr, rows, n);
}
template void rms_norm_gradient(const float*, const float*, const float*, const float*, float*, float*, int64_t,
                                int64_t);
template void rms_norm_gradient(const double*, const double*, const double*, const double*, double*, double*, int64_t,
                                int64_t);

}  // namespace cairn::kernels
