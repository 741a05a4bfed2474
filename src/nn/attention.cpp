#include "cairn/nn/attention.h"

#include <limits>
#include <nlohmann/json.hpp>

#include "cairn/nn/init.h"
#include "cairn/ops/arithmetic.h"
#include "cairn/ops/attention.h"
#include "cairn/ops/compare.h"
#include "cairn/ops/index.h"
#include "cairn/ops/linear.h"
#include "cairn/ops/reduce.h"
#include "cairn/tensor/create.h"

namespace cairn::nn {
namespace {

constexpr const char* name = "MultiheadAttention";

MultiheadAttentionOptions checked(int64_t embed_dim, int64_t num_heads, MultiheadAttentionOptions o) {
  require<ValueError>(embed_dim >= 1 && num_heads >= 1 && embed_dim % num_heads == 0, name,
                      "num_heads must divide embed_dim", given("embed_dim", embed_dim), given("num_heads", num_heads));
  if (o.kdim == 0) o.kdim = embed_dim;
  if (o.vdim == 0) o.vdim = embed_dim;
  require<ValueError>(o.kdim >= 1 && o.vdim >= 1, name, "sizes must be at least 1", given("kdim", o.kdim),
                      given("vdim", o.vdim));
  require<ValueError>(o.dropout >= 0 && o.dropout <= 1, name, "the probability must be from 0 to 1",
                      given("dropout", o.dropout));
  require<DtypeError>(is_float(o.dtype), name, "needs f32 or f64", given("dtype", o.dtype));
  return o;
}

Tensor projection(bool wanted, int64_t out, int64_t in, Dtype dtype) {
  if (!wanted) return {};
  Tensor weight = empty({out, in}, dtype);
  return init::xavier_uniform_(weight);
}

bool packed(int64_t embed_dim, const MultiheadAttentionOptions& o) {
  return o.kdim == embed_dim && o.vdim == embed_dim;
}

// (n, length, heads · width) → (n, heads, length, width)
Tensor by_heads(const Tensor& x, int64_t heads) {
  return x.reshape({x.size(0), x.size(1), heads, x.size(2) / heads}).transpose(1, 2);
}

// Bool masks as scaled_dot_product_attention wants them, or as what is added.
Tensor allowed(const Tensor& mask) { return mask.dtype() == boolean ? !mask : mask; }
Tensor added(const Tensor& mask, Dtype dtype) {
  if (mask.dtype() != boolean) return mask;
  return masked_fill(zeros(mask.shape(), dtype), mask, -std::numeric_limits<double>::infinity());
}

}  // namespace

MultiheadAttention::MultiheadAttention(int64_t embed_dim, int64_t num_heads,
                                       const MultiheadAttentionOptions& given_options)
    : embed_dim(embed_dim),
      num_heads(num_heads),
      settings(checked(embed_dim, num_heads, given_options)),
      in_proj_weight(parameter("in_proj_weight",
                               projection(packed(embed_dim, settings), 3 * embed_dim, embed_dim, settings.dtype))),
      q_proj_weight(
          parameter("q_proj_weight", projection(!packed(embed_dim, settings), embed_dim, embed_dim, settings.dtype))),
      k_proj_weight(parameter("k_proj_weight",
                              projection(!packed(embed_dim, settings), embed_dim, settings.kdim, settings.dtype))),
      v_proj_weight(parameter("v_proj_weight",
                              projection(!packed(embed_dim, settings), embed_dim, settings.vdim, settings.dtype))),
      in_proj_bias(parameter("in_proj_bias", settings.bias ? zeros({3 * embed_dim}, settings.dtype) : Tensor())),
      out_proj(add("out_proj", Linear(embed_dim, embed_dim, {.bias = settings.bias, .dtype = settings.dtype}))) {
  if (settings.bias) init::zeros_(out_proj.bias);
}

// Queries (0), keys (1) or values (2).
Tensor MultiheadAttention::project(const Tensor& x, int part) const {
  const auto slice = [&](const Tensor& t) {
    return t.defined() ? t.slice(0, part * embed_dim, (part + 1) * embed_dim) : t;
  };
  const Tensor own[] = {q_proj_weight, k_proj_weight, v_proj_weight};
  return by_heads(linear(x, in_proj_weight.defined() ? slice(in_proj_weight) : own[part], slice(in_proj_bias)),
                  num_heads);
}

Tensor MultiheadAttention::mask_of(const Tensor& query, const Tensor& key, const AttentionMasks& masks) const {
  const int64_t n = query.size(0), queries = query.size(1), keys = key.size(1);
  const auto check = [&](const char* what, const Tensor& m, bool fits, const char* wanted) {
    require(fits, name, wanted, given(what, m), given("query", query), given("key", key));
    require<DtypeError>(m.dtype() == boolean || m.dtype() == query.dtype(), name,
                        "a mask must be bool, true for what is taken out, or have the dtype of the query",
                        given(what, m), given("query", query));
  };
  Tensor padding = masks.key_padding_mask, mask = masks.attn_mask;
  if (padding.defined()) {
    check("key_padding_mask", padding, padding.shape() == Shape({n, keys}), "key_padding_mask must be (n, keys)");
    padding = padding.reshape({n, 1, 1, keys});
  }
  if (mask.defined()) {
    const bool for_all = mask.shape() == Shape({queries, keys});
    check("attn_mask", mask, for_all || mask.shape() == Shape({n * num_heads, queries, keys}),
          "attn_mask must be (queries, keys) or (n · heads, queries, keys)");
    if (!for_all) mask = mask.reshape({n, num_heads, queries, keys});
  }
  if (!padding.defined() || !mask.defined()) {
    const Tensor& one = padding.defined() ? padding : mask;
    return one.defined() ? allowed(one) : one;
  }
  if (padding.dtype() == boolean && mask.dtype() == boolean) return !(padding | mask);
  return added(padding, query.dtype()) + added(mask, query.dtype());
}

Tensor MultiheadAttention::operator()(const Tensor& query, const Tensor& key, const Tensor& value,
                                      const AttentionMasks& masks) {
  const auto fits = [](const Tensor& x, int64_t width) { return x.dim() == 3 && x.size(2) == width; };
  require(fits(query, embed_dim) && fits(key, settings.kdim) && fits(value, settings.vdim) &&
              key.size(0) == query.size(0) && value.size(0) == query.size(0) && key.size(1) == value.size(1),
          name, "needs query (n, queries, embed_dim), key (n, keys, kdim) and value (n, keys, vdim)",
          given("query", query), given("key", key), given("value", value), given("embed_dim", embed_dim));
  refresh();
  const Scope scope(path());
  const AttentionOptions options{
      .mask = mask_of(query, key, masks), .is_causal = masks.is_causal, .dropout_p = training() ? settings.dropout : 0};
  const int64_t n = query.size(0), queries = query.size(1);
  Tensor y;
  if (in_proj_weight.defined() && query.body().get() == key.body().get() && query.body().get() == value.body().get())
    y = packed_attention(
        linear(query, in_proj_weight, in_proj_bias).reshape({n, queries, 3, num_heads, embed_dim / num_heads}),
        options);
  else
    y = scaled_dot_product_attention(project(query, 0), project(key, 1), project(value, 2), options).transpose(1, 2);
  return out_proj(y.reshape({n, queries, embed_dim}));
}

Tensor MultiheadAttention::weights(const Tensor& query, const Tensor& key, const AttentionMasks& masks, bool average) {
  require(query.dim() == 3 && key.dim() == 3 && query.size(0) == key.size(0) && query.size(2) == embed_dim &&
              key.size(2) == settings.kdim,
          name, "needs query (n, queries, embed_dim) and key (n, keys, kdim)", given("query", query), given("key", key),
          given("embed_dim", embed_dim));
  refresh();
  const Scope scope(path());
  const Tensor shares = attention_weights(project(query, 0), project(key, 1),
                                          {.mask = mask_of(query, key, masks), .is_causal = masks.is_causal});
  return average ? mean(shares, {1}) : shares;
}

Json MultiheadAttention::options() const {
  Json json = {{"embed_dim", embed_dim}, {"num_heads", num_heads}};
  if (settings.dropout != 0) json["dropout"] = settings.dropout;
  if (!settings.bias) json["bias"] = false;
  if (settings.kdim != embed_dim) json["kdim"] = settings.kdim;
  if (settings.vdim != embed_dim) json["vdim"] = settings.vdim;
  return json;
}

}  // namespace cairn::nn
