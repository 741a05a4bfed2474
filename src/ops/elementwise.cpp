#include "cairn/ops/elementwise.h"

#include <cmath>

#include "ops/loops.h"

namespace cairn {

namespace detail {

Tensor elementwise_input(const char* name, const Tensor& x) {
  require<DtypeError>(is_float(x.dtype()), name, "needs f32 or f64; convert with to(f32)", x);
  return ops::dense(x);
}

}  // namespace detail

detail::ElementwiseBackward::ElementwiseBackward(const Backward& s, const Tensor& saved) : x(ops::dense(saved)) {
  const bool ours = ops::unshared(s.grad);
  g = ops::in_layout_of(x, s.grad);
  dx = ours || g.body().get() != s.grad.body().get() ? g : empty_like(x);
}

namespace {

template <class Rule>
Grads fused_backward(const Backward& s) {
  constexpr bool reads_x = Rule::keeps_input, reads_y = Rule::keeps_output;
  Tensor x, y;
  if constexpr (reads_x) x = ops::dense(s.input(0));
  if constexpr (reads_y) y = s.output();
  const bool ours = ops::unshared(s.grad);
  const Tensor& like = reads_x ? x : reads_y ? y : s.grad;  // x and y have one layout
  const Tensor g = reads_x || reads_y ? ops::in_layout_of(like, s.grad) : ops::dense(s.grad);
  Tensor dx = ours || g.body().get() != s.grad.body().get() ? g : empty_like(g);
  visit_float(Rule::name, g.dtype(), [&]<class S>() {
    const S* px = reads_x ? x.pointer<S>() : g.pointer<S>();
    const S* py = reads_y ? y.pointer<S>() : g.pointer<S>();
    map<reads_x ? Work::much : Work::little>(
        g.numel(), [](Lanes<S> gi, Lanes<S> xi, Lanes<S> yi) { return gi * Rule::slope(xi, yi); }, dx.pointer<S>(),
        static_cast<const S*>(g.pointer<S>()), px, py);
  });
  return {dx};
}

template <class Rule>
Tensor unary(const Tensor& x0) {
  const Tensor x = detail::elementwise_input(Rule::name, x0);
  Tensor y = empty_like(x);
  visit_float(Rule::name, x.dtype(), [&]<class S>() {
    map(
        x.numel(), [](Lanes<S> v) { return Rule::value(v); }, y.pointer<S>(), static_cast<const S*>(x.pointer<S>()));
  });
  constexpr Keep keep =
      (Rule::keeps_input ? Keep::inputs() : Keep::nothing()) | (Rule::keeps_output ? Keep::output() : Keep::nothing());
  return record(Rule::name, std::move(y), {x0}, keep, [](const Backward& s) -> Grads {
    if (!s.create_graph()) return fused_backward<Rule>(s);
    Tensor in, out;
    if constexpr (Rule::keeps_input) in = s.input(0);
    if constexpr (Rule::keeps_output) out = s.output();
    return {s.grad * Rule::slope(in, out)};
  });
}

}  // namespace

Tensor exp(const Tensor& x) { return unary<exp_rule>(x); }
Tensor expm1(const Tensor& x) { return unary<expm1_rule>(x); }
Tensor log(const Tensor& x) { return unary<log_rule>(x); }
Tensor log1p(const Tensor& x) { return unary<log1p_rule>(x); }
Tensor sin(const Tensor& x) { return unary<sin_rule>(x); }
Tensor cos(const Tensor& x) { return unary<cos_rule>(x); }
Tensor atan(const Tensor& x) { return unary<atan_rule>(x); }
Tensor tanh(const Tensor& x) { return unary<tanh_rule>(x); }
Tensor sigmoid(const Tensor& x) { return unary<sigmoid_rule>(x); }
Tensor log_sigmoid(const Tensor& x) { return unary<log_sigmoid_rule>(x); }
Tensor softplus(const Tensor& x) { return unary<softplus_rule>(x); }
Tensor erf(const Tensor& x) { return unary<erf_rule>(x); }
Tensor erfc(const Tensor& x) { return unary<erfc_rule>(x); }
Tensor gaussian(const Tensor& x) { return unary<gaussian_rule>(x); }
Tensor normal_pdf(const Tensor& x) { return unary<normal_pdf_rule>(x); }
Tensor normal_cdf(const Tensor& x) { return unary<normal_cdf_rule>(x); }
Tensor normal_cdf_tanh(const Tensor& x) { return unary<normal_cdf_tanh_rule>(x); }
Tensor sqrt(const Tensor& x) { return unary<sqrt_rule>(x); }
Tensor rsqrt(const Tensor& x) { return unary<rsqrt_rule>(x); }
Tensor reciprocal(const Tensor& x) { return unary<reciprocal_rule>(x); }
Tensor square(const Tensor& x) { return unary<square_rule>(x); }

Tensor sign(const Tensor& x) {
  Tensor y = unary<sign_rule>(x);
  if (branches_wanted()) report_branches(y);
  return y;
}

Tensor floor(const Tensor& x) {
  Tensor y = unary<floor_rule>(x);
  if (branches_wanted()) report_branches(y);
  return y;
}

Tensor abs(const Tensor& x) {
  if (x.dtype() == i64) return where(x < 0.0, -x, x);
  if (branches_wanted()) {
    report_branches(x > 0.0);
    report_branches(x < 0.0);
  }
  return unary<abs_rule>(x);
}

Tensor clamp(const Tensor& x0, std::optional<double> lo, std::optional<double> hi) {
  const double low = lo.value_or(-INFINITY), high = hi.value_or(INFINITY);
  require<ValueError>(low <= high, "clamp", "the lower bound must not exceed the upper", given("lo", low),
                      given("hi", high));
  const Tensor x = ops::dense(x0);
  Tensor y = empty_like(x);
  visit_number("clamp", x.dtype(), [&]<class S>() {
    if constexpr (std::is_same_v<S, int64_t>) {
      const int64_t a = lo ? ops::whole_number("clamp", x, low) : INT64_MIN;
      const int64_t b = hi ? ops::whole_number("clamp", x, high) : INT64_MAX;
      ops::fill<S, S>(y, x, [a, b](S v) { return std::clamp(v, a, b); });
    } else {
      map(
          x.numel(), [low, high](Lanes<S> v) { return clamp(v, low, high); }, y.pointer<S>(),
          static_cast<const S*>(x.pointer<S>()));
    }
  });
  if (branches_wanted()) {
    if (lo) report_branches(x < low);
    if (hi) report_branches(x > high);
  }
  return record("clamp", std::move(y), {x0}, Keep::inputs(), [low, high](const Backward& s) -> Grads {
    const Tensor in = s.input(0).detach();
    return {where((in >= low) & (in <= high), s.grad, 0.0)};
  });
}

Tensor gate(const Tensor& x, const Tensor& s) {
  ops::require_same_dtype("gate", x, s);
  Tensor y = ops::broadcast_output("gate", x, s, x.dtype());
  visit_float("gate", x.dtype(),
              [&]<class S>() { ops::fill<S, S, S>(y, x, s, [](auto a, auto b) { return gate(a, b); }); });
  return record("gate", std::move(y), {x, s}, Keep::inputs(), [](const Backward& b) -> Grads {
    return {b.needs(0) ? gate(b.grad, b.input(1)) : none, b.needs(1) ? gate(b.input(0), b.grad) : none};
  });
}

}  // namespace cairn
