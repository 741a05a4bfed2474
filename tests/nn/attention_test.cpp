#include "cairn/nn/attention.h"

#include <cairn/autograd/backward.h>
#include <cairn/testing.h>
#include <gmock/gmock.h>

#include <cmath>
#include <limits>

#include "cairn/base/random.h"
#include "cairn/ops/arithmetic.h"
#include "cairn/ops/compare.h"
#include "cairn/ops/elementwise.h"
#include "cairn/ops/index.h"
#include "cairn/ops/linear.h"
#include "cairn/ops/matmul.h"
#include "cairn/ops/reduce.h"
#include "cairn/ops/softmax.h"
#include "cairn/tensor/create.h"
#include "cairn/tensor/random.h"
#include "nn/modules.h"
#include "support.h"

namespace cairn {
namespace {

using nn::AttentionMasks;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
constexpr double inf = std::numeric_limits<double>::infinity();

using testing::difference;
using testing::names;

TEST(MultiheadAttention, NamesAndFirstValues) {
  nn::MultiheadAttention one(8, 2), other(8, 4, {.kdim = 5, .vdim = 8}), bare(8, 1, {.bias = false});
  EXPECT_THAT(names(one), ElementsAre("in_proj_weight", "in_proj_bias", "out_proj.weight", "out_proj.bias"));
  EXPECT_THAT(names(other), ElementsAre("q_proj_weight", "k_proj_weight", "v_proj_weight", "in_proj_bias",
                                        "out_proj.weight", "out_proj.bias"));
  EXPECT_THAT(names(bare), ElementsAre("in_proj_weight", "out_proj.weight"));
  EXPECT_EQ(one.in_proj_weight.shape(), Shape({24, 8}));
  EXPECT_EQ(other.k_proj_weight.shape(), Shape({8, 5}));
  const NoGrad off;
  EXPECT_LE(max(abs(one.in_proj_weight)).item<double>(), std::sqrt(6.0 / 32));
  EXPECT_EQ(max(abs(one.in_proj_bias)).item<double>() + max(abs(one.out_proj.bias)).item<double>(), 0);
}

// One head after the other, by the textbook.
Tensor plainly(nn::MultiheadAttention& m, const Tensor& q, const Tensor& k, const Tensor& v, const Tensor& added) {
  const int64_t e = m.embed_dim, d = e / m.num_heads;
  const auto weight = [&](int i, const Tensor& own) {
    return own.defined() ? own : m.in_proj_weight.slice(0, i * e, i * e + e);
  };
  const auto bias = [&](int i) {
    return m.in_proj_bias.defined() ? m.in_proj_bias.slice(0, i * e, i * e + e) : Tensor();
  };
  const Tensor pq = linear(q, weight(0, m.q_proj_weight), bias(0)), pk = linear(k, weight(1, m.k_proj_weight), bias(1)),
               pv = linear(v, weight(2, m.v_proj_weight), bias(2));
  std::vector<Tensor> heads;
  for (int64_t h = 0; h < m.num_heads; ++h) {
    const auto part = [&](const Tensor& x) { return x.slice(2, h * d, h * d + d); };
    Tensor scores = matmul(part(pq), part(pk).transpose(1, 2)) / std::sqrt(static_cast<double>(d));
    if (added.defined()) scores = scores + (added.dim() == 4 ? added.select(1, h) : added);
    heads.push_back(matmul(softmax(scores, -1), part(pv)));
  }
  Tensor y = empty({q.size(0), q.size(1), e}, q.dtype());
  for (int64_t h = 0; h < m.num_heads; ++h) y.slice(2, h * d, h * d + d).copy_(heads[static_cast<size_t>(h)]);
  return linear(y, m.out_proj.weight, m.out_proj.bias);
}

TEST(MultiheadAttention, AgreesWithHeadsOneByOne) {
  manual_seed(4);
  const NoGrad off;
  nn::MultiheadAttention m(8, 2, {.dtype = f64}), bare(8, 4, {.bias = false, .dtype = f64}),
      other(8, 2, {.kdim = 3, .vdim = 5, .dtype = f64});
  uniform_(m.in_proj_bias);
  uniform_(m.out_proj.bias);
  const Tensor x = randn({2, 5, 8}, f64), k = randn({2, 7, 8}, f64), v = randn({2, 7, 8}, f64);
  EXPECT_LE(difference(m(x), plainly(m, x, x, x, {})), 1e-14);
  EXPECT_LE(difference(m(x, k, v), plainly(m, x, k, v, {})), 1e-14);
  EXPECT_LE(difference(m(x, k, k), plainly(m, x, k, k, {})), 1e-14);
  EXPECT_LE(difference(bare(x), plainly(bare, x, x, x, {})), 1e-14);
  const Tensor k3 = randn({2, 7, 3}, f64), v5 = randn({2, 7, 5}, f64);
  EXPECT_LE(difference(other(x, k3, v5), plainly(other, x, k3, v5, {})), 1e-14);

  // true takes a key out, as in PyTorch.
  Tensor padding = zeros({2, 7}, boolean), later = gt(arange(7), arange(5).unsqueeze(1));
  padding.slice(1, 5, 7).slice(0, 1, 2).fill_(1);
  const Tensor padded = masked_fill(zeros({2, 1, 7}, f64), padding.unsqueeze(1), -inf),
               causal = masked_fill(zeros({5, 7}, f64), later, -inf), bias = randn({5, 7}, f64);
  const Tensor each = randn({4, 5, 7}, f64);
  const struct {
    AttentionMasks masks;
    Tensor added;
  } cases[] = {{{.key_padding_mask = padding}, padded},
               {{.attn_mask = later}, causal},
               {{.is_causal = true}, causal},
               {{.key_padding_mask = padding, .attn_mask = later}, padded + causal},
               {{.key_padding_mask = padding, .is_causal = true}, padded + causal},
               {{.key_padding_mask = padding, .attn_mask = bias}, padded + bias},
               {{.key_padding_mask = padded.squeeze(1), .attn_mask = later}, padded + causal},
               {{.attn_mask = each}, each.reshape({2, 2, 5, 7})}};
  for (const auto& c : cases) {
    EXPECT_LE(difference(m(x, k, v, c.masks), plainly(m, x, k, v, c.added)), 1e-14);
    const Tensor w = m.weights(x, k, c.masks), per_head = m.weights(x, k, c.masks, false);
    EXPECT_EQ(w.shape(), Shape({2, 5, 7}));
    EXPECT_EQ(per_head.shape(), Shape({2, 2, 5, 7}));
    EXPECT_LE(difference(sum(per_head, {3}), ones({2, 2, 5}, f64)), 1e-14);
    EXPECT_LE(difference(mean(per_head, {1}), w), 1e-15);
  }
}

TEST(MultiheadAttention, Gradients) {
  nn::MultiheadAttention m(4, 2, {.dtype = f64}), other(4, 2, {.kdim = 3, .vdim = 2, .dtype = f64});
  const Tensor padding = tensor({{false, false, true}, {true, true, true}});
  const auto run = [&](const AttentionMasks& masks, bool self) {
    return [&m, masks, self](const std::vector<Tensor>& in) {
      m.in_proj_weight = in[1], m.in_proj_bias = in[2], m.out_proj.weight = in[3], m.out_proj.bias = in[4];
      return self ? m(in[0], masks) : m(in[0], in[5], in[5], masks);
    };
  };
  const Tensor x = randn({2, 3, 4}, f64), w = randn({12, 4}, f64), b = randn({12}, f64), ow = randn({4, 4}, f64),
               ob = randn({4}, f64), other_x = randn({2, 3, 4}, f64);
  EXPECT_GRADIENTS(run({}, true), {x, w, b, ow, ob});
  EXPECT_GRADIENTS(run({.key_padding_mask = padding, .is_causal = true}, true), {x, w, b, ow, ob});
  EXPECT_GRADIENTS(run({.attn_mask = randn({3, 3}, f64)}, false), {x, w, b, ow, ob, other_x});
  EXPECT_GRADIENTS(
      [&](const std::vector<Tensor>& in) {
        other.q_proj_weight = in[0], other.k_proj_weight = in[1], other.v_proj_weight = in[2];
        return other(x, in[3], in[4], {.key_padding_mask = padding});
      },
      {randn({4, 4}, f64), randn({4, 3}, f64), randn({4, 2}, f64), randn({2, 3, 3}, f64), randn({2, 3, 2}, f64)});
}

TEST(MultiheadAttention, DropoutIsForTraining) {
  nn::MultiheadAttention m(8, 2, {.dropout = 0.5});
  const NoGrad off;
  const Tensor x = randn({2, 6, 8});
  EXPECT_FALSE(equal(m(x), m(x)));
  m.eval();
  EXPECT_TRUE(equal(m(x), m(x)));
}

TEST(MultiheadAttention, Errors) {
  EXPECT_THAT(text_of<ValueError>([] { nn::MultiheadAttention(8, 3); }),
              HasSubstr("num_heads must divide embed_dim; got embed_dim 8, num_heads 3"));
  EXPECT_THROW(nn::MultiheadAttention(0, 1), ValueError);
  EXPECT_THROW(nn::MultiheadAttention(8, 0), ValueError);
  EXPECT_THROW(nn::MultiheadAttention(8, 2, {.dropout = 2}), ValueError);
  EXPECT_THROW(nn::MultiheadAttention(8, 2, {.kdim = -1}), ValueError);
  EXPECT_THROW(nn::MultiheadAttention(8, 2, {.dtype = i64}), DtypeError);
  nn::MultiheadAttention m(8, 2);
  const Tensor x = zeros({2, 5, 8}), k = zeros({2, 7, 8});
  EXPECT_THAT(text_of<ShapeError>([&] { m(zeros({2, 5, 7})); }), HasSubstr("query (2, 5, 7) f32"));
  EXPECT_THROW(m(zeros({5, 8})), ShapeError);
  EXPECT_THROW(m(x, k, x), ShapeError);
  EXPECT_THAT(
      text_of<ShapeError>([&] {
        m(x, k, k, {.key_padding_mask = zeros({2, 5}, boolean)});
      }),
      HasSubstr("key_padding_mask must be (n, keys); got key_padding_mask (2, 5) bool, query (2, 5, 8) f32, key (2, "
                "7, 8) f32"));
  EXPECT_THAT(text_of<ShapeError>([&] {
                m(x, k, k, {.attn_mask = zeros({7, 5}, boolean)});
              }),
              HasSubstr("attn_mask must be (queries, keys) or (n · heads, queries, keys); got attn_mask (7, 5) bool"));
  EXPECT_THROW(m(x, k, k, {.attn_mask = zeros({2, 5, 7})}), ShapeError);
  EXPECT_THAT(text_of<DtypeError>([&] {
                m(x, k, k, {.attn_mask = zeros({5, 7}, i64)});
              }),
              HasSubstr("a mask must be bool, true for what is taken out"));
  EXPECT_THROW(m.weights(x, zeros({2, 7, 3})), ShapeError);
}

}  // namespace
}  // namespace cairn
