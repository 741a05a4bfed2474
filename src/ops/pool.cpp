#include "cairn/ops/pool.h"

#include <algorithm>
#include <cmath>
#include <memory>

#include "cairn/graph/record.h"
#include "cairn/ops/arithmetic.h"
#include "cairn/ops/compare.h"
#include "cairn/ops/elementwise.h"
#include "cairn/ops/index.h"
#include "kernels/pool.h"
#include "ops/layout.h"

namespace cairn {
namespace {

using kernels::Images;
using kernels::Windows;

// The windows of a pool, shared by the operations that its gradients are made of.
struct Pool {
  Images x;
  Windows h, w;
  Shape in() const { return {x.n, x.c, x.h, x.w}; }
  Shape out() const { return {x.n, x.c, h.count(), w.count()}; }
};
using PoolPointer = std::shared_ptr<const Pool>;

// ---- the windows -----------------------------------------------------------------------------------------------------

void require_pixels(const char* operation, const Tensor& x, int64_t size) {
  require(size > 0, operation, "x is empty along a dimension that is pooled", given("x", x));
}

struct Axis {
  int64_t size, kernel, stride, padding, dilation;
};

// Windows along one dimension, clipped to the image. A divisor counts what is inside, or inside the padding too. Errors show
// x as it was given.
Windows windows(const char* operation, const Tensor& x, const Axis& a, bool ceil_mode, bool count_padding) {
  constexpr int64_t most = INT32_MAX;  // sums and products of two cannot overflow
  const auto fits = [](int64_t n) { return n >= 1 && n <= most; };
  require<ValueError>(fits(a.kernel) && fits(a.stride) && fits(a.dilation), operation,
                      "window, stride and dilation must be at least 1 and below 2³¹", given("kernel_size", a.kernel),
                      given("stride", a.stride), given("dilation", a.dilation));
  require<ValueError>(a.padding >= 0 && a.padding <= a.kernel / 2, operation,
                      "padding must be from 0 to half of the window", given("padding", a.padding),
                      given("kernel_size", a.kernel));
  const int64_t reach = a.dilation * (a.kernel - 1) + 1;
  const int64_t room = a.size + 2 * a.padding - reach;
  require_pixels(operation, x, a.size);
  require(room >= 0, operation, "the window is larger than the padded input; pad more or use a smaller window",
          given("x", x), given("window reaches", reach), given("padded input", a.size + 2 * a.padding));
  int64_t count = (ceil_mode ? room + a.stride - 1 : room) / a.stride + 1;
  if ((count - 1) * a.stride >= a.size + a.padding) --count;  // it would see nothing but the padding behind
  Windows all;
  all.step = a.dilation;
  for (int64_t i = 0; i < count; ++i) {
    const int64_t begin = i * a.stride - a.padding, end = begin + reach;
    const int64_t skipped = begin < 0 ? (-begin + a.dilation - 1) / a.dilation : 0;
    all.begin.push_back(begin + skipped * a.dilation);
    all.end.push_back(std::min(end, a.size));
    all.divisor.push_back(static_cast<double>(count_padding ? std::min(end, a.size + a.padding) - begin
                                                            : all.end.back() - all.begin.back()));
  }
  return all;
}

Windows even_windows(const char* operation, const Tensor& x, const Images& g, int64_t size, int64_t count) {
  require<ValueError>(count >= 1, operation, "output_size must be at least 1", given("output_size", count));
  require_pixels(operation, x, size);
  checked_numel(operation, {std::max<int64_t>(g.n, 1), std::max<int64_t>(g.c, 1), count, size});
  Windows all;
  for (int64_t i = 0; i < count; ++i) {
    all.begin.push_back(i * size / count);
    all.end.push_back(((i + 1) * size + count - 1) / count);
    all.divisor.push_back(static_cast<double>(all.end.back() - all.begin.back()));
  }
  return all;
}

Images images(const Tensor& x) { return {x.size(0), x.size(1), x.size(2), x.size(3)}; }

// ---- the largest -----------------------------------------------------------------------------------------------------

template <class F>
void visit_place(Dtype dtype, F f) {
  if (dtype == u8)
    f.template operator()<uint8_t>();
  else
    f.template operator()<int64_t>();
}

// Picking at known places and putting back there are each other's gradients.
Tensor unpick(const PoolPointer& p, const Tensor& y, const Tensor& at);

Tensor record_pick(const PoolPointer& p, const Tensor& y, const Tensor& x, const Tensor& at) {
  return record("max_pool2d", y, {x}, Keep::nothing(),
                [p, at](const Backward& s) -> Grads { return {unpick(p, s.grad, at)}; });
}

Tensor pick(const PoolPointer& p, const Tensor& x, const Tensor& at) {
  const Tensor in = ops::channels_last(x), y = ops::empty_channels_last(p->out(), x.dtype());
  visit_float("max_pool2d", x.dtype(), [&]<class S>() {
    visit_place(at.dtype(),
                [&]<class I>() { kernels::pick(p->x, p->h, p->w, in.pointer<S>(), at.pointer<I>(), y.pointer<S>()); });
  });
  return record_pick(p, y, x, at);
}

Tensor unpick(const PoolPointer& p, const Tensor& y, const Tensor& at) {
  const Tensor in = ops::channels_last(y), x = ops::empty_channels_last(p->in(), y.dtype());
  visit_float("max_pool2d", y.dtype(), [&]<class S>() {
    visit_place(at.dtype(), [&]<class I>() {
      kernels::unpick(p->x, p->h, p->w, in.pointer<S>(), at.pointer<I>(), x.pointer<S>());
    });
  });
  return record("max_pool2d_backward", x, {y}, Keep::nothing(),
                [p, at](const Backward& s) -> Grads { return {pick(p, s.grad, at)}; });
}

Tensor max_pool(const Tensor& x, Pool pool) {
  const auto p = std::make_shared<const Pool>(std::move(pool));
  const Tensor in = ops::channels_last(x), y = ops::empty_channels_last(p->out(), x.dtype());
  const Tensor at = ops::empty_channels_last(p->out(), p->h.widest() * p->w.widest() <= 256 ? u8 : i64);
  visit_float("max_pool2d", x.dtype(), [&]<class S>() {
    visit_place(at.dtype(), [&]<class I>() {
      kernels::max_pool(p->x, p->h, p->w, in.pointer<S>(), y.pointer<S>(), at.pointer<I>());
    });
  });
  if (branches_wanted()) report_branches(at);
  return record_pick(p, y, x, at);
}

// ---- the mean --------------------------------------------------------------------------------------------------------

Tensor spread(const PoolPointer& p, const Tensor& y);

Tensor average(const PoolPointer& p, const Tensor& x) {
  const Tensor in = ops::channels_last(x), y = ops::empty_channels_last(p->out(), x.dtype());
  visit_float("avg_pool2d", x.dtype(),
              [&]<class S>() { kernels::avg_pool(p->x, p->h, p->w, in.pointer<S>(), y.pointer<S>()); });
  return record("avg_pool2d", y, {x}, Keep::nothing(), [p](const Backward& s) -> Grads { return {spread(p, s.grad)}; });
}

Tensor spread(const PoolPointer& p, const Tensor& y) {
  const Tensor in = ops::channels_last(y), x = ops::empty_channels_last(p->in(), y.dtype());
  visit_float("avg_pool2d", y.dtype(),
              [&]<class S>() { kernels::avg_pool_transpose(p->x, p->h, p->w, in.pointer<S>(), x.pointer<S>()); });
  return record("avg_pool2d_backward", x, {y}, Keep::nothing(),
                [p](const Backward& s) -> Grads { return {average(p, s.grad)}; });
}

// ---- the functions -----------------------------------------------------------------------------------------------------

// f of x as a batch of images, its result in the rank of x. `dims` of an image: 2, or 1 for sequences, rows of one pixel's
// height.
template <class F>
Tensor as_images(const char* operation, const Tensor& x, int dims, F f) {
  const bool batch = x.dim() == dims + 2;
  require(batch || x.dim() == dims + 1, operation,
          dims == 2 ? "x must be (n, c, h, w) or (c, h, w)" : "x must be (n, c, l) or (c, l)", given("x", x));
  require<DtypeError>(is_float(x.dtype()), operation, "needs f32 or f64; convert with to(f32)", given("x", x));
  Tensor y = batch ? x : x.unsqueeze(0);
  y = f(dims == 2 ? y : y.unsqueeze(2));
  if (dims == 1) y = y.squeeze(2);
  return batch ? y : y.squeeze(0);
}

// Of the images `in`, made of the x that was given.
Tensor largest(const char* operation, const Tensor& x, const Tensor& in, IntPair kernel, const MaxPool2dOptions& o) {
  const Images g = images(in);
  const IntPair stride = o.stride == IntPair(0) ? kernel : o.stride;
  return max_pool(in,
                  {g, windows(operation, x, {g.h, kernel.h, stride.h, o.padding.h, o.dilation.h}, o.ceil_mode, false),
                   windows(operation, x, {g.w, kernel.w, stride.w, o.padding.w, o.dilation.w}, o.ceil_mode, false)});
}

Tensor average(const char* operation, const Tensor& x, const Tensor& in, IntPair kernel, const AvgPool2dOptions& o) {
  const Images g = images(in);
  const IntPair stride = o.stride == IntPair(0) ? kernel : o.stride;
  const bool all = o.count_include_pad;
  Pool p{g, windows(operation, x, {g.h, kernel.h, stride.h, o.padding.h, 1}, o.ceil_mode, all),
         windows(operation, x, {g.w, kernel.w, stride.w, o.padding.w, 1}, o.ceil_mode, all)};
  if (o.divisor_override) {
    require<ValueError>(*o.divisor_override != 0, operation, "divisor_override must not be 0");
    std::fill(p.h.divisor.begin(), p.h.divisor.end(), static_cast<double>(*o.divisor_override));
    std::fill(p.w.divisor.begin(), p.w.divisor.end(), 1.0);
  }
  return average(std::make_shared<const Pool>(std::move(p)), in);
}

Pool even_pool(const char* operation, const Tensor& x, const Tensor& in, IntPair size) {
  const Images g = images(in);
  return {g, even_windows(operation, x, g, g.h, size.h), even_windows(operation, x, g, g.w, size.w)};
}

Tensor adaptive_average(const char* operation, const Tensor& x, int dims, IntPair size) {
  return as_images(operation, x, dims, [&](const Tensor& in) {
    return average(std::make_shared<const Pool>(even_pool(operation, x, in, size)), in);
  });
}

Tensor adaptive_largest(const char* operation, const Tensor& x, int dims, IntPair size) {
  return as_images(operation, x, dims,
                   [&](const Tensor& in) { return max_pool(in, even_pool(operation, x, in, size)); });
}

// |x|^p. At 0 its derivatives from the ⌈p⌉-th on are infinite unless p is a whole number; they are 0 here, as at a kink.
Tensor power_of_magnitude(const Tensor& x, double p) {
  if (std::fmod(p, 2) == 0) return pow(x, p);  // which has no kink
  const Tensor size = abs(x);
  if (p == std::floor(p)) return pow(size, p);
  const Tensor zero = size == 0.0;
  return masked_fill(pow(masked_fill(size, zero, 1), p), zero, 0);
}

}  // namespace

Tensor max_pool2d(const Tensor& x, IntPair kernel, const MaxPool2dOptions& o) {
  constexpr const char* name = "max_pool2d";
  return as_images(name, x, 2, [&](const Tensor& in) { return largest(name, x, in, kernel, o); });
}

Tensor max_pool1d(const Tensor& x, int64_t kernel, const MaxPool1dOptions& o) {
  constexpr const char* name = "max_pool1d";
  const IntPair stride(1, o.stride == 0 ? kernel : o.stride);
  return as_images(name, x, 1, [&](const Tensor& in) {
    return largest(name, x, in, {1, kernel}, {stride, {0, o.padding}, {1, o.dilation}, o.ceil_mode});
  });
}

Tensor avg_pool2d(const Tensor& x, IntPair kernel, const AvgPool2dOptions& o) {
  constexpr const char* name = "avg_pool2d";
  return as_images(name, x, 2, [&](const Tensor& in) { return average(name, x, in, kernel, o); });
}

Tensor avg_pool1d(const Tensor& x, int64_t kernel, const AvgPool1dOptions& o) {
  constexpr const char* name = "avg_pool1d";
  const IntPair stride(1, o.stride == 0 ? kernel : o.stride);
  return as_images(name, x, 1, [&](const Tensor& in) {
    return average(name, x, in, {1, kernel}, {stride, {0, o.padding}, o.ceil_mode, o.count_include_pad});
  });
}

Tensor adaptive_avg_pool2d(const Tensor& x, IntPair size) {
  return adaptive_average("adaptive_avg_pool2d", x, 2, size);
}
Tensor adaptive_avg_pool1d(const Tensor& x, int64_t size) {
  return adaptive_average("adaptive_avg_pool1d", x, 1, {1, size});
}
Tensor adaptive_max_pool2d(const Tensor& x, IntPair size) {
  return adaptive_largest("adaptive_max_pool2d", x, 2, size);
}
Tensor adaptive_max_pool1d(const Tensor& x, int64_t size) {
  return adaptive_largest("adaptive_max_pool1d", x, 1, {1, size});
}

Tensor lp_pool2d(const Tensor& x, double p, IntPair kernel, const LpPool2dOptions& o) {
  constexpr const char* name = "lp_pool2d";
  require<ValueError>(p >= 1 && std::isfinite(p), name, "p must be finite and at least 1", given("p", p));
  return as_images(name, x, 2, [&](const Tensor& in) {
    const AvgPool2dOptions sums{.stride = o.stride, .ceil_mode = o.ceil_mode, .divisor_override = 1};
    const Tensor sum = average(name, x, power_of_magnitude(in, p), kernel, sums);
    // A root has no finite slope at 0: what is 0 stays there, and hands no gradient on.
    const Tensor zero = sum == 0.0;
    return masked_fill(pow(masked_fill(sum, zero, 1), 1 / p), zero, 0);
  });
}

}  // namespace cairn
