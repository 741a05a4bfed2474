#include "io/onnx_graph.h"

#include <onnx/onnx_pb.h>

#include <bit>

#include "cairn/math/expr.h"
#include "cairn/tensor/create.h"

namespace cairn::io::detail {

static_assert(std::endian::native == std::endian::little, "raw data are written as they lie in memory");

OnnxGraph::OnnxGraph(Dtype dtype) : dtype(dtype), proto_(std::make_unique<onnx::GraphProto>()) {}
OnnxGraph::~OnnxGraph() = default;

int onnx_type(Dtype dtype) {
  switch (dtype) {
    case f32:
      return onnx::TensorProto::FLOAT;
    case f64:
      return onnx::TensorProto::DOUBLE;
    case i64:
      return onnx::TensorProto::INT64;
    case u8:
      return onnx::TensorProto::UINT8;
    case boolean:
      return onnx::TensorProto::BOOL;
  }
  return onnx::TensorProto::UNDEFINED;
}

void OnnxGraph::reserve(const std::string& name) {
  require<ValueError>(!name.empty() && taken_.insert(name).second, "save_onnx",
                      "names of inputs, outputs and parameters must differ and not be empty", given("name", name));
}

std::string OnnxGraph::fresh(const std::string& wish) {
  std::string name = wish;
  for (int number = 2; !taken_.insert(name).second; ++number) name = wish + "_" + std::to_string(number);
  return name;
}

static void set(onnx::AttributeProto& attribute, const Attribute& a) {
  attribute.set_name(a.name);
  if (const auto* i = std::get_if<int64_t>(&a.value)) {
    attribute.set_type(onnx::AttributeProto::INT);
    attribute.set_i(*i);
  } else if (const auto* number = std::get_if<double>(&a.value)) {
    attribute.set_type(onnx::AttributeProto::FLOAT);
    attribute.set_f(static_cast<float>(*number));
  } else {
    attribute.set_type(onnx::AttributeProto::INTS);
    for (const int64_t item : std::get<Integers>(a.value)) attribute.add_ints(item);
  }
}

Names OnnxGraph::nodes(const char* operation, const Names& inputs, int outputs, const Attributes& attributes) {
  onnx::NodeProto& node = *proto_->add_node();
  node.set_op_type(operation);
  node.set_name(fresh((scope.empty() ? "" : scope + "/") + operation));
  for (const std::string& input : inputs) node.add_input(input);
  for (const Attribute& a : attributes) set(*node.add_attribute(), a);
  // One output has the name of its node, several have numbers behind it.
  Names names = {node.name()};
  if (outputs > 1) {
    names.clear();
    for (int i = 0; i < outputs; ++i) names.push_back(fresh(node.name() + "." + std::to_string(i)));
  }
  for (const std::string& name : names) node.add_output(name);
  return names;
}

std::string OnnxGraph::node(const char* operation, const Names& inputs, const Attributes& attributes) {
  std::string key = operation;
  for (const std::string& input : inputs) key += '\n' + input;
  for (const Attribute& a : attributes) {
    onnx::AttributeProto attribute;
    set(attribute, a);
    key += '\t' + attribute.SerializeAsString();
  }
  const auto at = known_.find(key);
  return at != known_.end() ? at->second
                            : known_.emplace(key, nodes(operation, inputs, 1, attributes)[0]).first->second;
}

void OnnxGraph::store(const std::string& name, const Tensor& value) {
  const Tensor x = value.detach().contiguous();
  onnx::TensorProto& tensor = *proto_->add_initializer();
  tensor.set_name(name);
  tensor.set_data_type(onnx_type(x.dtype()));
  for (const int64_t size : x.shape()) tensor.add_dims(size);
  tensor.set_raw_data(x.pointer<char>(), static_cast<size_t>(x.numel()) * size_of(x.dtype()));
}

std::string OnnxGraph::constant(const Tensor& value) {
  const Tensor x = is_float(value.dtype()) ? value.to(dtype) : value;
  std::string name = fresh("constant");
  store(name, x);
  return name;
}

std::string OnnxGraph::number(double value) {
  const auto [at, is_new] = known_.emplace("number " + shortest(value), "");
  if (is_new) {
    at->second = fresh("constant/" + shortest(value));
    store(at->second, full({}, value, dtype));
  }
  return at->second;
}

std::string OnnxGraph::integers(const Integers& list) {
  std::string text;
  for (const int64_t i : list) text += (text.empty() ? "" : ",") + std::to_string(i);
  const auto [at, is_new] = known_.emplace("integers " + text, "");
  if (is_new) {
    at->second = fresh("constant/[" + text + "]");
    store(at->second, from_vector(list));
  }
  return at->second;
}

void OnnxGraph::rename(const std::string& from, const std::string& to) {
  for (onnx::NodeProto& node : *proto_->mutable_node()) {
    for (std::string& name : *node.mutable_input())
      if (name == from) name = to;
    for (std::string& name : *node.mutable_output())
      if (name == from) name = to;
  }
}

}  // namespace cairn::io::detail
