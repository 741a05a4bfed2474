#include "cairn/ops/dropout.h"

#include <algorithm>
#include <cmath>

#include "cairn/base/threads.h"
#include "cairn/graph/record.h"
#include "cairn/ops/arithmetic.h"
#include "cairn/tensor/create.h"

namespace cairn {
namespace {

constexpr int64_t grain = 1 << 14;
constexpr int64_t group = 64;  // elements whose random words are made at once

// y = x · scale where kept, else 0. Written for the vectoriser: nothing aliases, and both loops are free of branches.
template <class S>
void select_scaled(const S* __restrict x, const uint8_t* __restrict kept, S scale, S* __restrict y, int64_t n) {
  for (int64_t i = 0; i < n; ++i) y[i] = kept[i] != 0 ? x[i] * scale : S{0};
}

// The same for the elements whose random word reaches the threshold, and writes down which they are.
template <class S>
void draw_scaled(const S* __restrict x, const uint32_t* __restrict words, uint32_t threshold, S scale,
                 uint8_t* __restrict kept, S* __restrict y, int64_t n) {
  for (int64_t i = 0; i < n; ++i) kept[i] = words[i] >= threshold;
  for (int64_t i = 0; i < n; ++i) y[i] = words[i] >= threshold ? x[i] * scale : S{0};
}

// A function of x that is its own adjoint, so it serves both directions.
Tensor select_scaled(const Tensor& x0, const Tensor& kept, double scale);

Tensor recorded(Tensor y, const Tensor& x, const Tensor& kept, double scale) {
  return record("dropout", std::move(y), {x}, Keep::nothing(),
                [kept, scale](const Backward& s) -> Grads { return {select_scaled(s.grad, kept, scale)}; });
}

Tensor row_major(const Tensor& x) {
  const NoGrad plain;
  return x.contiguous();
}

Tensor select_scaled(const Tensor& x0, const Tensor& kept, double scale) {
  const Tensor x = row_major(x0);
  Tensor y = empty(x.shape(), x.dtype());
  visit_float("dropout", x.dtype(), [&]<class S>() {
    parallel_for(x.numel(), grain, [&](int64_t begin, int64_t end) {
      select_scaled(x.pointer<S>() + begin, kept.pointer<uint8_t>() + begin, static_cast<S>(scale),
                    y.pointer<S>() + begin, end - begin);
    });
  });
  return recorded(std::move(y), x0, kept, scale);
}

}  // namespace

Tensor dropout(const Tensor& x0, double p, bool training, Generator& generator) {
  require<ValueError>(p >= 0 && p <= 1, "dropout", "the probability must be from 0 to 1", given("p", p));
  require<DtypeError>(is_float(x0.dtype()), "dropout", "needs f32 or f64; convert with to(f32)", given("x", x0));
  if (!training || p == 0) return x0;
  if (p == 1) return select_scaled(x0, zeros(x0.shape(), u8), 0);

  // Row-major, so that an element's fate does not depend on the layout.
  const Tensor x = row_major(x0), kept = empty(x.shape(), u8);
  Tensor y = empty(x.shape(), x.dtype());
  const double scale = 1 / (1 - p);
  const int64_t n = x.numel();
  const auto threshold = static_cast<uint32_t>(std::min(std::round(p * 0x1p32), 0x1p32 - 1));
  const Generator::Reserved random = generator.reserve(static_cast<uint64_t>((n + 3) / 4));
  visit_float("dropout", x.dtype(), [&]<class S>() {
    static_assert(grain % group == 0);
    parallel_for(n, grain, [&](int64_t begin, int64_t end) {
      alignas(64) uint32_t words[group];
      for (int64_t at = begin; at < end; at += group) {
        random.stream.sixteen_blocks(random.position + static_cast<uint64_t>(at / 4), words);
        draw_scaled(x.pointer<S>() + at, words, threshold, static_cast<S>(scale), kept.pointer<uint8_t>() + at,
                    y.pointer<S>() + at, std::min(group, end - at));
      }
    });
  });
  return recorded(std::move(y), x0, kept, scale);
}

// x times a mask over its first dimensions.
static Tensor drop_parts(const char* operation, const Tensor& x, int parts, int kept_dims, double p, bool training,
                         Generator& generator) {
  require<ValueError>(p >= 0 && p <= 1, operation, "the probability must be from 0 to 1", given("p", p));
  require<DtypeError>(is_float(x.dtype()), operation, "needs f32 or f64; convert with to(f32)", given("x", x));
  require(x.dim() >= parts, operation, "x has too few dimensions", given("x", x), given("needed", int64_t{parts}));
  if (!training || p == 0) return x;
  Shape shape = Shape::filled(x.dim(), 1);
  for (int d = 0; d < kept_dims; ++d) shape[d] = x.shape()[d];
  return x * dropout(ones(shape, x.dtype()), p, true, generator);  // ones want no gradient: nothing is recorded
}

Tensor dropout2d(const Tensor& x, double p, bool training, Generator& generator) {
  return drop_parts("dropout2d", x, 3, 2, p, training, generator);
}

Tensor stochastic_depth(const Tensor& x, double p, Drop mode, bool training, Generator& generator) {
  return drop_parts("stochastic_depth", x, 1, mode == Drop::row ? 1 : 0, p, training, generator);
}

}  // namespace cairn
