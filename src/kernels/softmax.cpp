#include "kernels/softmax.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "cairn/base/threads.h"
#include "cairn/math/exp.h"
#include "kernels/tail.h"

namespace cairn::kernels {
namespace {

// NaN is passed over: the exponentials hand it on.
template <class S>
S row_max(const S* x, int64_t n, const S* end) {
  constexpr S lowest = -std::numeric_limits<S>::infinity();
  Lanes<S> m = lowest;
  each_line<S>(n, [&](int64_t i, int64_t count) {
    const Lanes<S> v = load_tail(x + i, count, end, lowest);
    m = where(v > m, v, m);
  });
  return join_lanes(m, [](S a, S b) { return a > b ? a : b; });
}

// Σ exp(x − m); the exponentials are kept in y unless it is null. Padding is exp(−∞) = 0.
template <class S>
S row_exp(const S* x, S m, S* y, int64_t n, const S* end) {
  const Lanes<S> shift = m;
  LineSum<S> total;
  each_line<S>(n, [&](int64_t i, int64_t count) {
    const Lanes<S> e = exp(load_tail(x + i, count, end, -std::numeric_limits<S>::infinity()) - shift);
    if (y) store_tail(e, y + i, count);
    total += e;
  });
  return total.sum();
}

template <class F>
void for_rows(int64_t rows, int64_t n, F f) {
  parallel_for(rows, std::max<int64_t>(1, 8192 / std::max<int64_t>(1, n)), [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) f(r);
  });
}

template <bool log, class S>
void softmax_rows(const S* x, S* y, int64_t rows, int64_t n) {
  const S* end = x + rows * n;
  for_rows(rows, n, [=](int64_t r) {
    const S* from = x + r * n;
    S* to = y + r * n;
    const S m = row_max(from, n, end), total = row_exp(from, m, log ? nullptr : to, n, end);
    // The logarithm is taken off last: x and its maximum may be large while their difference is small.
    const Lanes<S> top = m, factor = log ? std::log(total) : S(1) / total;
    each_line<S>(n, [&](int64_t i, int64_t count) {
      if constexpr (log)
        store_tail((load_tail(from + i, count, end) - top) - factor, to + i, count);
      else
        store_tail(load_tail(to + i, count, to + n) * factor, to + i, count);
    });
  });
}

template <bool log, class S>
void softmax_gradient_rows(const S* y, const S* g, S* dx, int64_t rows, int64_t n) {
  const S *y_end = y + rows * n, *g_end = g + rows * n;
  for_rows(rows, n, [=](int64_t r) {
    const S *out = y + r * n, *up = g + r * n;
    LineSum<S> total;
    each_line<S>(n, [&](int64_t i, int64_t count) {
      const Lanes<S> u = load_tail(up + i, count, g_end);
      total += log ? u : u * load_tail(out + i, count, y_end);
    });
    const Lanes<S> all = total.sum();
    each_line<S>(n, [&](int64_t i, int64_t count) {
      const Lanes<S> u = load_tail(up + i, count, g_end), v = load_tail(out + i, count, y_end);
      store_tail(log ? u - exp(v) * all : v * (u - all), dx + r * n + i, count);
    });
  });
}

}  // namespace

template <class S>
void softmax(bool log, const S* x, S* y, int64_t rows, int64_t n) {
  log ? softmax_rows<true>(x, y, rows, n) : softmax_rows<false>(x, y, rows, n);
}
template void softmax(bool, const float*, float*, int64_t, int64_t);
template void softmax(bool, const double*, double*, int64_t, int64_t);

template <class S>
void softmax_gradient(bool log, const S* y, const S* g, S* dx, int64_t rows, int64_t n) {
  log ? softmax_gradient_rows<true>(y, g, dx, rows, n) : softmax_gradient_rows<false>(y, g, dx, rows, n);
}
template void softmax_gradient(bool, const float*, const float*, float*, int64_t, int64_t);
template void softmax_gradient(bool, const double*, const double*, double*, int64_t, int64_t);

template <class S>
void cross_entropy(const S* x, const Labels<S>& labels, S scale, S* loss, S* dx, int64_t rows, int64_t n) {
  const S* end = x + rows * n;
  const S *weight = labels.weight, *weight_end = weight ? weight + n : nullptr;
  for_rows(rows, n, [=](int64_t r) {
    const S* from = x + r * n;
    S* to = dx ? dx + r * n : nullptr;
    const int64_t label = labels.label[r];
    if (label == labels.ignore) {
      loss[r] = 0;
      if (to) std::fill_n(to, n, S(0));
      return;
    }
    const S m = row_max(from, n, end), total = row_exp(from, m, to, n, end), log_total = std::log(total);
    const S on_label = (weight ? weight[label] : S(1)) * (1 - labels.smoothing);
    const S on_each = labels.smoothing / static_cast<S>(n);
    loss[r] = on_label * ((m - from[label]) + log_total);
    if (labels.smoothing != 0) {
      LineSum<S> smooth;  // Σ w (log Σ exp(x) − x)
      const Lanes<S> top = m, rest = log_total;
      each_line<S>(n, [&](int64_t i, int64_t count) {
        const Lanes<S> w = weight ? load_tail(weight + i, count, weight_end) : Lanes<S>(1.0);
        smooth += keep_first(w * ((top - load_tail(from + i, count, end)) + rest), count);
      });
      loss[r] += on_each * smooth.sum();
    }
    if (!to) return;
    // d loss / dx = softmax(x) Σ(target weights) − target weights
    const Lanes<S> factor = scale * (on_label + on_each * labels.weight_sum) / total, each = scale * on_each;
    each_line<S>(n, [&](int64_t i, int64_t count) {
      Lanes<S> v = load_tail(to + i, count, to + n) * factor;
      if (labels.smoothing != 0) v -= weight ? load_tail(weight + i, count, weight_end) * each : each;
      store_tail(v, to + i, count);
    });
    to[label] -= scale * on_label;
  });
}
template void cross_entropy(const float*, const Labels<float>&, float, float*, float*, int64_t, int64_t);
template void cross_entropy(const double*, const Labels<double>&, double, double*, double*, int64_t, int64_t);

}  // namespace cairn::kernels
