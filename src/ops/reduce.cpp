#include "cairn/ops/reduce.h"

#include <algorithm>
#include <cmath>

#include "cairn/graph/branches.h"
#include "cairn/ops/arithmetic.h"
#include "cairn/ops/compare.h"
#include "cairn/ops/elementwise.h"
#include "cairn/ops/index.h"
#include "cairn/ops/join.h"
#include "cairn/tensor/create.h"
#include "ops/fold.h"

namespace cairn {
namespace {

using kernels::Extent;
using kernels::Fold;

void require_comparable(const char* operation, const Tensor& x, Over over) {
  require<DtypeError>(is_float(x.dtype()) || x.dtype() == i64, operation, "needs f32, f64 or i64; convert with to(…)",
                      x);
  require(over.count(x.shape()) > 0 || over.result(x.shape(), false).numel() == 0, operation,
          "there are no elements to choose from", x);
}

Tensor fold_floats(const char* operation, Fold op, const Tensor& x, Over over, bool keepdim) {
  Layout l(x, over, keepdim, x.dtype());
  visit_float(operation, x.dtype(), [&]<class S>() {
    const Fold later = op == Fold::sum_of_squares ? Fold::sum : op;
    fold_runs<S>(
        l, [&](S* y, Extent e) { kernels::fold(op, l.x.pointer<S>(), y, e); },
        [&](const S* p, S* y, Extent e) { kernels::fold(later, p, y, e); });
  });
  return l.y;
}

Tensor fold_any(const char* operation, Fold op, const Tensor& x, Over over, bool keepdim) {
  if (x.dtype() != i64 && x.dtype() != boolean) return fold_floats(operation, op, x, over, keepdim);
  Layout l(x, over, keepdim, i64);
  fold_runs<int64_t>(
      l,
      [&](int64_t* y, Extent e) {
        if (x.dtype() == boolean)
          kernels::fold_whole(op, l.x.pointer<bool>(), y, e);
        else
          kernels::fold_whole(op, l.x.pointer<int64_t>(), y, e);
      },
      [&](const int64_t* p, int64_t* y, Extent e) { kernels::fold_whole(op, p, y, e); });
  return l.y;
}

void divide(const char* operation, const Tensor& fresh, double n) {
  visit_float(operation, fresh.dtype(), [&]<class S>() {
    S* p = fresh.pointer<S>();
    for (int64_t i = 0; i < fresh.numel(); ++i) p[i] = static_cast<S>(p[i] / static_cast<S>(n));
  });
}

void root(const Tensor& fresh) {
  visit_float("sqrt", fresh.dtype(), [&]<class S>() {
    S* p = fresh.pointer<S>();
    for (int64_t i = 0; i < fresh.numel(); ++i) p[i] = std::sqrt(p[i]);
  });
}

void require_float(const char* operation, const Tensor& x) {
  require<DtypeError>(is_float(x.dtype()), operation, "needs f32 or f64; convert with to(f32)", x);
}

Tensor variance(const char* operation, const Tensor& x, Over over, double divisor, bool keepdim) {
  require_float(operation, x);
  const NoGrad off;
  Tensor y = fold_floats(operation, Fold::sum_of_squares, x - mean(x, over.dims(), true), over, keepdim);
  divide(operation, y, divisor);
  return y;
}

}  // namespace

// ---- sums ----

Tensor sum(const Tensor& x, const Dims& dims, bool keepdim) {
  const Over over("sum", dims, x);
  return record("sum", fold_any("sum", Fold::sum, x, over, keepdim), {x}, Keep::nothing(),
                [over](const Backward& s) -> Grads { return {over.spread(s.grad, s.shape(0))}; });
}

Tensor mean(const Tensor& x, const Dims& dims, bool keepdim) {
  const Over over("mean", dims, x);
  require_float("mean", x);
  Tensor y = fold_floats("mean", Fold::sum, x, over, keepdim);
  const double n = static_cast<double>(over.count(x.shape()));
  divide("mean", y, n);
  return record("mean", std::move(y), {x}, Keep::nothing(),
                [over, n](const Backward& s) -> Grads { return {over.spread(s.grad / n, s.shape(0))}; });
}

Tensor var(const Tensor& x, const Dims& dims, int64_t correction, bool keepdim) {
  const Over over("var", dims, x);
  const double divisor = std::max(0.0, static_cast<double>(over.count(x.shape()) - correction));
  return record("var", variance("var", x, over, divisor, keepdim), {x}, Keep::inputs(),
                [over, divisor](const Backward& s) -> Grads {
                  const Tensor in = s.input(0);
                  return {(in - mean(in, over.dims(), true)) * over.keep(s.grad * 2.0 / divisor, in.shape())};
                });
}

Tensor std(const Tensor& x, const Dims& dims, int64_t correction, bool keepdim) {
  const Over over("std", dims, x);
  const double divisor = std::max(0.0, static_cast<double>(over.count(x.shape()) - correction));
  Tensor y = variance("std", x, over, divisor, keepdim);
  root(y);
  return record("std", std::move(y), {x}, Keep::inputs() | Keep::output(), [over, divisor](const Backward& s) -> Grads {
    const Tensor in = s.input(0), out = s.output(), flat = out == 0.0;
    const Tensor g = where(flat, 0.0, s.grad / (where(flat, 1.0, out) * divisor));
    return {(in - mean(in, over.dims(), true)) * over.keep(g, in.shape())};
  });
}

// ---- the largest and the smallest ----

// The elements that equal the extremum of their group.
static Tensor ties(const Tensor& x, const Tensor& y, Over over) { return eq(x, over.keep(y, x.shape())); }

static Tensor extremum(const char* name, Fold op, const Tensor& x, const Dims& dims, bool keepdim) {
  const Over over(name, dims, x);
  require_comparable(name, x, over);
  Tensor y = fold_any(name, op, x, over, keepdim);
  if (branches_wanted()) report_branches(ties(x.detach(), y, over));
  return record(name, std::move(y), {x}, Keep::inputs() | Keep::output(), [over](const Backward& s) -> Grads {
    const Tensor share = ties(s.input(0), s.output(), over).to(s.grad.dtype());
    return {over.keep(s.grad, share.shape()) * (share / sum(share, over.dims(), true))};
  });
}

Tensor amax(const Tensor& x, const Dims& dims, bool keepdim) { return extremum("amax", Fold::max, x, dims, keepdim); }
Tensor amin(const Tensor& x, const Dims& dims, bool keepdim) { return extremum("amin", Fold::min, x, dims, keepdim); }
Tensor max(const Tensor& x) { return amax(x); }
Tensor min(const Tensor& x) { return amin(x); }

// Values and places along one dimension; `over` holds it alone.
static ValuesIndices along(const char* name, Fold op, const Tensor& x, int64_t dim, bool keepdim) {
  const int d = wrap_dim(name, dim, x.dim());
  const Over over(name, {d}, x);
  require_comparable(name, x, over);
  const Tensor in = ops::row_major(x);
  const Tensor values = fold_any(name, op, in, over, keepdim), indices = empty(values.shape(), i64);
  Extent e{1, x.shape()[d], 1};
  for (int i = 0; i < x.dim(); ++i) (i < d ? e.outer : i > d ? e.inner : e.n) *= i == d ? 1 : x.shape()[i];
  visit_number(name, x.dtype(), [&]<class T>() {
    kernels::find_first(in.pointer<T>(), values.pointer<T>(), indices.pointer<int64_t>(), e);
  });
  if (branches_wanted()) report_branches(indices);
  return {values, indices};
}

static ValuesIndices along_recorded(const char* name, Fold op, const Tensor& x, int64_t dim, bool keepdim) {
  ValuesIndices found = along(name, op, x, dim, keepdim);
  const Over over(name, {dim}, x);
  found.values = record(name, found.values, {x, found.indices}, Keep::input(1), [over](const Backward& s) -> Grads {
    const Shape& shape = s.shape(0);
    const Tensor at = over.keep(s.input(1), shape), nothing = zeros(shape, s.grad.dtype());
    return {scatter_add(nothing, over.dims()[0], at, over.keep(s.grad, shape)), none};
  });
  return found;
}

ValuesIndices max(const Tensor& x, int64_t dim, bool keepdim) {
  return along_recorded("max", Fold::max, x, dim, keepdim);
}
ValuesIndices min(const Tensor& x, int64_t dim, bool keepdim) {
  return along_recorded("min", Fold::min, x, dim, keepdim);
}

// Recorded so that observers see where a gradient ends: whole numbers have none.
static Tensor places(const char* name, const Tensor& x, const Tensor& indices) {
  return record(name, indices, {x}, Keep::nothing(), [](const Backward&) -> Grads { return {none}; });
}
static Tensor place(const char* name, Fold op, const Tensor& x) {
  require(x.numel() > 0, name, "there are no elements to choose from", x);
  const Tensor in = ops::row_major(x), flat = as_strided(in, {in.numel()}, {1}, in.body()->offset);
  return places(name, x, along(name, op, flat, 0, false).indices);
}
static Tensor place_along(const char* name, Fold op, const Tensor& x, int64_t dim, bool keepdim) {
  return places(name, x, along(name, op, x, dim, keepdim).indices);
}

Tensor argmax(const Tensor& x) { return place("argmax", Fold::max, x); }
Tensor argmin(const Tensor& x) { return place("argmin", Fold::min, x); }
Tensor argmax(const Tensor& x, int64_t dim, bool keepdim) { return place_along("argmax", Fold::max, x, dim, keepdim); }
Tensor argmin(const Tensor& x, int64_t dim, bool keepdim) { return place_along("argmin", Fold::min, x, dim, keepdim); }

// ---- products, truth ----

// The dimensions kept in front, those reduced merged behind: (outer, n).
static Tensor as_rows(const Tensor& x, Over over) {
  Dims order;
  for (int pass = 0; pass < 2; ++pass)
    for (int d = 0; d < x.dim(); ++d)
      if (over.has(d) == (pass == 1)) order.push_back(d);
  return x.permute(order).reshape({over.result(x.shape(), false).numel(), over.count(x.shape())});
}

// The way back.
static Tensor from_rows(const Tensor& rows, const Shape& shape, Over over) {
  Shape permuted;
  Dims back = Shape::filled(shape.size(), 0);
  for (int pass = 0; pass < 2; ++pass)
    for (int d = 0; d < shape.size(); ++d)
      if (over.has(d) == (pass == 1)) {
        back[d] = permuted.size();
        permuted.push_back(shape[d]);
      }
  return rows.reshape(permuted).permute(back);
}

Tensor prod(const Tensor& x, const Dims& dims, bool keepdim) {
  const Over over("prod", dims, x);
  Tensor y = fold_any("prod", Fold::prod, x, over, keepdim);
  if (!is_float(x.dtype())) return y;
  return record_fused(
      "prod", std::move(y), {x}, Keep::inputs(),
      [over](const Backward& s) -> Grads {
        const Tensor in = s.input(0), rows = as_rows(in, over).contiguous(), g = s.grad.contiguous();
        Tensor dx = empty_like(rows);
        visit_float("prod", in.dtype(), [&]<class S>() {
          kernels::prod_gradient(rows.pointer<S>(), g.pointer<S>(), dx.pointer<S>(), rows.size(0), rows.size(1));
        });
        return {from_rows(dx, in.shape(), over)};
      },
      // A tree of products: no division, so zeros need no care.
      [over, keepdim](std::span<const Tensor> in) -> Tensor {
        const Shape& shape = in[0].shape();
        Tensor t = as_rows(in[0], over);
        if (t.size(1) == 0) t = sum(t, {1}, true) + 1.0;
        while (t.size(1) > 1) {
          const int64_t half = t.size(1) / 2, rest = t.size(1) % 2;
          const Tensor p = t.narrow(1, 0, half) * t.narrow(1, half, half);
          t = rest ? cat({p, t.narrow(1, 2 * half, 1)}, 1) : p;
        }
        return t.reshape(over.result(shape, keepdim));
      });
}

static Tensor truth(const char* name, bool all, const Tensor& x, const Dims& dims, bool keepdim) {
  Layout l(x, Over(name, dims, x), keepdim, boolean);
  visit_any(x.dtype(), [&]<class T>() {
    fold_runs<bool>(
        l, [&](bool* y, Extent e) { kernels::fold_truth(all, l.x.pointer<T>(), y, e); },
        [&](const bool* p, bool* y, Extent e) { kernels::fold_truth(all, p, y, e); });
  });
  return l.y;
}

Tensor all(const Tensor& x, const Dims& dims, bool keepdim) { return truth("all", true, x, dims, keepdim); }
Tensor any(const Tensor& x, const Dims& dims, bool keepdim) { return truth("any", false, x, dims, keepdim); }

// ---- norms ----

Tensor norm(const Tensor& x, double p, const Dims& dims, bool keepdim) {
  const Over over("norm", dims, x);
  require_float("norm", x);
  if (p == INFINITY) return amax(abs(x), dims, keepdim);
  if (p == -INFINITY) return amin(abs(x), dims, keepdim);
  if (p == 0) return sum(ne(x, 0.0).to(x.dtype()), dims, keepdim);
  if (p == 1) return sum(abs(x), dims, keepdim);
  if (p != 2) {
    // What lies at 0 is replaced before it meets a power whose slope is infinite there.
    const double at_zero = p > 0 ? 0.0 : INFINITY;
    const Tensor a = abs(x), none_here = a == 0.0;
    const Tensor total = sum(where(none_here, at_zero, pow(where(none_here, 1.0, a), p)), dims, keepdim);
    const Tensor origin = total == 0.0;
    return where(origin, 0.0, pow(where(origin, 1.0, total), 1.0 / p));
  }
  Tensor y = fold_floats("norm", Fold::sum_of_squares, x, over, keepdim);
  root(y);
  return record("norm", std::move(y), {x}, Keep::inputs() | Keep::output(), [over](const Backward& s) -> Grads {
    const Tensor in = s.input(0), out = s.output(), origin = out == 0.0;
    return {in * over.keep(where(origin, 0.0, s.grad / where(origin, 1.0, out)), in.shape())};
  });
}

static Tensor logsumexp_forward(const Tensor& x, Over over, bool keepdim) {
  const NoGrad off;
  if (over.count(x.shape()) == 0) return full(over.result(x.shape(), keepdim), -INFINITY, x.dtype());
  Tensor m = amax(x, over.dims(), true);
  m = where(isfinite(m), m, 0.0);
  return (log(sum(exp(x - m), over.dims(), true)) + m).reshape(over.result(x.shape(), keepdim));
}

Tensor logsumexp(const Tensor& x, const Dims& dims, bool keepdim) {
  const Over over("logsumexp", dims, x);
  require_float("logsumexp", x);
  return record("logsumexp", logsumexp_forward(x, over, keepdim), {x}, Keep::inputs() | Keep::output(),
                [over](const Backward& s) -> Grads {
                  const Tensor in = s.input(0), out = over.keep(s.output(), in.shape());
                  return {over.keep(s.grad, in.shape()) * exp(in - where(out == -INFINITY, 0.0, out))};
                });
}

}  // namespace cairn
