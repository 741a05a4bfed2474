#include "cairn/ops/matmul.h"

#include <algorithm>

#include "cairn/base/threads.h"
#include "cairn/graph/record.h"
#include "kernels/gemm.h"

namespace cairn {
namespace {

// The batch sizes of the result.
Shape broadcast_batch(const Tensor& a, const Tensor& b) {
  const int rank = std::max(a.dim(), b.dim()) - 2;
  const auto size = [&](const Tensor& t, int d) {
    const int own = d - (rank - (t.dim() - 2));
    return own < 0 ? 1 : t.shape()[own];
  };
  Shape batch;
  for (int d = 0; d < rank; ++d) {
    const int64_t p = size(a, d), q = size(b, d);
    require(p == q || p == 1 || q == 1, "matmul", "batch sizes must be equal or 1", given("a", a), given("b", b));
    batch.push_back(p == 1 ? q : p);
  }
  return batch;
}

// Steps of the batch dimensions of one operand along those of the result; 0 where it is broadcast.
Strides batch_strides(const Tensor& t, const Shape& batch) {
  Strides steps = Shape::filled(batch.size(), 0);
  const int extra = batch.size() - (t.dim() - 2);
  for (int d = extra; d < batch.size(); ++d)
    if (t.shape()[d - extra] != 1) steps[d] = t.strides()[d - extra];
  return steps;
}

// Both operands have two dimensions or more.
Tensor product(const Tensor& a, const Tensor& b) {
  const int64_t m = a.size(-2), k = a.size(-1), n = b.size(-1);
  const Shape batch = broadcast_batch(a, b);
  Shape shape = batch;
  shape.push_back(m);
  shape.push_back(n);
  Tensor y = empty(shape, a.dtype());
  const Strides a_steps = batch_strides(a, batch), b_steps = batch_strides(b, batch);
  visit_float("matmul", a.dtype(), [&]<class S>() {
    const auto one = [&](int64_t index) {
      const S *pa = a.pointer<S>(), *pb = b.pointer<S>();
      for (int64_t d = batch.size() - 1, rest = index; d >= 0; --d) {
        const int at = static_cast<int>(d);
        pa += rest % batch[at] * a_steps[at];
        pb += rest % batch[at] * b_steps[at];
        rest /= batch[at];
      }
      kernels::gemm(m, n, k, kernels::Matrix<S>{pa, a.strides()[a.dim() - 2], a.strides()[a.dim() - 1]},
                    kernels::Matrix<S>{pb, b.strides()[b.dim() - 2], b.strides()[b.dim() - 1]},
                    y.pointer<S>() + index * m * n, n);
    };
    // Large matrices are shared out one by one, small ones in whole pieces of the batch: by size alone.
    constexpr double large = 8e6, piece = 2e6;
    const double work = 2.0 * static_cast<double>(m) * static_cast<double>(n) * static_cast<double>(k);
    const int64_t grain = work >= large ? batch.numel() : static_cast<int64_t>(piece / (work + 100)) + 1;
    parallel_for(batch.numel(), grain, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) one(i);
    });
  });
  return record("matmul", std::move(y), {a, b}, Keep::inputs(), [](const Backward& s) -> Grads {
    return {s.needs(0) ? matmul(s.grad, s.input(1).transpose(-1, -2)) : none,
            s.needs(1) ? matmul(s.input(0).transpose(-1, -2), s.grad) : none};
  });
}

}  // namespace

Tensor matmul(const Tensor& a, const Tensor& b) {
  require(a.dim() > 0 && b.dim() > 0, "matmul", "needs operands of at least one dimension; multiply by a scalar with *",
          given("a", a), given("b", b));
  require<DtypeError>(a.dtype() == b.dtype(), "matmul", "needs equal dtypes; convert one with to(…)", given("a", a),
                      given("b", b));
  require<DtypeError>(is_float(a.dtype()), "matmul", "needs f32 or f64; convert with to(f32)", given("a", a),
                      given("b", b));
  require(a.size(-1) == b.size(b.dim() == 1 ? 0 : -2), "matmul", "inner sizes must match", given("a", a),
          given("b", b));
  if (a.dim() == 1 && b.dim() == 1) return product(a.unsqueeze(0), b.unsqueeze(1)).reshape({});
  if (a.dim() == 1) return matmul(a.unsqueeze(0), b).squeeze(-2);
  if (b.dim() == 1) return matmul(a, b.unsqueeze(1)).squeeze(-1);
  if (b.dim() == 2 && a.dim() > 2) {  // one tall product instead of a batch; so is the gradient of b
    Shape shape = a.shape();
    shape[a.dim() - 1] = 1;
    const int64_t rows = shape.numel();
    shape[a.dim() - 1] = b.size(1);
    return product(a.reshape({rows, a.size(-1)}), b).reshape(shape);
  }
  return product(a, b);
}

}  // namespace cairn
