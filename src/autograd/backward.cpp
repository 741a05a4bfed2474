#include "cairn/autograd/backward.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <memory_resource>
#include <utility>
#include <vector>

#include "cairn/ops/arithmetic.h"
#include "cairn/ops/reduce.h"
#include "cairn/tensor/create.h"
#include "graph/at_work.h"

namespace cairn {
namespace {

// ---- the gradients that wait for their node ------------------------------------------------------------------------------------

// Open addressing by the node's address: the run's own state, so that runs may nest and threads may share nodes.
class Pending {
 public:
  struct Entry {
    Node* node = nullptr;
    Tensor grad;
  };

  explicit Pending(std::pmr::memory_resource* room) : entries_(room), table_(room) {}

  // The entry of a node, which moves when others are made; `fresh` tells whether it was made just now.
  Entry& find(Node* node, bool& fresh) {
    if (2 * (entries_.size() + 1) > table_.size()) grow();
    size_t at = place(node);
    while (table_[at] != 0 && entries_[table_[at] - 1].node != node) at = (at + 1) & (table_.size() - 1);
    fresh = table_[at] == 0;
    if (fresh) {
      entries_.push_back({node, Tensor()});
      table_[at] = static_cast<uint32_t>(entries_.size());
    }
    return entries_[table_[at] - 1];
  }
  Entry& operator[](size_t i) { return entries_[i]; }
  size_t size() const { return entries_.size(); }
  size_t index(const Entry& e) const { return static_cast<size_t>(&e - entries_.data()); }
  bool contains(Node* node) const {
    if (table_.empty()) return false;
    for (size_t at = place(node); table_[at] != 0; at = (at + 1) & (table_.size() - 1))
      if (entries_[table_[at] - 1].node == node) return true;
    return false;
  }

 private:
  size_t place(const Node* node) const {
    const auto mixed = (reinterpret_cast<uintptr_t>(node) >> 6) * uintptr_t{0x9E3779B97F4A7C15};
    return static_cast<size_t>(mixed >> 20) & (table_.size() - 1);
  }
  void grow() {
    table_.assign(std::max<size_t>(64, table_.size() * 4), 0);
    entries_.reserve(table_.size() / 2);
    for (size_t i = 0; i < entries_.size(); ++i) {
      size_t at = place(entries_[i].node);
      while (table_[at] != 0) at = (at + 1) & (table_.size() - 1);
      table_[at] = static_cast<uint32_t>(i + 1);
    }
  }

  std::pmr::vector<Entry> entries_;
  std::pmr::vector<uint32_t> table_;  // index into entries_ plus one; 0 is free
};

// Nobody else can see these elements, and they lie in a plain block: they may be changed in place.
bool is_unshared(const Tensor& g) {
  return g.body()->count.unique() && g.body()->storage->unique() && g.is_contiguous() && !g.requires_grad();
}

// The gradient of an operand that was broadcast: sums over what was stretched.
Tensor sum_to(const Tensor& g, const Shape& shape) {
  Dims dims;
  const int extra = g.dim() - shape.size();
  for (int d = 0; d < g.dim(); ++d)
    if (d < extra || (shape[d - extra] == 1 && g.shape()[d] != 1)) dims.push_back(d);
  return sum(g, dims, true).reshape(shape);
}

bool broadcasts_to(const Shape& small, const Shape& large) {
  const int extra = large.size() - small.size();
  if (extra < 0) return false;
  for (int d = 0; d < small.size(); ++d)
    if (small[d] != large[d + extra] && small[d] != 1) return false;
  return true;
}

// ---- one run over the graph ------------------------------------------------------------------------------------------------------

class Run {
 public:
  Run(bool retain_graph, bool create_graph) : retain_(retain_graph || create_graph), create_(create_graph) {
    heap_.reserve(32);
  }

  // Gradients are handed to these instead of to the leaves.
  void capture(const std::vector<Tensor>& inputs, const std::vector<Tensor>& outputs) {
    capturing_ = true;
    for (const Tensor& x : inputs) wanted_.push_back(gradient_node(x).get());
    captured_.resize(inputs.size());
    if (!wanted_.empty()) mark_paths(outputs);
  }
  std::vector<Tensor> take_captured() { return std::move(captured_); }

  void seed(const Tensor& y, const Tensor& g) {
    graphs_.push_back(gradient_node(y));
    add(*graphs_.back(), g.requires_grad() && !create_ ? g.detach() : g);
  }

  void go() {
    const GradMode mode(create_);
    while (!heap_.empty()) {
      std::pop_heap(heap_.begin(), heap_.end());
      const size_t index = heap_.back().second;
      heap_.pop_back();
      visit(index);
    }
    // From leaves nothing goes on, so that they can wait to the end.
    for (size_t i = 0; i < pending_.size(); ++i)
      if (pending_[i].node->input_count == 0) visit(i);
    // Last, so that an exception on the way leaves every grad() as it was. A hook may have dropped the tensor
    // meanwhile.
    for (size_t i = 0; i < pending_.size(); ++i) {
      auto& [node, g] = pending_[i];
      if (!g.defined() || !node->owner) continue;
      const detail::AtWork at_work(*node);
      accumulate(*node->owner, std::move(g));
    }
  }

 private:
  // Nodes from which a wanted one can be reached: only those are visited. Nothing older than all of these can lead to
  // one, so the walk ends there: that of a twin stays within the twin.
  void mark_paths(const std::vector<Tensor>& outputs) {
    const auto by_age = [](const Node* a, const Node* b) { return a->sequence < b->sequence; };
    const uint64_t oldest = (*std::min_element(wanted_.begin(), wanted_.end(), by_age))->sequence;
    Pending seen(std::pmr::get_default_resource());  // of no use afterwards
    std::vector<Node*> found, stack;
    const auto push = [&](Node* n) {
      if (n->sequence < oldest) return;
      bool fresh = false;
      seen.find(n, fresh);
      if (fresh) found.push_back(n), stack.push_back(n);
    };
    for (const Tensor& y : outputs) push(gradient_node(y).get());
    while (!stack.empty()) {
      Node* n = stack.back();
      stack.pop_back();
      for (int i = 0; i < n->input_count; ++i)
        if (Node* in = n->inputs[i].node.get()) push(in);
    }
    std::sort(found.begin(), found.end(), by_age);
    for (Node* n : found) {
      bool leads = std::find(wanted_.begin(), wanted_.end(), n) != wanted_.end(), fresh = false;
      for (int i = 0; i < n->input_count && !leads; ++i) {
        Node* in = n->inputs[i].node.get();
        leads = in && on_path_.contains(in);
      }
      if (leads) on_path_.find(n, fresh);
    }
  }

  void add(Node& node, Tensor g) {
    bool fresh = false;
    Pending::Entry& entry = pending_.find(&node, fresh);
    if (fresh && node.input_count > 0) {
      heap_.emplace_back(node.sequence, pending_.index(entry));
      std::push_heap(heap_.begin(), heap_.end());
    }
    if (!entry.grad.defined())
      entry.grad = std::move(g);
    else if (!create_ && is_unshared(entry.grad))
      entry.grad.add_(g);
    else
      entry.grad = entry.grad + g;
  }

  void visit(size_t index) {
    Node& node = *pending_[index].node;
    Tensor g = std::exchange(pending_[index].grad, Tensor());
    const detail::AtWork at_work(node);
    if (node.hooks)
      for (const auto& [number, hook] : Node::Hooks(*node.hooks))
        if (Tensor replaced = hook(g); replaced.defined()) {
          require(replaced.shape() == node.shape && replaced.dtype() == node.dtype, "backward",
                  "a hook returned a gradient of another shape or dtype", given("returned", replaced), given("had", g));
          g = std::move(replaced);
        }
    if (capturing_) {
      for (size_t i = 0; i < wanted_.size(); ++i)
        if (wanted_[i] == &node) captured_[i] = g;
    } else if (node.owner) {
      pending_[index].grad = g;  // whole, and on its way to grad()
    }
    if (node.input_count > 0) propagate(node, std::move(g));
  }

  void propagate(Node& node, Tensor g) {
    uint64_t wanted = ~uint64_t{0};
    if (capturing_) {
      bool any = false;
      for (int i = 0; i < node.input_count; ++i) {
        const bool on = node.inputs[i].node && on_path_.contains(node.inputs[i].node.get());
        any |= on;
        if (!on && i < 63) wanted &= ~(uint64_t{1} << i);
      }
      if (!any) return;
    }
    if (node.freed)
      throw GraphError(std::string("backward of ") + node.name +
                       ": the graph was freed by an earlier backward; pass retain_graph = true to the first");
    const Backward context(node, std::move(g), create_, wanted);
    Grads grads = detail::observed.load(std::memory_order_relaxed) ? detail::observed_backward(node, context)
                                                                   : node.backward(context);
    if (grads.size() != node.input_count) {
      throw GraphError(std::string("backward of ") + node.name + ": returned " + std::to_string(grads.size()) +
                       " gradients for " + std::to_string(node.input_count) + " inputs");
    }
    for (int i = 0; i < node.input_count; ++i) {
      if (!context.needs(i) || !grads[i].defined()) continue;
      Node& input = *node.inputs[i].node;
      Tensor& found = grads[i];
      const bool same = found.shape() == input.shape;
      if (found.dtype() != input.dtype || (!same && !broadcasts_to(input.shape, found.shape()))) {
        throw GraphError(std::string("backward of ") + node.name + ": the gradient of input " + std::to_string(i) +
                         " does not fit; got " + describe(found) + " for an input " + to_string(input.shape) + " " +
                         name_of(input.dtype));
      }
      add(input, same ? std::move(found) : sum_to(found, input.shape));
    }
    if (!retain_) node.free_saved();
  }

  void accumulate(Body& owner, Tensor g) {
    Tensor before(owner.grad);
    if (!before.defined()) {
      // A gradient has its tensor's order in memory, which is what data<T>() and optimisers read.
      const bool laid_out = owner.contiguous ? g.is_contiguous() : g.strides() == owner.strides;
      if (!laid_out) g = create_ ? g.contiguous() : empty_like(Tensor(Ref<Body>::share(&owner))).copy_(g);
      // A buffer that somebody else can see must not become a gradient: zeroing or clipping it would change theirs.
      const bool ours = g.body()->count.unique() && g.body()->storage->unique() && g.is_dense();
      owner.grad = ours ? g.body() : g.clone().body();
    } else if (create_ || !before.is_dense()) {
      owner.grad = (before + g).body();
    } else {
      before.add_(g);
    }
  }

  bool retain_, create_, capturing_ = false;
  std::vector<Node*> wanted_;
  std::vector<Tensor> captured_;
  std::array<std::byte, 3072> nearby_;  // what a small graph needs: the allocator would take longer than the rest
  std::pmr::monotonic_buffer_resource room_{nearby_.data(), nearby_.size()};
  std::pmr::vector<Ref<Node>> graphs_{&room_};  // a hook may drop the outputs
  Pending on_path_{&room_}, pending_{&room_};
  std::pmr::vector<std::pair<uint64_t, size_t>> heap_{&room_};  // the age of a node, and its index among the pending
};

Tensor seed_for(const char* operation, const Tensor& y, const Tensor& g) {
  if (!y.requires_grad())
    fail<GraphError>(operation,
                     "the output has no graph: nothing it was computed from requires a gradient (call "
                     "requires_grad_() first, and compute outside NoGrad)",
                     y);
  if (!g.defined()) {
    require<GraphError>(
        y.numel() == 1, operation,
        "a tensor of several elements needs a gradient of its shape; pass one, or call sum() or mean() first", y);
    return ones(y.shape(), y.dtype());
  }
  require(g.shape() == y.shape(), operation, "the gradient must have the output's shape", given("output", y),
          given("gradient", g));
  require<DtypeError>(g.dtype() == y.dtype(), operation, "the gradient must have the output's dtype",
                      given("output", y), given("gradient", g));
  return g;
}

std::vector<Tensor> seeds_for(const char* operation, const std::vector<Tensor>& outputs,
                              const std::vector<Tensor>& grad_outputs) {
  require<ValueError>(grad_outputs.empty() || grad_outputs.size() == outputs.size(), operation,
                      "needs one gradient for each output, or none", given("outputs", outputs.size()),
                      given("gradients", grad_outputs.size()));
  std::vector<Tensor> seeds;
  for (size_t i = 0; i < outputs.size(); ++i)
    seeds.push_back(seed_for(operation, outputs[i], grad_outputs.empty() ? Tensor() : grad_outputs[i]));
  return seeds;
}

void run(Run& r, const std::vector<Tensor>& outputs, std::vector<Tensor> seeds) {
  for (size_t i = 0; i < outputs.size(); ++i) r.seed(outputs[i], seeds[i]);
  seeds.clear();
  r.go();
}

}  // namespace

void backward(const std::vector<Tensor>& outputs, const std::vector<Tensor>& grad_outputs, bool retain_graph,
              bool create_graph) {
  std::vector<Tensor> seeds = seeds_for("backward", outputs, grad_outputs);
  Run r(retain_graph, create_graph);
  run(r, outputs, std::move(seeds));
}

std::vector<Tensor> grad(const std::vector<Tensor>& outputs, const std::vector<Tensor>& inputs,
                         const std::vector<Tensor>& grad_outputs, bool retain_graph, bool create_graph,
                         bool allow_unused) {
  for (const Tensor& x : inputs)
    require<GraphError>(x.requires_grad(), "grad",
                        "an input wants no gradient; call requires_grad_() before it is used", x);
  std::vector<Tensor> seeds = seeds_for("grad", outputs, grad_outputs);
  Run r(retain_graph, create_graph);
  r.capture(inputs, outputs);
  run(r, outputs, std::move(seeds));
  std::vector<Tensor> grads = r.take_captured();
  for (size_t i = 0; i < grads.size() && !allow_unused; ++i)
    require<GraphError>(grads[i].defined(), "grad",
                        "the outputs do not depend on an input; pass allow_unused = true to get an undefined gradient",
                        given("index", i), inputs[i]);
  return grads;
}

namespace detail {

Grads differentiate_twin(const Backward& s, const Twin& twin) {
  // Each input through a recorded copy of its handle: the same tensor given twice shall have two gradients, and the
  // walk shall stop here.
  std::vector<Tensor> inputs, wanted;
  for (int i = 0; i < s.input_count(); ++i) {
    Tensor x = s.input(i);
    if (s.needs(i)) {
      Tensor view = as_strided(x, x.shape(), x.strides(), x.body()->offset);
      x = record("alias", view, {x}, Keep::nothing(), [](const Backward& b) -> Grads { return {b.grad}; });
      wanted.push_back(x);
    }
    inputs.push_back(x);
  }
  const Tensor y = twin(inputs);
  std::vector<Tensor> found(wanted.size());
  if (y.requires_grad()) found = cairn::grad({y}, wanted, {s.grad}, true, true, true);
  std::vector<Tensor> grads;
  for (int i = 0, k = 0; i < s.input_count(); ++i)
    grads.push_back(s.needs(i) ? found[static_cast<size_t>(k++)] : Tensor());
  return grads;
}

}  // namespace detail

// ---- the autograd members of Tensor --------------------------------------------------------------------------------------------------

void Tensor::backward(const Tensor& gradient, bool retain_graph, bool create_graph) const {
  Run r(retain_graph, create_graph);
  r.seed(*this, seed_for("backward", *this, gradient));
  r.go();
}

bool Tensor::is_leaf() const { return !get().node || get().node->input_count == 0; }

Tensor& Tensor::requires_grad_(bool on) {
  require<DtypeError>(!on || is_float(dtype()), "requires_grad_", "only f32 and f64 have gradients", *this);
  require<GraphError>(is_leaf(), "requires_grad_", "this tensor was computed by a recorded operation; use detach()",
                      *this);
  body_->requires_grad = on;
  if (on) {
    // Made now and not on first use, where two threads that share the tensor would race for it.
    gradient_node(*this);
    if (!body_->alias) body_->alias = detached(*this);
  } else if (body_->node) {
    body_->node->owner = nullptr;
    body_->node = nullptr;
  }
  return *this;
}

void Tensor::set_grad(const Tensor& grad) {
  if (get(); grad.defined()) {
    require<ValueError>(grad.body().get() != body_.get(), "set_grad", "a tensor cannot be its own gradient", *this);
    require(grad.shape() == shape(), "set_grad", "the gradient must have the tensor's shape", given("tensor", *this),
            given("gradient", grad));
    require<DtypeError>(grad.dtype() == dtype(), "set_grad", "the gradient must have the tensor's dtype",
                        given("tensor", *this), given("gradient", grad));
  }
  body_->grad = grad.body();
}

void Tensor::retain_grad() {
  require<GraphError>(requires_grad(), "retain_grad", "this tensor has no gradient to keep", *this);
  gradient_node(*this)->owner = body_.get();
}

Tensor Tensor::detach() const { return as_strided(*this, shape(), strides(), get().offset); }

int64_t Tensor::register_hook(std::function<Tensor(const Tensor&)> hook) {
  require<GraphError>(requires_grad(), "register_hook", "this tensor has no gradient to hook", *this);
  Node& node = *gradient_node(*this);
  if (!node.hooks) node.hooks = std::make_unique<Node::Hooks>();
  const int64_t number = node.hooks->empty() ? 0 : node.hooks->back().first + 1;
  node.hooks->emplace_back(number, std::move(hook));
  return number;
}

void Tensor::remove_hook(int64_t number) {
  if (!get().node || !body_->node->hooks) return;
  std::erase_if(*body_->node->hooks, [&](const auto& h) { return h.first == number; });
}

}  // namespace cairn
