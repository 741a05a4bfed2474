#include "kernels/layer_norm.h"

#include <algorithm>
#include <cmath>

#include "cairn/base/memory.h"
#include "cairn/base/threads.h"
#include "kernels/reduce.h"
#include "kernels/tail.h"

namespace cairn::kernels {

namespace {

// Without `mean`, rows are not centred; bias may be null then.
template <class S>
void normalise(const S* x, const S* weight, const S* bias, S* y, S* mean, S* rstd, int64_t rows, int64_t n, S eps) {
  const S* end = x + rows * n;
  parallel_for(rows, std::max<int64_t>(1, 16384 / std::max<int64_t>(1, n)), [=](int64_t first, int64_t last) {
    for (int64_t r = first; r < last; ++r) {
      const S* from = x + r * n;
      LineSum<S> sum, squares;
      if (mean) {
        each_line<S>(n, [&](int64_t i, int64_t count) { sum += load_tail(from + i, count, end); });
        mean[r] = sum.sum() / static_cast<S>(n);
      }
      const Lanes<S> center = mean ? mean[r] : S(0);
      each_line<S>(n, [&](int64_t i, int64_t count) {
        const Lanes<S> d = keep_first(load_tail(from + i, count, end) - center, count);
        squares += d * d;
      });
      rstd[r] = S(1) / std::sqrt(squares.sum() / static_cast<S>(n) + eps);
      const Lanes<S> scale = rstd[r];
      each_line<S>(n, [&](int64_t i, int64_t count) {
        const Lanes<S> normed = (load_tail(from + i, count, end) - center) * scale;
        const Lanes<S> w = load_tail(weight + i, count, weight + n);
        store_tail(bias ? fma(normed, w, load_tail(bias + i, count, bias + n)) : normed * w, y + r * n + i, count);
      });
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
      for (int64_t r = b * block; r < std::min(rows, (b + 1) * block); ++r) {
        const S *from = x + r * n, *up = g + r * n;
        const Lanes<S> center = mean ? mean[r] : S(0), scale = rstd[r];
        LineSum<S> along_one, along_normed;
        each_line<S>(n, [&](int64_t i, int64_t count) {
          const Lanes<S> u = load_tail(up + i, count, g_end);
          const Lanes<S> normed = keep_first((load_tail(from + i, count, x_end) - center) * scale, count);
          const Lanes<S> weighted = u * load_tail(weight + i, count, weight + n);
          along_one += weighted;
          along_normed += weighted * normed;
          store_tail(load_tail(dw + i, count, dw + n) + u * normed, dw + i, count);
          if (dbias) store_tail(load_tail(db + i, count, db + n) + u, db + i, count);
        });
        // What lies along 1 and along the normalised row is projected out.
        const Lanes<S> one = mean ? along_one.sum() / static_cast<S>(n) : S(0),
                       row = along_normed.sum() / static_cast<S>(n);
        each_line<S>(n, [&](int64_t i, int64_t count) {
          const Lanes<S> normed = (load_tail(from + i, count, x_end) - center) * scale;
          const Lanes<S> weighted = load_tail(up + i, count, g_end) * load_tail(weight + i, count, weight + n);
          store_tail(scale * (weighted - one - normed * row), dx + r * n + i, count);
        });
      }
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
