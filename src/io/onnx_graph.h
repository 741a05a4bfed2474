#pragma once
// An ONNX graph under construction: nodes, the constants that they read, and a name for everything. The classes that
// protobuf made of ONNX's schema stay behind it.

#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <variant>
#include <vector>

#include "cairn/tensor/tensor.h"

namespace onnx {
class GraphProto;
}

namespace cairn::io::detail {

using Names = std::vector<std::string>;
using Integers = std::vector<int64_t>;

struct Attribute {
  const char* name;
  std::variant<int64_t, double, Integers> value;
};
using Attributes = std::vector<Attribute>;

class OnnxGraph {
 public:
  explicit OnnxGraph(Dtype dtype);
  ~OnnxGraph();
  OnnxGraph(const OnnxGraph&) = delete;
  OnnxGraph& operator=(const OnnxGraph&) = delete;

  /// Of all numbers that are computed with.
  const Dtype dtype;
  /// What the names of new nodes begin with: the path of a layer.
  std::string scope;

  /// Keeps a name for what is to have it.
  ///   throws  ValueError when it is empty or taken
  void reserve(const std::string& name);
  /// Appends a node and returns the name of its one output; that of an equal node, where there is one already.
  std::string node(const char* operation, const Names& inputs, const Attributes& attributes = {});
  /// The same with several outputs.
  Names nodes(const char* operation, const Names& inputs, int outputs, const Attributes& attributes = {});
  /// Constants: one number of the graph's dtype, a list of integers, a tensor (in the graph's dtype if it is a float).
  std::string number(double value);
  std::string integers(const Integers& list);
  std::string constant(const Tensor& value);
  /// Stores the tensor under a reserved name.
  void store(const std::string& name, const Tensor& value);
  /// Gives what is computed under one name another, which is reserved.
  void rename(const std::string& from, const std::string& to);

  onnx::GraphProto& proto() { return *proto_; }

 private:
  std::string fresh(const std::string& wish);

  std::unique_ptr<onnx::GraphProto> proto_;
  std::set<std::string> taken_;
  std::unordered_map<std::string, std::string> known_;  // of nodes and constants, by what they are
};

/// ONNX's number for a dtype.
int onnx_type(Dtype dtype);

}  // namespace cairn::io::detail
