#pragma once
// From layers to the nodes of an ONNX graph.

#include <functional>
#include <map>
#include <span>
#include <string>
#include <typeindex>
#include <unordered_map>
#include <utility>

#include "cairn/activation/activation.h"
#include "cairn/io/onnx.h"
#include "cairn/nn/module.h"
#include "io/onnx_graph.h"

namespace cairn::io::detail {

/// A tensor in the graph: its sizes for the number of samples given, and for one more. Where the two differ the size is
/// left open.
struct Value {
  std::string name;
  Shape shape, other;
  Dtype dtype;  ///< i64 for tokens

  int rank() const { return shape.size(); }
  bool open(int dim) const { return shape[dim] != other[dim]; }
  /// throws  ValueError when the size is left open: it must stand in the file
  int64_t size(int dim) const;
};

/// What is being exported.
struct OnnxExport {
  OnnxGraph& graph;
  std::unordered_map<const Body*, std::string> names;  ///< of parameters and buffers, the first of tied ones
  std::set<std::string> stored = {};                   ///< those among them that the graph has

  /// The layer applied to x.
  ///   throws  NameError for one that the table does not have
  Value layer(const nn::Layer& layer, const Value& x);
  /// A parameter or buffer as an initializer.
  std::string parameter(const Tensor& value);
  /// x (…, in) times a weight (out, in), plus a bias unless it is undefined.
  std::string dense(const std::string& x, const Tensor& weight, const Tensor& bias);
  /// One number a channel, shaped so that it meets dimension 1 of a tensor of that rank.
  std::string by_channel(const std::string& name, int rank);
  /// In the shape of `like`, of whose sizes one at most is open.
  std::string reshape(const std::string& name, const Value& like);
};

/// A formula in x and in variables that are values of the graph.
std::string formula(OnnxGraph& graph, const Expr& expression, const std::string& x,
                    const std::map<std::string, std::string>& variables = {});
/// An activation of the catalogue, a registered one or a formula; `learned` are its parameters when they are trained.
std::string elementwise(OnnxGraph& graph, const Activation& f, const std::string& x, const Names& learned = {});
/// A fold of the catalogue with its parameters; y has the sizes of the result.
std::string fold(OnnxExport& e, const std::string& name, std::span<const double> parameters, const Value& x,
                 const Value& y);
/// (x − mean) / √(variance + eps) over these dimensions.
std::string normalised(OnnxGraph& graph, const std::string& x, const Integers& dims, double eps);

/// softmax(q kᵀ / √width) v in heads.
///   parts    queries, keys and values (n, length, heads · width)
///   added    to the scores (n, heads, queries, keys), unless it is ""
///   allowed  bool, where a key takes part, unless it is "": a query without any sees zeros
std::string attention(OnnxGraph& graph, const Names& parts, int64_t heads, int64_t width, const std::string& added,
                      const std::string& allowed);

/// How a layer becomes nodes: the name of its result, whose sizes y has.
template <class L>
using LeafRow = std::string (*)(OnnxExport& e, const L& layer, const Value& x, const Value& y);
/// The same for a layer that is made of others.
template <class L>
using TreeRow = Value (*)(OnnxExport& e, const L& layer, const Value& x);

using Row = std::function<Value(OnnxExport& e, const nn::Layer& layer, const Value& x)>;
using Table = std::unordered_map<std::type_index, Row>;

/// The sizes of what the layer gives.
Value result_of(const nn::Layer& layer, const Value& x);

/// A row for a layer whose forward does the same in training: it is asked for the sizes of the result.
template <class L>
std::pair<const std::type_index, Row> leaf(LeafRow<L> row) {
  return {typeid(L), [row](OnnxExport& e, const nn::Layer& layer, const Value& x) {
            Value y = result_of(layer, x);
            y.name = row(e, static_cast<const L&>(layer), x, y);
            return y;
          }};
}
/// A row for one that keeps the sizes of its input.
template <class L>
std::pair<const std::type_index, Row> keeps_sizes(LeafRow<L> row) {
  return {typeid(L), [row](OnnxExport& e, const nn::Layer& layer, const Value& x) {
            return Value{row(e, static_cast<const L&>(layer), x, x), x.shape, x.other, x.dtype};
          }};
}
template <class L>
std::pair<const std::type_index, Row> tree(TreeRow<L> row) {
  return {typeid(L), [row](OnnxExport& e, const nn::Layer& layer, const Value& x) {
            return row(e, static_cast<const L&>(layer), x);
          }};
}

/// The rows of convolutions and pools, and those of layers of sequences.
Table image_rows();
Table sequence_rows();

/// The child of that name; null when there is none.
const nn::Module* child(const nn::Module& module, const std::string& name);
/// The same where it is a Layer.
const nn::Layer* child_layer(const nn::Module& module, const std::string& name);

/// Parameters and buffers of a model by what they are, each with its first name.
///   throws  ValueError when they are more than a file can hold
std::unordered_map<const Body*, std::string> names_of(const nn::Module& model);

/// Where a graph begins or ends: a value, and what the sizes are called that are left open ("" for the others).
struct Port {
  Value value;
  Names open;
};
/// Writes the graph, which is empty afterwards, as a model.
///   options  its opset, name and metadata count
///   throws   as save_onnx
void write(OnnxGraph& graph, const std::vector<Port>& inputs, const std::vector<Port>& outputs, const std::string& file,
           const OnnxOptions& options);

}  // namespace cairn::io::detail
