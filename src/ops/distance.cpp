#include "cairn/ops/distance.h"

#include "cairn/graph/record.h"
#include "cairn/ops/arithmetic.h"
#include "cairn/ops/elementwise.h"
#include "cairn/ops/reduce.h"
#include "kernels/distance.h"
#include "ops/layout.h"

namespace cairn {
namespace {

struct Sizes {
  int64_t rows, m, d;
};

template <class S>
Tensor packed(const Tensor& points, int64_t m, int64_t d) {
  Tensor panels = empty({kernels::packed_size<S>(m, d)}, points.dtype());
  kernels::pack_points(points.pointer<S>(), m, d, panels.pointer<S>());
  return panels;
}

// Of x and points, from differences; unrecorded.
Grads gradients(const Backward& s, Sizes n) {
  const bool scaled = s.input_count() == 3;
  const Tensor x = ops::row_major(s.input(0)), points = ops::row_major(s.input(1));
  const Tensor a = (scaled ? s.grad * (2.0 / square(s.input(2))) : s.grad * 2.0).reshape({n.rows, n.m}).contiguous();
  Tensor dx, dpoints, dwidths;
  visit_float("squared_distances", a.dtype(), [&]<class S>() {
    if (s.needs(0)) {
      dx = empty(x.shape(), x.dtype());
      kernels::weighted_differences(x.pointer<S>(), a.pointer<S>(), n.rows,
                                    packed<S>(points, n.m, n.d).template pointer<S>(), n.m, n.d, dx.pointer<S>());
    }
    if (s.needs(1)) {
      const Tensor turned = a.t().contiguous();
      dpoints = empty(points.shape(), points.dtype());
      kernels::weighted_differences(points.pointer<S>(), turned.pointer<S>(), n.m,
                                    packed<S>(x, n.rows, n.d).template pointer<S>(), n.rows, n.d, dpoints.pointer<S>());
    }
  });
  if (!scaled) return {dx, dpoints};
  if (s.needs(2)) dwidths = sum((s.grad * s.output()).reshape({n.rows, n.m}), {0}) * -2.0 / s.input(2);
  return {dx, dpoints, dwidths};
}

}  // namespace

Tensor squared_distances(const Tensor& x, const Tensor& points, const Tensor& widths) {
  require(points.dim() == 2, "squared_distances", "points must be (m, d)", given("points", points));
  require(x.dim() > 0 && x.size(-1) == points.size(1), "squared_distances",
          "the last size of x must be the second of points", given("x", x), given("points", points));
  require<DtypeError>(is_float(x.dtype()), "squared_distances", "needs f32 or f64; convert with to(f32)",
                      given("x", x));
  require<DtypeError>(x.dtype() == points.dtype(), "squared_distances", "needs equal dtypes; convert one with to(…)",
                      given("x", x), given("points", points));
  Sizes n{1, points.size(0), points.size(1)};
  if (widths.defined()) {
    require(widths.dim() == 1 && widths.size(0) == n.m, "squared_distances", "widths must be (m)",
            given("points", points), given("widths", widths));
    require<DtypeError>(widths.dtype() == x.dtype(), "squared_distances", "needs equal dtypes; convert one with to(…)",
                        given("x", x), given("widths", widths));
  }
  Shape shape = x.shape();
  for (int i = 0; i < x.dim() - 1; ++i) n.rows *= shape[i];
  shape[x.dim() - 1] = n.m;
  Tensor q = empty(shape, x.dtype());
  {
    const NoGrad off;
    const Tensor in = ops::row_major(x), p = ops::row_major(points);
    const Tensor scale = widths.defined() ? 1.0 / square(ops::row_major(widths)) : widths;
    visit_float("squared_distances", x.dtype(), [&]<class S>() {
      kernels::squared_distances(in.pointer<S>(), n.rows, packed<S>(p, n.m, n.d).template pointer<S>(),
                                 scale.defined() ? scale.pointer<S>() : nullptr, n.m, n.d, q.pointer<S>());
    });
  }
  const auto backward = [n](const Backward& s) { return gradients(s, n); };
  const auto twin = [](std::span<const Tensor> in) -> Tensor {
    const Tensor squares = sum(square(in[0].unsqueeze(-2) - in[1]), {-1});
    return in.size() == 3 ? squares / square(in[2]) : squares;
  };
  if (!widths.defined())
    return record_fused("squared_distances", std::move(q), {x, points}, Keep::inputs(), backward, twin);
  return record_fused("squared_distances", std::move(q), {x, points, widths}, Keep::inputs() | Keep::output(), backward,
                      twin);
}

}  // namespace cairn
