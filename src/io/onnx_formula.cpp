// Formulas as nodes: what ONNX has, has one node; the rest is written in terms of it.
#include <functional>

#include "io/onnx_export.h"

namespace cairn::io::detail {
namespace {

const std::unordered_map<std::string, const char*>& operators() {
  static const std::unordered_map<std::string, const char*> table = {
      {"+", "Add"},       {"-", "Sub"},     {"*", "Mul"},       {"/", "Div"},
      {"neg", "Neg"},     {"<", "Less"},    {">", "Greater"},   {"<=", "LessOrEqual"},
      {"==", "Equal"},    {"&", "And"},     {"|", "Or"},        {">=", "GreaterOrEqual"},
      {"^", "Xor"},       {"!", "Not"},     {"exp", "Exp"},     {"log", "Log"},
      {"tanh", "Tanh"},   {"abs", "Abs"},   {"erf", "Erf"},     {"softplus", "Softplus"},
      {"sin", "Sin"},     {"cos", "Cos"},   {"atan", "Atan"},   {"reciprocal", "Reciprocal"},
      {"sqrt", "Sqrt"},   {"sign", "Sign"}, {"floor", "Floor"}, {"sigmoid", "Sigmoid"},
      {"isnan", "IsNaN"}, {"pow", "Pow"},   {"maximum", "Max"}, {"minimum", "Min"},
      {"where", "Where"}, {"gate", "Mul"},
  };
  return table;
}

// In the functions above, and with as many digits as these leave.
using Rewrite = Expr (*)(std::span<const Expr> a);
const std::unordered_map<std::string, Rewrite>& rewrites() {
  static const std::unordered_map<std::string, Rewrite> table = {
      {"!=", [](auto a) { return !(a[0] == a[1]); }},
      {"square", [](auto a) { return a[0] * a[0]; }},
      {"rsqrt", [](auto a) { return reciprocal(sqrt(a[0])); }},
      {"clamp", [](auto a) { return minimum(maximum(a[0], a[1]), a[2]); }},
      {"isfinite", [](auto a) { return abs(a[0]) < INFINITY; }},
      {"log_sigmoid", [](auto a) { return -softplus(-a[0]); }},
      {"erfc", [](auto a) { return 1.0 - erf(a[0]); }},
      {"normal_cdf", [](auto a) { return 0.5 * (erf(a[0] / 1.4142135623730950488) + 1.0); }},
      {"normal_cdf_tanh",
       [](auto a) { return sigmoid(a[0] * (1.5957691216057307117 + 0.071354816272600264 * (a[0] * a[0]))); }},
      {"gaussian", [](auto a) { return exp(-(a[0] * a[0])); }},
      {"normal_pdf", [](auto a) { return 0.39894228040143267794 * exp(-0.5 * (a[0] * a[0])); }},
      // Near 0, where eˣ − 1 cancels: with t = tanh(x/2), it is 2t / (1 − t).
      {"expm1",
       [](auto a) {
         const Expr t = tanh(0.5 * a[0]);
         return where(abs(a[0]) < 0.5, 2.0 * t / (1.0 - t), exp(a[0]) - 1.0);
       }},
      // Near 0, what rounding u = 1 + x lost is undone: log(u) x / (u − 1) (Kahan; Higham 2002, section 1.14.1).
      {"log1p",
       [](auto a) {
         const Expr u = 1.0 + a[0];
         return where(abs(a[0]) < 1.0, where(u == 1.0, a[0], log(u) * a[0] / (u - 1.0)), log(u));
       }},
  };
  return table;
}

Expr rewritten(const Expr& expression) {
  std::unordered_map<const void*, Expr> done;
  return cairn::fold<Expr>(
      expression,
      [](const Expr& e, std::vector<Expr> arguments) {
        if (arguments.empty()) return e;
        const auto at = rewrites().find(e.name());
        return at == rewrites().end() ? Expr::call(e.name(), std::move(arguments)) : at->second(arguments);
      },
      done);
}

}  // namespace

std::string formula(OnnxGraph& graph, const Expr& expression, const std::string& x,
                    const std::map<std::string, std::string>& variables) {
  std::unordered_map<const void*, std::string> done;
  const Expr whole = rewritten(expression);  // which `done` points into
  return cairn::fold<std::string>(
      whole,
      [&](const Expr& e, const Names& arguments) {
        if (e.is_number()) return graph.number(e.number());
        if (e.is_variable()) {
          const auto at = variables.find(e.name());
          return at == variables.end() ? x : at->second;
        }
        const auto at = operators().find(e.name());
        require<NameError>(at != operators().end(), "save_onnx", "no such function", given("name", e.name()));
        return graph.node(at->second, arguments);
      },
      done);
}

namespace {

// Activations that ONNX has itself, and the attributes that their parameters are: runtimes compute these in one go with
// the layer before.
struct Native {
  const char* operation;
  std::vector<const char*> attributes = {};
};
const std::unordered_map<std::string, Native>& natives() {
  static const std::unordered_map<std::string, Native> table = {
      {"relu", {"Relu"}},          {"leaky_relu", {"LeakyRelu", {"alpha"}}},
      {"elu", {"Elu", {"alpha"}}}, {"selu", {"Selu"}},
      {"softsign", {"Softsign"}},
  };
  return table;
}

}  // namespace

std::string elementwise(OnnxGraph& graph, const Activation& f, const std::string& x, const Names& learned) {
  const ActivationInfo& info = f.info();
  const std::vector<double>& p = f.parameters();
  if (const auto at = natives().find(info.name); at != natives().end()) {
    Attributes attributes;
    for (size_t i = 0; i < p.size(); ++i) attributes.push_back({at->second.attributes[i], p[i]});
    return graph.node(at->second.operation, {x}, attributes);
  }
  if (info.name == "relu6") return graph.node("Clip", {x, graph.number(0), graph.number(6)});
  if (info.name == "hardtanh" && p[0] <= p[1]) return graph.node("Clip", {x, graph.number(p[0]), graph.number(p[1])});
  if (info.name == "hardsigmoid") return graph.node("HardSigmoid", {x}, {{"alpha", 1.0 / 6}, {"beta", 0.5}});
  if (info.name == "prelu" && !learned.empty()) return graph.node("PRelu", {x, learned[0]});
  if (learned.empty()) return formula(graph, f.expression(), x);
  std::vector<Expr> parameters;
  std::map<std::string, std::string> variables;
  for (size_t i = 0; i < learned.size(); ++i) {
    parameters.push_back(Expr::variable(info.parameters[i].name));
    variables[info.parameters[i].name] = learned[i];
  }
  return formula(graph, info.expression(Expr::variable("x"), parameters), x, variables);
}

}  // namespace cairn::io::detail
