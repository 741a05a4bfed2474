// BERT's files: its config.json, and published weights.
#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <utility>

#include "cairn/data/text.h"
#include "cairn/io/safetensors.h"
#include "cairn/models/bert.h"
#include "train/parse_object.h"

namespace cairn::models {
namespace {

// Members of a config.json that a BertConfig has, each handed to f with its name.
template <class Config, class F>
void each_member(Config& c, const F& f) {
  f("vocab_size", c.vocab_size), f("hidden_size", c.hidden_size);
  f("num_hidden_layers", c.num_hidden_layers), f("num_attention_heads", c.num_attention_heads);
  f("intermediate_size", c.intermediate_size), f("max_position_embeddings", c.max_position_embeddings);
  f("type_vocab_size", c.type_vocab_size), f("hidden_act", c.hidden_act);
  f("hidden_dropout_prob", c.hidden_dropout_prob), f("attention_probs_dropout_prob", c.attention_probs_dropout_prob);
  f("layer_norm_eps", c.layer_norm_eps), f("pad_token_id", c.pad_token_id);
  f("initializer_range", c.initializer_range);
}

constexpr const char* parse = "parse_bert_config";

void read(const std::string& name, const Json& json, int64_t& value) {
  const bool fits = json.is_number_unsigned() ? json.get<uint64_t>() <= INT64_MAX : json.is_number_integer();
  if (!fits) fail<ValueError>(parse, name + " must be a whole number", json.dump());
  json.get_to(value);
}
void read(const std::string& name, const Json& json, double& value) {
  if (!json.is_number()) fail<ValueError>(parse, name + " must be a number", json.dump());
  json.get_to(value);
}
void read(const std::string& name, const Json& json, std::string& value) {
  if (!json.is_string()) fail<ValueError>(parse, name + " must be a text", json.dump());
  json.get_to(value);
}

}  // namespace

Json to_json(const BertConfig& config) {
  Json json = {{"model_type", "bert"}};
  each_member(config, [&](const char* name, const auto& value) { json[name] = value; });
  if (config.pad_token_id < 0) json["pad_token_id"] = nullptr;
  return json;
}

BertConfig parse_bert_config(const std::string& json) {
  const auto all = train::parse_object(json);
  require<ValueError>(all.has_value(), parse, "this is no JSON object, or one nested too deep");
  std::string kind = "bert", positions = "absolute";
  if (const auto at = all->find("model_type"); at != all->end()) read("model_type", *at, kind);
  if (const auto at = all->find("position_embedding_type"); at != all->end())
    read("position_embedding_type", *at, positions);
  require<ValueError>(kind == "bert", parse, "model_type must be 'bert'", kind);
  require<ValueError>(positions == "absolute", parse, "position_embedding_type must be 'absolute'", positions);
  BertConfig config;
  each_member(config, [&](const std::string& name, auto& value) {
    const auto at = all->find(name);
    if (at == all->end()) return;
    if (name == "pad_token_id" && at->is_null())
      config.pad_token_id = -1;  // none
    else
      read(name, *at, value);
  });
  static const std::map<std::string, std::string> other_names = {{"gelu_python", "gelu"},
                                                                 {"gelu_new", "gelu_tanh"},
                                                                 {"gelu_fast", "gelu_tanh"},
                                                                 {"gelu_pytorch_tanh", "gelu_tanh"},
                                                                 {"quick_gelu", "x * sigmoid(1.702 * x)"}};
  const auto other = other_names.find(config.hidden_act);
  if (other != other_names.end()) config.hidden_act = other->second;
  return config;
}

BertConfig load_bert_config(const std::string& file) {
  const std::string text = data::read_text(file);
  try {
    return parse_bert_config(text);
  } catch (const ValueError& e) {
    throw FileError(std::string(e.what()) + "; got '" + file + "'");
  }
}

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
  const bool any =
      std::any_of(state.begin(), state.end(), [&](const auto& named) { return own.contains(named.first); });
  require<FileError>(any, "load_bert", "none of its tensors is one of the model", given("file", file));
  for (const auto& [name, tensor] : own)
    require<FileError>(!state.contains(name) || state.at(name).shape() == tensor.shape(), "load_bert",
                       "a tensor has another shape than the model's", given("tensor", name),
                       given("model", tensor.shape()),
                       given("file", state.contains(name) ? state.at(name).shape() : Shape()), file);
  return model.load_state_dict(state, false);
}

}  // namespace cairn::models
