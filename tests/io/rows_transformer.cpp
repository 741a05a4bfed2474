#include "cairn/nn/embedding.h"
#include "cairn/nn/norm.h"
#include "cairn/nn/transformer.h"
#include "rows.h"

namespace cairn::testing {

std::vector<Row> transformer_rows() {
  const Shape tokens = {2, 5, 8};
  using nn::Sequential, nn::TransformerEncoderLayer;
  return {
      {"RMSNorm",
       [] {
         return Sequential(nn::RMSNorm({5, 8}, {.eps = 1e-3}), nn::RMSNorm({8}, {.elementwise_affine = false}));
       },
       tokens},
      {"PositionalEmbedding", [] { return Sequential(nn::PositionalEmbedding(6, 8, {.std = 0.5})); }, tokens},
      {"SinusoidalEncoding", [] { return Sequential(nn::SinusoidalEncoding(8)); }, tokens},
      {"TransformerEncoderLayer",
       [] {
         return Sequential(TransformerEncoderLayer(8, 2, {.dim_feedforward = 12}),
                           TransformerEncoderLayer(8, 4,
                                                   {.dim_feedforward = 12,
                                                    .dropout = 0,
                                                    .activation = "swish(1.5)",
                                                    .layer_norm_eps = 1e-3,
                                                    .norm_first = true,
                                                    .bias = false,
                                                    .gated = true,
                                                    .norm = "rms",
                                                    .is_causal = true}));
       },
       tokens},
      {"TransformerEncoder",
       [] {
         return Sequential(
             nn::TransformerEncoder(8, 2, 2, {.dim_feedforward = 12, .activation = "gelu", .norm_first = true}));
       },
       tokens},
      {"Embedding", [] { return Sequential(nn::Embedding(7, 3, {.padding_idx = 2})); }, {5, 4}, 7},
  };
}

}  // namespace cairn::testing
