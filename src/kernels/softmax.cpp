#include "kernels/softmax.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "cairn/base/threads.h"
#include "cairn/math/exp.h"
#include "kernels/tail.h"

namespace cairn::kernels {
namespace {

// NaN is passed over: the exponentials hand it on.
template <class S>
[[gnu::flatten]] S row_max(const S* x, int64_t n, const S* end) {
  constexpr S lowest = -std::numeric_limits<S>::infinity();
  Lanes<S> m = lowest;
  each_line<S>(n, [&](int64_t i, int64_t count) {
    const Lanes<S> v = load_tail(x + i, count, end, lowest);
    m = where(v > m, v, m);
  });
  return m.max();
}

// Σ exp(x − m) for the largest m; the exponentials are kept in y unless it is null, but for the last line: short rows
// are but one, and to write it and read it again takes as long as the rest. Padding is exp(−∞) = 0.
template <class S>
[[gnu::flatten]] S row_exp(const S* x, S m, S* y, int64_t n, const S* end, Lanes<S>& last) {
  const Lanes<S> shift = m;
  LineSum<S> total;
  Lanes<S> e = 0.0;
  each_line<S>(n, [&](int64_t i, int64_t count) {
    e = detail::exp_of_negative(load_tail(x + i, count, end, -std::numeric_limits<S>::infinity()) - shift);
    if (y && i + count < n) e.store(y + i);
    total += e;
  });
  last = e;
  return total.sum();
}

// Rows worth a thread.
int64_t grain(int64_t n) { return std::max<int64_t>(1, 8192 / std::max<int64_t>(1, n)); }

template <class F>
void for_rows(int64_t rows, int64_t n, F f) {
  parallel_for(rows, grain(n), [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) f(r);
  });
}

template <bool log, class S>
void softmax_rows(const S* x, S* y, int64_t rows, int64_t n) {
  const S* end = x + rows * n;
  for_rows(rows, n, [=](int64_t r) {
    const S* from = x + r * n;
    S* to = y + r * n;
    Lanes<S> last;
    const S m = row_max(from, n, end), total = row_exp(from, m, log ? nullptr : to, n, end, last);
    // The logarithm is taken off last: x and its maximum may be large while their difference is small.
    const Lanes<S> top = m, factor = log ? std::log(total) : S(1) / total;
    each_line<S>(n, [&](int64_t i, int64_t count) {
      if constexpr (log)
        store_tail((load_tail(from + i, count, end) - top) - factor, to + i, count);
      else
        store_tail((i + count < n ? Lanes<S>::load(to + i) : last) * factor, to + i, count);
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

// The τ of sparsemax, for the k numbers d: the root of Σ max(d − τ, 0) = 1 by Newton's method, which is to drop what is
// not above the τ of those that are left (Michelot 1986). From the left it comes nearer without passing the root, and
// the product of value and slope falls by four at least with each step, so steps are few whatever the numbers are. NaN
// stays, and makes τ NaN. The numbers are overwritten.
double threshold(double* d, int64_t k) {
  for (;;) {
    LineSum<double> total;
    each_line<double>(k, [&](int64_t i, int64_t count) { total += load_tail(d + i, count, d + k); });
    const double tau = (total.sum() - 1) / static_cast<double>(k);
    int64_t kept = 0;
    for (int64_t i = 0; i < k; ++i) {
      d[kept] = d[i];
      kept += !(d[i] <= tau);
    }
    if (kept == k) return tau;
    k = kept;
  }
}

}  // namespace

template <class S>
void sparsemax(const S* x, S* y, int64_t rows, int64_t n) {
  const S* end = x + rows * n;
  parallel_for(rows, grain(n), [=](int64_t begin, int64_t stop) {
    std::vector<double> near(static_cast<size_t>(n));
    for (int64_t r = begin; r < stop; ++r) {
      const S* from = x + r * n;
      const double top = row_max(from, n, end);
      int64_t k = 0;
      for (int64_t i = 0; i < n; ++i) {  // what lies 1 below the largest takes no part
        double& d = near[static_cast<size_t>(k)] = static_cast<double>(from[i]) - top;
        k += !(d <= -1);
      }
      const double tau = threshold(near.data(), k);
      for (int64_t i = 0; i < n; ++i) {
        const double above = (static_cast<double>(from[i]) - top) - tau;
        y[r * n + i] = static_cast<S>(above <= 0 ? 0 : above);
      }
    }
  });
}
template void sparsemax(const float*, float*, int64_t, int64_t);
template void sparsemax(const double*, double*, int64_t, int64_t);

template <class S>
void sparsemax_gradient(const S* y, const S* g, S* dx, int64_t rows, int64_t n) {
  const S *y_end = y + rows * n, *g_end = g + rows * n;
  for_rows(rows, n, [=](int64_t r) {
    const S *out = y + r * n, *up = g + r * n;
    LineSum<S> total, support;
    each_line<S>(n, [&](int64_t i, int64_t count) {
      const auto in = load_tail(out + i, count, y_end) > 0.0;
      total += where(in, load_tail(up + i, count, g_end), 0.0);
      support += where(in, Lanes<S>(1.0), 0.0);
    });
    const Lanes<S> mean = total.sum() / support.sum();
    each_line<S>(n, [&](int64_t i, int64_t count) {
      const Lanes<S> v = load_tail(out + i, count, y_end);
      store_tail(where(v > 0.0, load_tail(up + i, count, g_end) - mean, v * 0.0), dx + r * n + i, count);  // NaN stays
    });
  });
}
template void sparsemax_gradient(const float*, const float*, float*, int64_t, int64_t);
template void sparsemax_gradient(const double*, const double*, double*, int64_t, int64_t);

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
    Lanes<S> last;
    const S m = row_max(from, n, end), total = row_exp(from, m, to, n, end, last), log_total = std::log(total);
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
      Lanes<S> v = (i + count < n ? Lanes<S>::load(to + i) : last) * factor;
      if (labels.smoothing != 0) v -= weight ? load_tail(weight + i, count, weight_end) * each : each;
      store_tail(v, to + i, count);
    });
    to[label] -= scale * on_label;
  });
}
template void cross_entropy(const float*, const Labels<float>&, float, float*, float*, int64_t, int64_t);
template void cross_entropy(const double*, const Labels<double>&, double, double*, double*, int64_t, int64_t);

}  // namespace cairn::kernels
