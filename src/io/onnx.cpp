#include "cairn/io/onnx.h"

#include <onnx/checker.h>
#include <onnx/shape_inference/implementation.h>

#include "cairn/base/file.h"
#include "cairn/nn/embedding.h"
#include "cairn/nn/sequential.h"
#include "io/onnx_export.h"

namespace cairn::io {
namespace {

using detail::Names;
using detail::Port;
using detail::Value;

void check_input(const Shape& input) {
  require(!input.empty() && input[0] >= 1, "save_onnx", "the input needs a number of samples as its first size",
          given("input", input));
  checked_numel("save_onnx", input);
}

// Whether a model begins with tokens and not with numbers.
bool takes_tokens(const nn::Layer& layer) {
  const auto* row = dynamic_cast<const nn::Sequential*>(&layer);
  return row && row->size() > 0 ? takes_tokens((*row)[0]) : dynamic_cast<const nn::Embedding*>(&layer) != nullptr;
}

// The sizes that follow the number of samples: "n" or, where each adds several, "4n". Others that are open have no name.
Names in_samples(const Value& value, int64_t samples) {
  Names names;
  for (int d = 0; d < value.rank(); ++d) {
    const int64_t each = value.other[d] - value.shape[d];
    names.emplace_back(each != 0 && each * samples == value.shape[d] ? (each == 1 ? "" : std::to_string(each)) + "n"
                                                                     : "");
  }
  return names;
}

void declare(onnx::ValueInfoProto& info, const Port& port) {
  info.set_name(port.value.name);
  onnx::TypeProto::Tensor& type = *info.mutable_type()->mutable_tensor_type();
  type.set_elem_type(detail::onnx_type(port.value.dtype));
  type.mutable_shape();  // of a scalar, with no sizes
  for (int d = 0; d < port.value.rank(); ++d) {
    onnx::TensorShapeProto::Dimension& size = *type.mutable_shape()->add_dim();
    if (!port.value.open(d))
      size.set_dim_value(port.value.shape[d]);
    else if (const std::string& name = port.open[static_cast<size_t>(d)]; !name.empty())
      size.set_dim_param(name);
  }
}

// ONNX's own opinion of the model. Inference writes the sizes of what lies between into it, for viewers.
void check(onnx::ModelProto& model) {
  try {
    onnx::checker::check_model(model);
    onnx::shape_inference::InferShapes(model, onnx::OpSchemaRegistry::Instance(), {true, 1, true});
  } catch (const std::runtime_error& e) {
    throw Error(std::string("save_onnx: the checker of ONNX refuses the model: ") + e.what());
  }
}

}  // namespace

std::unordered_map<const Body*, std::string> detail::names_of(const nn::Module& model) {
  std::unordered_map<const Body*, std::string> names;
  double bytes = 0;
  const auto add = [&](const auto& named) {
    const auto size = static_cast<double>(size_of(named.tensor.dtype()));
    if (names.emplace(named.tensor.body().get(), named.name).second)
      bytes += size * static_cast<double>(named.tensor.numel());
  };
  for (const nn::Parameter& p : model.named_parameters()) add(p);
  for (const nn::Buffer& b : model.named_buffers()) add(b);
  require<ValueError>(bytes < 0x1p31 - 0x1p20, "save_onnx", "the format ends at 2 GB, and the model has more",
                      given("bytes", static_cast<int64_t>(bytes)));
  return names;
}

void detail::write(OnnxGraph& graph, const std::vector<Port>& inputs, const std::vector<Port>& outputs,
                   const std::string& file, const OnnxOptions& o) {
  require<ValueError>(o.opset >= 13 && o.opset <= 17, "save_onnx", "the opset must be from 13 to 17",
                      given("opset", o.opset));
  require<ValueError>(!o.name.empty(), "save_onnx", "the graph needs a name");
  onnx::ModelProto proto;
  proto.set_ir_version(onnx::Version::IR_VERSION);
  proto.set_producer_name("cairn");
  proto.set_producer_version(CAIRN_VERSION);
  proto.add_opset_import()->set_version(o.opset);
  for (const auto& [key, text] : o.metadata) {
    onnx::StringStringEntryProto& entry = *proto.add_metadata_props();
    entry.set_key(key);
    entry.set_value(text);
  }
  graph.proto().set_name(o.name);
  for (const Port& port : inputs) declare(*graph.proto().add_input(), port);
  for (const Port& port : outputs) declare(*graph.proto().add_output(), port);
  proto.mutable_graph()->Swap(&graph.proto());
  check(proto);
  std::string bytes;
  require<ValueError>(proto.ByteSizeLong() <= INT32_MAX && proto.SerializeToString(&bytes), "save_onnx",
                      "the format ends at 2 GB, and the model has more", given("bytes", proto.ByteSizeLong()));
  write_text(file, bytes);
}

void save_onnx(const nn::Layer& model, const std::string& file, const Shape& input, const OnnxOptions& o) {
  check_input(input);
  const std::vector<nn::Parameter> parameters = model.named_parameters();
  detail::OnnxGraph graph(parameters.empty() ? f32 : parameters[0].tensor.dtype());
  detail::OnnxExport e{graph, detail::names_of(model)};
  for (const auto& [body, name] : e.names) graph.reserve(name);
  graph.reserve(o.input);
  graph.reserve(o.output);

  Value x{o.input, input, input, takes_tokens(model) ? i64 : graph.dtype};
  if (o.dynamic_batch) ++x.other[0];
  Value y = e.layer(model, x);
  graph.scope.clear();
  if (y.name == x.name) y.name = graph.node("Identity", {x.name});
  graph.rename(y.name, o.output);
  y.name = o.output;
  detail::write(graph, {{x, in_samples(x, input[0])}}, {{y, in_samples(y, input[0])}}, file, o);
}

}  // namespace cairn::io
