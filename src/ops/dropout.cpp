#include "cairn/ops/dropout.h"

#include <algorithm>
#include <cmath>

#include "cairn/base/threads.h"
#include "cairn/graph/record.h"
#include "cairn/tensor/create.h"
#include "ops/loops.h"

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

// A function of x that is its own adjoint, so it serves both directions. `kept` is dense and lends y its layout.
Tensor select_scaled(const Tensor& x0, const Tensor& kept, double scale);

Tensor recorded(Tensor y, const Tensor& x, const Tensor& kept, double scale) {
  return record("dropout", std::move(y), {x}, Keep::nothing(),
                [kept, scale](const Backward& s) -> Grads { return {select_scaled(s.grad, kept, scale)}; });
}

Tensor select_scaled(const Tensor& x0, const Tensor& kept, double scale) {
  const Tensor x = ops::in_layout_of(kept, x0);
  Tensor y = empty_like(kept, x.dtype());
  visit_float("dropout", x.dtype(), [&]<class S>() {
    parallel_for(x.numel(), grain, [&](int64_t begin, int64_t end) {
      select_scaled(x.pointer<S>() + begin, kept.pointer<uint8_t>() + begin, static_cast<S>(scale),
                    y.pointer<S>() + begin, end - begin);
    });
  });
  return recorded(std::move(y), x0, kept, scale);
}

double scale_of(double p) { return p == 1 ? 0 : 1 / (1 - p); }

// f(at, words, threshold, count) for groups of n elements: element at + i stays where words[i] reaches the threshold.
template <class F>
void draw(int64_t n, double p, Generator& generator, F f) {
  const auto threshold = static_cast<uint32_t>(std::min(std::round(p * 0x1p32), 0x1p32 - 1));
  const Generator::Reserved random = generator.reserve(static_cast<uint64_t>((n + 3) / 4));
  static_assert(grain % group == 0);
  parallel_for(n, grain, [&](int64_t begin, int64_t end) {
    alignas(64) uint32_t words[group];
    for (int64_t at = begin; at < end; at += group) {
      random.stream.sixteen_blocks(random.position + static_cast<uint64_t>(at / 4), words);
      f(at, static_cast<const uint32_t*>(words), threshold, std::min(group, end - at));
    }
  });
}

// Which elements of a shape stay, row-major.
Tensor draw_kept(const Shape& shape, double p, Generator& generator) {
  if (p == 1) return zeros(shape, u8);
  Tensor kept = empty(shape, u8);
  draw(kept.numel(), p, generator, [&](int64_t at, const uint32_t* words, uint32_t threshold, int64_t count) {
    uint8_t* to = kept.pointer<uint8_t>() + at;
    for (int64_t i = 0; i < count; ++i) to[i] = words[i] >= threshold;
  });
  return kept;
}

void check(const char* operation, const Tensor& x, double p) {
  require<ValueError>(p >= 0 && p <= 1, operation, "the probability must be from 0 to 1", given("p", p));
  require<DtypeError>(is_float(x.dtype()), operation, "needs f32 or f64; convert with to(f32)", given("x", x));
}

// dropout where all elements that share an index in the first dimensions share their fate.
Tensor drop_parts(const char* operation, const Tensor& x, int parts, double p, bool training, Generator& generator) {
  check(operation, x, p);
  if (!training || p == 0) return x;
  Shape shape = Shape::filled(x.dim(), 1);
  for (int d = 0; d < parts; ++d) shape[d] = x.shape()[d];
  const Tensor kept = draw_kept(shape, p, generator).expand(x.shape());
  return select_scaled(x, empty_like(ops::dense(x), u8).copy_(kept), scale_of(p));
}

}  // namespace

Tensor dropout(const Tensor& x0, double p, bool training, Generator& generator) {
  check("dropout", x0, p);
  if (!training || p == 0) return x0;
  const Tensor x = ops::dense(x0);
  // Drawn in row-major order, so that an element's fate does not depend on the layout.
  if (p == 1 || !x.is_contiguous())
    return select_scaled(x0, ops::in_layout_of(x, draw_kept(x.shape(), p, generator)), scale_of(p));

  const Tensor kept = empty(x.shape(), u8);
  Tensor y = empty(x.shape(), x.dtype());
  visit_float("dropout", x.dtype(), [&]<class S>() {
    draw(x.numel(), p, generator, [&](int64_t at, const uint32_t* words, uint32_t threshold, int64_t count) {
      draw_scaled(x.pointer<S>() + at, words, threshold, static_cast<S>(scale_of(p)), kept.pointer<uint8_t>() + at,
                  y.pointer<S>() + at, count);
    });
  });
  return recorded(std::move(y), x0, kept, scale_of(p));
}

Tensor dropout2d(const Tensor& x, double p, bool training, Generator& generator) {
  require(x.dim() >= 3, "dropout2d", "x must be (n, c, …) of at least three dimensions", given("x", x));
  return drop_parts("dropout2d", x, 2, p, training, generator);
}

Tensor stochastic_depth(const Tensor& x, double p, Drop mode, bool training, Generator& generator) {
  require(x.dim() >= 1, "stochastic_depth", "x must have a dimension of samples", given("x", x));
  return drop_parts("stochastic_depth", x, mode == Drop::row ? 1 : 0, p, training, generator);
}

}  // namespace cairn
