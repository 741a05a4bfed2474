// What transformers are made of: every mask, alone and together, with queries and keys of different lengths.
#include "cairn/base/random.h"
#include "cairn/ops/arithmetic.h"
#include "cairn/ops/attention.h"
#include "cairn/ops/compare.h"
#include "cairn/ops/embedding.h"
#include "cairn/ops/layer_norm.h"
#include "cairn/tensor/create.h"
#include "operations.h"

namespace cairn::cases {

std::vector<Case> attention() {
  const Tensor q = spread({2, 2, 3, 4}), k = spread({2, 2, 5, 4}), v = spread({2, 2, 5, 3});
  const Tensor some = tensor({{true, false, true, true, false},
                              {false, true, false, false, true},
                              {true, true, true, false, true}}),
               dead = tensor({{true, false, true, true, false},
                              {false, false, false, false, false},
                              {true, true, true, false, true}});
  const Tensor bias = spread({2, 1, 1, 5}), packed = spread({2, 3, 3, 2, 4});
  // Inputs behind the third (behind the first of the packed form) are the mask.
  const auto attend = [](const AttentionOptions& o) {
    return [o](const Inputs& in) {
      Generator generator(9, "dropout");
      AttentionOptions now = o;
      if (in.size() > 3) now.mask = in[3];
      if (now.mask.defined() && is_float(now.mask.dtype())) now.mask = now.mask.to(in[0].dtype());
      return scaled_dot_product_attention(in[0], in[1], in[2], now, generator);
    };
  };
  const auto attend_packed = [](const AttentionOptions& o) {
    return [o](const Inputs& in) {
      Generator generator(9, "dropout");
      AttentionOptions now = o;
      if (in.size() > 1) now.mask = in[1];
      return packed_attention(in[0], now, generator);
    };
  };
  const Tensor ids = tensor({{2, 0}, {1, 2}, {2, 2}});
  return {
      {"attention", attend({}), {q, k, v}},
      {"attention, causal", attend({.is_causal = true, .scale = 0.8}), {q, k, v}},
      {"attention, a mask", attend({}), {q, k, v, some}},
      {"attention, a query without a key", attend({.is_causal = true}), {q, k, v, dead}},
      {"attention, an added mask", attend({.mask = bias}), {q, k, v}},
      {"attention, a learned mask", attend({.is_causal = true, .dropout_p = 0.3}), {q, k, v, bias}},
      {"attention, dropout", attend({.dropout_p = 0.4}), {q, k, v, some}},
      {"attention of squares",
       [](const Inputs& in) { return scaled_dot_product_attention(in[0], in[0], in[0] * in[0]); },
       {q}},
      {"packed_attention", attend_packed({}), {packed}},
      {"packed_attention, masked",
       attend_packed({.is_causal = true, .dropout_p = 0.3}),
       {packed, tensor({true, false, true}).reshape({1, 1, 1, 3})}},
      {"packed_attention, a learned mask", attend_packed({}), {packed, spread({3, 3})}},
      {"attention_weights",
       [](const Inputs& in) { return attention_weights(in[0], in[1], {.mask = in[2]}); },
       {q, k, dead}},
      {"embedding",
       [](const Inputs& in) { return embedding(in[0], in[1]) * embedding(in[0], in[1]); },
       {ids, spread({3, 4})}},
      {"embedding, padding",  // what is looked up for the padding must not count, or its gradient would not be 0
       [](const Inputs& in) {
         const Tensor y = embedding(in[0], in[1], 2);
         return y * y * ne(in[0], 2.0).unsqueeze(-1).to(y.dtype());
       },
       {ids, spread({3, 4})}},
      {"rms_norm", [](const Inputs& in) { return rms_norm(in[0], {3}); }, {spread({4, 3})}},
      {"rms_norm with weights",
       [](const Inputs& in) {
         return rms_norm(in[0], {2, 3}, in[1], 1e-2);
       },
       {spread({2, 2, 3}), spread({2, 3})}},
  };
}

}  // namespace cairn::cases
