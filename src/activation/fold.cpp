#include "cairn/activation/fold.h"

#include <algorithm>

#include "cairn/activation/activation.h"
#include "cairn/activation/gated.h"
#include "cairn/ops/join.h"
#include "cairn/ops/reduce.h"
#include "kernels/maxout.h"
#include "ops/copy.h"
#include "ops/loops.h"

namespace cairn {

// The same in recorded operations.
static Tensor maxout_twin(const Tensor& x, int64_t pieces, int dim) {
  Shape split = x.shape();
  split[dim] /= pieces;
  split.insert(dim + 1, pieces);
  return amax(x.reshape(split), {dim + 1});
}

Tensor maxout(const Tensor& given_x, int64_t pieces, int64_t given_dim) {
  require<DtypeError>(is_float(given_x.dtype()), "maxout", "needs f32 or f64; convert with to(f32)", given_x);
  const int dim = wrap_dim("maxout", given_dim, given_x.dim());
  require<ValueError>(pieces >= 1, "maxout", "needs at least one piece", given("pieces", pieces));
  require(given_x.shape()[dim] % pieces == 0, "maxout", "the pieces must divide the size of the dimension", given_x,
          given("pieces", pieces), given("dim", given_dim));
  require(given_x.dim() < max_rank, "maxout", "takes at most seven dimensions", given_x);
  const Tensor x = ops::dense(given_x);
  Shape shape = x.shape();
  shape[dim] /= pieces;
  const Tensor y = ops::empty_ordered(x, shape);
  // In memory, in the order of x: units, pieces, and what lies below the dimension. Of size 1 it has no stride.
  const auto block = [pieces, dim](const Tensor& dense) { return pieces == 1 ? 1 : dense.strides()[dim]; };
  visit_float("maxout", x.dtype(), [&]<class S>() {
    kernels::maxout(x.pointer<S>(), y.pointer<S>(), y.numel() / std::max<int64_t>(1, block(x)), pieces, block(x));
  });
  return record_fused(
      "maxout", y, {given_x}, Keep::inputs(),
      [pieces, block](const Backward& s) -> Grads {
        const Tensor in = ops::dense(s.input(0)), dx = empty_like(in);
        const Tensor g = ops::in_layout_of(ops::empty_ordered(in, s.grad.shape()), s.grad);
        visit_float("maxout", in.dtype(), [&]<class S>() {
          kernels::maxout_gradient(in.pointer<S>(), g.pointer<S>(), dx.pointer<S>(),
                                   g.numel() / std::max<int64_t>(1, block(in)), pieces, block(in));
        });
        return {dx};
      },
      [pieces, dim](std::span<const Tensor> inputs) { return maxout_twin(inputs[0], pieces, dim); });
}

static Shape doubled(Shape shape, int dim) {
  shape[dim] *= 2;
  return shape;
}

Tensor crelu(const Tensor& given_x, int64_t given_dim) {
  const int dim = wrap_dim("crelu", given_dim, given_x.dim());
  const Tensor x = detail::elementwise_input("crelu", given_x), y = ops::empty_ordered(x, doubled(x.shape(), dim));
  const detail::Halves halves(y, dim);
  visit_float("crelu", x.dtype(), [&]<class S>() {
    halves.each([px = x.pointer<S>(), py = y.pointer<S>(), block = halves.block](int64_t n, int64_t i, int64_t j) {
      // NaN is handed on: hence not maximum(x, 0).
      auto above = [](Lanes<S> v) { return where(v <= 0.0, 0.0, v); };
      auto below = [](Lanes<S> v) { return where(v >= 0.0, 0.0, -v); };
      const S* from = px + i;
      detail::map_piece<Work::little>(n, above, py + j, from);
      detail::map_piece<Work::little>(n, below, py + j + block, from);
    });
  });
  return record_fused(
      "crelu", y, {given_x}, Keep::inputs(),
      [dim](const Backward& s) -> Grads {
        const Tensor in = ops::dense(s.input(0));
        const Tensor g = ops::in_layout_of(ops::empty_ordered(in, s.grad.shape()), s.grad), dx = empty_like(in);
        const detail::Halves both(g, dim);
        visit_float("crelu", in.dtype(), [&]<class S>() {
          auto slope = [](Lanes<S> v, Lanes<S> above, Lanes<S> below) {
            return where(v <= 0.0, 0.0, above) - where(v >= 0.0, 0.0, below);
          };
          both.each(
              [&, px = in.pointer<S>(), pg = g.pointer<S>(), to = dx.pointer<S>()](int64_t n, int64_t i, int64_t j) {
                const S *from = px + i, *above = pg + j, *below = above + both.block;
                detail::map_piece<Work::little>(n, slope, to + i, from, above, below);
              });
        });
        return {dx};
      },
      [dim](std::span<const Tensor> inputs) {
        return cat({relu(inputs[0]), relu(-inputs[0])}, dim);
      });
}

}  // namespace cairn
