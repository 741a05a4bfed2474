#pragma once
// What a BERT is made of, under the names of the published models.

#include "cairn/models/bert.h"
#include "cairn/nn/activation.h"
#include "cairn/ops/arithmetic.h"
#include "cairn/ops/attention.h"
#include "cairn/ops/dropout.h"
#include "cairn/ops/elementwise.h"
#include "cairn/ops/index.h"
#include "cairn/ops/linear.h"
#include "cairn/tensor/create.h"

namespace cairn::models::detail {

struct Pooler : nn::Layer {
  nn::Linear& dense;
  explicit Pooler(const BertConfig& c) : dense(add("dense", nn::Linear(c.hidden_size, c.hidden_size))) {}
  Tensor forward(const Tensor& x) override { return tanh(dense(x)); }
};

struct Output : nn::Module {
  nn::Linear& dense;
  nn::LayerNorm& norm;
  double p;
  Output(int64_t in, const BertConfig& c)
      : dense(add("dense", nn::Linear(in, c.hidden_size))),
        norm(add("LayerNorm", nn::LayerNorm({c.hidden_size}, {.eps = c.layer_norm_eps}))),
        p(c.hidden_dropout_prob) {}

  Tensor operator()(const Tensor& y, const Tensor& past) {
    const Scope scope(path());
    return norm(dropout(dense(y), p, training()) + past);
  }
};

struct SelfAttention : nn::Module {
  nn::Linear &query, &key, &value;
  int64_t heads;
  double p;
  explicit SelfAttention(const BertConfig& c)
      : query(add("query", nn::Linear(c.hidden_size, c.hidden_size))),
        key(add("key", nn::Linear(c.hidden_size, c.hidden_size))),
        value(add("value", nn::Linear(c.hidden_size, c.hidden_size))),
        heads(c.num_attention_heads),
        p(c.attention_probs_dropout_prob) {}

  // Three products: one with the weights joined is no faster, as they would be joined at each call.
  Tensor operator()(const Tensor& x, const Tensor& mask) {
    const Scope scope(path());
    const int64_t n = x.size(0), length = x.size(1), width = x.size(2);
    const auto by_heads = [&](nn::Linear& project) {
      return project(x).reshape({n, length, heads, width / heads}).transpose(1, 2);
    };
    return scaled_dot_product_attention(by_heads(query), by_heads(key), by_heads(value),
                                        {.mask = mask, .dropout_p = training() ? p : 0})
        .transpose(1, 2)
        .reshape({n, length, width});
  }
};

struct Attention : nn::Module {
  SelfAttention& self;
  Output& output;
  explicit Attention(const BertConfig& c)
      : self(add("self", SelfAttention(c))), output(add("output", Output(c.hidden_size, c))) {}
  Tensor operator()(const Tensor& x, const Tensor& mask) { return output(self(x, mask), x); }
};

struct Intermediate : nn::Layer {
  nn::Linear& dense;
  nn::Layer& activation;
  explicit Intermediate(const BertConfig& c)
      : dense(add("dense", nn::Linear(c.hidden_size, c.intermediate_size))),
        activation(add("intermediate_act_fn", nn::Activation(c.hidden_act))) {}
  Tensor forward(const Tensor& x) override { return activation(dense(x)); }
};

struct BertLayer : nn::Module {
  Attention& attention;
  Intermediate& intermediate;
  Output& output;
  explicit BertLayer(const BertConfig& c)
      : attention(add("attention", Attention(c))),
        intermediate(add("intermediate", Intermediate(c))),
        output(add("output", Output(c.intermediate_size, c))) {}

  Tensor operator()(const Tensor& x, const Tensor& mask) {
    const Tensor y = attention(x, mask);
    return output(intermediate(y), y);
  }
};

class BertEmbeddings : public nn::Module {
 public:
  nn::Embedding &word, &position, &type;
  nn::LayerNorm& norm;
  double p;
  explicit BertEmbeddings(const BertConfig& c)
      : word(add("word_embeddings", nn::Embedding(c.vocab_size, c.hidden_size, {.padding_idx = c.pad_token_id}))),
        position(add("position_embeddings", nn::Embedding(c.max_position_embeddings, c.hidden_size))),
        type(add("token_type_embeddings", nn::Embedding(c.type_vocab_size, c.hidden_size))),
        norm(add("LayerNorm", nn::LayerNorm({c.hidden_size}, {.eps = c.layer_norm_eps}))),
        p(c.hidden_dropout_prob) {}

  Tensor operator()(const BertInputs& in) {
    const Tensor& ids = in.input_ids;
    require(ids.dim() == 2, "bert", "input_ids must be (n, length)", given("input_ids", ids));
    require(ids.size(1) <= position.num_embeddings, "bert", "the sequence is longer than there are positions",
            given("input_ids", ids), given("max_position_embeddings", position.num_embeddings));
    const Tensor& types = in.token_type_ids;
    require(!types.defined() || types.shape() == ids.shape(), "bert", "token_type_ids must have the shape of input_ids",
            given("input_ids", ids), given("token_type_ids", types.defined() ? types : ids));
    const Scope scope(path());
    const Tensor beside = type(types.defined() ? types : zeros({1}, i64)) + position(arange(ids.size(1)));
    return dropout(norm(word(ids) + beside), p, training());
  }
};

class BertEncoder : public nn::Module {
 public:
  nn::ModuleList<BertLayer>& layers;
  explicit BertEncoder(const BertConfig& c) : layers(add("layer", nn::ModuleList<BertLayer>())) {
    for (int64_t i = 0; i < c.num_hidden_layers; ++i) layers.push_back(BertLayer(c));
  }
};

// ---- heads -----------------------------------------------------------------------------------------------------------

struct Transform : nn::Layer {
  nn::Linear& dense;
  nn::LayerNorm& norm;
  nn::Layer& activation;
  explicit Transform(const BertConfig& c)
      : dense(add("dense", nn::Linear(c.hidden_size, c.hidden_size))),
        norm(add("LayerNorm", nn::LayerNorm({c.hidden_size}, {.eps = c.layer_norm_eps}))),
        activation(add("transform_act_fn", nn::Activation(c.hidden_act))) {}
  Tensor forward(const Tensor& x) override { return norm(activation(dense(x))); }
};

struct Decoder : nn::Layer {
  Tensor &weight, &bias;
  Decoder(const Tensor& words, const Tensor& shift)
      : weight(parameter("weight", words)), bias(parameter("bias", shift)) {}
  Tensor forward(const Tensor& x) override { return linear(x, weight, bias); }
};

class BertPredictions : public nn::Layer {
 public:
  Tensor& bias;
  Transform& transform;
  Decoder& decoder;
  BertPredictions(const BertConfig& c, const Tensor& words)
      : bias(parameter("bias", zeros({c.vocab_size}, words.dtype()))),
        transform(add("transform", Transform(c))),
        decoder(add("decoder", Decoder(words, bias))) {}
  Tensor forward(const Tensor& x) override { return decoder(transform(x)); }
};

struct Heads : nn::Module {
  BertPredictions& predictions;
  Heads(const BertConfig& c, const Tensor& words) : predictions(add("predictions", BertPredictions(c, words))) {}
};

}  // namespace cairn::models::detail
