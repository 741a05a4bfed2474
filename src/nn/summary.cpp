#include "cairn/nn/summary.h"

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>
#include <string_view>
#include <thread>

#include "cairn/tensor/create.h"
#include "nn/cost.h"
#include "nn/keep_mode.h"
#include "nn/table.h"

namespace cairn::nn {
namespace {

bool is_in(std::string_view scope, std::string_view layer) {
  return layer.empty() || (scope.starts_with(layer) && (scope.size() == layer.size() || scope[layer.size()] == '.'));
}

// "Activation(gelu)": where a text is all that a layer is made from, it is its kind.
std::string kind_of(const Module& m) {
  const Json options = m.options();
  const bool sole_text = options.is_object() && options.size() == 1 && options.begin()->is_string();
  return m.type_name() + (sole_text ? "(" + options.begin()->get<std::string>() + ")" : "");
}

void list_leaves(const Module& m, std::vector<LayerCost>& rows, std::set<const void*>& seen) {
  const auto children = m.children();
  LayerCost row{.name = m.path(), .type = children.empty() ? kind_of(m) : m.type_name(), .output = {}};
  for (const Parameter& p : m.named_parameters())
    if (p.name.find('.') == std::string::npos && seen.insert(p.tensor.body().get()).second)
      row.parameters += p.tensor.numel();
  if (children.empty() || row.parameters > 0) rows.push_back(std::move(row));
  for (const auto& [name, child] : children) list_leaves(*child, rows, seen);
}

std::string mebibytes(int64_t bytes) {
  char text[32];
  std::snprintf(text, sizeof text, "%.2f MiB", static_cast<double>(bytes) / (1 << 20));
  return text;
}

}  // namespace

std::string with_commas(int64_t n) {
  std::string digits = std::to_string(n);
  for (auto at = static_cast<int64_t>(digits.size()) - 3; at > 0; at -= 3) digits.insert(static_cast<size_t>(at), ",");
  return digits;
}

std::vector<LayerCost> costs(Layer& model, const Shape& input) {
  std::vector<LayerCost> rows;
  std::set<const void*> seen;
  list_leaves(model, rows, seen);
  LayerCost whole{.name = "", .type = model.type_name(), .output = {}};
  whole.parameters = model.num_parameters();
  Dtype dtype = f32;
  if (const auto parameters = model.named_parameters(); !parameters.empty()) dtype = parameters[0].tensor.dtype();
  const KeepMode keep_mode(model);
  model.eval();
  const NoGrad off;
  const Tensor x = zeros(input, dtype);
  {
    const std::thread::id own = std::this_thread::get_id();
    const Observer observer([&](const Operation& op) {
      if (std::this_thread::get_id() != own) return;  // a loader prepares its next batch, say
      const int64_t bytes = is_view(op) ? 0 : bytes_of(op.output);
      whole.bytes += bytes, whole.multiply_adds += multiply_adds(op);
      LayerCost* inner = nullptr;
      for (LayerCost& row : rows)
        if (is_in(op.scope, row.name) && (!inner || row.name.size() > inner->name.size())) inner = &row;
      if (!inner) return;
      inner->output = op.output.shape();
      inner->bytes += bytes, inner->multiply_adds += multiply_adds(op);
    });
    whole.output = model(x).shape();
  }
  Shape before = input;
  for (LayerCost& row : rows) {
    if (row.output.empty() && row.parameters == 0) row.output = before;
    if (!row.output.empty()) before = row.output;
  }
  rows.push_back(std::move(whole));
  return rows;
}

std::string summary(Layer& model, const Shape& input) {
  const std::vector<LayerCost> rows = costs(model, input);
  std::vector<std::vector<std::string>> cells = {{"layer", "type", "output", "parameters", "multiply-adds"}};
  cells.push_back({"input", "", to_string(input), "", ""});
  const auto count = [](int64_t n) { return n == 0 ? std::string() : with_commas(n); };
  for (size_t i = 0; i + 1 < rows.size(); ++i)
    cells.push_back({rows[i].name, rows[i].type, rows[i].output.empty() ? "" : to_string(rows[i].output),
                     count(rows[i].parameters), count(rows[i].multiply_adds)});
  const LayerCost& whole = rows.back();
  cells.push_back(
      {"total", "", to_string(whole.output), with_commas(whole.parameters), with_commas(whole.multiply_adds)});
  std::ostringstream out;
  out << aligned(cells, 3, true);
  int64_t bytes = 0;
  for (const Parameter& p : model.parameters())
    bytes += p.tensor.numel() * static_cast<int64_t>(size_of(p.tensor.dtype()));
  out << "memory: " << mebibytes(bytes) << " of parameters, " << mebibytes(whole.bytes)
      << " of results of a forward pass\n";
  return out.str();
}

}  // namespace cairn::nn
