// Activations that put several numbers together, as nodes.
#include <cmath>

#include "cairn/tensor/create.h"
#include "io/onnx_export.h"

namespace cairn::io::detail {
namespace {

// x and −x, each without what is negative.
std::string crelu(OnnxGraph& g, const std::string& x, int dim) {
  return g.node("Concat", {g.node("Relu", {x}), g.node("Relu", {g.node("Neg", {x})})}, {{"axis", int64_t{dim}}});
}

std::string gated(OnnxGraph& g, const char* gate, const std::string& x, int dim) {
  const Names halves = g.nodes("Split", {x}, 2, {{"axis", int64_t{dim}}});
  return g.node("Mul", {halves[0], elementwise(g, activation(gate), halves[1])});
}

std::string maxout(OnnxExport& e, int64_t pieces, const Value& x, const Value& y, int dim) {
  Value split = y;
  split.shape.insert(dim + 1, pieces), split.other.insert(dim + 1, pieces);
  return e.graph.node("ReduceMax", {e.reshape(x.name, split)}, {{"axes", Integers{dim + 1}}, {"keepdims", int64_t{0}}});
}

// max(x − τ, 0), where τ is such that what stays adds up to 1: of the numbers in falling order z₁ ≥ z₂ ≥ … those stay
// for which 1 + k z_k > z₁ + … + z_k.
std::string sparsemax(OnnxGraph& g, const Value& x, int dim) {
  const int64_t size = x.size(dim), axis = dim;
  Shape along = Shape::filled(x.rank() - dim, 1);
  along[0] = size;
  const std::string top = g.node("ReduceMax", {x.name}, {{"axes", Integers{axis}}, {"keepdims", int64_t{1}}}),
                    shifted = g.node("Sub", {x.name, top}),
                    sorted = g.nodes("TopK", {shifted, g.integers({size})}, 2, {{"axis", axis}})[0],
                    sums = g.node("CumSum", {sorted, g.constant(tensor(axis))}),
                    counts = g.constant(arange(1, size + 1).reshape(along).to(g.dtype)),
                    stays = g.node("Greater", {g.node("Add", {g.node("Mul", {sorted, counts}), g.number(1)}), sums});
  const auto total = [&](const std::string& of) {
    return g.node("ReduceSum", {g.node("Where", {stays, of, g.number(0)}), g.integers({axis})});
  };
  const std::string tau = g.node("Div", {g.node("Sub", {total(sorted), g.number(1)}), total(g.number(1))});
  return g.node("Relu", {g.node("Sub", {shifted, tau})});
}

std::string norm(OnnxGraph& g, double p, const std::string& x, int64_t dim) {
  const Attributes along = {{"axes", Integers{dim}}, {"keepdims", int64_t{0}}};
  const auto sum = [&](const std::string& of) {
    return g.node("ReduceSum", {of, g.integers({dim})}, {{"keepdims", int64_t{0}}});
  };
  if (p == 1 || p == 2) return g.node(p == 1 ? "ReduceL1" : "ReduceL2", {x}, along);
  if (p == 0) return sum(g.node("Where", {g.node("Equal", {x, g.number(0)}), g.number(0), g.number(1)}));
  const std::string size = g.node("Abs", {x});
  if (std::isinf(p)) return g.node(p > 0 ? "ReduceMax" : "ReduceMin", {size}, along);
  return g.node("Pow", {sum(g.node("Pow", {size, g.number(p)})), g.number(1 / p)});
}

const std::unordered_map<std::string, const char*> gates = {
    {"glu", "sigmoid"}, {"reglu", "relu"}, {"geglu", "gelu"}, {"swiglu", "silu"}, {"bilinear", "identity"}};
const std::unordered_map<std::string, const char*> reductions = {
    {"max", "ReduceMax"}, {"min", "ReduceMin"}, {"mean", "ReduceMean"}, {"logsumexp", "ReduceLogSumExp"}};

}  // namespace

std::string fold(OnnxExport& e, const std::string& name, std::span<const double> parameters, const Value& x,
                 const Value& y) {
  OnnxGraph& g = e.graph;
  const int dim = wrap_dim("save_onnx", static_cast<int64_t>(parameters.back()), x.rank());  // the last of them all
  const Attribute axis = {"axis", int64_t{dim}};
  if (name == "softmax") return g.node("Softmax", {x.name}, {axis});
  if (name == "log_softmax") return g.node("LogSoftmax", {x.name}, {axis});
  if (name == "softmin") return g.node("Softmax", {g.node("Neg", {x.name})}, {axis});
  if (name == "sparsemax") return sparsemax(g, x, dim);
  if (name == "maxout") return maxout(e, static_cast<int64_t>(parameters[0]), x, y, dim);
  if (name == "crelu") return crelu(g, x.name, dim);
  if (name == "norm") return norm(g, parameters[0], x.name, dim);
  if (const auto at = gates.find(name); at != gates.end()) return gated(g, at->second, x.name, dim);
  const auto at = reductions.find(name);
  require<NameError>(at != reductions.end(), "save_onnx", "this fold is not known here", given("name", name));
  return g.node(at->second, {x.name}, {{"axes", Integers{dim}}, {"keepdims", int64_t{0}}});
}

}  // namespace cairn::io::detail
