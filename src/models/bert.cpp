#include "cairn/models/bert.h"

#include <map>
#include <utility>

#include "cairn/graph/node.h"
#include "cairn/io/safetensors.h"
#include "cairn/nn/activation.h"
#include "cairn/ops/arithmetic.h"
#include "cairn/ops/attention.h"
#include "cairn/ops/compare.h"
#include "cairn/ops/dropout.h"
#include "cairn/ops/elementwise.h"
#include "cairn/ops/index.h"
#include "cairn/ops/linear.h"
#include "cairn/tensor/create.h"
#include "cairn/tensor/random.h"

namespace cairn::models {
namespace {

const BertConfig& checked(const BertConfig& c) {
  for (const auto& [what, size] : {std::pair("vocab_size", c.vocab_size),
                                   {"hidden_size", c.hidden_size},
                                   {"num_hidden_layers", c.num_hidden_layers},
                                   {"num_attention_heads", c.num_attention_heads},
                                   {"intermediate_size", c.intermediate_size},
                                   {"max_position_embeddings", c.max_position_embeddings},
                                   {"type_vocab_size", c.type_vocab_size}})
    require<ValueError>(size >= 1, "bert", "sizes must be at least 1", given(what, size));
  require<ValueError>(c.hidden_size % c.num_attention_heads == 0, "bert", "num_attention_heads must divide hidden_size",
                      given("hidden_size", c.hidden_size), given("num_attention_heads", c.num_attention_heads));
  for (const double p : {c.hidden_dropout_prob, c.attention_probs_dropout_prob})
    require<ValueError>(p >= 0 && p <= 1, "bert", "the probability must be from 0 to 1", given("p", p));
  return c;
}

// The first weights: normal numbers, zeros for biases and the padding. Norms are as they should be.
void initialize(const nn::Module& m, double deviation) {
  const NoGrad off;
  for (nn::Parameter& p : m.parameters()) {
    if (p.name.find("LayerNorm.") != std::string::npos) continue;
    if (p.tensor.dim() == 2)
      normal_(p.tensor, 0, deviation);
    else if (p.name.ends_with("bias"))
      p.tensor.zero_();
  }
}

// The names of the published models need these steps between.
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

}  // namespace

class detail::BertEmbeddings : public nn::Module {
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

class detail::BertEncoder : public nn::Module {
 public:
  nn::ModuleList<BertLayer>& layers;
  explicit BertEncoder(const BertConfig& c) : layers(add("layer", nn::ModuleList<BertLayer>())) {
    for (int64_t i = 0; i < c.num_hidden_layers; ++i) layers.push_back(BertLayer(c));
  }
};

BertModel::BertModel(const BertConfig& c, bool pooler)
    : config(checked(c)),
      embeddings_(add("embeddings", detail::BertEmbeddings(c))),
      encoder_(add("encoder", detail::BertEncoder(c))) {
  if (pooler) pooler_ = &add("pooler", Pooler(c));
  initialize(*this, c.initializer_range);
  const NoGrad off;
  if (c.pad_token_id >= 0) embeddings_.word.weight[c.pad_token_id].zero_();
}

Tensor& BertModel::word_embeddings() const { return embeddings_.word.weight; }

BertOutput BertModel::operator()(const BertInputs& in) {
  const Scope scope(path());
  Tensor mask = in.attention_mask;
  Tensor x = embeddings_(in);
  if (mask.defined()) {
    require(mask.shape() == in.input_ids.shape(), "bert", "attention_mask must have the shape of input_ids",
            given("input_ids", in.input_ids), given("attention_mask", mask));
    require<DtypeError>(mask.dtype() == boolean || mask.dtype() == i64, "bert", "attention_mask must be bool or i64",
                        given("attention_mask", mask));
    mask = mask.to(boolean).unsqueeze(1).unsqueeze(1);
  }
  for (BertLayer& layer : encoder_.layers) x = layer(x, mask);
  return {x, pooler_ ? (*pooler_)(x.select(1, 0)) : Tensor()};
}

// ---- heads ---------------------------------------------------------------------------------------------------------------

namespace {

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

}  // namespace

class detail::BertPredictions : public nn::Layer {
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

namespace {

struct Heads : nn::Module {
  detail::BertPredictions& predictions;
  Heads(const BertConfig& c, const Tensor& words)
      : predictions(add("predictions", detail::BertPredictions(c, words))) {}
};

}  // namespace

BertForMaskedLM::BertForMaskedLM(const BertConfig& c)
    : bert(add("bert", BertModel(c, false))), predictions_(add("cls", Heads(c, bert.word_embeddings())).predictions) {
  initialize(predictions_.transform, c.initializer_range);
}

Tensor BertForMaskedLM::operator()(const BertInputs& inputs) { return predictions_(bert(inputs).last_hidden_state); }

Tensor BertForMaskedLM::operator()(const BertInputs& inputs, const Tensor& places) {
  const Tensor hidden = bert(inputs).last_hidden_state;
  return predictions_(index_select(hidden.reshape({-1, hidden.size(2)}), 0, places));
}

BertForSequenceClassification::BertForSequenceClassification(const BertConfig& c, int64_t num_labels)
    : bert(add("bert", BertModel(c))), classifier(add("classifier", nn::Linear(c.hidden_size, num_labels))) {
  initialize(classifier, c.initializer_range);
}

Tensor BertForSequenceClassification::operator()(const BertInputs& inputs) {
  const Scope scope(path());
  return classifier(dropout(bert(inputs).pooler_output, bert.config.hidden_dropout_prob, training()));
}

// ---- sizes ---------------------------------------------------------------------------------------------------------------

std::vector<std::string> bert_names() { return {"bert_tiny", "bert_mini", "bert_small", "bert_base"}; }

BertConfig bert_config(const std::string& name) {
  const auto sized = [](int64_t layers, int64_t hidden) {
    return BertConfig{.hidden_size = hidden,
                      .num_hidden_layers = layers,
                      .num_attention_heads = hidden / 64,
                      .intermediate_size = 4 * hidden};
  };
  if (name == "bert_tiny") return sized(2, 128);
  if (name == "bert_mini") return sized(4, 256);
  if (name == "bert_small") return sized(4, 512);
  if (name == "bert_base") return sized(12, 768);
  fail_unknown("bert_config", name, bert_names());
}

// ---- published weights ---------------------------------------------------------------------------------------------------

nn::LoadReport load_bert(nn::Module& model, const std::string& file) {
  const nn::StateDict own = model.state_dict();
  nn::StateDict state;
  for (const auto& [given_name, tensor] : io::load_safetensors(file).tensors) {
    std::string name = given_name;
    if (name.ends_with("LayerNorm.gamma")) name.replace(name.size() - 5, 5, "weight");
    if (name.ends_with("LayerNorm.beta")) name.replace(name.size() - 4, 4, "bias");
    if (!own.contains(name)) {
      std::string other = name.starts_with("bert.") ? name.substr(5) : std::string("bert.").append(name);
      if (own.contains(other)) name = std::move(other);
    }
    state.insert({name, tensor});
  }
  // A tensor under several names is there when one of them is.
  std::map<const void*, std::string> known;
  for (const auto& [name, tensor] : own)
    if (state.contains(name)) known.insert({tensor.body()->storage.get(), name});
  for (const auto& [name, tensor] : own)
    if (const auto at = known.find(tensor.body()->storage.get()); at != known.end() && !state.contains(name))
      state.insert({name, state.at(at->second)});
  require<FileError>(!known.empty(), "load_bert", "none of its tensors is one of the model", given("file", file));
  for (const auto& [name, tensor] : own)
    require<FileError>(!state.contains(name) || state.at(name).shape() == tensor.shape(), "load_bert",
                       "a tensor has another shape than the model's", given("tensor", name),
                       given("model", tensor.shape()),
                       given("file", state.contains(name) ? state.at(name).shape() : Shape()), file);
  return model.load_state_dict(state, false);
}

}  // namespace cairn::models
