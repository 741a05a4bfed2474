#include "cairn/ops/layer_norm.h"

#include <limits>

#include "cairn/graph/record.h"
#include "cairn/ops/arithmetic.h"
#include "cairn/ops/elementwise.h"
#include "cairn/ops/reduce.h"
#include "cairn/tensor/create.h"
#include "kernels/layer_norm.h"
#include "ops/layout.h"

namespace cairn {

static void check_parameter(const char* operation, const char* name, const Tensor& p, const Shape& normalized_shape,
                            const Tensor& x) {
  if (!p.defined()) return;
  require(p.shape() == normalized_shape, operation, "weight and bias must be of normalized_shape", given(name, p),
          given("normalized_shape", normalized_shape));
  require<DtypeError>(p.dtype() == x.dtype(), operation, "dtypes must be equal", given("x", x), given(name, p));
}

// Returns the first of the dimensions that are normalised.
static int check_input(const char* operation, const Tensor& x, const Shape& normalized_shape) {
  require<DtypeError>(is_float(x.dtype()), operation, "needs f32 or f64; convert with to(f32)", given("x", x));
  const int first = x.dim() - normalized_shape.size();
  bool fits = first >= 0 && !normalized_shape.empty();
  for (int d = 0; fits && d < normalized_shape.size(); ++d) fits = normalized_shape[d] == x.shape()[first + d];
  require(fits, operation, "the last sizes of x must be normalized_shape", given("x", x),
          given("normalized_shape", normalized_shape));
  return first;
}

static Dims dims_from(int first, const Tensor& x) {
  Dims over;
  for (int d = first; d < x.dim(); ++d) over.push_back(d);
  return over;
}

Tensor layer_norm(const Tensor& x, const Shape& normalized_shape, const Tensor& given_weight, const Tensor& given_bias,
                  double eps) {
  const int first = check_input("layer_norm", x, normalized_shape);
  check_parameter("layer_norm", "weight", given_weight, normalized_shape, x);
  check_parameter("layer_norm", "bias", given_bias, normalized_shape, x);
  require<ValueError>(eps >= 0, "layer_norm", "eps must not be negative", given("eps", eps));

  const Tensor weight = given_weight.defined() ? given_weight : ones(normalized_shape, x.dtype());
  const Tensor bias = given_bias.defined() ? given_bias : zeros(normalized_shape, x.dtype());
  const int64_t n = normalized_shape.numel(), rows = n == 0 ? 0 : x.numel() / n;
  const Tensor in = ops::row_major(x), w = ops::row_major(weight), b = ops::row_major(bias),
               y = empty(x.shape(), x.dtype());
  const Tensor center = empty({rows}, x.dtype()), rstd = empty({rows}, x.dtype());
  visit_float("layer_norm", x.dtype(), [&]<class S>() {
    kernels::layer_norm(in.pointer<S>(), w.pointer<S>(), b.pointer<S>(), y.pointer<S>(), center.pointer<S>(),
                        rstd.pointer<S>(), rows, n, static_cast<S>(eps));
  });
  return record_fused(
      "layer_norm", y, {x, weight, bias}, Keep::inputs(),
      [center, rstd, rows, n](const Backward& s) -> Grads {
        const Tensor in_x = s.input(0).contiguous(), in_w = s.input(1).contiguous(), g = s.grad.contiguous();
        const Tensor dx = empty_like(in_x), dw = empty_like(in_w), db = empty_like(in_w);
        visit_float("layer_norm", g.dtype(), [&]<class S>() {
          kernels::layer_norm_gradient(in_x.pointer<S>(), in_w.pointer<S>(), center.pointer<S>(), rstd.pointer<S>(),
                                       g.pointer<S>(), dx.pointer<S>(), dw.pointer<S>(), db.pointer<S>(), rows, n);
        });
        return {dx, dw, db};
      },
      [first, eps](std::span<const Tensor> inputs) -> Tensor {
        const Dims over = dims_from(first, inputs[0]);
        const Tensor d = inputs[0] - mean(inputs[0], over, true);
        return d * rsqrt(mean(d * d, over, true) + eps) * inputs[1] + inputs[2];
      });
}

Tensor rms_norm(const Tensor& x, const Shape& normalized_shape, const Tensor& given_weight,
                std::optional<double> given_eps) {
  const int first = check_input("rms_norm", x, normalized_shape);
  check_parameter("rms_norm", "weight", given_weight, normalized_shape, x);
  const double eps = given_eps.value_or(x.dtype() == f32 ? std::numeric_limits<float>::epsilon()
                                                         : std::numeric_limits<double>::epsilon());
  require<ValueError>(eps >= 0, "rms_norm", "eps must not be negative", given("eps", eps));

  const Tensor weight = given_weight.defined() ? given_weight : ones(normalized_shape, x.dtype());
  const int64_t n = normalized_shape.numel(), rows = n == 0 ? 0 : x.numel() / n;
  const Tensor in = ops::row_major(x), w = ops::row_major(weight), y = empty(x.shape(), x.dtype()),
               rstd = empty({rows}, x.dtype());
  visit_float("rms_norm", x.dtype(), [&]<class S>() {
    kernels::rms_norm(in.pointer<S>(), w.pointer<S>(), y.pointer<S>(), rstd.pointer<S>(), rows, n, static_cast<S>(eps));
  });
  return record_fused(
      "rms_norm", y, {x, weight}, Keep::inputs(),
      [rstd, rows, n](const Backward& s) -> Grads {
        const Tensor in_x = s.input(0).contiguous(), in_w = s.input(1).contiguous(), g = s.grad.contiguous();
        const Tensor dx = empty_like(in_x), dw = empty_like(in_w);
        visit_float("rms_norm", g.dtype(), [&]<class S>() {
          kernels::rms_norm_gradient(in_x.pointer<S>(), in_w.pointer<S>(), rstd.pointer<S>(), g.pointer<S>(),
                                     dx.pointer<S>(), dw.pointer<S>(), rows, n);
        });
        return {dx, dw};
      },
      [first, eps](std::span<const Tensor> inputs) -> Tensor {
        const Tensor& t = inputs[0];
        return t * rsqrt(mean(t * t, dims_from(first, t), true) + eps) * inputs[1];
      });
}

}  // namespace cairn
