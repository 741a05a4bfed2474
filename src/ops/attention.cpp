#include "cairn/ops/attention.h"

#include <cmath>
#include <limits>
#include <vector>

#include "cairn/graph/record.h"
#include "cairn/ops/arithmetic.h"
#include "cairn/ops/compare.h"
#include "cairn/ops/elementwise.h"
#include "cairn/ops/index.h"
#include "cairn/ops/matmul.h"
#include "cairn/ops/reduce.h"
#include "cairn/ops/softmax.h"
#include "cairn/tensor/create.h"
#include "kernels/attention.h"
#include "ops/layout.h"
#include "ops/loops.h"

namespace cairn {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

// What an attention is told beside its tensors.
struct Settings {
  double scale, p;
  bool causal;
  RandomStream stream{0};
  uint64_t position = 0;
};

// ---- what is asked for -------------------------------------------------------------------------------------------------

void check(const char* operation, const Tensor& q, const Tensor& k) {
  require(q.dim() == 4 && k.dim() == 4 && q.size(0) == k.size(0) && q.size(1) == k.size(1) && q.size(3) == k.size(3),
          operation, "q must be (n, heads, queries, width) and k (n, heads, keys, width)", given("q", q),
          given("k", k));
  require<DtypeError>(is_float(q.dtype()), operation, "needs f32 or f64; convert with to(f32)", given("q", q));
  require<DtypeError>(k.dtype() == q.dtype(), operation, "needs equal dtypes; convert one with to(…)", given("q", q),
                      given("k", k));
}

Settings settings_of(const char* operation, const AttentionOptions& o, const Tensor& q, int64_t keys) {
  require<ValueError>(o.dropout_p >= 0 && o.dropout_p <= 1, operation, "the probability must be from 0 to 1",
                      given("dropout_p", o.dropout_p));
  const double scale = o.scale.value_or(1 / std::sqrt(static_cast<double>(std::max<int64_t>(1, q.size(3)))));
  require<ValueError>(std::isfinite(scale), operation, "the scale must be finite", given("scale", scale));
  if (o.mask.defined()) {
    require<DtypeError>(o.mask.dtype() == boolean || o.mask.dtype() == q.dtype(), operation,
                        "the mask must be bool, true where a key takes part, or have the dtype of q",
                        given("mask", o.mask), given("q", q));
    const Shape scores{q.size(0), q.size(1), q.size(2), keys};
    bool fits = o.mask.dim() <= 4;
    for (int d = 1; fits && d <= o.mask.dim(); ++d) fits = o.mask.size(-d) == 1 || o.mask.size(-d) == scores[4 - d];
    require(fits, operation, "the mask must broadcast to (n, heads, queries, keys)", given("mask", o.mask),
            given("scores", scores));
  }
  return {scale, o.dropout_p, o.is_causal};
}

// ---- in recorded operations ----------------------------------------------------------------------------------------------

// The weights; `mask` may be undefined.
Tensor weights(const Tensor& q, const Tensor& k, const Tensor& mask, const Settings& s) {
  Tensor scores = matmul(q, k.transpose(-1, -2)) * s.scale, allowed;
  if (mask.defined()) {
    if (mask.dtype() != boolean) scores = scores + mask;
    allowed = mask.dtype() == boolean ? mask : ne(mask.detach(), -infinity);
  }
  if (s.causal) {
    const Tensor seen = le(arange(k.size(2)), arange(q.size(2)).unsqueeze(1));
    allowed = allowed.defined() ? allowed & seen : seen;
  }
  if (!allowed.defined()) return softmax(scores, -1);
  // A row without a key must not come to ∞ − ∞, neither here nor in its gradient.
  const Tensor none_left = sum(allowed.expand(scores.shape()).to(i64), {-1}, true) == 0.0;
  scores = masked_fill(masked_fill(scores, !allowed, -infinity), none_left, 0);
  return masked_fill(softmax(scores, -1), none_left, 0);
}

template <class S>
kernels::ScoreDropout<S> dropout_of(const Settings& s) {
  const auto threshold = static_cast<uint32_t>(std::min(std::round(s.p * 0x1p32), 0x1p32 - 1));
  return {s.stream, s.position, threshold, static_cast<S>(s.p == 1 ? 0 : 1 / (1 - s.p))};
}

// What dropout multiplies the weights with.
Tensor factors(const Shape& shape, Dtype dtype, const Settings& s) {
  const int64_t keys = shape.back(), rows = keys == 0 ? 0 : shape.numel() / keys;
  Tensor y = empty(shape, dtype);
  visit_float("attention", dtype, [&]<class S>() {
    const auto dropout = dropout_of<S>(s);
    S line[64];
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t c = 0; c < keys; c += 64) {
        dropout.factors(r, keys, c, line);
        std::copy_n(line, std::min<int64_t>(64, keys - c), y.pointer<S>() + r * keys + c);
      }
  });
  return y;
}

Tensor composed(const Tensor& q, const Tensor& k, const Tensor& v, const Tensor& mask, const Settings& s) {
  Tensor shares = weights(q, k, mask, s);
  if (s.p > 0) shares = shares * factors(shares.shape(), shares.dtype(), s);
  return matmul(shares, v);
}

// ---- in blocks ---------------------------------------------------------------------------------------------------------

// x (n, heads, length, width) with whole rows.
Tensor with_rows(const Tensor& x) { return x.strides()[3] == 1 || x.size(3) <= 1 ? x : ops::row_major(x); }

template <class S, class T = const S>
kernels::HeadRows<T> rows(const Tensor& x) {
  return {x.pointer<S>(), x.strides()[0], x.strides()[1], x.strides()[2]};
}

// A fresh tensor (n, heads, length, width) in which the heads of a position lie side by side.
Tensor side_by_side(int64_t n, int64_t heads, int64_t length, int64_t width, Dtype dtype) {
  return as_strided(empty({n, length, heads, width}, dtype), {n, heads, length, width},
                    {length * heads * width, width, heads * width, 1}, 0);
}

template <class S>
kernels::Attention<S> problem(const Settings& s, const Tensor& q, const Tensor& v, const Tensor& mask) {
  kernels::Attention<S> a{
      q.size(0), q.size(1), q.size(2),        v.size(2), q.size(3), v.size(3), static_cast<S>(s.scale),
      s.causal,  {},        dropout_of<S>(s), s.p > 0};
  if (mask.defined()) {
    const Strides steps = ops::stretched(mask, {a.n, a.heads, a.queries, a.keys});
    a.mask = {mask.dtype() == boolean ? nullptr : mask.pointer<S>(),
              mask.dtype() == boolean ? mask.pointer<bool>() : nullptr,
              steps[0],
              steps[1],
              steps[2],
              steps[3]};
  }
  return a;
}

Tensor forward(const Settings& s, const Tensor& q, const Tensor& k, const Tensor& v, const Tensor& mask, Tensor y) {
  Tensor sums = empty({q.size(0), q.size(1), q.size(2), 2}, q.dtype());
  visit_float("attention", q.dtype(), [&]<class S>() {
    kernels::attention(problem<S>(s, q, v, mask), rows<S>(q), rows<S>(k), rows<S>(v), rows<S, S>(y), sums.pointer<S>());
  });
  return sums;
}

void backward(const Settings& s, const Tensor& q, const Tensor& k, const Tensor& v, const Tensor& mask, const Tensor& y,
              const Tensor& sums, const Tensor& g, const Tensor& dq, const Tensor& dk, const Tensor& dv) {
  visit_float("attention", q.dtype(), [&]<class S>() {
    kernels::attention_gradient(problem<S>(s, q, v, mask), rows<S>(q), rows<S>(k), rows<S>(v), rows<S>(y),
                                sums.pointer<S>(), rows<S>(g), rows<S, S>(dq), rows<S, S>(dk), rows<S, S>(dv));
  });
}

// Draws what dropout needs, last: a call that throws has drawn nothing.
void draw(Settings& s, const Shape& scores_rows, int64_t keys, Generator& generator) {
  if (s.p == 0) return;
  const auto blocks = kernels::ScoreDropout<float>::blocks(scores_rows.numel(), keys);
  const Generator::Reserved reserved = generator.reserve(static_cast<uint64_t>(blocks));
  s.stream = reserved.stream, s.position = reserved.position;
}

bool learned(const Tensor& mask) { return mask.defined() && mask.requires_grad() && grad_enabled(); }

// Queries (0), keys (1) or values (2) of (n, length, 3, heads, width), as (n, heads, length, width): unrecorded.
Tensor third(const Tensor& qkv, int i) {
  const Strides& s = qkv.strides();
  return as_strided(qkv, {qkv.size(0), qkv.size(3), qkv.size(1), qkv.size(4)}, {s[0], s[3], s[1], s[4]},
                    qkv.body()->offset + i * s[2]);
}

}  // namespace

Tensor scaled_dot_product_attention(const Tensor& q, const Tensor& k, const Tensor& v, const AttentionOptions& options,
                                    Generator& generator) {
  constexpr const char* name = "scaled_dot_product_attention";
  check(name, q, k);
  require(v.dim() == 4 && v.size(0) == k.size(0) && v.size(1) == k.size(1) && v.size(2) == k.size(2), name,
          "v must be (n, heads, keys, value width)", given("k", k), given("v", v));
  require<DtypeError>(v.dtype() == q.dtype(), name, "needs equal dtypes; convert one with to(…)", given("q", q),
                      given("v", v));
  Settings s = settings_of(name, options, q, k.size(2));
  draw(s, {q.size(0), q.size(1), q.size(2)}, k.size(2), generator);
  const Tensor& mask = options.mask;
  if (learned(mask)) return composed(q, k, v, mask, s);
  const Tensor y = side_by_side(q.size(0), q.size(1), q.size(2), v.size(3), q.dtype());
  const Tensor sums = forward(s, with_rows(q), with_rows(k), with_rows(v), mask, y);
  std::vector<Tensor> inputs{q, k, v};
  if (mask.defined()) inputs.push_back(mask);
  return record_fused(
      "scaled_dot_product_attention", y, std::span<const Tensor>(inputs), Keep::output(),
      [s, sums](const Backward& b) -> Grads {
        const Tensor in_q = with_rows(b.input(0)), in_k = with_rows(b.input(1)), in_v = with_rows(b.input(2));
        const auto like = [](const Tensor& x) {
          return side_by_side(x.size(0), x.size(1), x.size(2), x.size(3), x.dtype());
        };
        std::vector<Tensor> grads{like(in_q), like(in_k), like(in_v)};
        backward(s, in_q, in_k, in_v, b.input_count() > 3 ? b.input(3) : none, b.output(), sums, with_rows(b.grad),
                 grads[0], grads[1], grads[2]);
        if (b.input_count() > 3) grads.push_back(none);
        return grads;
      },
      [s](std::span<const Tensor> in) { return composed(in[0], in[1], in[2], in.size() > 3 ? in[3] : none, s); });
}

Tensor packed_attention(const Tensor& given_qkv, const AttentionOptions& options, Generator& generator) {
  constexpr const char* name = "packed_attention";
  require(given_qkv.dim() == 5 && given_qkv.size(2) == 3, name, "needs (n, length, 3, heads, width)",
          given("qkv", given_qkv));
  require<DtypeError>(is_float(given_qkv.dtype()), name, "needs f32 or f64; convert with to(f32)",
                      given("qkv", given_qkv));
  const auto with_whole_rows = [](const Tensor& x) {
    return x.strides()[4] == 1 || x.size(4) <= 1 ? x : ops::row_major(x);
  };
  const auto twin = [](std::span<const Tensor> in, const Settings& s) {
    const auto part = [&](int64_t i) { return in[0].select(2, i).transpose(1, 2); };
    return composed(part(0), part(1), part(2), in.size() > 1 ? in[1] : none, s).transpose(1, 2);
  };
  const int64_t n = given_qkv.size(0), length = given_qkv.size(1), heads = given_qkv.size(3), width = given_qkv.size(4);
  const Tensor qkv = with_whole_rows(given_qkv), q = third(qkv, 0);
  Settings s = settings_of(name, options, q, length);
  draw(s, {n, heads, length}, length, generator);
  std::vector<Tensor> inputs{given_qkv};
  if (options.mask.defined()) inputs.push_back(options.mask);
  if (learned(options.mask)) return twin(inputs, s);
  const Tensor y = empty({n, length, heads, width}, qkv.dtype());
  const auto by_heads = [](const Tensor& x) {
    const Strides& t = x.strides();
    return as_strided(x, {x.size(0), x.size(2), x.size(1), x.size(3)}, {t[0], t[2], t[1], t[3]}, x.body()->offset);
  };
  const Tensor sums = forward(s, q, third(qkv, 1), third(qkv, 2), options.mask, by_heads(y));
  return record_fused(
      "packed_attention", y, std::span<const Tensor>(inputs), Keep::output(),
      [s, sums, by_heads, with_whole_rows](const Backward& b) -> Grads {
        const Tensor in = with_whole_rows(b.input(0)), d = empty(in.shape(), in.dtype());
        backward(s, third(in, 0), third(in, 1), third(in, 2), b.input_count() > 1 ? b.input(1) : none,
                 by_heads(b.output()), sums, with_rows(by_heads(b.grad)), third(d, 0), third(d, 1), third(d, 2));
        if (b.input_count() > 1) return {d, none};
        return {d};
      },
      [s, twin](std::span<const Tensor> in) { return twin(in, s); });
}

Tensor attention_weights(const Tensor& q, const Tensor& k, const AttentionOptions& options) {
  check("attention_weights", q, k);
  return weights(q, k, options.mask, settings_of("attention_weights", options, q, k.size(2)));
}

}  // namespace cairn
