#include "cairn/ops/compare.h"

#include <algorithm>
#include <cmath>
#include <functional>

#include "cairn/graph/branches.h"
#include "cairn/tensor/create.h"
#include "ops/loops.h"

namespace cairn {
namespace {

template <class F>
Tensor compare(const char* name, const Tensor& a, const Tensor& b, F f) {
  ops::require_same_dtype(name, a, b);
  Tensor y = ops::broadcast_output(name, a, b, boolean);
  if (a.dtype() == boolean || a.dtype() == u8)
    ops::fill<bool, uint8_t, uint8_t>(y, a, b, f);
  else
    visit_number(name, a.dtype(), [&]<class S>() { ops::fill<bool, S, S>(y, a, b, f); });
  return record(name, y, {a, b}, Keep::nothing(), [](const Backward&) -> Grads { return {none, none}; });
}

// The number as a tensor of no dimensions, which broadcasts: one loop serves both forms. Bytes are compared as
// integers.
Tensor compare(const char* name, const Tensor& a, double b, Tensor (*relation)(const Tensor&, const Tensor&)) {
  if (a.dtype() == u8 || a.dtype() == boolean) return compare(name, a.to(i64), b, relation);
  const double c = a.dtype() == i64 ? static_cast<double>(ops::whole_number(name, a, b)) : b;
  return relation(a, full({}, c, a.dtype()));
}

template <class F>
Tensor logic(const char* name, const Tensor& a, const Tensor& b, F f) {
  require<DtypeError>(a.dtype() == boolean && b.dtype() == boolean, name, "needs bool tensors; compare with != 0 first",
                      a, b);
  Tensor y = ops::broadcast_output(name, a, b, boolean);
  ops::fill<bool, bool, bool>(y, a, b, f);
  return record(name, y, {a, b}, Keep::nothing(), [](const Backward&) -> Grads { return {none, none}; });
}

// f for floats; integers are all finite.
template <class F>
Tensor classify(const char* name, const Tensor& x0, bool of_integers, F f) {
  const Tensor x = ops::dense(x0);
  Tensor y = empty_like(x, boolean);
  visit_any(x.dtype(), [&]<class S>() {
    if constexpr (std::is_floating_point_v<S>)
      ops::fill<bool, S>(y, x, f);
    else
      ops::fill<bool, S>(y, x, [of_integers](S) { return of_integers; });
  });
  return record(name, y, {x0}, Keep::nothing(), [](const Backward&) -> Grads { return {none}; });
}

}  // namespace

Tensor eq(const Tensor& a, const Tensor& b) { return compare("eq", a, b, std::equal_to<>()); }
Tensor ne(const Tensor& a, const Tensor& b) { return compare("ne", a, b, std::not_equal_to<>()); }
Tensor lt(const Tensor& a, const Tensor& b) { return compare("lt", a, b, std::less<>()); }
Tensor le(const Tensor& a, const Tensor& b) { return compare("le", a, b, std::less_equal<>()); }
Tensor gt(const Tensor& a, const Tensor& b) { return compare("gt", b, a, std::less<>()); }
Tensor ge(const Tensor& a, const Tensor& b) { return compare("ge", b, a, std::less_equal<>()); }
Tensor eq(const Tensor& a, double b) { return compare("eq", a, b, eq); }
Tensor ne(const Tensor& a, double b) { return compare("ne", a, b, ne); }
Tensor lt(const Tensor& a, double b) { return compare("lt", a, b, lt); }
Tensor le(const Tensor& a, double b) { return compare("le", a, b, le); }
Tensor gt(const Tensor& a, double b) { return compare("gt", a, b, gt); }
Tensor ge(const Tensor& a, double b) { return compare("ge", a, b, ge); }

Tensor logical_and(const Tensor& a, const Tensor& b) { return logic("logical_and", a, b, std::logical_and<>()); }
Tensor logical_or(const Tensor& a, const Tensor& b) { return logic("logical_or", a, b, std::logical_or<>()); }
Tensor logical_xor(const Tensor& a, const Tensor& b) { return logic("logical_xor", a, b, std::not_equal_to<>()); }
Tensor logical_not(const Tensor& a) {
  require<DtypeError>(a.dtype() == boolean, "logical_not", "needs a bool tensor; compare with == 0 instead", a);
  return logical_xor(a, full({}, 1, boolean));
}

Tensor isnan(const Tensor& x) {
  return classify("isnan", x, false, [](auto v) { return v != v; });
}
Tensor isinf(const Tensor& x) {
  return classify("isinf", x, false, [](auto v) { return std::abs(v) == INFINITY; });
}
Tensor isfinite(const Tensor& x) {
  return classify("isfinite", x, true, [](auto v) { return std::abs(v) < INFINITY; });
}

// ---- where ----

static void check_condition(const Tensor& condition) {
  require<DtypeError>(condition.dtype() == boolean, "where", "the condition must be bool",
                      given("condition", condition));
  if (branches_wanted()) report_branches(condition);
}

Tensor where(const Tensor& condition, const Tensor& a, const Tensor& b) {
  check_condition(condition);
  ops::require_same_dtype("where", a, b);
  Shape shape = broadcast_shapes("where", broadcast_shapes("where", condition.shape(), a.shape()), b.shape());
  Tensor y = a.shape() == shape ? empty_like(a) : b.shape() == shape ? empty_like(b) : empty(shape, a.dtype());
  const Strides sc = ops::stretched(condition, shape), sa = ops::stretched(a, shape), sb = ops::stretched(b, shape);
  visit_any(a.dtype(), [&]<class S>() {
    map_strided(
        shape, [](bool c, S u, S v) { return c ? u : v; }, Strided<S>{y.pointer<S>(), y.strides()},
        Strided<const bool>{condition.pointer<bool>(), sc}, Strided<const S>{a.pointer<S>(), sa},
        Strided<const S>{b.pointer<S>(), sb});
  });
  return record("where", y, {condition, a, b}, Keep::input(0), [](const Backward& s) -> Grads {
    const Tensor c = s.input(0);
    return {none, s.needs(1) ? where(c, s.grad, 0.0) : none, s.needs(2) ? where(c, 0.0, s.grad) : none};
  });
}

// x where the condition is `taken`, else the number.
static Tensor where_number(const Tensor& condition, bool taken, const Tensor& x, double number) {
  check_condition(condition);
  Tensor y = ops::broadcast_output("where", x, condition, x.dtype());
  visit_any(x.dtype(), [&]<class S>() {
    const S c = ops::element_for<S>("where", x, number);
    ops::fill<S, bool, S>(y, condition, x, [c, taken](bool m, S v) { return m == taken ? v : c; });
  });
  return record("where_scalar", y, {condition, x}, Keep::input(0), [taken](const Backward& s) -> Grads {
    return {none, where_number(s.input(0), taken, s.grad, 0)};
  });
}

Tensor where(const Tensor& condition, const Tensor& a, double b) { return where_number(condition, true, a, b); }
Tensor where(const Tensor& condition, double a, const Tensor& b) { return where_number(condition, false, b, a); }

static thread_local Dtype number_dtype = f32;
detail::NumbersAre::NumbersAre(Dtype d) : before_(number_dtype) { number_dtype = d; }
detail::NumbersAre::~NumbersAre() { number_dtype = before_; }

Tensor where(const Tensor& condition0, double a, double b) {
  check_condition(condition0);
  const Tensor condition = ops::dense(condition0);
  Tensor y = empty_like(condition, number_dtype);
  visit_float("where", y.dtype(), [&]<class S>() {
    ops::fill<S, bool>(y, condition, [a = static_cast<S>(a), b = static_cast<S>(b)](bool m) { return m ? a : b; });
  });
  return y;
}

// ---- equality of whole tensors ----

static bool all_true(const Tensor& mask) {
  const Tensor m = ops::dense(mask);
  return std::all_of(m.pointer<bool>(), m.pointer<bool>() + m.numel(), [](bool v) { return v; });
}

bool equal(const Tensor& a, const Tensor& b) {
  return a.dtype() == b.dtype() && a.shape() == b.shape() && all_true(eq(a, b));
}

bool allclose(const Tensor& a, const Tensor& b, double rtol, double atol) {
  return all_true(compare("allclose", a, b, [rtol, atol](auto u, auto v) {
    const auto x = static_cast<double>(u), y = static_cast<double>(v);
    return x == y || (std::abs(x - y) <= atol + rtol * std::abs(y) && std::abs(y) < INFINITY);
  }));
}

}  // namespace cairn
