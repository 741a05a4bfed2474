// Embeddings, attention and transformers held to PyTorch's values and gradients, and a whole training run.
#include "cases.h"

namespace cairn::reference {
namespace {

TEST(Reference, EmbeddingAndAttention) {
  check("layers", {
                      {"embedding", [](const Case& c) { return embedding(c.integers.at("ids"), c("weight")); }},
                      {"multi_head_attention",
                       [](const Case& c) {
                         nn::MultiheadAttention m(c.params["embed_dim"], c.params["heads"], {.dtype = f64});
                         m.in_proj_weight = c("in_proj_weight"), m.in_proj_bias = c("in_proj_bias");
                         m.out_proj.weight = c("out_proj.weight"), m.out_proj.bias = c("out_proj.bias");
                         return m(c("x"), {.is_causal = c.params["causal"]});
                       }},
                      {"transformer_encoder_layer",
                       [](const Case& c) {
                         nn::TransformerEncoderLayer layer(c.params["d_model"], c.params["heads"],
                                                           {.dim_feedforward = c.params["ff"],
                                                            .dropout = c.params["dropout"],
                                                            .activation = c.params["activation"],
                                                            .norm_first = c.params["norm_first"],
                                                            .dtype = f64});
                         auto& norm1 = dynamic_cast<nn::LayerNorm&>(layer.norm1);
                         auto& norm2 = dynamic_cast<nn::LayerNorm&>(layer.norm2);
                         const std::map<std::string, Tensor*> places = {
                             {"self_attn.in_proj_weight", &layer.self_attn.in_proj_weight},
                             {"self_attn.in_proj_bias", &layer.self_attn.in_proj_bias},
                             {"self_attn.out_proj.weight", &layer.self_attn.out_proj.weight},
                             {"self_attn.out_proj.bias", &layer.self_attn.out_proj.bias},
                             {"linear1.weight", &layer.linear1.weight},
                             {"linear1.bias", &layer.linear1.bias},
                             {"linear2.weight", &layer.linear2.weight},
                             {"linear2.bias", &layer.linear2.bias},
                             {"norm1.weight", &norm1.weight},
                             {"norm1.bias", &norm1.bias},
                             {"norm2.weight", &norm2.weight},
                             {"norm2.bias", &norm2.bias}};
                         for (const auto& [name, place] : places) *place = c(name);
                         return layer(c("x"));
                       }},
                  });
}

struct Bert : nn::Module {
  nn::Embedding &tok, &pos;
  nn::LayerNorm& ln;
  nn::ModuleList<nn::TransformerEncoderLayer>& layers = add("layers", nn::ModuleList<nn::TransformerEncoderLayer>());
  nn::Linear& head;
  Bert(int64_t vocab, int64_t length, int64_t d, int64_t heads, int64_t count, int64_t ff)
      : tok(add("tok", nn::Embedding(vocab, d))),
        pos(add("pos", nn::Embedding(length, d))),
        ln(add("ln", nn::LayerNorm({d}))),
        head(add("head", nn::Linear(d, vocab))) {
    for (int64_t i = 0; i < count; ++i)
      layers.push_back(
          nn::TransformerEncoderLayer(d, heads, {.dim_feedforward = ff, .dropout = 0, .activation = "gelu"}));
  }
  Tensor operator()(const Tensor& ids) {
    Tensor x = ln(tok(ids) + pos(arange(ids.size(1))));
    for (auto& layer : layers) x = layer(x);
    return head(x);
  }
};

Tensor matrix_of(const Json& rows) {
  std::vector<int64_t> all;
  for (const Json& row : rows)
    for (const Json& v : row) all.push_back(v);
  return from_vector(all, {static_cast<int64_t>(rows.size()), static_cast<int64_t>(rows[0].size())});
}

TEST(Reference, BertTiny) {
  int runs = 0;
  const Json file = load("training");
  for (const Json& c : file["cases"]) {
    if (c["run"] != "bert_tiny") continue;
    ++runs;
    const Json& o = c["config"];
    Bert model(o["vocab"], o["seq"], o["d_model"], o["heads"], o["layers"], o["ff"]);
    model.to(f64);
    nn::StateDict state;
    for (const auto& [name, value] : c["state"].items()) state[name] = tensor_of(value);
    model.load_state_dict(state);
    const Tensor ids = matrix_of(c["ids"]), y = matrix_of(c["y"]).reshape({-1});
    optim::Adam optimizer(model.parameters(), {.lr = 0.01});
    for (const Json& expected : c["loss"]) {
      optimizer.zero_grad();
      const Tensor loss = cross_entropy(model(ids).flatten(0, 1), y, {.ignore_index = -100});
      loss.backward();
      optimizer.step();
      EXPECT_NEAR(loss.item<double>(), expected.get<double>(), training_tolerance);
    }
  }
  EXPECT_EQ(runs, 1);
}

}  // namespace
}  // namespace cairn::reference
