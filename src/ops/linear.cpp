#include "cairn/ops/linear.h"

#include "cairn/graph/record.h"
#include "cairn/ops/matmul.h"
#include "kernels/gemm.h"

namespace cairn {
namespace {

// The step between the rows of x, all dimensions but the last taken together; −1 when they do not lie evenly.
int64_t row_stride(const Tensor& x) {
  int64_t step = -1;
  for (int d = x.dim() - 2, inner = -1; d >= 0; --d) {
    if (x.shape()[d] == 1) continue;
    if (step < 0)
      step = x.strides()[d];
    else if (x.strides()[d] != x.strides()[inner] * x.shape()[inner])
      return -1;
    inner = d;
  }
  return step < 0 ? x.shape().back() : step;  // a single row
}

}  // namespace

Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  require(weight.dim() == 2, "linear", "weight must be (out, in)", given("weight", weight));
  require(x.dim() > 0 && x.size(-1) == weight.size(1), "linear", "the last size of x must be weight's second",
          given("x", x), given("weight", weight));
  require<DtypeError>(is_float(x.dtype()), "linear", "needs f32 or f64; convert with to(f32)", given("x", x));
  require<DtypeError>(x.dtype() == weight.dtype(), "linear", "needs equal dtypes; convert one with to(…)",
                      given("x", x), given("weight", weight));
  const int64_t in = weight.size(1), out = weight.size(0);
  if (bias.defined()) {
    require(bias.dim() == 1 && bias.size(0) == out, "linear", "bias must be (out)", given("weight", weight),
            given("bias", bias));
    require<DtypeError>(bias.dtype() == x.dtype(), "linear", "needs equal dtypes; convert one with to(…)",
                        given("x", x), given("bias", bias));
  }
  Shape shape = x.shape();
  shape[x.dim() - 1] = 1;
  const int64_t rows = shape.numel();
  shape[x.dim() - 1] = out;
  Tensor y = empty(shape, x.dtype());
  {
    const NoGrad copies;
    const int64_t step = row_stride(x);
    const Tensor even = step < 0 ? x.contiguous() : x;
    const Tensor b = bias.defined() ? bias.contiguous() : bias;
    visit_float("linear", x.dtype(), [&]<class S>() {
      kernels::gemm(rows, out, in, kernels::Matrix<S>{even.pointer<S>(), step < 0 ? in : step, even.strides().back()},
                    kernels::Matrix<S>{weight.pointer<S>(), weight.strides()[1], weight.strides()[0]}, y.pointer<S>(),
                    out, {.bias = b.defined() ? b.pointer<S>() : nullptr});
    });
  }
  // Folded to two dimensions first, so that the gradient of the weight is one product over all rows.
  const auto backward = [rows, in, out](const Backward& s) -> Grads {
    Tensor dx = s.needs(0) ? matmul(s.grad, s.input(1)) : none;
    Tensor dw = s.needs(1) ? matmul(s.grad.reshape({rows, out}).t(), s.input(0).reshape({rows, in})) : none;
    if (s.input_count() == 2) return {std::move(dx), std::move(dw)};
    return {std::move(dx), std::move(dw), s.grad};  // the engine sums over the rows
  };
  const Keep keep = Keep::input(0) | Keep::input(1);
  if (!bias.defined()) return record("linear", std::move(y), {x, weight}, keep, backward);
  return record("linear", std::move(y), {x, weight, bias}, keep, backward);
}

}  // namespace cairn
