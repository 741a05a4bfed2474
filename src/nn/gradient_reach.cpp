#include "cairn/nn/gradient_reach.h"

#include <algorithm>
#include <thread>
#include <unordered_map>
#include <unordered_set>

#include "cairn/autograd/backward.h"
#include "cairn/graph/record.h"
#include "cairn/ops/elementwise.h"
#include "cairn/ops/reduce.h"
#include "cairn/tensor/create.h"
#include "nn/keep_state.h"

namespace cairn::nn {
namespace {

std::string where_text(const std::string& name, const std::string& scope) {
  return scope.empty() ? name : name + " in " + scope;
}

// ---- what a forward did ---------------------------------------------------------------------------------------------

// Every operation of a forward with what it read, gradient or not: a graph knows only of what has one. Results are held
// until the end, so that none is taken for another that lies at the same address.
class Trace {
 public:
  explicit Trace(const std::vector<Parameter>& parameters) {
    for (const Parameter& p : parameters) {
      steps_.push_back({.name = "", .scope = {}, .recording = true, .reads = {}, .result = p.tensor});
      remember(p.tensor, steps_.size() - 1);
    }
    first_ = steps_.size();
  }

  void see(const Operation& op) {
    Step step{.name = op.name, .scope = std::string(op.scope), .recording = grad_enabled(), .reads = {}, .result = {}};
    for (const Tensor* x : op.inputs) {
      if (!x->defined()) continue;
      if (const auto own = bodies_.find(x->body().get()); own != bodies_.end())
        step.reads.push_back({own->second, x->requires_grad() ? Read::whole : Read::plain});
      else if (const auto same = storages_.find(x->body()->storage.get()); same != storages_.end())
        step.reads.push_back({same->second, x->requires_grad() ? Read::whole : Read::detached});
    }
    step.result = op.output;
    steps_.push_back(std::move(step));
    remember(op.output, steps_.size() - 1);
    // max and min along a dimension hand out places too, which they list behind what they read.
    const std::string_view name = op.name;
    if ((name == "max" || name == "min") && op.inputs.size() == 2) {
      places_.push_back(*op.inputs[1]);
      bodies_[op.inputs[1]->body().get()] = steps_.size() - 1;
    }
  }

  // The layer in which the node's operation ran.
  std::string scope_of(const Node* node) const {
    const auto at = nodes_.find(node);
    return at == nodes_.end() ? "" : steps_[at->second].scope;
  }

  // Why parameter number p is not in the graph of the loss.
  std::string why_unreached(size_t p, const Tensor& loss) const {
    const std::vector<bool> matters = before(loss);
    std::vector<bool> reached(steps_.size());  // by a graph that begins at the parameter
    reached[p] = true;
    size_t last = p;
    for (size_t i = first_; i < steps_.size(); ++i) {
      const Step& step = steps_[i];
      for (const Read& read : step.reads) {
        if (!reached[read.from]) continue;
        const std::string here = where_text(step.name, step.scope);
        if (read.kind == Read::whole && step.result.requires_grad()) {
          reached[i] = true;
          last = i;
        } else if (matters[i]) {
          if (read.kind == Read::detached) return "detached before " + here;
          if (read.kind == Read::plain)
            return where_text(steps_[read.from].name, steps_[read.from].scope) + ": its places have no gradient";
          return here + (step.recording ? ": its result has no gradient" : ": run under NoGrad");
        }
      }
    }
    for (size_t i = steps_.size(); i-- > first_;)  // then the loss is what this gave, by another handle
      if (reached[i] && matters[i]) return "detached after " + where_text(steps_[i].name, steps_[i].scope);
    if (last != p) return where_text(steps_[last].name, steps_[last].scope) + ": the loss does not depend on it";
    return matters[p] ? "detached" : "no operation that leads to the loss used it";
  }

 private:
  struct Read {
    enum Kind { whole, detached, plain };  // with its graph; the elements alone; what never had one
    size_t from;                           // step
    Kind kind;
  };
  struct Step {  // an operation; the first ones are the parameters
    const char* name;
    std::string scope;
    bool recording;
    std::vector<Read> reads;
    Tensor result;
  };

  void remember(const Tensor& x, size_t step) {
    bodies_[x.body().get()] = step;
    storages_.try_emplace(x.body()->storage.get(), step);  // views and detached handles lead to who made it
    if (x.requires_grad()) nodes_[gradient_node(x).get()] = step;
  }

  // What the loss was computed from, with a graph or without.
  std::vector<bool> before(const Tensor& loss) const {
    std::vector<bool> found(steps_.size());
    if (const auto own = bodies_.find(loss.body().get()); own != bodies_.end())
      found[own->second] = true;
    else if (const auto same = storages_.find(loss.body()->storage.get()); same != storages_.end())
      found[same->second] = true;
    for (size_t i = steps_.size(); i-- > 0;)
      if (found[i])
        for (const Read& read : steps_[i].reads) found[read.from] = true;
    return found;
  }

  std::vector<Step> steps_;
  size_t first_ = 0;  // behind the parameters
  std::vector<Tensor> places_;
  std::unordered_map<const Body*, size_t> bodies_;
  std::unordered_map<const Storage*, size_t> storages_;
  std::unordered_map<const Node*, size_t> nodes_;
};

// ---- what the graph says --------------------------------------------------------------------------------------------

bool all_zero(const Tensor& g) { return !g.defined() || (g.numel() > 0 && amax(abs(g.detach())).item<double>() == 0); }

// All nodes from which the loss was computed, every one behind its inputs.
std::vector<Node*> nodes_below(const Tensor& loss) {
  std::vector<Node*> found, stack;
  std::unordered_set<const Node*> seen;
  const auto push = [&](Node* n) {
    if (n && seen.insert(n).second) found.push_back(n), stack.push_back(n);
  };
  if (loss.requires_grad()) push(gradient_node(loss).get());
  while (!stack.empty()) {
    Node* n = stack.back();
    stack.pop_back();
    for (int i = 0; i < n->input_count; ++i) push(n->inputs[i].node.get());
  }
  std::sort(found.begin(), found.end(), [](const Node* a, const Node* b) { return a->sequence < b->sequence; });
  return found;
}

// Those of the nodes from which a walk along inputs comes to `end`, itself among them.
std::unordered_set<const Node*> leading_to(const Node* end, const std::vector<Node*>& nodes) {
  std::unordered_set<const Node*> leading = {end};
  for (const Node* n : nodes)
    for (int i = 0; i < n->input_count; ++i)
      if (leading.count(n->inputs[i].node.get()) > 0) leading.insert(n);
  return leading;
}

// Which nodes have a gradient that is not all 0.
std::unordered_set<const Node*> with_gradient(const Tensor& loss, const std::vector<Node*>& nodes) {
  std::vector<Tensor> handles;
  const Tensor stand_in = empty({0});  // grad() asks for the node alone
  for (Node* n : nodes) handles.push_back(attach(stand_in.body(), Ref<Node>::share(n)));
  const std::vector<Tensor> gradients = grad({loss}, handles, {}, true, false, true);
  std::unordered_set<const Node*> found;
  for (size_t i = 0; i < nodes.size(); ++i)
    if (!all_zero(gradients[i])) found.insert(nodes[i]);
  return found;
}

GradientReach examine(const std::vector<Parameter>& parameters, const Tensor& loss, const Trace* trace) {
  require(loss.numel() == 1, "gradient_reach", "the loss must be a tensor of one element", given("loss", loss));
  const NoGrad no_grad;
  const std::vector<Node*> nodes = nodes_below(loss);
  const std::unordered_set<const Node*> in_graph(nodes.begin(), nodes.end());
  std::vector<Tensor> wanted, gradients;
  for (const Parameter& p : parameters)
    if (p.tensor.requires_grad()) wanted.push_back(p.tensor);
  if (loss.requires_grad() && !wanted.empty()) gradients = grad({loss}, wanted, {}, true, false, true);
  gradients.resize(wanted.size());

  GradientReach reach;
  std::unordered_set<const Node*> reached;  // made when first needed
  for (size_t p = 0, k = 0; p < parameters.size(); ++p) {
    ParameterReach r{.name = parameters[p].name, .gradient = ParameterReach::none, .ended = {}};
    const Tensor& parameter = parameters[p].tensor;
    if (!parameter.requires_grad()) {
      r.ended = "it does not require a gradient";
      reach.parameters.push_back(r);
      continue;
    }
    const Tensor g = gradients[k++];
    const Node* node = gradient_node(parameter).get();
    if (g.defined()) r.gradient = all_zero(g) ? ParameterReach::zero : ParameterReach::some;
    if (r.gradient != ParameterReach::some && in_graph.count(node) > 0) {
      if (reached.empty()) reached = with_gradient(loss, nodes);
      const auto leading = leading_to(node, nodes);
      std::vector<std::string> ends;
      for (const Node* n : nodes) {
        if (leading.count(n) == 0 || reached.count(n) == 0) continue;
        for (int i = 0; i < n->input_count; ++i) {
          const Node* in = n->inputs[i].node.get();
          if (leading.count(in) == 0 || reached.count(in) > 0) continue;
          const std::string here = where_text(n->name, trace ? trace->scope_of(n) : "");
          if (std::find(ends.begin(), ends.end(), here) == ends.end()) ends.push_back(here);
        }
      }
      for (size_t i = 0; i < ends.size(); ++i) r.ended += (i == 0 ? "" : ", ") + ends[i];
      r.ended += r.gradient == ParameterReach::zero ? ": what it passes back is all 0" : ": it passes nothing back";
    } else if (r.gradient != ParameterReach::some) {
      r.ended = trace ? trace->why_unreached(p, loss)
                      : "not in the graph of the loss: unused, detached, or computed under NoGrad";
    }
    reach.parameters.push_back(r);
  }
  return reach;
}

}  // namespace

bool GradientReach::ok() const {
  return std::all_of(parameters.begin(), parameters.end(),
                     [](const ParameterReach& p) { return p.gradient == ParameterReach::some; });
}

GradientReach gradient_reach(Module& model, const std::function<Tensor()>& forward) {
  const KeepState keep_state(model);
  const GradMode recording(true);
  const std::vector<Parameter> parameters = model.parameters();
  Trace trace(parameters);
  Tensor loss;
  {
    const std::thread::id own = std::this_thread::get_id();
    const Observer observer([&](const Operation& op) {
      if (std::this_thread::get_id() == own) trace.see(op);  // a loader prepares its next batch, say
    });
    loss = forward();
  }
  return examine(parameters, loss, &trace);
}

GradientReach gradient_reach(Module& model, const Tensor& loss) { return examine(model.parameters(), loss, nullptr); }

std::vector<std::string> gradient_warnings(const Module& model) {
  std::vector<std::string> warnings;
  for (const Parameter& p : model.parameters()) {
    if (!p.tensor.requires_grad()) continue;
    const Tensor g = p.tensor.grad();
    if (!g.defined()) {
      warnings.push_back(p.name + " has no gradient");
      continue;
    }
    const bool zeros = visit_float("gradient_warnings", g.dtype(), [&]<class S>() {
      const Tensor plain = g.is_dense() ? g : g.detach().contiguous();
      const S* first = plain.pointer<S>();
      return std::all_of(first, first + g.numel(), [](S x) { return x == 0; });  // up to the first that is not
    });
    if (zeros && g.numel() > 0) warnings.push_back(p.name + " has a gradient of zeros alone");
  }
  return warnings;
}

std::ostream& operator<<(std::ostream& out, const GradientReach& reach) {
  size_t lost = 0, wide = 0;
  for (const ParameterReach& p : reach.parameters) {
    if (p.gradient == ParameterReach::some) continue;
    ++lost;
    wide = std::max(wide, p.name.size());
  }
  out << "gradient reach: ";
  if (lost == 0) return out << "all of " << reach.parameters.size() << " parameters have a gradient\n";
  out << lost << " of " << reach.parameters.size() << " parameters have no gradient, or one of zeros alone\n";
  for (const ParameterReach& p : reach.parameters)
    if (p.gradient != ParameterReach::some)
      out << "  " << p.name << std::string(wide - p.name.size(), ' ')
          << (p.gradient == ParameterReach::zero ? "  zero  " : "  none  ") << p.ended << "\n";
  return out;
}

}  // namespace cairn::nn
