#include "cairn/nn/meter.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>
#include <map>
#include <optional>
#include <thread>
#include <tuple>
#include <unordered_map>
#include <unordered_set>

#include "cairn/autograd/backward.h"
#include "cairn/graph/record.h"
#include "cairn/math/program.h"
#include "cairn/nn/activation.h"
#include "cairn/nn/summary.h"
#include "cairn/nn/taylor.h"
#include "cairn/ops/compare.h"
#include "cairn/tensor/create.h"
#include "nn/keep_state.h"
#include "nn/table.h"

namespace cairn::nn {
namespace {

constexpr double flat_below = 1e-3;  // what counts as no slope
constexpr double unknown = std::numeric_limits<double>::quiet_NaN();

// ---- which operations are activations, and of what kind -------------------------------------------------------------

// What is known of an activation that ran.
struct Kind {
  bool measured = false;
  bool relu_like = false;
  std::optional<cairn::Activation> function;  // by name alone, the one with default parameters; of formulas none
};

// 0 left of 0, and rising right of it without going below. Seen on a few numbers, some in every piece of the function:
// formulas have no other form that could be asked.
bool is_relu_like(const cairn::Activation& f) {
  const Program program({f.expression()}, {"x"});
  const auto at = [&](double x) { return program.on({x})[0]; };
  const auto fits = [&](double x) { return x < 0 ? at(x) == 0 : x == 0 || at(x) >= 0; };
  for (const double x : {-0.01, -0.5, -1.0, -2.0, -3.5, -8.0, -50.0, 0.01, 0.5, 1.0})
    if (!fits(x)) return false;
  if (!(at(2) > 0 && at(3) > at(2))) return false;
  std::vector<double> ends = f.kinks();
  ends.insert(ends.end(), {-100.0, 0.0, 100.0});
  std::sort(ends.begin(), ends.end());
  for (size_t i = 1; i < ends.size(); ++i)
    if (!fits((ends[i - 1] + ends[i]) / 2)) return false;
  return true;
}

// Of an operation by its name. With which parameters it ran is not known: it is judged by its slope if it has any.
Kind kind_of(const std::string& name) {
  if (name == "formula" || name == "taylor") return {.measured = true, .function = {}};
  try {
    const cairn::Activation f = activation(name);
    if (f.info().name == name && f.info().elementwise())
      return {.measured = true, .relu_like = f.parameters().empty() && is_relu_like(f), .function = f};
  } catch (const Error&) {  // some other operation, whose name may be any text
  }
  return {};
}

// Of a layer's function, whose parameters are known unless they are trained.
Kind kind_of(const cairn::Activation& f) {
  return {.measured = true, .relu_like = !f.info().learnable && is_relu_like(f), .function = f};
}

// As its operation is recorded.
const std::string& operation_name(const cairn::Activation& f) {
  return f.info().operation ? f.info().family : f.info().name;
}

// f′ at every element of the input; undefined where it cannot be told.
Tensor slopes(const Operation& op, const Kind& kind) {
  const auto derivative = [](const Tensor& y, const Tensor& x) {
    const Tensor found = grad({y}, {x}, {ones_like(y)}, true, false, true)[0];
    return found.defined() ? found : zeros_like(x);
  };
  if (op.output.requires_grad() && op.inputs[0]->requires_grad()) return derivative(op.output, *op.inputs[0]);
  // No graph, as behind detach(): the function again, if it is the layer's or the one of that name with its default
  // parameters that ran.
  if (!kind.function) return {};
  const GradMode on(true);
  const Tensor x = op.inputs[0]->detach().requires_grad_(), y = (*kind.function)(x);
  if (!equal(y, op.output)) return {};
  return y.requires_grad() ? derivative(y, x) : zeros_like(x);
}

// The dimension of the units; -1 for outputs that have only samples. See the contract of ActivationMeter.
int unit_dimension(const Operation& op) {
  if (op.output.dim() < 2) return -1;
  const Node* node = op.inputs[0]->body()->node.get();
  while (node && op.output.dim() > 2) {
    const std::string_view name = node->name;
    if (name == "linear" || name == "matmul" || name == "layer_norm" || name == "rms_norm" || name == "embedding")
      return op.output.dim() - 1;
    const Node* before = nullptr;  // through what leaves every element in its place, as additions and dropout do
    for (int i = 0; i < node->input_count && !before; ++i)
      if (node->inputs[i].node && node->inputs[i].node->shape == node->shape) before = node->inputs[i].node.get();
    node = name == "permute" || name == "transpose" || name == "reshape" ? nullptr : before;
  }
  return 1;
}

// Row-major with the units last: a plain matrix (elsewhere, units).
Tensor as_rows(const Tensor& x, int units) {
  return units < 0 ? x.detach().contiguous() : x.detach().movedim(units, -1).contiguous();
}

// ---- sums -----------------------------------------------------------------------------------------------------------

struct Sums {
  std::vector<uint8_t> alive;  // each unit, 0 or 1
  int64_t count = 0, zeros = 0, flat = 0;
  bool slopes_known = true;
  double mean = 0, squares = 0;  // squares of the distances from the mean
  int64_t gradients = 0, gradient_zeros = 0, gradient_samples = 0;
  double gradient_squares = 0;

  // One batch more, or a sum over several.
  void merge(const Sums& b) {
    if (alive.empty()) alive.resize(b.alive.size());
    for (size_t u = 0; u < b.alive.size(); ++u) alive[u] |= b.alive[u];
    if (b.count > 0) {  // Chan et al. 1983, Algorithms for computing the sample variance
      const double all = static_cast<double>(count + b.count), share = static_cast<double>(b.count) / all,
                   apart = b.mean - mean;
      squares += b.squares + apart * apart * share * static_cast<double>(count);
      mean += apart * share;
    }
    count += b.count, zeros += b.zeros, flat += b.flat;
    slopes_known = slopes_known && b.slopes_known;
    gradients += b.gradients, gradient_zeros += b.gradient_zeros, gradient_squares += b.gradient_squares;
    gradient_samples += b.gradient_samples;
  }
};

Sums sums_of(const Operation& op, const Kind& kind) {
  const NoGrad no_grad;
  const int dim = unit_dimension(op);
  const Tensor slope = slopes(op, kind);
  const Tensor rows = as_rows(op.output, dim), flatness = slope.defined() ? as_rows(slope, dim) : Tensor();
  const auto units = static_cast<size_t>(dim < 0 ? 1 : op.output.size(dim));
  Sums s;
  s.alive.resize(units);
  s.count = rows.numel();
  s.slopes_known = slope.defined();
  visit_float("Meter", rows.dtype(), [&]<class S>() {
    const S *y = rows.pointer<S>(), *d = slope.defined() ? flatness.pointer<S>() : nullptr;
    double total = 0;
    for (int64_t i = 0; i < s.count;)
      for (size_t u = 0; u < units; ++u, ++i) {
        const bool flat = d && std::abs(d[i]) < flat_below, zero = y[i] == 0;
        s.alive[u] |= !(kind.relu_like ? y[i] <= 0 : flat);  // NaN is no sign of death
        s.zeros += zero, s.flat += flat && !zero;
        total += static_cast<double>(y[i]);
      }
    s.mean = s.count > 0 ? total / static_cast<double>(s.count) : 0;
    for (int64_t i = 0; i < s.count; ++i) s.squares += (static_cast<double>(y[i]) - s.mean) * (y[i] - s.mean);
  });
  return s;
}

// The gradient of a mean over so many samples; an undefined one did not arrive.
void add_gradient(Sums& s, const Tensor& g, int64_t samples) {
  s.gradients = s.count;
  s.gradient_samples = samples;
  if (!g.defined()) {
    s.gradient_zeros = s.count;
    return;
  }
  const Tensor dense = g.detach().contiguous();
  double squares = 0;
  visit_float("Meter", g.dtype(), [&]<class S>() {
    const S* p = dense.pointer<S>();
    for (int64_t i = 0; i < s.count; ++i) {
      squares += static_cast<double>(p[i]) * static_cast<double>(p[i]);
      s.gradient_zeros += p[i] == 0;
    }
  });
  s.gradient_squares = squares * static_cast<double>(samples) * static_cast<double>(samples);
}

using Functions = std::unordered_map<const void*, cairn::Activation>;

void list_functions(const Module& m, Functions& functions) {
  if (const auto* a = dynamic_cast<const Activation*>(&m)) functions.emplace(m.path().data(), a->function());
  if (const auto* t = dynamic_cast<const Taylor*>(&m)) functions.emplace(m.path().data(), t->polynomial());
  for (const auto& [name, child] : m.children()) list_functions(*child, functions);
}

}  // namespace

// ---- the meter ------------------------------------------------------------------------------------------------------

struct Meter::State {
  using Key = std::tuple<std::string, std::string, int>;  // layer, name of the operation, call
  struct Row {
    Key key;
    std::string function;
    bool relu_like = false;
    Sums sums;
  };

  Module& model;
  int64_t samples = 0;
  std::vector<Row> rows;
  std::map<std::string, Kind> kinds;  // by name of the operation, or text of the layer's function

  const Kind& kind(const Operation& op, const cairn::Activation* of_layer) {
    const bool known = of_layer && of_layer->info().elementwise() && operation_name(*of_layer) == op.name;
    const std::string text = known ? of_layer->text() : op.name;
    const auto at = kinds.find(text);
    if (at != kinds.end()) return at->second;
    return kinds.emplace(text, known ? kind_of(*of_layer) : kind_of(text)).first->second;
  }
  Row* find(const Key& key) {
    const auto at = std::find_if(rows.begin(), rows.end(), [&](const Row& r) { return r.key == key; });
    return at == rows.end() ? nullptr : &*at;
  }
};

Meter::Meter(Module& model) : state_(std::make_unique<State>(State{.model = model, .rows = {}, .kinds = {}})) {}
Meter::~Meter() = default;
Meter::Meter(Meter&&) noexcept = default;

void Meter::add(const Tensor& x, const Loss& loss) {
  auto* layer = dynamic_cast<Layer*>(&state_->model);
  require<ValueError>(layer != nullptr, "Meter", "the model has a forward of its own; give add() one that calls it",
                      given("model", state_->model.type_name()));
  require(x.dim() >= 1, "Meter", "the input must have samples in its first dimension", given("x", x));
  // So that activations have a graph to be differentiated in, whatever is trained.
  const Tensor input = is_float(x.dtype()) ? x.detach().requires_grad_() : x;
  add(
      x.size(0), [&] { return (*layer)(input); }, loss);
}

void Meter::add(int64_t samples, const std::function<Tensor()>& forward, const Loss& loss) {
  require<ValueError>(samples >= 1, "Meter", "needs at least one sample", given("samples", samples));
  State& state = *state_;
  const KeepState keep_state(state.model);
  state.model.eval();
  const GradMode recording(true);
  Functions functions;  // by where the layer's path stands, which scopes point at
  list_functions(state.model, functions);
  std::unordered_set<const Body*> parameters;
  for (const Parameter& p : state.model.parameters()) parameters.insert(p.tensor.body().get());

  std::vector<State::Row> seen;
  std::vector<Tensor> results;  // whose gradients are wanted
  Tensor outputs;
  {
    const std::thread::id own = std::this_thread::get_id();
    std::map<std::pair<std::string, std::string>, int> calls;
    const Observer observer([&](const Operation& op) {
      if (std::this_thread::get_id() != own || op.inputs.empty()) return;  // a loader prepares its next batch, say
      const auto known = functions.find(op.scope.data());
      const cairn::Activation* of_layer = known == functions.end() ? nullptr : &known->second;
      const Kind& kind = state.kind(op, of_layer);
      if (!kind.measured || !is_float(op.output.dtype()) || op.inputs[0]->shape() != op.output.shape()) return;
      if (parameters.count(op.inputs[0]->body().get()) > 0) return;  // exp(log_sigma): no unit, and no samples
      std::string layer(op.scope);
      const int call = ++calls[{layer, op.name}];
      seen.push_back({.key = {std::move(layer), op.name, call},
                      .function = of_layer ? of_layer->text() : op.name,
                      .relu_like = kind.relu_like,
                      .sums = sums_of(op, kind)});
      if (loss) results.push_back(op.output);
    });
    const Scope scope(state.model.path());
    outputs = forward();
  }
  if (loss) {
    const Tensor total = loss(outputs);
    require(total.numel() == 1, "Meter", "the loss must be a tensor of one element, such as a mean over the batch",
            given("loss", total));
    std::vector<Tensor> wanted, found;
    for (const Tensor& y : results)
      if (y.requires_grad()) wanted.push_back(y);
    if (total.requires_grad() && !wanted.empty()) found = grad({total}, wanted, {}, false, false, true);
    found.resize(wanted.size());
    for (size_t i = 0, k = 0; i < seen.size(); ++i)
      add_gradient(seen[i].sums, results[i].requires_grad() ? found[k++] : Tensor(), samples);
  }

  for (const State::Row& row : seen)
    if (const State::Row* known = state.find(row.key))
      require(known->sums.alive.size() == row.sums.alive.size(), "Meter",
              "an activation gave another number of units than before", given("layer", std::get<0>(row.key)),
              given("function", row.function), given("before", known->sums.alive.size()),
              given("now", row.sums.alive.size()));
  state.samples += samples;
  for (State::Row& row : seen) {
    if (State::Row* known = state.find(row.key))
      known->sums.merge(row.sums);
    else
      state.rows.push_back(std::move(row));
  }
}

MeterReport Meter::report() const {
  MeterReport report{.activations = {}, .samples = state_->samples};
  for (const State::Row& row : state_->rows) {
    const Sums& s = row.sums;
    const auto share = [](int64_t k, int64_t n) {
      return n > 0 ? static_cast<double>(k) / static_cast<double>(n) : unknown;
    };
    const auto units = static_cast<int64_t>(s.alive.size());
    const bool measured = s.gradients > 0;
    report.activations.push_back(
        {.layer = std::get<0>(row.key),
         .function = row.function,
         .call = std::get<2>(row.key),
         .units = units,
         .dead =
             row.relu_like || s.slopes_known ? share(std::count(s.alive.begin(), s.alive.end(), 0), units) : unknown,
         .saturated = s.slopes_known ? share(s.flat, s.count) : unknown,
         .sparsity = share(s.zeros, s.count),
         .mean = s.count > 0 ? s.mean : unknown,
         .variance = s.count > 0 ? s.squares / static_cast<double>(s.count) : unknown,
         .gradient_norm = measured ? std::sqrt(s.gradient_squares / static_cast<double>(s.gradient_samples)) : unknown,
         .gradient_zeros = measured ? share(s.gradient_zeros, s.gradients) : unknown});
  }
  return report;
}

MeterReport measure(Layer& model, const Tensor& x, const Meter::Loss& loss) {
  Meter meter(model);
  meter.add(x, loss);
  return meter.report();
}

// ---- the report -----------------------------------------------------------------------------------------------------

const ActivationMeter& MeterReport::operator[](std::string_view layer) const {
  std::vector<std::string> known;
  for (const ActivationMeter& a : activations) {
    if (a.layer == layer) return a;
    known.push_back(a.layer);
  }
  fail_unknown("layer with an activation", layer, known);
}

std::string to_string(const MeterReport& report, bool legend) {
  const auto number = [](double value) {  // as many digits as are worth reading, whatever its size
    char text[32];
    const bool plain = value == 0 || (std::abs(value) >= 1e-3 && std::abs(value) < 1e5);
    plain ? std::snprintf(text, sizeof text, "%.4f", value) : std::snprintf(text, sizeof text, "%.2e", value);
    return std::string(text);
  };
  const auto percent = [](double share) {
    char text[32];
    std::snprintf(text, sizeof text, "%.1f %%", 100 * share);
    return std::isnan(share) ? std::string("-") : std::string(text);
  };
  bool with_gradients = false;
  for (const ActivationMeter& a : report.activations) with_gradients |= !std::isnan(a.gradient_zeros);
  std::vector<std::vector<std::string>> cells = {
      {"layer", "activation", "units", "dead", "saturated", "sparsity", "mean", "variance"}};
  if (with_gradients) cells[0].insert(cells[0].end(), {"grad norm", "grad zeros"});
  for (const ActivationMeter& a : report.activations) {
    constexpr size_t widest = 32;
    std::string function = a.function.size() <= widest ? a.function : a.function.substr(0, widest - 3) + "...";
    if (a.call > 1) function += " #" + std::to_string(a.call);
    cells.push_back({a.layer.empty() ? "(model)" : a.layer, function, with_commas(a.units), percent(a.dead),
                     percent(a.saturated), percent(a.sparsity), number(a.mean), number(a.variance)});
    if (with_gradients) {
      cells.back().push_back(number(a.gradient_norm));
      cells.back().push_back(percent(a.gradient_zeros));
    }
  }
  std::string text = aligned(cells, 2);
  if (!legend) return text;
  text += "over " + with_commas(report.samples) + (report.samples == 1 ? " sample" : " samples") +
          "; a unit is a feature, of images a channel\n"
          "  dead        units that are off for every sample: output <= 0 (ReLU and the like), or slope below 0.001\n"
          "  saturated   outputs other than 0 where the slope is below 0.001\n"
          "  sparsity    outputs that are exactly 0\n";
  if (with_gradients)
    text +=
        "  grad norm   of the gradient of a sample's loss at the outputs, root mean square over the samples\n"
        "  grad zeros  elements of that gradient that are exactly 0\n";
  return text;
}

std::ostream& operator<<(std::ostream& out, const MeterReport& report) { return out << to_string(report); }

}  // namespace cairn::nn
