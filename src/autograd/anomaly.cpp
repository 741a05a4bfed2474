#include "cairn/autograd/anomaly.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdio>
#include <limits>
#include <mutex>
#include <unordered_map>

#include "cairn/graph/record.h"
#include "cairn/graph/scope.h"

namespace cairn {

// ---- what a tensor holds --------------------------------------------------------------------------------------------

// Calls f(elements, their number) for all elements of x, in the order in which they lie in memory.
template <class F>
static void scan(const Tensor& x, F f) {
  const NoGrad no_grad;
  const Tensor plain = x.is_dense() ? x : x.contiguous();
  visit_any(x.dtype(), [&]<class S>() { f(plain.pointer<S>(), x.numel()); });
}

static bool finite(const Tensor& x) {
  if (!is_float(x.dtype())) return true;
  bool all = true;
  scan(x, [&](const auto* p, int64_t n) {
    for (int64_t i = 0; i < n; ++i) all &= !(p[i] - p[i] != 0);  // of what is not finite that is NaN
  });
  return all;
}

TensorRange range_of(const Tensor& x, std::string name) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  TensorRange r{.name = std::move(name), .shape = x.shape(), .dtype = x.dtype(), .min = infinity, .max = -infinity};
  scan(x, [&](const auto* p, int64_t n) {
    for (int64_t i = 0; i < n; ++i) {
      const auto v = static_cast<double>(p[i]);
      if (std::isfinite(v))
        r.min = std::min(r.min, v), r.max = std::max(r.max, v);
      else
        ++(std::isnan(v) ? r.nan : r.inf);
    }
  });
  if (r.min > r.max) r.min = r.max = std::numeric_limits<double>::quiet_NaN();
  return r;
}

static std::string bad_numbers(const TensorRange& r) {
  std::string text;
  if (r.nan > 0) text += std::to_string(r.nan) + " NaN";
  if (r.inf > 0) text += (text.empty() ? "" : " and ") + std::to_string(r.inf) + " inf";
  return text;
}

std::string to_string(const TensorRange& r) {
  std::string text = to_string(r.shape) + " " + name_of(r.dtype);
  if (!r.finite()) text += ", " + bad_numbers(r);
  if (std::isnan(r.min)) return text;
  char range[64];
  std::snprintf(range, sizeof range, " in [%.4g, %.4g]", r.min, r.max);
  return text + (r.finite() ? "" : ", else") + range;
}

// ---- what is told of it ---------------------------------------------------------------------------------------------

bool Anomaly::at_fault() const {
  return std::all_of(inputs.begin(), inputs.end(), [](const TensorRange& r) { return r.finite(); });
}

static std::string holders(const std::vector<TensorRange>& ranges, const char* holds) {
  std::string text;
  for (const TensorRange& r : ranges)
    if (!r.finite()) text += (text.empty() ? "" : ", ") + r.name + holds + bad_numbers(r);
  return text;
}

std::string to_string(const Anomaly& a) {
  std::string text = a.backward ? "backward of " + a.operation : a.operation;
  if (!a.layer.empty())
    text += " in " + a.layer;
  else
    text += a.call == 0 ? ", outside of any layer" : " in the outermost layer";
  if (a.call > 0) text += ", call " + std::to_string(a.call);
  text += ": " + holders(a.outputs, " holds ") + ", ";
  text += a.at_fault() ? "and what it was computed from is finite" : "but " + holders(a.inputs, " already holds ");
  if (!a.inside.empty()) text += "; " + a.inside + " in it gave the first";
  size_t wide = 0;
  for (const auto* ranges : {&a.inputs, &a.outputs})
    for (const TensorRange& r : *ranges) wide = std::max(wide, r.name.size());
  for (const auto* ranges : {&a.inputs, &a.outputs})
    for (const TensorRange& r : *ranges)
      text += "\n  " + r.name + std::string(wide - r.name.size(), ' ') + "  " + to_string(r);
  return text;
}

// ---- the observer ---------------------------------------------------------------------------------------------------

namespace {

std::string input_name(size_t i) { return "input " + std::to_string(i); }

// What a thread has done since its last backward, or since detection was switched on.
struct Past {
  struct Calls {
    uint64_t last = 0;  // number of the call, as current_call() has it
    int64_t count = 0;
  };
  uint64_t session = 0;
  bool backward = false;
  std::unordered_map<std::string, Calls> layers;
  // The first operation inside a backward to give what is not finite.
  const Node* node = nullptr;
  std::string inside;
};

class Detector {
 public:
  explicit Detector(uint64_t session)
      : session_(session),
        observer_([this](const Operation& op) { see(op); }, [this](const BackwardOperation& op) { see_backward(op); }) {
  }

 private:
  Past& past() const {
    static thread_local Past past;
    if (past.session != session_) past = Past(), past.session = session_;
    return past;
  }

  static Origin origin_of(const Operation& op, Past& past) {
    if (op.backward_of) return op.backward_of->origin ? *op.backward_of->origin : Origin{};
    if (past.backward) past.layers.clear(), past.backward = false;
    const uint64_t call = current_call();
    if (call == 0) return {};
    Past::Calls& calls = past.layers[std::string(op.scope)];
    if (calls.last != call) calls.last = call, ++calls.count;
    return {std::string(op.scope), calls.count};
  }

  void see(const Operation& op) const {
    Past& now = past();
    const Origin origin = origin_of(op, now);
    if (op.output.requires_grad()) gradient_node(op.output)->origin = std::make_unique<Origin>(origin);
    const auto shares = [&](const Tensor* x) { return x->body()->storage.get() == op.output.body()->storage.get(); };
    const bool view =
        std::any_of(op.inputs.begin(), op.inputs.end(), [&](const Tensor* x) { return x->defined() && shares(x); });
    if (view || finite(op.output)) return;
    if (op.backward_of) {
      if (now.node != op.backward_of) now.node = op.backward_of, now.inside = op.name;
      return;
    }
    const std::string_view name = op.name;
    if (name == "where_scalar" || name == "pad") return;  // told to put it in
    Anomaly a;
    a.operation = op.name, a.layer = origin.layer, a.call = origin.call;
    int64_t infinite = 0;
    for (size_t i = 0; i < op.inputs.size(); ++i)
      if (op.inputs[i]->defined()) {
        a.inputs.push_back(range_of(*op.inputs[i], input_name(i)));
        infinite += a.inputs.back().inf;
      }
    a.outputs.push_back(range_of(op.output, "output"));
    if (a.outputs[0].nan == 0 && infinite > 0) return;  // handed on
    throw AnomalyError(std::move(a));
  }

  void see_backward(const BackwardOperation& op) const {
    Past& now = past();
    now.backward = true;
    const int count = op.context.input_count();
    const auto used = [&](int i) { return op.context.needs(i) && op.grads[i].defined(); };
    bool all = true;
    for (int i = 0; i < count; ++i) all &= !used(i) || finite(op.grads[i]);
    const bool seen_inside = now.node == &op.node;
    if (seen_inside) now.node = nullptr;  // another node may come to lie there
    if (all) return;
    Anomaly a;
    a.operation = op.node.name, a.backward = true;
    if (op.node.origin) a.layer = op.node.origin->layer, a.call = op.node.origin->call;
    if (seen_inside) a.inside = now.inside;
    a.inputs.push_back(range_of(op.context.grad, "gradient of the output"));
    const auto saved = [&](const Node::Input& kept, const std::string& name) {
      if (kept.saved) a.inputs.push_back(range_of(Tensor(kept.saved), name));
    };
    for (int i = 0; i < count; ++i) saved(op.node.inputs[i], input_name(static_cast<size_t>(i)));
    saved(op.node.output, "output");
    for (int i = 0; i < count; ++i)
      if (used(i)) a.outputs.push_back(range_of(op.grads[i], "gradient of input " + std::to_string(i)));
    throw AnomalyError(std::move(a));
  }

  uint64_t session_;
  Observer observer_;
};

std::mutex switching;

std::unique_ptr<Detector>& detector() {
  static std::unique_ptr<Detector> on;  // made after the list of observers, and so gone before it
  return on;
}

}  // namespace

// Under the lock `switching`.
static bool asked = false;  // by set_anomaly
static int guards = 0;
static void turn() {
  static uint64_t sessions = 0;
  const bool on = asked || guards > 0;
  if (on && !detector()) detector() = std::make_unique<Detector>(++sessions);
  if (!on) detector() = nullptr;
}

void set_anomaly(bool on) {
  const std::lock_guard lock(switching);
  asked = on;
  turn();
}

DetectAnomaly::DetectAnomaly() {
  const std::lock_guard lock(switching);
  ++guards;
  turn();
}

DetectAnomaly::~DetectAnomaly() {
  const std::lock_guard lock(switching);
  --guards;
  turn();
}

bool anomaly_enabled() {
  const std::lock_guard lock(switching);
  return detector() != nullptr;
}

}  // namespace cairn
