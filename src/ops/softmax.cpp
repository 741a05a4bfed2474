#include "cairn/ops/softmax.h"

#include "cairn/graph/record.h"
#include "cairn/ops/arithmetic.h"
#include "cairn/ops/compare.h"
#include "cairn/ops/elementwise.h"
#include "cairn/ops/reduce.h"
#include "kernels/softmax.h"

namespace cairn {
namespace {

// x with `dim` last, in row-major order; and the way back, to the layout of `like`.
Tensor to_rows(const Tensor& x, int dim) { return x.movedim(dim, -1).contiguous(); }
Tensor from_rows(const Tensor& rows, int dim, const Tensor& like) {
  if (dim == rows.dim() - 1) return rows;
  const Tensor y = rows.movedim(-1, dim);
  return like.is_contiguous() ? y.contiguous() : y;
}

int64_t row_count(const Tensor& rows) { return rows.numel() == 0 ? 0 : rows.numel() / rows.size(-1); }

// A kernel over rows, unrecorded: f(x, y, rows, n).
template <class F>
Tensor by_rows(const char* name, const Tensor& x, int dim, F f) {
  const NoGrad off;
  const Tensor in = to_rows(x, dim), out = empty_like(in);
  visit_float(name, x.dtype(), [&]<class S>() { f(in.pointer<S>(), out.pointer<S>(), row_count(in), in.size(-1)); });
  return from_rows(out, dim, x);
}
// The same for the gradient from the output: f(y, g, dx, rows, n).
template <class F>
Tensor gradient_by_rows(const char* name, const Tensor& y, const Tensor& gradient, int dim, F f) {
  const Tensor rows = to_rows(y, dim), g = to_rows(gradient, dim), dx = empty_like(rows);
  visit_float(name, y.dtype(), [&]<class S>() {
    f(rows.pointer<S>(), g.pointer<S>(), dx.pointer<S>(), row_count(rows), rows.size(-1));
  });
  return from_rows(dx, dim, y);
}

Tensor normalised_exponential(const char* name, bool logarithm, const Tensor& x, int64_t given_dim) {
  require<DtypeError>(is_float(x.dtype()), name, "needs f32 or f64; convert with to(f32)", x);
  if (x.dim() == 0) {  // one element along its dimension 0, as in PyTorch
    wrap_dim(name, given_dim, 1);
    return normalised_exponential(name, logarithm, x.reshape({1}), 0).reshape({});
  }
  const int dim = wrap_dim(name, given_dim, x.dim());
  const Tensor y = by_rows(name, x, dim, [logarithm]<class S>(const S* in, S* out, int64_t rows, int64_t n) {
    kernels::softmax(logarithm, in, out, rows, n);
  });
  return record(name, y, {x}, Keep::output(), [dim, logarithm](const Backward& s) -> Grads {
    const Tensor out = s.output();
    if (s.create_graph())
      return {logarithm ? s.grad - exp(out) * sum(s.grad, {dim}, true)
                        : out * (s.grad - sum(s.grad * out, {dim}, true))};
    return {gradient_by_rows("softmax", out, s.grad, dim,
                             [logarithm]<class S>(const S* p, const S* g, S* dx, int64_t rows, int64_t n) {
                               kernels::softmax_gradient(logarithm, p, g, dx, rows, n);
                             })};
  });
}

}  // namespace

Tensor softmax(const Tensor& x, int64_t dim) { return normalised_exponential("softmax", false, x, dim); }
Tensor log_softmax(const Tensor& x, int64_t dim) { return normalised_exponential("log_softmax", true, x, dim); }
Tensor softmin(const Tensor& x, int64_t dim) { return softmax(-x, dim); }

Tensor sparsemax(const Tensor& x, int64_t given_dim) {
  require<DtypeError>(is_float(x.dtype()), "sparsemax", "needs f32 or f64; convert with to(f32)", x);
  if (x.dim() == 0) {
    wrap_dim("sparsemax", given_dim, 1);
    return sparsemax(x.reshape({1}), 0).reshape({});
  }
  const int dim = wrap_dim("sparsemax", given_dim, x.dim());
  const Tensor y = by_rows("sparsemax", x, dim, []<class S>(const S* in, S* out, int64_t rows, int64_t n) {
    kernels::sparsemax(in, out, rows, n);
  });
  if (branches_wanted()) report_branches(y > 0.0);
  return record("sparsemax", y, {x}, Keep::output(), [dim](const Backward& s) -> Grads {
    const Tensor out = s.output().detach();
    if (s.create_graph()) {
      const Tensor support = out > 0.0, count = sum(support, {dim}, true).to(out.dtype());
      return {where(support, s.grad - sum(where(support, s.grad, 0.0), {dim}, true) / count, out * 0.0)};
    }
    return {gradient_by_rows("sparsemax", out, s.grad, dim,
                             []<class S>(const S* p, const S* g, S* dx, int64_t rows, int64_t n) {
                               kernels::sparsemax_gradient(p, g, dx, rows, n);
                             })};
  });
}

}  // namespace cairn
