#include "cairn/ops/softmax.h"

#include "cairn/graph/record.h"
#include "cairn/ops/arithmetic.h"
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

Tensor normalised_exponential(const char* name, bool logarithm, const Tensor& x, int64_t given_dim) {
  require<DtypeError>(is_float(x.dtype()), name, "needs f32 or f64; convert with to(f32)", x);
  if (x.dim() == 0) {  // one element along its dimension 0, as in PyTorch
    wrap_dim(name, given_dim, 1);
    return normalised_exponential(name, logarithm, x.reshape({1}), 0).reshape({});
  }
  const int dim = wrap_dim(name, given_dim, x.dim());
  Tensor y;
  {
    const NoGrad off;
    const Tensor in = to_rows(x, dim), out = empty_like(in);
    visit_float(name, x.dtype(), [&]<class S>() {
      kernels::softmax(logarithm, in.pointer<S>(), out.pointer<S>(), row_count(in), in.size(-1));
    });
    y = from_rows(out, dim, x);
  }
  return record(name, y, {x}, Keep::output(), [dim, logarithm](const Backward& s) -> Grads {
    const Tensor out = s.output();
    if (s.create_graph())
      return {logarithm ? s.grad - exp(out) * sum(s.grad, {dim}, true)
                        : out * (s.grad - sum(s.grad * out, {dim}, true))};
    const Tensor rows = to_rows(out, dim), g = to_rows(s.grad, dim), dx = empty_like(rows);
    visit_float("softmax", rows.dtype(), [&]<class S>() {
      kernels::softmax_gradient(logarithm, rows.pointer<S>(), g.pointer<S>(), dx.pointer<S>(), row_count(rows),
                                rows.size(-1));
    });
    return {from_rows(dx, dim, out)};
  });
}

}  // namespace

Tensor softmax(const Tensor& x, int64_t dim) { return normalised_exponential("softmax", false, x, dim); }
Tensor log_softmax(const Tensor& x, int64_t dim) { return normalised_exponential("log_softmax", true, x, dim); }
Tensor softmin(const Tensor& x, int64_t dim) { return softmax(-x, dim); }

}  // namespace cairn
