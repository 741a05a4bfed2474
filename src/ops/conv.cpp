#include "cairn/ops/conv.h"

#include <algorithm>
#include <array>
#include <string>

#include "cairn/graph/record.h"
#include "cairn/ops/reduce.h"
#include "kernels/conv.h"
#include "ops/kept.h"
#include "ops/layout.h"

namespace cairn {

Padding::Padding(std::string_view name) : same(name == "same") {
  require<ValueError>(same || name == "valid", "padding", "must be numbers, \"same\" or \"valid\"",
                      given("padding", std::string(name)));
}

namespace {

using kernels::Conv;

template <class S>
const S* pointer_or_null(const Tensor& t) {
  return t.defined() ? t.pointer<S>() : nullptr;
}

// Convolution, its transpose and the gradient of its weight are closed under differentiation: each one's gradients are
// the other two.
Tensor convolve(const Conv& g, const Tensor& x, const Tensor& weight, const Tensor& bias = Tensor());
Tensor convolve_back(const Conv& g, const Tensor& y, const Tensor& weight, const Tensor& bias = Tensor());
Tensor weight_sums(const Conv& g, const Tensor& x, const Tensor& y);

Tensor bias_gradient(const Backward& s) { return s.needs(2) ? sum(s.grad, {0, 2, 3}) : none; }

Tensor convolve(const Conv& g, const Tensor& x, const Tensor& weight, const Tensor& bias) {
  const Tensor y = ops::empty_channels_last({g.n, g.o, g.y_h, g.y_w}, x.dtype());
  const Tensor in = ops::channels_last(x), w = ops::row_major(weight), b = ops::row_major(bias);
  const std::array<int64_t, 5> form = {g.o, g.c, g.k_h, g.k_w, g.groups};
  visit_float("conv2d", x.dtype(), [&]<class S>() {
    kernels::conv(g, in.pointer<S>(), w.pointer<S>(), pointer_or_null<S>(b), y.pointer<S>(), ops::kept_with(w, form));
  });
  const auto backward = [g](const Backward& s) -> Grads {
    Tensor dx = s.needs(0) ? convolve_back(g, s.grad, s.input(1)) : none;
    Tensor dw = s.needs(1) ? weight_sums(g, s.input(0), s.grad) : none;
    if (s.input_count() == 2) return {std::move(dx), std::move(dw)};
    return {std::move(dx), std::move(dw), bias_gradient(s)};
  };
  const Keep keep = Keep::input(0) | Keep::input(1);
  if (!bias.defined()) return record("conv2d", y, {x, weight}, keep, backward);
  return record("conv2d", y, {x, weight, bias}, keep, backward);
}

Tensor convolve_back(const Conv& g, const Tensor& y, const Tensor& weight, const Tensor& bias) {
  const Tensor x = ops::empty_channels_last({g.n, g.c, g.h, g.w}, y.dtype());
  const Tensor in = ops::channels_last(y), w = ops::row_major(weight), b = ops::row_major(bias);
  visit_float("conv_transpose2d", y.dtype(), [&]<class S>() {
    kernels::conv_transpose(g, in.pointer<S>(), w.pointer<S>(), pointer_or_null<S>(b), x.pointer<S>());
  });
  const auto backward = [g](const Backward& s) -> Grads {
    Tensor dy = s.needs(0) ? convolve(g, s.grad, s.input(1)) : none;
    Tensor dw = s.needs(1) ? weight_sums(g, s.grad, s.input(0)) : none;
    if (s.input_count() == 2) return {std::move(dy), std::move(dw)};
    return {std::move(dy), std::move(dw), bias_gradient(s)};
  };
  const Keep keep = Keep::input(0) | Keep::input(1);
  if (!bias.defined()) return record("conv_transpose2d", x, {y, weight}, keep, backward);
  return record("conv_transpose2d", x, {y, weight, bias}, keep, backward);
}

Tensor weight_sums(const Conv& g, const Tensor& x, const Tensor& y) {
  const Tensor weight = empty({g.o, g.c / g.groups, g.k_h, g.k_w}, x.dtype());
  const Tensor in = ops::channels_last(x), out = ops::channels_last(y);
  visit_float("conv2d_weight_backward", x.dtype(),
              [&]<class S>() { kernels::conv_weight(g, in.pointer<S>(), out.pointer<S>(), weight.pointer<S>()); });
  return record("conv2d_weight_backward", weight, {x, y}, Keep::inputs(), [g](const Backward& s) -> Grads {
    return {s.needs(0) ? convolve_back(g, s.input(1), s.grad) : none,
            s.needs(1) ? convolve(g, s.input(0), s.grad) : none};
  });
}

// What all forms ask of their operands.
void check(const char* operation, const Tensor& x, const Tensor& weight, const Tensor& bias, int64_t filters) {
  require<DtypeError>(is_float(x.dtype()), operation, "needs f32 or f64; convert with to(f32)", given("x", x));
  require<DtypeError>(x.dtype() == weight.dtype(), operation, "needs equal dtypes; convert one with to(…)",
                      given("x", x), given("weight", weight));
  if (!bias.defined()) return;
  require(bias.dim() == 1 && bias.size(0) == filters, operation, "bias must be (out_channels)", given("bias", bias),
          given("out_channels", filters));
  require<DtypeError>(bias.dtype() == x.dtype(), operation, "needs equal dtypes; convert one with to(…)", given("x", x),
                      given("bias", bias));
}

void check_steps(const char* operation, const Tensor& weight, IntPair stride, IntPair padding, IntPair dilation,
                 int64_t groups) {
  const auto fit = [&](IntPair pair, int64_t least, const char* problem) {
    constexpr int64_t most = INT32_MAX;  // sums and products of two cannot overflow
    require<ValueError>(std::min(pair.h, pair.w) >= least && std::max(pair.h, pair.w) <= most, operation, problem,
                        given("h", pair.h), given("w", pair.w));
  };
  fit(stride, 1, "stride must be at least 1 and below 2³¹");
  fit(dilation, 1, "dilation must be at least 1 and below 2³¹");
  fit(padding, 0, "padding must not be negative, and below 2³¹");
  require<ValueError>(groups >= 1 && weight.size(0) % groups == 0, operation,
                      "groups must be at least 1 and divide the first size of weight", given("groups", groups),
                      given("weight", weight));
  require(weight.numel() > 0, operation, "weight is empty", given("weight", weight));
}

// Places that a kernel finds along one dimension of the padded input.
int64_t places(const char* operation, const Tensor& x, const Tensor& weight, int64_t size, int64_t kernel,
               int64_t stride, int64_t padding, int64_t dilation) {
  const int64_t reach = dilation * (kernel - 1) + 1, padded = size + padding;
  require(reach <= padded, operation,
          "the kernel (with its dilation) is larger than the padded input; pad more or use a smaller kernel",
          given("x", x), given("weight", weight), given("kernel reaches", reach), given("padded input", padded));
  return (padded - reach) / stride + 1;
}

// The operands as they were given, for errors to show.
struct AsGiven {
  const Tensor &x, &weight;
};

Tensor conv(const char* operation, const AsGiven& as, const Tensor& x, const Tensor& weight, const Tensor& bias,
            const Conv2dOptions& o) {
  check_steps(operation, as.weight, o.stride, o.padding.size, o.dilation, o.groups);
  check(operation, as.x, as.weight, bias, weight.size(0));
  require(x.size(1) == weight.size(1) * o.groups, operation, "the channels of x must be those of weight times groups",
          given("x", as.x), given("weight", as.weight), given("groups", o.groups));
  const int64_t k_h = weight.size(2), k_w = weight.size(3);
  IntPair before = o.padding.size, around(2 * before.h, 2 * before.w);
  if (o.padding.same) {
    require<ValueError>(o.stride == IntPair(1), operation, "padding \"same\" needs stride 1",
                        given("stride h", o.stride.h), given("stride w", o.stride.w));
    around = IntPair(o.dilation.h * (k_h - 1), o.dilation.w * (k_w - 1));
    before = IntPair(around.h / 2, around.w / 2);
  }
  const int64_t h = x.size(2), w = x.size(3);
  return convolve(Conv{x.size(0), x.size(1), h, w, weight.size(0),
                       places(operation, as.x, as.weight, h, k_h, o.stride.h, around.h, o.dilation.h),
                       places(operation, as.x, as.weight, w, k_w, o.stride.w, around.w, o.dilation.w), k_h, k_w,
                       o.stride.h, o.stride.w, before.h, before.w, o.dilation.h, o.dilation.w, o.groups},
                  x, weight, bias);
}

void require_rank(const char* operation, const Tensor& x, const Tensor& weight, int rank, const char* shapes) {
  require((x.dim() == rank || x.dim() == rank - 1) && weight.dim() == rank, operation, shapes, given("x", x),
          given("weight", weight));
}

}  // namespace

Tensor conv2d(const Tensor& x, const Tensor& weight, const Tensor& bias, const Conv2dOptions& options) {
  require_rank("conv2d", x, weight, 4, "x must be (n, c, h, w) or (c, h, w), and weight (out, c / groups, kh, kw)");
  if (x.dim() == 3) return conv("conv2d", {x, weight}, x.unsqueeze(0), weight, bias, options).squeeze(0);
  return conv("conv2d", {x, weight}, x, weight, bias, options);
}

Tensor conv1d(const Tensor& x, const Tensor& weight, const Tensor& bias, const Conv1dOptions& options) {
  require_rank("conv1d", x, weight, 3, "x must be (n, c, l) or (c, l), and weight (out, c / groups, k)");
  require<ValueError>(options.padding.size.h == options.padding.size.w, "conv1d",
                      "there is one dimension: give one padding", given("first", options.padding.size.h),
                      given("second", options.padding.size.w));
  const bool batch = x.dim() == 3;
  Padding padding(IntPair(0, options.padding.size.w));
  padding.same = options.padding.same;
  const Tensor in = (batch ? x : x.unsqueeze(0)).unsqueeze(2);
  const Tensor y = conv("conv1d", {x, weight}, in, weight.unsqueeze(2), bias,
                        {IntPair(1, options.stride), padding, IntPair(1, options.dilation), options.groups})
                       .squeeze(2);
  return batch ? y : y.squeeze(0);
}

Tensor conv_transpose2d(const Tensor& x, const Tensor& weight, const Tensor& bias, const ConvTranspose2dOptions& o) {
  constexpr const char* name = "conv_transpose2d";
  require_rank(name, x, weight, 4, "x must be (n, c, h, w) or (c, h, w), and weight (c, out / groups, kh, kw)");
  if (x.dim() == 3) return conv_transpose2d(x.unsqueeze(0), weight, bias, o).squeeze(0);
  check_steps(name, weight, o.stride, o.padding, o.dilation, o.groups);
  const int64_t filters = weight.size(1) * o.groups;
  require(x.size(1) == weight.size(0), name, "the channels of x (dimension 1) must be the first size of weight",
          given("x", x), given("weight", weight));
  check(name, x, weight, bias, filters);
  const auto size = [&](int64_t in, int64_t kernel, int64_t stride, int64_t padding, int64_t dilation, int64_t extra) {
    require<ValueError>(extra >= 0 && extra < std::max(stride, dilation), name,
                        "output_padding must be below the stride or the dilation", given("output_padding", extra),
                        given("stride", stride), given("dilation", dilation));
    const int64_t out = (in - 1) * stride - 2 * padding + dilation * (kernel - 1) + extra + 1;
    require(in >= 1 && out >= 1, name, "the padding leaves nothing of the result", given("x", x),
            given("weight", weight), given("padding", padding));
    return out;
  };
  const int64_t k_h = weight.size(2), k_w = weight.size(3);
  const int64_t h = size(x.size(2), k_h, o.stride.h, o.padding.h, o.dilation.h, o.output_padding.h);
  const int64_t w = size(x.size(3), k_w, o.stride.w, o.padding.w, o.dilation.w, o.output_padding.w);
  return convolve_back(Conv{x.size(0), filters, h, w, x.size(1), x.size(2), x.size(3), k_h, k_w, o.stride.h, o.stride.w,
                            o.padding.h, o.padding.w, o.dilation.h, o.dilation.w, o.groups},
                       x, weight, bias);
}

}  // namespace cairn
