#include "cairn/ops/attention.h"

#include <cairn/autograd/backward.h>
#include <cairn/base/memory.h>
#include <cairn/base/threads.h>
#include <cairn/graph/branches.h>
#include <cairn/graph/node.h>
#include <cairn/ops/arithmetic.h>
#include <cairn/ops/compare.h>
#include <cairn/ops/elementwise.h>
#include <cairn/ops/index.h>
#include <cairn/ops/matmul.h>
#include <cairn/ops/reduce.h>
#include <cairn/ops/softmax.h>
#include <cairn/tensor/create.h>
#include <cairn/tensor/random.h>
#include <cairn/testing.h>
#include <gmock/gmock.h>

#include <cmath>

#include "support.h"

using namespace cairn;
using Inputs = std::vector<Tensor>;
using V = std::vector<double>;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

namespace {

double difference(const Tensor& a, const Tensor& b) {
  EXPECT_EQ(a.shape(), b.shape());
  return a.numel() == 0 ? 0 : max(abs(a.detach().to(f64) - b.detach().to(f64))).item<double>();
}

// By the textbook, for rows that have a key. `added` is −∞ where a key takes no part.
Tensor plainly(const Tensor& q, const Tensor& k, const Tensor& v, const Tensor& added, double scale) {
  return matmul(softmax(matmul(q, k.transpose(-1, -2)) * scale + added, -1), v);
}

Tensor added_of(const AttentionOptions& o, int64_t queries, int64_t keys) {
  Tensor added = zeros({queries, keys}, f64);
  if (o.mask.defined())
    added = o.mask.dtype() == boolean ? masked_fill(added.expand({2, 3, queries, keys}), !o.mask, -inf)
                                      : added + o.mask.detach().to(f64);
  if (o.is_causal) added = masked_fill(added, gt(arange(keys), arange(queries).unsqueeze(1)), -inf);
  return added;
}

TEST(Attention, ByHand) {
  // Scores 0 and ln 3: weights ¼ and ¾.
  const Tensor q = tensor({1.}, f64).reshape({1, 1, 1, 1}), k = tensor({0., std::log(3.)}, f64).reshape({1, 1, 2, 1}),
               v = tensor({4., 8.}, f64).reshape({1, 1, 2, 1});
  EXPECT_NEAR(scaled_dot_product_attention(q, k, v).item<double>(), 7, 1e-14);
  EXPECT_NEAR(scaled_dot_product_attention(q, k, v, {.scale = -1.0}).item<double>(), 5, 1e-14);
  EXPECT_EQ(scaled_dot_product_attention(q, k, v, {.is_causal = true}).item<double>(), 4);
  EXPECT_EQ(scaled_dot_product_attention(q, k, v, {.mask = tensor({false, true})}).item<double>(), 8);
  EXPECT_NEAR(scaled_dot_product_attention(q, k, v, {.mask = tensor({std::log(3.), 0.}, f64)}).item<double>(), 6,
              1e-14);
  EXPECT_NEAR(attention_weights(q, k).to_vector<double>()[1], 0.75, 1e-15);
  // Of two queries the first sees the first key, whatever the scale; 1e-60 is 0 in f32.
  for (const double scale : {-1.0, 0.0, 1e-60})
    for (const Dtype dtype : {f64, f32})
      EXPECT_EQ(values(scaled_dot_product_attention(ones({1, 1, 2, 1}, dtype), k.to(dtype), v.to(dtype),
                                                    {.is_causal = true, .scale = scale}))[0],
                4);
}

// Lengths around the size of a block, every kind of mask, gradients against those of the textbook.
TEST(Attention, LengthsAndMasksAgreeWithTheTextbook) {
  manual_seed(3);
  const struct {
    int64_t queries, keys, width, value_width;
  } sizes[] = {{1, 1, 1, 1}, {5, 7, 3, 2}, {128, 128, 16, 16}, {129, 127, 8, 9}, {130, 300, 5, 17}, {300, 129, 33, 4}};
  for (const auto& s : sizes)
    for (const Dtype dtype : {f64, f32}) {
      Tensor some = rand({2, 1, s.queries, s.keys}) > 0.3, padding = rand({2, 1, 1, s.keys}) > 0.4;
      for (Tensor* m : {&some, &padding}) m->slice(3, 0, 1).fill_(1);  // the first key is seen by all
      const Tensor bias = randn({3, s.queries, s.keys}, dtype), column = randn({s.queries, 1}, dtype);
      for (const AttentionOptions& o :
           {AttentionOptions{},
            {.is_causal = true},
            {.is_causal = true, .scale = -0.3},
            {.is_causal = true, .scale = 0},
            {.mask = some},
            {.mask = padding, .is_causal = true},
            {.mask = bias},
            {.mask = masked_fill(bias.expand({2, 3, s.queries, s.keys}), !some, -inf), .scale = 0.3},
            {.mask = column},
            {.mask = bias.slice(2, 0, 1)}}) {
        Tensor q = randn({2, 3, s.queries, s.width}, dtype), k = randn({2, s.keys, 3, s.width}, dtype).transpose(1, 2),
               v = randn({2, 3, s.value_width, s.keys}, dtype).transpose(2, 3);
        const Tensor g = randn({2, 3, s.queries, s.value_width}, dtype);
        SCOPED_TRACE(describe(q) + ", " + describe(k) + (o.is_causal ? ", causal" : "") +
                     (o.mask.defined() ? ", mask " + describe(o.mask) : ""));
        const auto leaf = [](const Tensor& x, Dtype d) { return x.detach().to(d).detach().requires_grad_(); };
        const Inputs ours{leaf(q, dtype), leaf(k, dtype), leaf(v, dtype)},
            exact{leaf(q, f64), leaf(k, f64), leaf(v, f64)};
        const Tensor y = scaled_dot_product_attention(ours[0], ours[1], ours[2], o);
        const Tensor expected = plainly(exact[0], exact[1], exact[2], added_of(o, s.queries, s.keys),
                                        o.scale.value_or(1 / std::sqrt(static_cast<double>(s.width))));
        const double tolerance = dtype == f64 ? 1e-13 : 2e-5;  // sums of up to 300 products
        EXPECT_LE(difference(y, expected), tolerance);
        const auto a = grad({y}, ours, {g}), b = grad({expected}, exact, {g.to(f64)});
        for (size_t i = 0; i < 3; ++i) EXPECT_LE(difference(a[i], b[i]), 10 * tolerance) << "input " << i;
      }
    }
}

TEST(Attention, AQueryWithoutAKeyGivesZeros) {
  const Tensor mask = tensor({{true, false, true}, {false, false, false}}),
               added = masked_fill(zeros({2, 3}, f64), !mask, -inf);
  for (const Tensor& m : {mask, added, mask.unsqueeze(0)}) {
    Tensor q = randn({1, 1, 2, 4}, f64).requires_grad_(), k = randn({1, 1, 3, 4}, f64).requires_grad_(),
           v = randn({1, 1, 3, 4}, f64).requires_grad_();
    for (const bool create_graph : {false, true}) {
      const Tensor y = scaled_dot_product_attention(q, k, v, {.mask = m});
      EXPECT_EQ(values(y.select(2, 1)), V(4, 0.0));
      const auto g = grad({y}, {q, k, v}, {ones_like(y)}, false, create_graph);
      EXPECT_EQ(values(g[0].select(2, 1)), V(4, 0.0));
      for (const Tensor& d : g) EXPECT_TRUE(std::isfinite(sum(d).item<double>()));
      EXPECT_NE(sum(abs(g[0])).item<double>(), 0);
    }
  }
  // All of a sequence is padding: nothing of it is NaN.
  Tensor qkv = randn({1, 4, 3, 2, 8}).requires_grad_();
  const Tensor y = packed_attention(qkv, {.mask = zeros({1, 1, 1, 4}, boolean)});
  sum(y).backward();
  EXPECT_EQ(values(y), V(64, 0.0));
  EXPECT_EQ(values(qkv.grad()), V(192, 0.0));
}

// Padding on the left: whole blocks of keys are seen by nobody, and a causal query there, or that of row 3, sees no key.
TEST(Attention, TheFirstBlocksMayBeMasked) {
  const int64_t n = 300, hidden = 200;
  Tensor some = ones({n, n}, boolean), rows = ones({n, 1}, f64);
  some.slice(1, 0, hidden).fill_(0);
  some.slice(0, 3, 4).fill_(0);
  rows.slice(0, 3, 4).fill_(0);
  for (const Dtype dtype : {f64, f32})
    for (const bool causal : {false, true})
      for (const Tensor& mask : {some, masked_fill(zeros({n, n}, dtype), !some, -inf)}) {
        const AttentionOptions o{.mask = mask, .is_causal = causal};
        const auto leaf = [&](const Tensor& x, Dtype d) { return x.to(dtype).to(d).detach().requires_grad_(); };
        const Tensor q = randn({2, 3, n, 4}, f64), k = randn({2, 3, n, 4}, f64), v = randn({2, 3, n, 5}, f64);
        const Inputs ours{leaf(q, dtype), leaf(k, dtype), leaf(v, dtype)},
            exact{leaf(q, f64), leaf(k, f64), leaf(v, f64)};
        const Tensor alive = causal ? rows * ge(arange(n), static_cast<double>(hidden)).unsqueeze(1).to(f64) : rows;
        const Tensor y = scaled_dot_product_attention(ours[0], ours[1], ours[2], o);
        // The textbook lets the rows without a key see all, and takes them out.
        const Tensor added = masked_fill(added_of(o, n, n), eq(alive, 0.0), 0);
        const Tensor expected = plainly(exact[0], exact[1], exact[2], added, 0.5) * alive;
        const double tolerance = dtype == f64 ? 1e-13 : 2e-5;
        EXPECT_LE(difference(y, expected), tolerance);
        EXPECT_EQ(values(y.select(2, 3)), V(30, 0.0));
        const Tensor g = randn(y.shape(), dtype);
        const auto a = grad({y}, ours, {g}), b = grad({expected}, exact, {g.to(f64)});
        for (size_t i = 0; i < 3; ++i) EXPECT_LE(difference(a[i], b[i]), 10 * tolerance) << "input " << i;
      }
}

// The logarithm of a row's sum must not be lost beside large scores. All scores here are exact in f32, or all the same.
TEST(Attention, LargeScoresKeepTheirShares) {
  const int64_t n = 300;
  const auto whole = [&](double low, double high) {
    Tensor x = floor(rand({1, 2, n, 4}) * (high - low + 1) + low);
    x.slice(3, 0, 1).fill_(256);  // scores around 65536
    return x;
  };
  const Tensor q = whole(0, 1), k = whole(-1, 1), v = randn({1, 2, n, 5}), g = randn({1, 2, n, 5});
  const auto leaf = [](const Tensor& x, Dtype d) { return x.to(d).detach().requires_grad_(); };
  Tensor hidden = zeros({n, n});
  hidden.slice(0, 7, 9).fill_(-1e9);  // of two rows all keys, as those do who have no −∞
  for (const bool masked : {false, true}) {
    const Inputs ours{leaf(q, f32), leaf(k, f32), leaf(v, f32)}, exact{leaf(q, f64), leaf(k, f64), leaf(v, f64)};
    const Tensor y =
        scaled_dot_product_attention(ours[0], ours[1], ours[2], {.mask = masked ? hidden : Tensor(), .scale = 1.0});
    // In f32 the scores of the hidden rows are −1e9 to the last bit.
    Tensor scores = matmul(exact[0], exact[1].transpose(-1, -2));
    if (masked) scores = scores - scores.detach() * lt(hidden, 0.0).to(f64);
    const Tensor expected = matmul(softmax(scores, -1), exact[2]);
    EXPECT_LE(difference(y, expected), 1e-5);
    const auto a = grad({y}, ours, {g}, true), b = grad({expected}, exact, {g.to(f64)}),
               twin = grad({y}, ours, {g}, false, true);
    for (size_t i = 0; i < 3; ++i) {
      // That of q is a sum of ±256 that comes to 0.
      const double tolerance = (i == 0 ? 3e-4 : 1e-5) * max(abs(b[i])).item<double>();
      EXPECT_LE(difference(a[i], b[i]), tolerance) << "input " << i;
      EXPECT_LE(difference(a[i], twin[i]), tolerance) << "input " << i;
    }
  }
}

TEST(Attention, HandsOnNaN) {
  Tensor q = randn({1, 1, 2, 4}), k = randn({1, 1, 3, 4}), v = randn({1, 1, 3, 4});
  q.select(2, 1).fill_(NAN);
  const Tensor y = scaled_dot_product_attention(q, k, v);
  EXPECT_TRUE(std::isfinite(sum(y.select(2, 0)).item<double>()));
  EXPECT_TRUE(std::isnan(sum(y.select(2, 1)).item<double>()));
}

TEST(Attention, PackedIsTheSame) {
  for (const Dtype dtype : {f32, f64})
    for (const bool causal : {false, true}) {
      Tensor qkv = randn({2, 140, 3, 2, 8}, dtype).requires_grad_();
      Tensor mask = rand({2, 1, 1, 140}) > 0.5;
      mask.slice(3, 0, 1).fill_(1);
      const auto part = [&](int64_t i) { return qkv.select(2, i).transpose(1, 2); };
      const AttentionOptions options{.mask = mask, .is_causal = causal, .dropout_p = 0.2};
      Generator one(5, "dropout"), two(5, "dropout");
      const Tensor a = packed_attention(qkv, options, one),
                   b = scaled_dot_product_attention(part(0), part(1), part(2), options, two).transpose(1, 2);
      EXPECT_TRUE(equal(a, b));
      const Tensor g = randn(a.shape(), dtype);
      EXPECT_TRUE(equal(grad({a}, {qkv}, {g})[0], grad({b}, {qkv}, {g})[0]));
      EXPECT_EQ(one.position(), two.position());
    }
}

TEST(Attention, DropoutDropsWeightsAndKeepsTheirExpectation) {
  const int64_t n = 150;
  const Tensor q = zeros({1, 2, n, 4}, f64), v = eye(n, n, f64).expand({1, 2, n, n});
  Generator generator(1, "dropout");
  const Tensor y = scaled_dot_product_attention(q, q, v, {.dropout_p = 0.25}, generator);  // the weights themselves
  const double whole = 1 / (0.75 * static_cast<double>(n));
  double kept = 0;
  for (const double w : values(y)) {
    EXPECT_TRUE(w == 0 || std::abs(w - whole) < 1e-15) << w;
    kept += w != 0;
  }
  EXPECT_NEAR(kept / static_cast<double>(y.numel()), 0.75, 0.01);  // five deviations of 45000 draws
  const Tensor other = scaled_dot_product_attention(q, q, v, {.dropout_p = 0.25}, generator);
  EXPECT_FALSE(equal(y, other));
  EXPECT_EQ(sum(scaled_dot_product_attention(q, q, v, {.dropout_p = 1})).item<double>(), 0);
  const uint64_t position = default_generator().position();
  scaled_dot_product_attention(q, q, v);
  EXPECT_EQ(default_generator().position(), position);
}

// More keys than a block, and than words that are drawn at once.
TEST(Attention, DropoutIsTheTwins) {
  for (const bool causal : {false, true}) {
    const Inputs in{randn({2, 2, 150, 4}, f64).requires_grad_(), randn({2, 2, 200, 4}, f64).requires_grad_(),
                    randn({2, 2, 200, 3}, f64).requires_grad_()};
    const BranchTrace trace;
    Generator generator(6, "dropout");
    const Tensor y =
        scaled_dot_product_attention(in[0], in[1], in[2], {.is_causal = causal, .dropout_p = 0.3}, generator);
    EXPECT_THAT(trace.fused(), ElementsAre("scaled_dot_product_attention"));
    EXPECT_EQ(trace.disagreement(), "");
    const Tensor g = randn(y.shape(), f64);
    const auto fused = grad({y}, in, {g}, true, false), twin = grad({y}, in, {g}, false, true);
    for (size_t i = 0; i < 3; ++i) EXPECT_LE(difference(fused[i], twin[i]), 1e-12) << "input " << i;
  }
}

TEST(Attention, SameBitsOnAnyNumberOfThreads) {
  for (const Shape& shape : {Shape{2, 300, 3, 2, 16}, Shape{1, 700, 3, 1, 8}, Shape{9, 33, 3, 4, 8}}) {
    Tensor qkv = randn(shape).requires_grad_();
    const Tensor g = randn({shape[0], shape[1], shape[3], shape[4]});
    expect_same_on_any_threads([&] {
      Generator generator(2, "dropout");
      const Tensor y = packed_attention(qkv, {.is_causal = shape[0] == 2, .dropout_p = 0.1}, generator);
      return std::vector<V>{values(y), values(grad({y}, {qkv}, {g})[0])};
    });
  }
}

TEST(Attention, MemoryGrowsWithTheLengthAndNotWithItsSquare) {
  if (memory::pool_is_bypassed()) GTEST_SKIP() << "nothing is counted under a sanitizer";
  const auto peak = [](int64_t length) {
    Tensor qkv = randn({1, length, 3, 2, 32}).requires_grad_();
    const Tensor g = ones({1, length, 2, 32});
    const int64_t before = memory::stats().in_use;
    memory::reset_peak();
    packed_attention(qkv, {.is_causal = true, .dropout_p = 0.1}).backward(g);
    return memory::stats().peak - before;
  };
  set_num_threads(2);
  const int64_t shorter = peak(1024), longer = peak(2048);
  EXPECT_LT(longer, shorter * 5 / 2);
  EXPECT_LT(longer, 12 << 20);  // two heads' scores alone would be 32 MiB
}

TEST(Attention, OfNothing) {
  const auto sized = [](int64_t n, int64_t heads, int64_t length, int64_t width) {
    return zeros({n, heads, length, width}, f64).requires_grad_();
  };
  for (const Shape& s : {Shape{0, 2, 3, 3}, Shape{2, 0, 3, 3}, Shape{2, 2, 0, 3}, Shape{2, 2, 3, 0}}) {
    Tensor q = sized(s[0], s[1], s[2], 4), k = sized(s[0], s[1], s[3], 4), v = sized(s[0], s[1], s[3], 5);
    const Tensor y = scaled_dot_product_attention(q, k, v, {.is_causal = true});
    EXPECT_EQ(y.shape(), Shape({s[0], s[1], s[2], 5}));
    sum(y).backward();
    for (const Tensor& x : {q, k, v}) EXPECT_EQ(sum(abs(x.grad())).item<double>(), 0);
  }
  Tensor q = sized(1, 1, 2, 0), v = sized(1, 1, 3, 2);  // without a width all scores are 0
  v.detach().fill_(3);
  EXPECT_EQ(values(scaled_dot_product_attention(q, sized(1, 1, 3, 0), v)), V(4, 3.0));
}

TEST(Attention, Gradients) {
  const Tensor q = randn({2, 2, 3, 4}, f64), k = randn({2, 2, 5, 4}, f64), v = randn({2, 2, 5, 3}, f64);
  const Tensor mask =
      tensor({{true, false, true, true, false}, {false, true, false, false, true}, {true, true, false, true, true}});
  const auto with = [](const AttentionOptions& o) {
    return [o](const Inputs& in) {
      Generator generator(4, "dropout");
      AttentionOptions given = o;
      if (in.size() > 3) given.mask = in[3];
      return scaled_dot_product_attention(in[0], in[1], in[2], given, generator);
    };
  };
  EXPECT_GRADIENTS(with({}), {q, k, v});
  EXPECT_GRADIENTS(with({.is_causal = true, .scale = 0.7}), {q, k, v});
  EXPECT_GRADIENTS(with({.mask = mask}), {q, k, v});
  EXPECT_GRADIENTS(with({.mask = zeros({5}, boolean)}), {q, k, v});
  EXPECT_GRADIENTS(with({.mask = randn({2, 1, 3, 5}, f64), .dropout_p = 0.3}), {q, k, v});
  EXPECT_GRADIENTS(with({.is_causal = true, .dropout_p = 0.3}), {q, k, v, randn({1, 2, 1, 5}, f64)});  // a learned mask
  EXPECT_GRADIENTS(with({}), {q.slice(3, 0, 4, 2), k.slice(3, 1, 4, 2), v});
  EXPECT_GRADIENTS([&](const Inputs& in) { return attention_weights(in[0], in[1], {.mask = mask}); }, {q, k});
}

TEST(Attention, Errors) {
  const Tensor q = zeros({2, 3, 4, 8}), k = zeros({2, 3, 5, 8}), v = zeros({2, 3, 5, 6});
  EXPECT_THAT(
      text_of<ShapeError>([&] {
        scaled_dot_product_attention(q, zeros({2, 3, 5, 7}), v);
      }),
      HasSubstr("q must be (n, heads, queries, width) and k (n, heads, keys, width); got q (2, 3, 4, 8) f32, k (2, 3, "
                "5, 7) f32"));
  EXPECT_THAT(text_of<ShapeError>([&] { scaled_dot_product_attention(q[0], k, v); }), HasSubstr("q (3, 4, 8) f32"));
  EXPECT_THAT(text_of<ShapeError>([&] {
                scaled_dot_product_attention(q, k, zeros({2, 3, 4, 6}));
              }),
              HasSubstr("v must be (n, heads, keys, value width)"));
  EXPECT_THROW(scaled_dot_product_attention(q, k.to(f64), v), DtypeError);
  EXPECT_THROW(scaled_dot_product_attention(q, k, v.to(f64)), DtypeError);
  EXPECT_THROW(scaled_dot_product_attention(q.to(i64), k.to(i64), v), DtypeError);
  EXPECT_THAT(
      text_of<ShapeError>([&] {
        scaled_dot_product_attention(q, k, v, {.mask = ones({2, 1, 5, 4}, boolean)});
      }),
      HasSubstr(
          "the mask must broadcast to (n, heads, queries, keys); got mask (2, 1, 5, 4) bool, scores (2, 3, 4, 5)"));
  EXPECT_THROW(scaled_dot_product_attention(q, k, v, {.mask = ones({1, 2, 3, 4, 5}, boolean)}), ShapeError);
  EXPECT_THAT(text_of<DtypeError>([&] { scaled_dot_product_attention(q, k, v, {.mask = ones({5}, i64)}); }),
              HasSubstr("bool, true where a key takes part, or have the dtype of q; got mask (5,) i64"));
  EXPECT_THROW(scaled_dot_product_attention(q, k, v, {.mask = ones({5}, f64)}), DtypeError);
  const uint64_t position = default_generator().position();
  EXPECT_THROW(scaled_dot_product_attention(q, k, v, {.dropout_p = 1.1}), ValueError);
  EXPECT_THROW(scaled_dot_product_attention(q, k, v, {.dropout_p = NAN}), ValueError);
  EXPECT_THROW(scaled_dot_product_attention(q, k, v, {.scale = inf}), ValueError);
  EXPECT_EQ(default_generator().position(), position);
  EXPECT_THROW(packed_attention(zeros({2, 3, 2, 4, 5})), ShapeError);
  EXPECT_THROW(packed_attention(zeros({2, 3, 3, 4, 5}, i64)), DtypeError);
  EXPECT_THROW(attention_weights(q, v), ShapeError);
}

}  // namespace
