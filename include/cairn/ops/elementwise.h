#pragma once
// The scalar alphabet on tensors, and `elementwise`: a user's own function of one number, given as a formula.

#include <optional>

#include "cairn/graph/branches.h"
#include "cairn/math/dual.h"
#include "cairn/math/map.h"
#include "cairn/ops/arithmetic.h"
#include "cairn/ops/compare.h"

namespace cairn {

// Functions of each element. f32 or f64 (abs also i64); the result keeps the memory order of x; gradients of any order.
//   throws  DtypeError
// Accuracy is that of math/: a few ulp, and exact limits at ±0 and ±infinity.
Tensor exp(const Tensor& x);
Tensor expm1(const Tensor& x);  ///< eˣ − 1 without cancellation near 0
Tensor log(const Tensor& x);    ///< natural logarithm; −∞ at 0, NaN below
Tensor log1p(const Tensor& x);  ///< log(1 + x) without cancellation near 0
Tensor sin(const Tensor& x);
Tensor cos(const Tensor& x);
Tensor atan(const Tensor& x);
Tensor tanh(const Tensor& x);
Tensor sigmoid(const Tensor& x);      ///< 1 / (1 + e⁻ˣ)
Tensor log_sigmoid(const Tensor& x);  ///< log sigmoid(x) = −softplus(−x)
Tensor softplus(const Tensor& x);     ///< log(1 + eˣ), finite wherever x is
Tensor erf(const Tensor& x);
Tensor erfc(const Tensor& x);             ///< 1 − erf(x), with all its digits for large x
Tensor gaussian(const Tensor& x);         ///< exp(−x²)
Tensor normal_pdf(const Tensor& x);       ///< exp(−x²/2) / √(2π)
Tensor normal_cdf(const Tensor& x);       ///< Φ(x), with all its digits for large −x
Tensor normal_cdf_tanh(const Tensor& x);  ///< ½ (1 + tanh(√(2/π) (x + 0.044715 x³))), near Φ(x)
Tensor sqrt(const Tensor& x);
Tensor rsqrt(const Tensor& x);  ///< 1 / √x
Tensor reciprocal(const Tensor& x);
Tensor square(const Tensor& x);
Tensor abs(const Tensor& x);    ///< its slope at 0 is 0
Tensor sign(const Tensor& x);   ///< −1, 0 or 1; gradient 0
Tensor floor(const Tensor& x);  ///< gradient 0

/// x where lo ≤ x ≤ hi, else the nearer bound; a bound may be left out (std::nullopt). f32, f64 or i64.
///   throws  DtypeError, ValueError when lo > hi or a bound is NaN
///   grad    G where x is within the bounds, these included, else 0
Tensor clamp(const Tensor& x, std::optional<double> lo, std::optional<double> hi = std::nullopt);

/// x · s, but 0 where s is 0 even for infinite x: for products whose second factor goes to 0 faster than the first
/// grows.
///   shape, dtype, throws  as x * s
Tensor gate(const Tensor& x, const Tensor& s);

/// x itself.
inline Tensor identity(const Tensor& x) { return x; }

namespace detail {

/// Itself when its elements fill one block, else a row-major copy. Checks the dtype.
Tensor elementwise_input(const char* name, const Tensor& x);
/// What a fused backward reads and writes, in one layout: the saved input, dL/dy, and where dL/dx goes (the place of
/// dL/dy itself when nobody else can see it: one array less to move).
struct ElementwiseBackward {
  Tensor x, g, dx;
  ElementwiseBackward(const Backward& s, const Tensor& saved);
};

}  // namespace detail

inline namespace CAIRN_ISA {

namespace detail {

// The formula in recorded operations.
template <class F>
Tensor on_tensors(const F& f, const Tensor& x) {
  const NumbersAre dtype(x.dtype());
  if constexpr (std::is_convertible_v<decltype(f(x)), double>)
    return x * 0.0 + static_cast<double>(f(x));
  else
    return f(x);
}

template <class S, class F>
[[gnu::always_inline]] inline Lanes<S> slope_of(const F& f, Lanes<S> x) {
  using D = Dual<Lanes<S>, 1>;
  return D(f(D::variable(x))).tangent[0];
}

// dL/dx = dL/dy · f'(saved), in one loop.
template <Work work = Work::much, class F>
Tensor elementwise_gradient(const char* name, const F& f, const Backward& s, const Tensor& saved) {
  const ElementwiseBackward b(s, saved);
  visit_float(name, b.x.dtype(), [&]<class S>() {
    const S *x = b.x.template pointer<S>(), *g = b.g.template pointer<S>();
    map<work>(
        b.x.numel(), [&](Lanes<S> gi, Lanes<S> xi) { return gi * slope_of(f, xi); }, b.dx.template pointer<S>(), g, x);
  });
  return b.dx;
}

// Whether the slope at f(x) is that at x, as that of a rectifier is: then f(x) tells all that backward needs.
template <class F>
bool output_tells_slope(const F& f) {
  using L = Lanes<double>;
  alignas(64) static constexpr double places[] = {-1e3, -8,   -3,  -2, -1, -0.5, -0.25, -1e-3,
                                                  1e-3, 0.25, 0.5, 1,  2,  3,    8,     1e3};
  for (int i = 0; i < 16; i += L::size) {
    const L x = L::load(places + i);
    if (!all(slope_of(f, x) == slope_of(f, L(f(x))))) return false;
  }
  return true;
}

}  // namespace detail

/// y = f(x) for every element, where f is a formula:
///   Tensor y = elementwise("mish2", [](auto x) { return x * tanh(softplus(x)); }, x);
/// It may use + - * /, numbers, comparisons with where(…), and the alphabet (math/functions.h); constants may be
/// captured by value. Both sides of a where are computed, so the one not taken must be finite. The forward is one
/// vectorised loop; so is the backward, with the exact derivative; gradients of gradients run the formula on tensors.
///   name    for messages and observers; a literal
///   dtype   f32 or f64
///   throws  DtypeError
template <class F>
requires requires(F f, Lanes<float> l) { Lanes<float>(f(l)); }
Tensor elementwise(const char* name, F f, const Tensor& x) {
  const Tensor in = detail::elementwise_input(name, x);
  Tensor y = empty_like(in);
  visit_float(name, x.dtype(), [&]<class S>() {
    map(in.numel(), f, y.template pointer<S>(), static_cast<const S*>(in.template pointer<S>()));
  });
  return record_fused(
      name, std::move(y), {x}, Keep::inputs(),
      [f, name](const Backward& s) -> Grads { return {detail::elementwise_gradient(name, f, s, s.input(0))}; },
      [f](std::span<const Tensor> inputs) { return detail::on_tensors(f, inputs[0]); });
}

namespace detail {

/// elementwise for a rectifier, a piecewise linear f whose slope at f(x) is that at x: the output is kept and not the
/// input, which networks would not need otherwise. Where that does not hold (a leaky one that turns its negative side
/// over), as elementwise.
template <class F>
Tensor rectifier(const char* name, F f, const Tensor& x) {
  if (!output_tells_slope(f)) return elementwise(name, f, x);
  const Tensor in = elementwise_input(name, x);
  Tensor y = empty_like(in);
  visit_float(name, x.dtype(), [&]<class S>() {
    map<Work::little>(in.numel(), f, y.template pointer<S>(), static_cast<const S*>(in.template pointer<S>()));
  });
  if (branches_wanted()) [[unlikely]]
    report_twin(name, y, std::span(&x, 1), [f](std::span<const Tensor> inputs) { return on_tensors(f, inputs[0]); });
  return record(name, std::move(y), {x}, Keep::output(), [f, name](const Backward& s) -> Grads {
    if (!s.create_graph()) return {elementwise_gradient<Work::little>(name, f, s, s.output())};
    const NoGrad constant;  // the slope is so, piece by piece
    const Tensor out = s.output().detach();
    Tensor slope = empty_like(out);
    visit_float(name, out.dtype(), [&]<class S>() {
      map<Work::little>(
          out.numel(), [&](Lanes<S> v) { return slope_of(f, v); }, slope.template pointer<S>(),
          static_cast<const S*>(out.template pointer<S>()));
    });
    const GradMode recorded(true);
    return {s.grad * slope};
  });
}

}  // namespace detail

}  // namespace CAIRN_ISA
}  // namespace cairn
