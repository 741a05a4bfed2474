#include "cairn/ops/norm.h"

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <utility>
#include <vector>

#include "cairn/base/threads.h"
#include "cairn/graph/record.h"
#include "cairn/ops/arithmetic.h"
#include "cairn/ops/elementwise.h"
#include "cairn/ops/reduce.h"
#include "cairn/tensor/create.h"
#include "kernels/channel_norm.h"
#include "ops/layout.h"

namespace cairn {
namespace {

void check(const char* operation, const Tensor& x, double eps,
           std::initializer_list<std::pair<const char*, const Tensor*>> by_channel) {
  require<DtypeError>(is_float(x.dtype()), operation, "needs f32 or f64; convert with to(f32)", given("x", x));
  require(x.dim() >= 2, operation, "x must be (n, c, …)", given("x", x));
  require<ValueError>(eps >= 0, operation, "eps must not be negative", given("eps", eps));
  for (const auto& [name, p] : by_channel)
    if (p->defined()) {
      require(p->shape() == Shape{x.size(1)}, operation, "what is given by channel must be (c)", given("x", x),
              given(name, *p));
      require<DtypeError>(p->dtype() == x.dtype(), operation, "dtypes must be equal", given("x", x), given(name, *p));
    }
}

Tensor or_filled(const Tensor& t, double value, const Tensor& x) {
  return t.defined() ? t : full({x.size(1)}, value, x.dtype());
}

// A parameter (c) as something that broadcasts against (n, c, …).
Tensor by_channel(const Tensor& p, int dims) {
  Shape shape = Shape::filled(dims, 1);
  shape[1] = p.numel();
  return p.reshape(shape);
}

Dims all_but_channels(int dims) {
  Dims over{0};
  for (int d = 2; d < dims; ++d) over.push_back(d);
  return over;
}

template <class S>
using Numbers = std::vector<S>;

// What the fused forward and backward share: x as rows of channels.
struct Rows {
  int64_t c, rows;
  explicit Rows(const Tensor& x) : c(x.size(1)), rows(c == 0 ? 0 : x.numel() / c) {}
};

// y = x · scale + shift and dx = g · a + x · b + d, all by channel.
template <class S>
void normalise(const S* x, const S* weight, const S* bias, const S* center, const S* rstd, S* y, int64_t rows,
               int64_t c) {
  Numbers<S> scale(static_cast<size_t>(c)), shift(scale.size());
  for (int64_t j = 0; j < c; ++j) {
    const double s = double(weight[j]) * double(rstd[j]);
    scale[size_t(j)] = static_cast<S>(s);
    shift[size_t(j)] = static_cast<S>(double(bias[j]) - double(center[j]) * s);
  }
  kernels::channel_affine(x, scale.data(), shift.data(), y, rows, c);
}

Grads batch_norm_gradient(const Backward& s, const Tensor& center, const Tensor& rstd, bool training) {
  const Tensor x = ops::channels_last(s.input(0)), weight = s.input(1).contiguous(), g = ops::channels_last(s.grad);
  const Tensor dx = empty_like(x), dw = empty_like(weight), db = empty_like(weight);
  const Rows r(x);
  visit_float("batch_norm", x.dtype(), [&]<class S>() {
    const auto c = static_cast<size_t>(r.c);
    const S *w = weight.pointer<S>(), *m = center.pointer<S>(), *q = rstd.pointer<S>();
    Numbers<double> sum(c), dot(c);
    kernels::channel_dots(g.pointer<S>(), x.pointer<S>(), m, r.rows, r.c, sum.data(), dot.data());
    Numbers<S> a(c), b(c), d(c);
    const auto n = static_cast<double>(r.rows);
    for (size_t j = 0; j < c; ++j) {
      db.pointer<S>()[j] = static_cast<S>(sum[j]);
      dw.pointer<S>()[j] = static_cast<S>(dot[j] * double(q[j]));
      const double scale = double(w[j]) * double(q[j]);
      // What lies along 1 and along the normalised channel is projected out.
      const double along = training ? scale * double(q[j]) * double(q[j]) * dot[j] / n : 0;
      a[j] = static_cast<S>(scale);
      b[j] = static_cast<S>(-along);
      d[j] = static_cast<S>(training ? along * double(m[j]) - scale * sum[j] / n : 0);
    }
    if (!s.needs(0)) return;
    if (training)
      kernels::channel_blend(g.pointer<S>(), a.data(), x.pointer<S>(), b.data(), d.data(), dx.pointer<S>(), r.rows,
                             r.c);
    else
      kernels::channel_affine(g.pointer<S>(), a.data(), d.data(), dx.pointer<S>(), r.rows, r.c);
  });
  return {dx, dw, db};
}

// r ← (1 − momentum) · r + momentum · s
void move_towards(Tensor& running, const Numbers<double>& s, double momentum) {
  if (!running.defined()) return;
  const NoGrad off;
  running.mul_(1 - momentum).add_(from_vector(s, {static_cast<int64_t>(s.size())}).to(running.dtype()), momentum);
}

}  // namespace

Tensor batch_norm(const Tensor& x, Tensor running_mean, Tensor running_var, const Tensor& given_weight,
                  const Tensor& given_bias, bool training, double momentum, double eps) {
  constexpr const char* name = "batch_norm";
  check(name, x, eps,
        {{"weight", &given_weight},
         {"bias", &given_bias},
         {"running_mean", &running_mean},
         {"running_var", &running_var}});
  require<ValueError>(running_mean.defined() == running_var.defined(), name,
                      "the running mean and the running variance are given together or not at all");
  require<ValueError>(training || running_mean.defined(), name,
                      "evaluation needs the running mean and the running variance; without them use training = true");
  const Rows r(x);
  require<ValueError>(!training || r.rows > 1, name,
                      "statistics need more than one value a channel; use a larger batch, or eval()", given("x", x));
  const Tensor weight = or_filled(given_weight, 1, x), bias = or_filled(given_bias, 0, x);
  const Tensor laid = ops::channels_last(x), w = ops::row_major(weight), b = ops::row_major(bias);
  const Tensor y = ops::empty_channels_last(x.shape(), x.dtype());
  const Tensor center = empty({r.c}, x.dtype()), rstd = empty({r.c}, x.dtype());
  visit_float(name, x.dtype(), [&]<class S>() {
    Numbers<double> mean(static_cast<size_t>(r.c)), var(mean.size());
    if (training) {
      kernels::channel_moments(laid.pointer<S>(), r.rows, r.c, mean.data(), var.data());
    } else {
      mean = running_mean.to_vector<double>(), var = running_var.to_vector<double>();
    }
    for (int64_t j = 0; j < r.c; ++j) {
      center.pointer<S>()[j] = static_cast<S>(mean[size_t(j)]);
      rstd.pointer<S>()[j] = static_cast<S>(1 / std::sqrt(var[size_t(j)] + eps));
    }
    normalise(laid.pointer<S>(), w.pointer<S>(), b.pointer<S>(), center.pointer<S>(), rstd.pointer<S>(), y.pointer<S>(),
              r.rows, r.c);
    if (!training) return;
    for (double& v : var) v *= static_cast<double>(r.rows) / static_cast<double>(r.rows - 1);
    move_towards(running_mean, mean, momentum), move_towards(running_var, var, momentum);
  });
  return record_fused(
      "batch_norm", y, {x, weight, bias}, Keep::input(0) | Keep::input(1) | Keep::input(2),
      [center, rstd, training](const Backward& s) { return batch_norm_gradient(s, center, rstd, training); },
      [center, rstd, training, eps](std::span<const Tensor> in) -> Tensor {
        const int dims = in[0].dim();
        const Tensor scale = by_channel(in[1], dims), shift = by_channel(in[2], dims);
        if (!training) return (in[0] - by_channel(center, dims)) * (by_channel(rstd, dims) * scale) + shift;
        const Dims over = all_but_channels(dims);
        const Tensor d = in[0] - mean(in[0], over, true);
        return d * rsqrt(mean(d * d, over, true) + eps) * scale + shift;
      });
}

namespace {

// Pixels of a sample.
int64_t places_of(const Shape& shape) {
  int64_t places = 1;
  for (int d = 2; d < shape.size(); ++d) places *= shape[d];
  return places;
}

int64_t samples_at_once(int64_t numbers) { return std::max<int64_t>(1, 16384 / std::max<int64_t>(1, numbers)); }

// Mean and 1/√(var + eps) of each (sample, group), spread over its channels: (n, c) each.
template <class S>
void group_moments(const S* x, int64_t places, int64_t c, int64_t groups, double eps, S* center, S* rstd) {
  const int64_t size = c / groups;
  Numbers<double> mean(static_cast<size_t>(c)), var(mean.size());
  kernels::channel_moments(x, places, c, mean.data(), var.data());
  for (int64_t first = 0; first < c; first += size) {
    double m = 0, v = 0;
    for (int64_t j = first; j < first + size; ++j) m += mean[size_t(j)] / double(size);
    for (int64_t j = first; j < first + size; ++j) {
      const double d = mean[size_t(j)] - m;
      v += (var[size_t(j)] + d * d) / double(size);
    }
    std::fill_n(center + first, size, static_cast<S>(m));
    std::fill_n(rstd + first, size, static_cast<S>(1 / std::sqrt(v + eps)));
  }
}

Grads group_norm_gradient(const Backward& s, const Tensor& center, const Tensor& rstd, int64_t groups) {
  const Tensor x = ops::channels_last(s.input(0)), weight = s.input(1).contiguous(), g = ops::channels_last(s.grad);
  const Tensor dx = empty_like(x), dw = empty_like(weight), db = empty_like(weight);
  const int64_t n = x.size(0), c = x.size(1), places = places_of(x.shape()), size = c / groups;
  visit_float("group_norm", x.dtype(), [&]<class S>() {
    Numbers<double> sums(static_cast<size_t>(n * c)), dots(sums.size());
    const S* w = weight.pointer<S>();
    parallel_for(n, samples_at_once(places * c), [&](int64_t begin, int64_t end) {
      Numbers<S> a(static_cast<size_t>(c)), b(a.size()), d(a.size());
      for (int64_t i = begin; i < end; ++i) {
        const S *m = center.pointer<S>() + i * c, *q = rstd.pointer<S>() + i * c;
        const int64_t at = i * places * c;
        double *sum = sums.data() + i * c, *dot = dots.data() + i * c;
        kernels::channel_dots(g.pointer<S>() + at, x.pointer<S>() + at, m, places, c, sum, dot);
        for (int64_t first = 0; first < c; first += size) {
          double one = 0, normed = 0;
          for (int64_t j = first; j < first + size; ++j) one += double(w[j]) * sum[j], normed += double(w[j]) * dot[j];
          const double r = double(q[first]), count = static_cast<double>(size * places);
          const double along = r * r * r * normed / count;
          for (int64_t j = first; j < first + size; ++j) {
            a[size_t(j)] = static_cast<S>(double(w[j]) * r);
            b[size_t(j)] = static_cast<S>(-along);
            d[size_t(j)] = static_cast<S>(along * double(m[j]) - r * one / count);
          }
        }
        kernels::channel_blend(g.pointer<S>() + at, a.data(), x.pointer<S>() + at, b.data(), d.data(),
                               dx.pointer<S>() + at, places, c);
      }
    });
    for (int64_t j = 0; j < c; ++j) {
      double sum = 0, dot = 0;
      for (int64_t i = 0; i < n; ++i)
        sum += sums[size_t(i * c + j)], dot += dots[size_t(i * c + j)] * double(rstd.pointer<S>()[i * c + j]);
      db.pointer<S>()[j] = static_cast<S>(sum), dw.pointer<S>()[j] = static_cast<S>(dot);
    }
  });
  return {dx, dw, db};
}

}  // namespace

Tensor group_norm(const Tensor& x, int64_t groups, const Tensor& given_weight, const Tensor& given_bias, double eps) {
  constexpr const char* name = "group_norm";
  check(name, x, eps, {{"weight", &given_weight}, {"bias", &given_bias}});
  const int64_t n = x.size(0), c = x.size(1);
  require<ValueError>(groups >= 1 && c >= 1 && c % groups == 0, name, "groups must divide the channels (dimension 1)",
                      given("groups", groups), given("x", x));
  const int64_t places = places_of(x.shape());
  require<ValueError>(n == 0 || places * (c / groups) > 1, name, "statistics need more than one value a group",
                      given("groups", groups), given("x", x));
  const Tensor weight = or_filled(given_weight, 1, x), bias = or_filled(given_bias, 0, x);
  const Tensor laid = ops::channels_last(x), w = ops::row_major(weight), b = ops::row_major(bias);
  const Tensor y = ops::empty_channels_last(x.shape(), x.dtype());
  const Tensor center = empty({n, c}, x.dtype()), rstd = empty({n, c}, x.dtype());
  visit_float(name, x.dtype(), [&]<class S>() {
    parallel_for(n, samples_at_once(places * c), [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const int64_t at = i * places * c;
        S *m = center.pointer<S>() + i * c, *q = rstd.pointer<S>() + i * c;
        group_moments(laid.pointer<S>() + at, places, c, groups, eps, m, q);
        normalise(laid.pointer<S>() + at, w.pointer<S>(), b.pointer<S>(), m, q, y.pointer<S>() + at, places, c);
      }
    });
  });
  return record_fused(
      "group_norm", y, {x, weight, bias}, Keep::inputs(),
      [center, rstd, groups](const Backward& s) { return group_norm_gradient(s, center, rstd, groups); },
      [groups, eps](std::span<const Tensor> in) -> Tensor {
        const Shape& shape = in[0].shape();
        const Tensor rows = in[0].reshape({shape[0], groups, places_of(shape) * (shape[1] / groups)});
        const Tensor d = rows - mean(rows, {2}, true);
        const Tensor normed = (d * rsqrt(mean(d * d, {2}, true) + eps)).reshape(shape);
        return normed * by_channel(in[1], shape.size()) + by_channel(in[2], shape.size());
      });
}

}  // namespace cairn
