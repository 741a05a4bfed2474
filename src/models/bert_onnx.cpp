#include "cairn/models/bert_onnx.h"

#include <array>
#include <utility>
#include <vector>

#include "io/onnx_export.h"
#include "models/bert_parts.h"

namespace cairn::models {
namespace {

using io::detail::Names;
using io::detail::OnnxExport;
using io::detail::OnnxGraph;
using io::detail::Port;
using io::detail::Value;

template <class M>
const M& part(const nn::Module& of, const std::string& name) {
  return dynamic_cast<const M&>(*io::detail::child(of, name));
}

// The same value but for its name.
Value renamed(Value value, std::string name) {
  value.name = std::move(name);
  return value;
}

Value embeddings(OnnxExport& e, const detail::BertEmbeddings& l, const Value& ids, const Value& types) {
  OnnxGraph& g = e.graph;
  const Value words = e.layer(l.word, ids), kinds = e.layer(l.type, types);
  g.scope = l.position.path();
  // Of a text that is too long the sizes do not fit: the sum below is an error in the runtime.
  const auto slice = [&](const std::string& from, const std::string& begin, const std::string& end) {
    return g.node("Slice", {from, begin, end, g.integers({0})});
  };
  const std::string length = slice(g.node("Shape", {ids.name}), g.integers({1}), g.integers({2})),
                    positions = slice(e.parameter(l.position.weight), g.integers({0}), length);
  g.scope = l.path();
  const std::string beside = g.node("Add", {kinds.name, positions});
  return e.layer(l.norm, renamed(words, g.node("Add", {words.name, beside})));
}

Value output(OnnxExport& e, const detail::Output& l, const Value& y, const Value& past) {
  const Value dense = e.layer(l.dense, y);
  e.graph.scope = l.path();
  return e.layer(l.norm, renamed(dense, e.graph.node("Add", {dense.name, past.name})));
}

Value self_attention(OnnxExport& e, const detail::SelfAttention& l, const Value& x, const std::string& allowed) {
  const Names parts = {e.layer(l.query, x).name, e.layer(l.key, x).name, e.layer(l.value, x).name};
  e.graph.scope = l.path();
  return renamed(x, attention(e.graph, parts, l.heads, x.shape[2] / l.heads, "", allowed));
}

Value encoder_layer(OnnxExport& e, const detail::BertLayer& l, const Value& x, const std::string& allowed) {
  const Value seen = output(e, l.attention.output, self_attention(e, l.attention.self, x, allowed), x),
              wide = e.layer(l.intermediate.activation, e.layer(l.intermediate.dense, seen));
  return output(e, l.output, wide, seen);
}

// A graph of a BERT, from its inputs on.
class Writer {
 public:
  Writer(const nn::Module& model, const BertConfig& config, Names outputs)
      : graph_(model.named_parameters().front().tensor.dtype()),
        export_{graph_, io::detail::names_of(model)},
        hidden_(config.hidden_size),
        outputs_(std::move(outputs)) {
    for (const auto& [body, name] : export_.names) graph_.reserve(name);
    for (const Value& input : inputs_) graph_.reserve(input.name);
    for (const std::string& output : outputs_) graph_.reserve(output);
  }

  OnnxExport& exporter() { return export_; }

  /// The last hidden state.
  Value encode(const BertModel& bert) {
    const auto& [ids, mask, types] = inputs_;
    graph_.scope = bert.path();
    const std::string allowed = graph_.node(
        "Unsqueeze",
        {graph_.node("Cast", {mask.name}, {{"to", int64_t{io::detail::onnx_type(boolean)}}}), graph_.integers({1, 2})});
    Value x = embeddings(export_, part<detail::BertEmbeddings>(bert, "embeddings"), ids, types);
    for (const detail::BertLayer& layer : part<detail::BertEncoder>(bert, "encoder").layers)
      x = encoder_layer(export_, layer, x, allowed);
    return x;
  }

  /// tanh of a dense layer on the first token.
  Value pool(const detail::Pooler& l, const Value& hidden) {
    graph_.scope = l.path();
    const std::string first = graph_.node("Gather", {hidden.name, graph_.integers({0})}, {{"axis", int64_t{1}}});
    const Value y = export_.layer(l.dense, {graph_.node("Squeeze", {first, graph_.integers({1})}),
                                            {hidden.shape[0], hidden_},
                                            {hidden.other[0], hidden_},
                                            hidden.dtype});
    return renamed(y, graph_.node("Tanh", {y.name}));
  }

  /// Writes a file that gives these values.
  void write(std::vector<Value> values, const std::string& file, const BertOnnxOptions& o) {
    std::vector<Port> in, out;
    for (const Value& input : inputs_) in.push_back({input, {"n", "length"}});
    for (size_t i = 0; i < values.size(); ++i) {
      graph_.rename(values[i].name, outputs_[i]);
      const Names open = values[i].rank() == 3 ? Names{"n", "length", ""} : Names{"n", ""};
      out.push_back({renamed(values[i], outputs_[i]), open});
    }
    io::detail::write(graph_, in, out, file, {.opset = o.opset, .name = o.name, .metadata = o.metadata});
  }

 private:
  std::array<Value, 3> inputs_ = {Value{"input_ids", {1, 1}, {2, 2}, i64},
                                  {"attention_mask", {1, 1}, {2, 2}, i64},
                                  {"token_type_ids", {1, 1}, {2, 2}, i64}};
  OnnxGraph graph_;
  OnnxExport export_;
  const int64_t hidden_;
  const Names outputs_;
};

}  // namespace

void save_onnx(const BertModel& model, const std::string& file, const BertOnnxOptions& options) {
  const bool pools = io::detail::child(model, "pooler") != nullptr;
  Writer writer(model, model.config, pools ? Names{"last_hidden_state", "pooler_output"} : Names{"last_hidden_state"});
  std::vector<Value> values = {writer.encode(model)};
  if (pools) values.push_back(writer.pool(part<detail::Pooler>(model, "pooler"), values[0]));
  writer.write(values, file, options);
}

void save_onnx(const BertForMaskedLM& model, const std::string& file, const BertOnnxOptions& options) {
  Writer writer(model, model.bert.config, {"logits"});
  OnnxExport& e = writer.exporter();
  OnnxGraph& g = e.graph;
  const Value hidden = writer.encode(model.bert);
  const auto& head = part<detail::Heads>(model, "cls").predictions;
  const Value y =
      e.layer(head.transform.norm, e.layer(head.transform.activation, e.layer(head.transform.dense, hidden)));
  g.scope = head.decoder.path();
  const std::string logits = e.dense(y.name, head.decoder.weight, head.decoder.bias);
  const int64_t vocabulary = model.bert.config.vocab_size;
  writer.write({{logits, {1, 1, vocabulary}, {2, 2, vocabulary}, y.dtype}}, file, options);
}

void save_onnx(const BertForSequenceClassification& model, const std::string& file, const BertOnnxOptions& options) {
  Writer writer(model, model.bert.config, {"logits"});
  const Value pooled = writer.pool(part<detail::Pooler>(model.bert, "pooler"), writer.encode(model.bert));
  writer.write({writer.exporter().layer(model.classifier, pooled)}, file, options);
}

}  // namespace cairn::models
