#include "operations.h"

#include <cmath>
#include <utility>

#include "cairn/activation/activation.h"
#include "cairn/activation/fold.h"
#include "cairn/activation/gated.h"
#include "cairn/activation/radial.h"
#include "cairn/base/random.h"
#include "cairn/ops/arithmetic.h"
#include "cairn/ops/compare.h"
#include "cairn/ops/distance.h"
#include "cairn/ops/dropout.h"
#include "cairn/ops/elementwise.h"
#include "cairn/ops/index.h"
#include "cairn/ops/join.h"
#include "cairn/ops/layer_norm.h"
#include "cairn/ops/linear.h"
#include "cairn/ops/loss.h"
#include "cairn/ops/matmul.h"
#include "cairn/ops/reduce.h"
#include "cairn/ops/scan.h"
#include "cairn/ops/softmax.h"
#include "cairn/ops/sort.h"
#include "cairn/tensor/create.h"
#include "cairn/tensor/random.h"

namespace cairn::cases {

Tensor spread(const Shape& shape, double low, double high) {
  static Generator random(7, "operations");
  const int64_t n = shape.numel();
  Tensor x = linspace(low, high, n + 2, f64).narrow(0, 1, n);
  const double shift = (high - low) / static_cast<double>(n + 1) / 3;
  return index_select(x + shift, 0, randperm(n, random)).reshape(shape);
}

namespace {

Tensor labels(const Nested& values) { return tensor(values, i64); }

std::vector<Case> arithmetic() {
  const Tensor a = spread({2, 3}), b = spread({2, 3}, 0.5, 2.5), row = spread({3}, 0.5, 3),
               column = spread({2, 1}, 0.5, 2);
  return {
      {"add", [](const Inputs& in) { return in[0] + in[1]; }, {a, b}},
      {"add, broadcast", [](const Inputs& in) { return in[0] + in[1] + in[2]; }, {row, column, tensor(0.7, f64)}},
      {"add number", [](const Inputs& in) { return 2.0 + in[0] + 0.5; }, {a}},
      {"sub", [](const Inputs& in) { return in[0] - in[1]; }, {a, row}},
      {"sub number", [](const Inputs& in) { return in[0] - 0.5; }, {a}},
      {"number sub", [](const Inputs& in) { return 0.5 - in[0]; }, {a}},
      {"neg", [](const Inputs& in) { return -in[0]; }, {a}},
      {"mul", [](const Inputs& in) { return in[0] * in[1]; }, {a, b}},
      {"mul, broadcast", [](const Inputs& in) { return in[0] * in[1] * in[0]; }, {row, column}},
      {"mul number", [](const Inputs& in) { return in[0] * 3.0; }, {a}},
      {"div", [](const Inputs& in) { return in[0] / in[1]; }, {a, b}},
      {"div, broadcast", [](const Inputs& in) { return in[0] / in[1]; }, {column, row}},
      {"div number", [](const Inputs& in) { return in[0] / 3.0; }, {a}},
      {"number div", [](const Inputs& in) { return 3.0 / in[0]; }, {b}},
      {"pow", [](const Inputs& in) { return pow(in[0], in[1]); }, {b, a}},
      {"pow, broadcast", [](const Inputs& in) { return pow(in[0], in[1]); }, {row, column}},
      {"pow number", [](const Inputs& in) { return pow(in[0], 3.0) + pow(in[0] * in[0], 1.5); }, {a}},
      {"number pow", [](const Inputs& in) { return pow(1.5, in[0]); }, {a}},
      {"maximum", [](const Inputs& in) { return maximum(in[0], in[1]); }, {a, spread({2, 3}, -2.1, 1.9)}},
      {"maximum number", [](const Inputs& in) { return maximum(in[0], 0.0) * in[0] + maximum(0.1, in[0]); }, {a}},
      {"minimum", [](const Inputs& in) { return minimum(in[0], in[1]); }, {a, spread({3}, -2.1, 1.9)}},
      {"minimum number", [](const Inputs& in) { return minimum(in[0], 0.0) * in[0] + minimum(0.1, in[0]); }, {a}},
  };
}

std::vector<Case> choices() {
  const Tensor a = spread({2, 3}), b = spread({2, 3}, -2.1, 1.9),
               mask = tensor({{true, false, true}, {false, false, true}});
  using Compare = Tensor (*)(const Tensor&, const Tensor&);
  using CompareNumber = Tensor (*)(const Tensor&, double);
  std::vector<Case> all = {
      {"where", [](const Inputs& in) { return where(in[2], in[0], in[1]); }, {a, b, mask}},
      {"where, broadcast",
       [](const Inputs& in) { return where(in[2], in[0], in[1]); },
       {spread({3}), spread({2, 1}), mask}},
      {"where number",
       [](const Inputs& in) { return where(in[1], in[0], 2.0) * where(in[1], -1.0, in[0]); },
       {a, mask}},
      {"logic",
       [](const Inputs& in) {
         const Tensor p = in[0] > 0.0, q = in[1];
         return where((p & q) | (p ^ q) | !q, in[0], in[0] * in[0]);
       },
       {a, mask}},
      {"isnan, isinf, isfinite",
       [](const Inputs& in) { return where(isnan(in[0]) | isinf(in[0]), 0.0, where(isfinite(in[0]), in[0], 0.0)); },
       {a}},
      {"argmax, argmin",
       [](const Inputs& in) {
         const Tensor largest = gather(in[0], 1, argmax(in[0], 1, true)), flat = in[0].reshape({-1});
         return largest * index_select(flat, 0, argmin(in[0]).reshape({1}));
       },
       {a}},
  };
  const std::pair<const char*, std::pair<Compare, CompareNumber>> comparisons[] = {
      {"eq", {eq, eq}}, {"ne", {ne, ne}}, {"lt", {lt, lt}}, {"le", {le, le}}, {"gt", {gt, gt}}, {"ge", {ge, ge}}};
  for (const auto& [name, both] : comparisons)
    all.push_back({name,
                   [f = both.first, g = both.second](const Inputs& in) {
                     return where(f(in[0], in[1]), in[0], in[1]) * where(g(in[0], 0.5), 2.0, in[1]);
                   },
                   {a, b}});
  return all;
}

std::vector<Case> functions() {
  const Tensor any = spread({2, 3}), positive = spread({2, 3}, 0.3, 2.5);
  std::vector<Case> all;
  const auto add = [&](const char* name, Tensor (*f)(const Tensor&), const Tensor& x) {
    all.push_back({name, [f](const Inputs& in) { return f(in[0]); }, {x}});
  };
  add("exp", exp, any);
  add("expm1", expm1, any);
  add("log", log, positive);
  add("log1p", log1p, positive);
  add("sin", sin, any);
  add("cos", cos, any);
  add("atan", atan, any);
  add("tanh", tanh, any);
  add("sigmoid", sigmoid, any);
  add("log_sigmoid", log_sigmoid, any);
  add("softplus", softplus, any);
  add("erf", erf, any);
  add("erfc", erfc, any);
  add("gaussian", gaussian, any);
  add("normal_pdf", normal_pdf, any);
  add("normal_cdf", normal_cdf, any);
  add("normal_cdf_tanh", normal_cdf_tanh, any);
  add("sqrt", sqrt, positive);
  add("rsqrt", rsqrt, positive);
  add("reciprocal", reciprocal, positive);
  add("square", square, any);
  add("abs", abs, any);
  add("sign", sign, any);
  add("floor", floor, any);
  all.push_back({"clamp", [](const Inputs& in) { return clamp(in[0], -0.9, 1.1) * clamp(in[0], 0.0); }, {any}});
  all.push_back({"gate", [](const Inputs& in) { return gate(in[0], in[1]); }, {any, positive}});
  all.push_back(
      {"gate, broadcast", [](const Inputs& in) { return gate(in[0], in[1]); }, {spread({2, 1}), spread({3})}});
  all.push_back({"a user's formula",
                 [](const Inputs& in) {
                   return elementwise(
                       "formula", [](auto x) { return x * tanh(softplus(x)); }, in[0]);
                 },
                 {any}});
  for (const ActivationInfo& info : activations())
    if (info.elementwise())
      all.push_back(
          {"activation " + info.name, [name = info.name](const Inputs& in) { return activation(name)(in[0]); }, {any}});
  all.push_back({"taylor", [](const Inputs& in) { return activation("taylor(gelu, 6, 2)")(in[0]); }, {any}});
  for (const RadialFunctionInfo& info : radial_functions())
    all.push_back({"radial " + info.name,
                   [name = info.name](const Inputs& in) { return radial_function(name)(in[0]); },
                   {positive}});
  return all;
}

// Formulas known only at run time, with one parameter for all and with one for each channel.
std::vector<Case> formulas() {
  const Tensor x = spread({2, 3, 2});
  std::vector<Case> all;
  for (const char* text : {"x * tanh(softplus(x))", "max(x, 0.1 * x) + min(x, 0.3, x^2) - abs(x - 0.2)",
                           "x > 0.1 & !(x > 1) ? x^3 : -x / (1 + x^2)",
                           "clamp(x, -0.9, 1.1) * gate(x, sigmoid(x)) + pow(2, x) + gelu(x) + sign(x) * elu(x, 0.5)"})
    all.push_back({std::string("formula ") + text, [f = activation(text)](const Inputs& in) { return f(in[0]); }, {x}});
  const auto with = [](const char* text) {
    return [f = activation(text)](const Inputs& in) { return f(in[0], std::span(in).subspan(1)); };
  };
  all.push_back(
      {"formula, parameters", with("a * x * sigmoid(b * x); a = 1, b = 1"), {x, tensor({1.3}, f64), tensor(0.7, f64)}});
  all.push_back(
      {"formula, of channels", with("a * x * sigmoid(b * x); a = 1, b = 1"), {x, spread({3}), tensor({0.7}, f64)}});
  all.push_back({"prelu", [](const Inputs& in) { return prelu(in[0], in[1]); }, {x, spread({3})}});
  return all;
}

std::vector<Case> views() {
  const Tensor x = spread({2, 3, 2}), m = spread({3, 4});
  return {
      {"reshape",
       [](const Inputs& in) {
         return in[0].reshape({3, -1}) * in[0].reshape({3, 4});
       },
       {x}},
      {"flatten", [](const Inputs& in) { return in[0].flatten(1) * in[0].flatten(1); }, {x}},
      {"squeeze", [](const Inputs& in) { return in[0].unsqueeze(1).squeeze() * in[0].unsqueeze(0).squeeze(0); }, {m}},
      {"transpose", [](const Inputs& in) { return in[0].transpose(0, -1) * in[0].t(); }, {m}},
      {"permute",
       [](const Inputs& in) {
         return in[0].permute({2, 0, 1}) * in[0].movedim(2, 0);
       },
       {x}},
      {"expand",
       [](const Inputs& in) {
         return in[0].expand({2, 3, 4}) * in[0].unsqueeze(0).expand({-1, -1, 4});
       },
       {spread({3, 1})}},
      {"slice", [](const Inputs& in) { return in[0].slice(1, 0, 4, 3) * in[0].slice(1, -3, -1); }, {m}},
      {"narrow, select",
       [](const Inputs& in) { return in[0].narrow(1, 1, 2) * in[0].select(1, 3).unsqueeze(1) * in[0][1][0]; },
       {m}},
      {"chunk, split",
       [](const Inputs& in) {
         return in[0].chunk(2, 1)[1] * in[0].split(2, 1)[0] * in[0].split({1, 3}, 1)[0];
       },
       {m}},
      {"contiguous, clone", [](const Inputs& in) { return in[0].t().contiguous() * in[0].t().clone(); }, {m}},
      {"to", [](const Inputs& in) { return in[0].to(f32).to(f64) * 0.0 + in[0]; }, {tensor({0.5, 1.5}, f64)}},
  };
}

std::vector<Case> pieces() {
  const Tensor x = spread({3, 4}), y = spread({2, 4}), places = labels({{2, 0, 1, 2}, {0, 0, 1, 1}}),
               rows = labels({2, 0, 2});
  const Tensor mask = tensor({{true, false, true, false}, {false, false, true, true}, {true, true, false, false}});
  return {
      {"cat",
       [](const Inputs& in) {
         return cat({in[0], in[1], in[0]}, 0);
       },
       {x, y}},
      {"cat, last dimension",
       [](const Inputs& in) {
         return cat({in[0], in[1]}, -1);
       },
       {x, spread({3, 2})}},
      {"stack",
       [](const Inputs& in) {
         return stack({in[0], in[1]}, 1) * stack({in[1], in[0]}, 1);
       },
       {x, spread({3, 4})}},
      {"flip",
       [](const Inputs& in) {
         return flip(in[0], {0, 1}) * flip(in[0], {1});
       },
       {x}},
      {"pad",
       [](const Inputs& in) {
         return pad(in[0], {1, -1, 0, 2}, 0.5);
       },
       {x}},
      {"index_select", [](const Inputs& in) { return index_select(in[0], 0, in[1]) * 2.0; }, {x, rows}},
      {"index_add", [](const Inputs& in) { return index_add(in[0], 0, in[2], in[1]); }, {x, spread({3, 4}), rows}},
      {"gather", [](const Inputs& in) { return gather(in[0], 0, in[1]); }, {x, places}},
      {"scatter_add", [](const Inputs& in) { return scatter_add(in[0], 0, in[2], in[1]); }, {x, y, places}},
      {"masked_fill", [](const Inputs& in) { return masked_fill(in[0], in[1], 2.0) * in[0]; }, {x, mask}},
      {"masked_select", [](const Inputs& in) { return masked_select(in[0], in[1]) * 2.0; }, {x, mask}},
  };
}

std::vector<Case> reductions() {
  const Tensor x = spread({2, 3, 2}), m = spread({3, 4}), positive = spread({3, 4}, 0.3, 2);
  std::vector<Case> all;
  const auto add = [&](const std::string& name, const Tensor& in, auto f) {
    all.push_back({name, [f](const Inputs& v) { return f(v[0], Dims{}, false); }, {in}});
    all.push_back({name + ", rows", [f](const Inputs& v) { return f(v[0], Dims{1}, false); }, {in}});
    all.push_back({name + ", columns kept", [f](const Inputs& v) { return f(v[0], Dims{0}, true); }, {in}});
  };
  const auto along = [&](const std::string& name, auto f) {
    all.push_back({name + ", last", [f](const Inputs& v) { return f(v[0], -1); }, {m}});
    all.push_back({name + ", first", [f](const Inputs& v) { return f(v[0], 0); }, {m}});
    all.push_back({name + ", middle", [f](const Inputs& v) { return f(v[0], 1); }, {x}});
  };
  add("sum", m, [](const Tensor& v, const Dims& d, bool k) { return sum(v, d, k); });
  add("mean", m, [](const Tensor& v, const Dims& d, bool k) { return mean(v, d, k); });
  add("var", m, [](const Tensor& v, const Dims& d, bool k) { return var(v, d, 1, k); });
  add("std", m, [](const Tensor& v, const Dims& d, bool k) { return cairn::std(v, d, 0, k); });
  add("amax", m, [](const Tensor& v, const Dims& d, bool k) { return amax(v, d, k); });
  add("amin", m, [](const Tensor& v, const Dims& d, bool k) { return amin(v, d, k); });
  add("prod", positive, [](const Tensor& v, const Dims& d, bool k) { return prod(v, d, k); });
  add("norm", m, [](const Tensor& v, const Dims& d, bool k) { return norm(v, 2, d, k); });
  add("norm 3", m, [](const Tensor& v, const Dims& d, bool k) { return norm(v, 3, d, k); });
  add("norm 1", m, [](const Tensor& v, const Dims& d, bool k) { return norm(v, 1, d, k); });
  add("norm inf", m, [](const Tensor& v, const Dims& d, bool k) { return norm(v, INFINITY, d, k); });
  add("logsumexp", m, [](const Tensor& v, const Dims& d, bool k) { return logsumexp(v, d, k); });
  all.push_back({"sum of two dimensions", [](const Inputs& v) { return sum(v[0], {0, 2}) * mean(v[0], {2, 0}); }, {x}});
  all.push_back({"max, min of all", [](const Inputs& v) { return max(v[0]) * min(v[0]); }, {m}});
  all.push_back({"prod with a zero",
                 [](const Inputs& v) { return prod(v[0], {1}); },
                 {tensor({{0., 2., 3.}, {0., 0., 4.}}, f64)}});
  along("max", [](const Tensor& v, int64_t d) { return max(v, d).values; });
  along("min", [](const Tensor& v, int64_t d) { return min(v, d, true).values; });
  along("sort", [](const Tensor& v, int64_t d) { return sort(v, d).values * sort(v, d, true).values; });
  along("topk", [](const Tensor& v, int64_t d) { return topk(v, 2, d).values * topk(v, 2, d, false).values; });
  along("cumsum", [](const Tensor& v, int64_t d) { return cumsum(v, d); });
  along("softmax", [](const Tensor& v, int64_t d) { return softmax(v, d); });
  along("softmin", [](const Tensor& v, int64_t d) { return softmin(v, d); });
  along("log_softmax", [](const Tensor& v, int64_t d) { return log_softmax(v, d); });
  along("sparsemax", [](const Tensor& v, int64_t d) { return sparsemax(v * 0.3, d); });
  along("crelu", [](const Tensor& v, int64_t d) { return crelu(v, d); });
  all.push_back({"maxout", [](const Inputs& v) { return maxout(v[0], 2, -1); }, {m}});
  all.push_back({"maxout, middle", [](const Inputs& v) { return maxout(v[0], 3) * maxout(v[0], 1); }, {x}});
  using Gate = Tensor (*)(const Tensor&, int64_t);
  const std::pair<const char*, Gate> gates[] = {
      {"glu", glu}, {"reglu", reglu}, {"geglu", geglu}, {"swiglu", swiglu}, {"bilinear", bilinear}};
  for (const auto& [name, gate] : gates) {
    const std::string of = name;
    all.push_back({of + ", last", [f = gate](const Inputs& v) { return f(v[0], -1); }, {m}});
    all.push_back({of + ", first", [f = gate](const Inputs& v) { return f(v[0], 0); }, {x}});
    all.push_back({of + ", middle", [f = gate](const Inputs& v) { return f(v[0], 1); }, {spread({2, 4, 3})}});
  }
  return all;
}

std::vector<Case> products() {
  const Tensor x = spread({2, 3}), w = spread({4, 3}), bias = spread({4});
  return {
      {"matmul", [](const Inputs& in) { return matmul(in[0], in[1]); }, {x, spread({3, 4})}},
      {"matmul, transposed", [](const Inputs& in) { return matmul(in[0], in[1].t()); }, {x, w}},
      {"matmul, vectors",
       [](const Inputs& in) { return matmul(in[0], in[1]) * matmul(in[1], in[0]); },
       {spread({3}), spread({3})}},
      {"matmul, matrix and vector", [](const Inputs& in) { return matmul(in[0], in[1]); }, {x, spread({3})}},
      {"matmul, vector and matrix",
       [](const Inputs& in) { return matmul(in[0], in[1]); },
       {spread({3}), spread({3, 4})}},
      {"matmul, batches",
       [](const Inputs& in) { return matmul(in[0], in[1]); },
       {spread({2, 2, 3}), spread({2, 3, 2})}},
      {"matmul, broadcast",
       [](const Inputs& in) { return matmul(in[0], in[1]); },
       {spread({2, 1, 2, 3}), spread({2, 3, 1})}},
      {"linear", [](const Inputs& in) { return linear(in[0], in[1]); }, {x, w}},
      {"linear with bias", [](const Inputs& in) { return linear(in[0], in[1], in[2]); }, {x, w, bias}},
      {"linear, batches", [](const Inputs& in) { return linear(in[0], in[1], in[2]); }, {spread({2, 2, 3}), w, bias}},
      {"squared_distances", [](const Inputs& in) { return squared_distances(in[0], in[1]); }, {x, w}},
      {"squared_distances with widths",
       [](const Inputs& in) { return squared_distances(in[0], in[1], in[2]); },
       {spread({2, 2, 3}), w, spread({4}, 0.5, 2)}},
      {"dropout",
       [](const Inputs& in) {
         Generator generator(3, "dropout");
         return dropout(in[0], 0.4, true, generator) * in[0];
       },
       {w}},
      {"layer_norm", [](const Inputs& in) { return layer_norm(in[0], {3}); }, {x}},
      {"layer_norm with weights",
       [](const Inputs& in) {
         return layer_norm(in[0], {2, 3}, in[1], in[2], 1e-3);
       },
       {spread({2, 2, 3}), spread({2, 3}), spread({2, 3})}},
  };
}

std::vector<Case> losses() {
  const Tensor x = spread({3, 4}), y = spread({3, 4}, -2.5, 1.3), classes = labels({2, 0, 3}),
               weight = spread({4}, 0.3, 2);
  const Tensor chances = softmax(spread({3, 4}), 1);
  std::vector<Case> all;
  for (const Reduction r : {Reduction::mean, Reduction::sum, Reduction::none}) {
    const std::string suffix = r == Reduction::mean ? ", mean" : r == Reduction::sum ? ", sum" : ", none";
    const auto add = [&](const std::string& loss, const Inputs& inputs, std::function<Tensor(const Inputs&)> f) {
      all.push_back({loss + suffix, std::move(f), inputs});
    };
    add("cross_entropy", {x, classes}, [r](const Inputs& in) { return cross_entropy(in[0], in[1], {.reduction = r}); });
    add("cross_entropy, smooth and weighted", {x, classes}, [r, weight](const Inputs& in) {
      return cross_entropy(
          in[0], in[1],
          {.weight = weight.to(in[0].dtype()), .ignore_index = 0, .reduction = r, .label_smoothing = 0.2});
    });
    add("cross_entropy of images", {spread({2, 3, 2}), labels({{0, 2}, {1, 1}})},
        [r](const Inputs& in) { return cross_entropy(in[0], in[1], {.reduction = r}); });
    add("cross_entropy of probabilities", {x, chances},
        [r](const Inputs& in) { return cross_entropy(in[0], in[1], {.reduction = r, .label_smoothing = 0.1}); });
    add("nll_loss", {x, classes},
        [r](const Inputs& in) { return nll_loss(log_softmax(in[0], 1), in[1], {.reduction = r}); });
    add("mse_loss", {x, y}, [r](const Inputs& in) { return mse_loss(in[0], in[1], r); });
    add("l1_loss", {x, y}, [r](const Inputs& in) { return l1_loss(in[0], in[1], r); });
    add("smooth_l1_loss", {x, y},
        [r](const Inputs& in) { return smooth_l1_loss(in[0], in[1], {.beta = 0.7, .reduction = r}); });
    add("huber_loss", {x, y},
        [r](const Inputs& in) { return huber_loss(in[0], in[1], {.delta = 0.7, .reduction = r}); });
    add("bce_with_logits", {x, chances},
        [r](const Inputs& in) { return bce_with_logits(in[0], in[1], {.reduction = r}); });
    add("kl_div", {x, chances},
        [r](const Inputs& in) { return kl_div(log_softmax(in[0], 1), in[1], {.reduction = r}); });
    add("kl_div of logarithms", {x, y},
        [r](const Inputs& in) { return kl_div(log_softmax(in[0], 1), in[1], {.log_target = true, .reduction = r}); });
  }
  return all;
}

}  // namespace

const std::vector<Case>& all() {
  static const std::vector<Case> table = [] {
    std::vector<Case> joined;
    for (auto part : {arithmetic, choices, functions, views, pieces, reductions, products, losses, image_layers,
                      attention, formulas})
      for (Case& c : part()) joined.push_back(std::move(c));
    return joined;
  }();
  return table;
}

const char* name_of(Layout layout) {
  constexpr const char* names[] = {"contiguous", "transposed", "sliced", "channels last", "expanded"};
  return names[static_cast<int>(layout)];
}

Tensor laid_out(const Tensor& x, Layout layout) {
  if (x.dim() == 0) return x;
  switch (layout) {
    case Layout::contiguous:
      return x;
    case Layout::transposed:
      return x.transpose(0, -1).contiguous().transpose(0, -1);
    case Layout::sliced: {
      Shape shape = x.shape();
      shape[x.dim() - 1] = 2 * shape.back() + 3;
      const Tensor block = zeros(shape, x.dtype());
      Tensor view = block.slice(-1, 1, 1 + 2 * x.size(-1), 2);
      view.copy_(x);
      return view;
    }
    case Layout::channels_last:
      return x.dim() < 3 ? x : x.movedim(1, -1).contiguous().movedim(-1, 1);
    case Layout::expanded:
      return x.dtype() == f64 ? x.narrow(0, 0, 1).expand(x.shape()) : x;
  }
  return x;
}

Inputs laid_out(const Inputs& inputs, Layout layout) {
  Inputs all;
  for (const Tensor& x : inputs) all.push_back(laid_out(x, layout));
  return all;
}

Inputs leaves(const Inputs& inputs) {
  Inputs all;
  for (const Tensor& x : inputs) {
    all.push_back(x.detach());
    if (is_float(x.dtype())) all.back().requires_grad_();
  }
  return all;
}

}  // namespace cairn::cases
