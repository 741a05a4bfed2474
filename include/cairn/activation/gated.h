#pragma once
// Gated linear units: one half of the numbers decides how much of the other half passes.

#include <algorithm>

#include "cairn/ops/elementwise.h"

namespace cairn {

// y = a ⊙ f(b), where a is the first and b the second half of x along `dim`.
//   shape   (…, 2h, …) → (…, h, …); the result keeps the memory order of x
//   dtype   f32 or f64
//   throws  IndexError for a dimension out of range, ShapeError for an odd size, DtypeError
//   grad    dA = G ⊙ f(b), dB = G ⊙ a ⊙ f'(b), exact and fused; any order
Tensor glu(const Tensor& x, int64_t dim = -1);       ///< f = sigmoid: Dauphin et al. 2016, arXiv:1612.08083
Tensor reglu(const Tensor& x, int64_t dim = -1);     ///< f = relu: Shazeer 2020, arXiv:2002.05202
Tensor geglu(const Tensor& x, int64_t dim = -1);     ///< f = gelu, ibid.
Tensor swiglu(const Tensor& x, int64_t dim = -1);    ///< f = silu, ibid.
Tensor bilinear(const Tensor& x, int64_t dim = -1);  ///< f(b) = b, ibid.

namespace detail {

/// A dense tensor cut in two along a dimension, as it lies in memory: blocks of the first and of the second half in
/// turn.
struct Halves {
  int64_t count;  ///< elements of one half
  int64_t block;

  Halves(const Tensor& dense, int dim)
      : count(dense.numel() / 2), block(dense.shape()[dim] / 2 * dense.strides()[dim]) {}

  /// f(n, i, j): n elements from place i of a tensor of one half's size, which stand in the whole from place j on in
  /// the first half, and from j + block on in the second. Pieces may be on several threads.
  template <class F>
  void each(F f) const {
    parallel_for(count, map_grain, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end;) {
        const int64_t before = i / block * block, n = std::min(before + block, end) - i;
        f(n, i, before + i);
        i += n;
      }
    });
  }
};

/// x in one block of memory, its halves, and a fresh tensor of the size of one.
struct GateForward {
  int dim;
  Tensor x;
  Halves halves;
  Tensor y;
  GateForward(const char* name, const Tensor& x, int64_t dim);
};
/// What the fused backward reads and writes: x and dx in one layout, g in that of their halves.
struct GateBackward {
  Tensor x, g, dx;
  Halves halves;
  GateBackward(const Backward& s, int dim);
};

/// The halves as views, recorded.
struct HalfViews {
  Tensor a, b;
  HalfViews(const Tensor& x, int dim);
};

}  // namespace detail

inline namespace CAIRN_ISA {

namespace detail {

template <class S, class F>
[[gnu::flatten]] void gate_gradient(int64_t n, F& f, const S* g, const S* a, const S* b, S* da, S* db) {
  using L = Lanes<S>;
  using D = Dual<L, 1>;
  int64_t i = 0;
  for (; i + L::size <= n; i += L::size) {
    for (const S* p : {g, a, b}) __builtin_prefetch(p + i + map_ahead);
    for (S* p : {da, db}) __builtin_prefetch(p + i + map_ahead, 1);
    const D v = D(f(D::variable(L::load(b + i))));
    const L gi = L::load(g + i);
    (gi * v.value).store(da + i);
    (gi * L::load(a + i) * v.tangent[0]).store(db + i);
  }
  if (i == n) return;
  const D v = D(f(D::variable(L::load_partial(b + i, n - i))));
  const L gi = L::load_partial(g + i, n - i);
  (gi * v.value).store_partial(da + i, n - i);
  (gi * L::load_partial(a + i, n - i) * v.tangent[0]).store_partial(db + i, n - i);
}

}  // namespace detail

/// A gate of your own, with f given as a formula (as for elementwise):
///   Tensor y = gated("mishglu", [](auto b) { return b * tanh(softplus(b)); }, x);
///   name                         for messages and observers; a literal
///   shape, dtype, throws, grad   as glu
template <class F>
requires requires(F f, Lanes<float> l) { Lanes<float>(f(l)); }
Tensor gated(const char* name, F f, const Tensor& x, int64_t dim = -1) {
  const detail::GateForward in(name, x, dim);
  visit_float(name, x.dtype(), [&]<class S>() {
    auto product = [&f](Lanes<S> a, Lanes<S> b) { return a * Lanes<S>(f(b)); };
    in.halves.each(
        [&, px = in.x.template pointer<S>(), py = in.y.template pointer<S>()](int64_t n, int64_t i, int64_t j) {
          const S *a = px + j, *b = a + in.halves.block;
          detail::map_piece<Work::much>(n, product, py + i, a, b);
        });
  });
  return record_fused(
      name, in.y, {x}, Keep::inputs(),
      [f, name, d = in.dim](const Backward& s) -> Grads {
        const detail::GateBackward b(s, d);
        visit_float(name, b.x.dtype(), [&]<class S>() {
          b.halves.each([&f, block = b.halves.block, x_in = b.x.template pointer<S>(), g_in = b.g.template pointer<S>(),
                         dx = b.dx.template pointer<S>()](int64_t n, int64_t i, int64_t j) {
            detail::gate_gradient<S>(n, f, g_in + i, x_in + j, x_in + j + block, dx + j, dx + j + block);
          });
        });
        return {b.dx};
      },
      [f, d = in.dim](std::span<const Tensor> inputs) {
        const detail::HalfViews in_halves(inputs[0], d);
        return in_halves.a * detail::on_tensors(f, in_halves.b);
      });
}

}  // namespace CAIRN_ISA
}  // namespace cairn
