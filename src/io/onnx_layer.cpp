// The table: what each kind of layer becomes.
#include "cairn/graph/node.h"
#include "cairn/nn/activation.h"
#include "cairn/nn/dropout.h"
#include "cairn/nn/flatten.h"
#include "cairn/nn/fold.h"
#include "cairn/nn/identity.h"
#include "cairn/nn/linear.h"
#include "cairn/nn/norm.h"
#include "cairn/nn/radial.h"
#include "cairn/nn/residual.h"
#include "cairn/nn/sequential.h"
#include "cairn/nn/taylor.h"
#include "cairn/tensor/create.h"
#include "io/onnx_export.h"

namespace cairn::io::detail {
namespace {

constexpr int64_t off = 0;

// ---- layers of layers -----------------------------------------------------------------------------------------------

Value sequential(OnnxExport& e, const nn::Sequential& l, const Value& x) {
  Value y = x;
  for (int64_t i = 0; i < l.size(); ++i) y = e.layer(l[i], y);
  return y;
}

// body + shortcut, whose sizes are those of the body.
Value sum(OnnxExport& e, const Value& body, const std::string& shortcut) {
  return {e.graph.node("Add", {body.name, shortcut}), body.shape, body.other, body.dtype};
}

Value residual(OnnxExport& e, const nn::Residual& l, const Value& x) {
  const nn::Layer* way = child_layer(l, "shortcut");
  const Value body = e.layer(*child_layer(l, "body"), x), passed = way ? e.layer(*way, x) : x;
  require(body.shape == passed.shape, "save_onnx", "body and shortcut must give one shape", given("layer", l.path()),
          given("body", body.shape), given("shortcut", passed.shape));
  e.graph.scope = l.path();
  return sum(e, body, passed.name);
}

// What a block adds to its body when no layer does it: every stride-th pixel, and channels of zeros.
std::string plain_shortcut(OnnxExport& e, const nn::detail::Block& l, const Value& x, int64_t channels) {
  OnnxGraph& g = e.graph;
  const int64_t step = l.settings.stride, missing = channels - l.in_channels;
  std::string y = x.name;
  if (step > 1)
    y = g.node("Slice", {y, g.integers({0, 0}), g.integers({INT64_MAX, INT64_MAX}), g.integers({2, 3}),
                         g.integers({step, step})});
  if (missing > 0)
    y = g.node("Pad", {y, g.integers({0, missing / 2, 0, 0, 0, missing - missing / 2, 0, 0}), g.number(0)});
  return y;
}

// Convolutions with a norm and an activation behind each, and the sum before the last of these.
template <class L>
Value block(OnnxExport& e, const L& l, const Value& x) {
  constexpr int convolutions = std::is_same_v<L, nn::Bottleneck> ? 3 : 2;
  const auto apply = [&](const std::string& part, int i, const Value& to) {
    return e.layer(*child_layer(l, part + std::to_string(i)), to);
  };
  Value y = x;
  for (int i = 1; i <= convolutions; ++i) {
    y = apply("bn", i, apply("conv", i, y));
    if (i < convolutions) y = apply("activation", i, y);
  }
  const nn::Layer* down = child_layer(l, "downsample");
  const std::string passed = down ? e.layer(*down, x).name : "";
  e.graph.scope = l.path();
  y = sum(e, y, down ? passed : plain_shortcut(e, l, x, y.size(1)));
  return apply("activation", convolutions, y);
}

// ---- dense layers and activations -----------------------------------------------------------------------------------

template <class L>
std::string pass(OnnxExport&, const L&, const Value& x, const Value&) {
  return x.name;
}

std::string linear(OnnxExport& e, const nn::Linear& l, const Value& x, const Value&) {
  OnnxGraph& g = e.graph;
  if (x.rank() != 2) return e.dense(x.name, l.weight, l.bias);
  const std::string weight = e.parameter(l.weight), bias = l.bias.defined() ? e.parameter(l.bias) : "";
  return g.node("Gemm", bias.empty() ? Names{x.name, weight} : Names{x.name, weight, bias}, {{"transB", int64_t{1}}});
}

std::string flatten(OnnxExport& e, const nn::Flatten& l, const Value& x, const Value& y) {
  const int begin = wrap_dim("save_onnx", l.start(), x.rank()), end = wrap_dim("save_onnx", l.end(), x.rank());
  if (begin == end) return x.name;
  if (begin == 1 && end == x.rank() - 1) return e.graph.node("Flatten", {x.name}, {{"axis", int64_t{1}}});
  return e.reshape(x.name, y);
}

std::string activation(OnnxExport& e, const nn::Activation& l, const Value& x, const Value& y) {
  const cairn::Activation& f = l.function();
  if (!f.info().elementwise()) return fold(e, f.info().name, f.parameters(), x, y);
  Names learned;
  for (const nn::Parameter& p : l.named_parameters()) {
    const std::string name = e.parameter(p.tensor);
    learned.push_back(p.tensor.numel() == 1 ? name : e.by_channel(name, x.rank()));
  }
  return elementwise(e.graph, f, x.name, learned);
}

std::string rrelu(OnnxExport& e, const nn::RReLU& l, const Value& x, const Value&) {
  return e.graph.node("LeakyRelu", {x.name}, {{"alpha", (l.lower() + l.upper()) / 2}});
}

std::string taylor(OnnxExport& e, const nn::Taylor& l, const Value& x, const Value&) {
  return elementwise(e.graph, l.polynomial(), x.name);
}

std::string maxout(OnnxExport& e, const nn::Maxout& l, const Value& x, const Value& y) {
  const double parameters[] = {static_cast<double>(l.pieces), static_cast<double>(l.dim)};
  return fold(e, "maxout", parameters, x, y);
}

// A fold whose only option is its dimension, under the name that the catalogue has for it.
template <class L>
std::pair<const std::type_index, Row> along(const char* name) {
  return {typeid(L), [name](OnnxExport& e, const nn::Layer& layer, const Value& x) {
            const auto dim = static_cast<double>(static_cast<const L&>(layer).dim);
            Value y = result_of(layer, x);
            y.name = fold(e, name, std::span(&dim, 1), x, y);
            return y;
          }};
}

std::string radial_basis(OnnxExport& e, const nn::RadialBasis& l, const Value& x, const Value&) {
  OnnxGraph& g = e.graph;
  const std::string width = g.node("Exp", {e.parameter(l.log_width)}),
                    apart = g.node("Sub", {g.node("Unsqueeze", {x.name, g.integers({-2})}), e.parameter(l.centres)}),
                    squares =
                        g.node("ReduceSum", {g.node("Mul", {apart, apart}), g.integers({-1})}, {{"keepdims", off}});
  return formula(g, l.function.expression(), g.node("Div", {squares, g.node("Mul", {width, width})}));
}

// ---- norms ----------------------------------------------------------------------------------------------------------

// y · weight + bias, both by channel unless there are none.
std::string affine(OnnxExport& e, std::string y, const Tensor& weight, const Tensor& bias, int rank) {
  if (weight.defined()) y = e.graph.node("Mul", {y, e.by_channel(e.parameter(weight), rank)});
  if (bias.defined()) y = e.graph.node("Add", {y, e.by_channel(e.parameter(bias), rank)});
  return y;
}

template <class L>
std::string batch_norm(OnnxExport& e, const L& l, const Value& x, const Value&) {
  OnnxGraph& g = e.graph;
  require(x.rank() >= 2 && x.shape[1] == l.num_features, "save_onnx",
          "x has other than num_features channels (dimension 1)", given("layer", l.path()), given("x", x.shape),
          given("num_features", l.num_features));
  if (!l.running_mean.defined()) {
    Integers others = {0};
    for (int d = 2; d < x.rank(); ++d) others.push_back(d);
    return affine(e, normalised(g, x.name, others, l.settings.eps), l.weight, l.bias, x.rank());
  }
  const auto own_or = [&](const Tensor& t, double otherwise) {
    return t.defined() ? e.parameter(t) : g.constant(full({l.num_features}, otherwise, g.dtype));
  };
  return g.node(
      "BatchNormalization",
      {x.name, own_or(l.weight, 1), own_or(l.bias, 0), e.parameter(l.running_mean), e.parameter(l.running_var)},
      {{"epsilon", l.settings.eps}});
}

std::string layer_norm(OnnxExport& e, const nn::LayerNorm& l, const Value& x, const Value&) {
  Integers last;
  for (int d = -l.normalized_shape.size(); d < 0; ++d) last.push_back(d);
  std::string y = normalised(e.graph, x.name, last, l.settings.eps);
  if (l.weight.defined()) y = e.graph.node("Mul", {y, e.parameter(l.weight)});
  return l.bias.defined() ? e.graph.node("Add", {y, e.parameter(l.bias)}) : y;
}

std::string group_norm(OnnxExport& e, const nn::GroupNorm& l, const Value& x, const Value& y) {
  OnnxGraph& g = e.graph;
  // 0 keeps the number of samples.
  const std::string groups = g.node("Reshape", {x.name, g.integers({0, l.num_groups, -1})});
  return affine(e, e.reshape(normalised(g, groups, {2}, l.settings.eps), y), l.weight, l.bias, x.rank());
}

const Table& table() {
  static const Table rows = [] {
    Table all = image_rows();
    all.merge(sequence_rows());
    all.merge(Table{tree<nn::Sequential>(sequential),
                    tree<nn::Residual>(residual),
                    tree<nn::BasicBlock>(block),
                    tree<nn::Bottleneck>(block),
                    keeps_sizes<nn::Identity>(pass),
                    keeps_sizes<nn::Dropout>(pass),
                    keeps_sizes<nn::Dropout2d>(pass),
                    keeps_sizes<nn::StochasticDepth>(pass),
                    keeps_sizes<nn::RReLU>(rrelu),
                    keeps_sizes<nn::BatchNorm1d>(batch_norm),
                    keeps_sizes<nn::BatchNorm2d>(batch_norm),
                    leaf<nn::LayerNorm>(layer_norm),
                    leaf<nn::GroupNorm>(group_norm),
                    leaf<nn::Linear>(linear),
                    leaf<nn::Flatten>(flatten),
                    leaf<nn::Activation>(activation),
                    leaf<nn::Taylor>(taylor),
                    leaf<nn::RadialBasis>(radial_basis),
                    leaf<nn::Maxout>(maxout),
                    along<nn::Softmax>("softmax"),
                    along<nn::LogSoftmax>("log_softmax"),
                    along<nn::Softmin>("softmin"),
                    along<nn::Sparsemax>("sparsemax"),
                    along<nn::GLU>("glu"),
                    along<nn::ReGLU>("reglu"),
                    along<nn::GeGLU>("geglu"),
                    along<nn::SwiGLU>("swiglu"),
                    along<nn::BilinearGLU>("bilinear"),
                    along<nn::CReLU>("crelu")});
    return all;
  }();
  return rows;
}

}  // namespace

const nn::Module* child(const nn::Module& module, const std::string& name) {
  for (const auto& [its, part] : module.children())
    if (its == name) return part;
  return nullptr;
}
const nn::Layer* child_layer(const nn::Module& module, const std::string& name) {
  return dynamic_cast<const nn::Layer*>(child(module, name));
}

int64_t Value::size(int dim) const {
  require<ValueError>(!open(dim), "save_onnx",
                      "a layer needs a size that changes with the number of samples; give .dynamic_batch = false",
                      given("sizes", shape), given("dim", dim));
  return shape[dim];
}

Value OnnxExport::layer(const nn::Layer& layer, const Value& x) {
  const auto row = table().find(typeid(layer));
  if (row == table().end())
    throw NameError("save_onnx: the layer " + (layer.path().empty() ? "" : "'" + layer.path() + "' ") + "of type " +
                    layer.type_name() + " is not known to the export to ONNX");
  graph.scope = layer.path();
  return row->second(*this, layer, x);
}

std::string OnnxExport::parameter(const Tensor& value) {
  require<DtypeError>(value.dtype() == graph.dtype, "save_onnx",
                      "all parameters must have one dtype; convert with to(f32)", given("one", graph.dtype),
                      given("another", value.dtype()));
  const std::string& name = names.at(value.body().get());
  if (stored.insert(name).second) graph.store(name, value);
  return name;
}

std::string OnnxExport::dense(const std::string& x, const Tensor& weight, const Tensor& bias) {
  const std::string y =
      graph.node("MatMul", {x, graph.node("Transpose", {parameter(weight)}, {{"perm", Integers{1, 0}}})});
  return bias.defined() ? graph.node("Add", {y, parameter(bias)}) : y;
}

std::string OnnxExport::by_channel(const std::string& name, int rank) {
  Integers behind;
  for (int d = 1; d < rank - 1; ++d) behind.push_back(d);
  return behind.empty() ? name : graph.node("Unsqueeze", {name, graph.integers(behind)});
}

std::string OnnxExport::reshape(const std::string& name, const Value& like) {
  Integers sizes;
  for (int d = 0; d < like.rank(); ++d) sizes.push_back(like.open(d) ? -1 : like.shape[d]);
  return graph.node("Reshape", {name, graph.integers(sizes)});
}

std::string normalised(OnnxGraph& graph, const std::string& x, const Integers& dims, double eps) {
  const auto mean = [&](const std::string& of) { return graph.node("ReduceMean", {of}, {{"axes", dims}}); };
  const std::string apart = graph.node("Sub", {x, mean(x)}), variance = mean(graph.node("Mul", {apart, apart}));
  return graph.node("Div", {apart, graph.node("Sqrt", {graph.node("Add", {variance, graph.number(eps)})})});
}

Value result_of(const nn::Layer& layer, const Value& x) {
  const NoGrad no_grad;
  // Forward changes a layer while training alone, and those layers that it changes are not asked.
  const auto run = [&](const Shape& input) { return const_cast<nn::Layer&>(layer).forward(zeros(input, x.dtype)); };
  const std::string where = "save_onnx: the layer '" + layer.path() + "' (" + layer.type_name() + ") does not take ";
  Value y{"", {}, {}, x.dtype};
  try {
    const Tensor result = run(x.shape);
    y.shape = result.shape(), y.dtype = result.dtype();
  } catch (const ShapeError& error) {
    throw ShapeError(where + "what comes to it: " + error.what());
  }
  try {
    y.other = x.other == x.shape ? y.shape : run(x.other).shape();
  } catch (const Error& error) {
    throw ValueError(where +
                     "another number of samples than the given one; give .dynamic_batch = false: " + error.what());
  }
  return y;
}

}  // namespace cairn::io::detail
