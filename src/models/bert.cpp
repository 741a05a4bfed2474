#include "cairn/models/bert.h"

#include <utility>

#include "cairn/graph/node.h"
#include "cairn/ops/compare.h"
#include "cairn/tensor/random.h"
#include "models/bert_parts.h"

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

}  // namespace

BertModel::BertModel(const BertConfig& c, bool pooler)
    : config(checked(c)),
      embeddings_(add("embeddings", detail::BertEmbeddings(c))),
      encoder_(add("encoder", detail::BertEncoder(c))) {
  if (pooler) pooler_ = &add("pooler", detail::Pooler(c));
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
  for (detail::BertLayer& layer : encoder_.layers) x = layer(x, mask);
  return {x, pooler_ ? (*pooler_)(x.select(1, 0)) : Tensor()};
}

// ---- heads ---------------------------------------------------------------------------------------------------------------

BertForMaskedLM::BertForMaskedLM(const BertConfig& c)
    : bert(add("bert", BertModel(c, false))),
      predictions_(add("cls", detail::Heads(c, bert.word_embeddings())).predictions) {
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

}  // namespace cairn::models
