#pragma once
// BERT: Devlin, Chang, Lee and Toutanova 2019, arXiv:1810.04805. Fields and parameters have the names of the published
// models, so that their weights load.

#include <string>
#include <vector>

#include "cairn/base/json.h"
#include "cairn/nn/embedding.h"
#include "cairn/nn/linear.h"
#include "cairn/nn/norm.h"

namespace cairn::models {

/// As the published config.json has it; the values are those of bert-base-uncased.
struct BertConfig {
  int64_t vocab_size = 30522;
  int64_t hidden_size = 768;
  int64_t num_hidden_layers = 12;
  int64_t num_attention_heads = 12;
  int64_t intermediate_size = 3072;
  int64_t max_position_embeddings = 512;
  int64_t type_vocab_size = 2;
  std::string hidden_act = "gelu";  ///< a name or a formula, as nn::Activation takes it
  double hidden_dropout_prob = 0.1;
  double attention_probs_dropout_prob = 0.1;
  double layer_norm_eps = 1e-12;
  int64_t pad_token_id = 0;         ///< below 0: none, null in a config.json
  double initializer_range = 0.02;  ///< deviation of the first weights
};

/// By name: bert_tiny (2 layers of 128 numbers), bert_mini (4, 256), bert_small (4, 512), bert_base (12, 768). The small ones
/// are those of Turc et al. 2019, arXiv:1908.08962.
///   throws  NameError for another name
BertConfig bert_config(const std::string& name);
std::vector<std::string> bert_names();

/// That of a published model, from its config.json. What is not there is as above, what is not for the sizes is passed
/// over, null is for pad_token_id alone, and activations have their names here: gelu_new is gelu_tanh.
///   throws  FileError for a file that is missing or no such config, or one of another model or of positions that are not
///           "absolute"; parse_bert_config, which takes the text itself, ValueError
BertConfig load_bert_config(const std::string& file);
BertConfig parse_bert_config(const std::string& json);
/// The same the other way, to be kept beside weights.
Json to_json(const BertConfig& config);

/// What a BERT reads.
struct BertInputs {
  Tensor input_ids;  ///< (n, length) i64
  Tensor attention_mask =
      {};  ///< (n, length) bool or i64: true or 1 for tokens, false or 0 for padding; none for no padding
  Tensor token_type_ids = {};  ///< (n, length) i64; none for 0 everywhere
};

/// What it makes of it.
struct BertOutput {
  Tensor last_hidden_state;  ///< (n, length, hidden_size)
  Tensor pooler_output;      ///< (n, hidden_size): tanh of a dense layer on the first token; undefined without a pooler
};

namespace detail {
class BertEmbeddings;
class BertEncoder;
class BertPredictions;
}  // namespace detail

/// Embeddings, encoder and, unless it is left out, pooler: 109,482,240 parameters for bert_base. Names: embeddings.…,
/// encoder.layer.0.attention.self.query.weight, …, pooler.dense.….
///   throws  ValueError for sizes below 1 and heads that do not divide hidden_size; when called IndexError for ids out of
///           range, ShapeError for sequences longer than max_position_embeddings and inputs that do not fit each other
class BertModel : public nn::Module {
 public:
  BertConfig config;

  explicit BertModel(const BertConfig& config, bool pooler = true);
  BertOutput operator()(const BertInputs& inputs);
  /// (vocab_size, hidden_size)
  Tensor& word_embeddings() const;

 private:
  detail::BertEmbeddings& embeddings_;
  detail::BertEncoder& encoder_;
  nn::Layer* pooler_ = nullptr;
};

/// A BERT that says which token stands at each place: `bert` and a head `cls.predictions` whose last product is with the
/// word embeddings themselves (cls.predictions.decoder.weight is tied to them, its bias to cls.predictions.bias).
class BertForMaskedLM : public nn::Module {
 public:
  explicit BertForMaskedLM(const BertConfig& config);
  /// Logits (n, length, vocab_size), for cross_entropy with ignore_index −100 where nothing is asked.
  Tensor operator()(const BertInputs& inputs);
  /// The same at some places alone, which saves most of the head's work in training.
  ///   places  (k) i64: row · length + column
  ///   shape   (k, vocab_size)
  Tensor operator()(const BertInputs& inputs, const Tensor& places);
  BertModel& bert;

 private:
  detail::BertPredictions& predictions_;
};

/// A BERT that says to which class a text belongs: `bert` and `classifier` on the pooled first token.
class BertForSequenceClassification : public nn::Module {
 public:
  BertForSequenceClassification(const BertConfig& config, int64_t num_labels);
  /// Logits (n, num_labels).
  Tensor operator()(const BertInputs& inputs);
  BertModel& bert;
  nn::Linear& classifier;
};

/// Loads published weights (safetensors) into one of the models above. Older names are understood: LayerNorm.gamma and
/// .beta, and files of a bare BertModel, without "bert." in front.
///   returns  what the model has and the file lacks (such as a fresh classifier), tied tensors left out, and what the file
///            has beside; what fits is loaded
///   throws   FileError for a file that is missing or damaged, for a tensor of another shape, and when nothing fits; nothing
///            is changed then
nn::LoadReport load_bert(nn::Module& model, const std::string& file);

}  // namespace cairn::models
