#include "cairn/ops/linear.h"

#include <array>
#include <utility>

#include "cairn/graph/record.h"
#include "cairn/ops/matmul.h"
#include "kernels/gemm.h"
#include "kernels/reduce.h"
#include "ops/kept.h"

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

// x with all dimensions but the last taken together: where it lies when its rows lie evenly, else a copy. What is given by
// name is not kept alive: to count an owner more takes longer than small products do.
class Folded {
 public:
  explicit Folded(const Tensor& x) : tensor_(&x) { fold(); }
  explicit Folded(Tensor&& x) : own_(std::move(x)), tensor_(&own_) { fold(); }
  Folded(const Folded&) = delete;
  Folded& operator=(const Folded&) = delete;

  template <class S>
  kernels::Matrix<S> matrix() const {
    return {tensor_->pointer<S>(), row_, column_};
  }
  template <class S>
  kernels::Matrix<S> transposed() const {
    return {tensor_->pointer<S>(), column_, row_};
  }

 private:
  void fold() {
    row_ = row_stride(*tensor_), column_ = tensor_->strides().back();
    if (row_ >= 0) return;
    own_ = tensor_->contiguous();
    tensor_ = &own_;
    row_ = own_.shape().back(), column_ = 1;
  }

  Tensor own_;
  const Tensor* tensor_;
  int64_t row_ = 0, column_ = 0;
};

// The gradients as plain products, without a view or a node on the way: the first order.
Grads products(const Backward& s, int64_t rows, int64_t in, int64_t out) {
  const Folded g(s.grad);
  Tensor dx, dw, db;
  visit_float("linear", s.grad.dtype(), [&]<class S>() {
    if (s.needs(0)) {
      dx = empty(s.shape(0), s.grad.dtype());
      kernels::gemm(rows, in, out, g.matrix<S>(), Folded(s.input(1)).matrix<S>(), dx.pointer<S>(), in);
    }
    if (s.needs(1)) {
      dw = empty({out, in}, s.grad.dtype());
      kernels::gemm(out, in, rows, g.transposed<S>(), Folded(s.input(0)).matrix<S>(), dw.pointer<S>(), in);
    }
    if (s.input_count() == 3 && s.needs(2)) {
      db = empty({out}, s.grad.dtype());
      const Tensor copy = s.grad.is_contiguous() ? Tensor() : s.grad.contiguous();
      kernels::fold(kernels::Fold::sum, (copy.defined() ? copy : s.grad).pointer<S>(), db.pointer<S>(), {1, rows, out});
    }
  });
  if (s.input_count() == 2) return {std::move(dx), std::move(dw)};
  return {std::move(dx), std::move(dw), std::move(db)};
}

}  // namespace

Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  require(weight.dim() == 2, "linear", "weight must be (out, in)", given("weight", weight));
  require(x.dim() > 0 && x.shape().back() == weight.shape()[1], "linear", "the last size of x must be weight's second",
          given("x", x), given("weight", weight));
  require<DtypeError>(is_float(x.dtype()), "linear", "needs f32 or f64; convert with to(f32)", given("x", x));
  require<DtypeError>(x.dtype() == weight.dtype(), "linear", "needs equal dtypes; convert one with to(…)",
                      given("x", x), given("weight", weight));
  const int64_t in = weight.shape()[1], out = weight.shape()[0];
  if (bias.defined()) {
    require(bias.dim() == 1 && bias.shape()[0] == out, "linear", "bias must be (out)", given("weight", weight),
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
    const std::array<int64_t, 5> form = {out, in, weight.strides()[0], weight.strides()[1], 0};
    const kernels::Packed kept = ops::kept_with(weight, form);
    const NoGrad copies;
    const Folded even(x), w(weight);
    const Tensor copy = bias.defined() && !bias.is_contiguous() ? bias.contiguous() : Tensor();
    const Tensor& b = copy.defined() ? copy : bias;
    visit_float("linear", x.dtype(), [&]<class S>() {
      kernels::gemm(rows, out, in, even.matrix<S>(), w.transposed<S>(), y.pointer<S>(), out,
                    {.bias = b.defined() ? b.pointer<S>() : nullptr}, kept);
    });
  }
  const auto backward = [rows, in, out](const Backward& s) -> Grads {
    if (!s.create_graph()) return products(s, rows, in, out);
    // Folded to two dimensions first, so that the gradient of the weight is one product over all rows.
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
