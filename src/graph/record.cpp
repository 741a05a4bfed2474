#include "cairn/graph/record.h"

#include <algorithm>
#include <mutex>
#include <shared_mutex>

#include "cairn/graph/scope.h"
#include "graph/at_work.h"

namespace cairn {

Tensor Backward::saved(const Node::Input& kept, const char* what, int index, const Ref<Node>& history) const {
  const auto failed = [&](const std::string& text) {
    throw GraphError(std::string("backward of ") + node_.name + ": " + what +
                     (index < 0 ? "" : " " + std::to_string(index)) + text);
  };
  if (!kept.saved) failed(" was not kept; say so in record(…, Keep, …)");
  if (kept.saved->storage->version != kept.version)
    failed(" was modified in place after it was recorded; got " + describe(Tensor(kept.saved)) +
           ". Modify a clone(), or call backward first");
  return attach(kept.saved, create_graph_ ? history : Ref<Node>());
}

Tensor Backward::input(int i) const { return saved(node_.inputs[i], "input", i, node_.inputs[i].node); }

Tensor Backward::output() const { return saved(node_.output, "the output", -1, Ref<Node>::share(&node_)); }

void Tensor::check_in_place(const char* operation) const {
  if (requires_grad() && grad_enabled())
    fail<GraphError>(operation,
                     "modifies in place a tensor whose gradient is being recorded; wrap it in NoGrad, or work on "
                     "detach() or a new tensor",
                     *this);
}

namespace detail {

void connect(Ref<Node> node, Tensor& y, const Tensor* const* inputs, Keep keep) {
  uint64_t newest = 0;
  for (int i = 0; i < node->input_count; ++i) {
    const Tensor& x = *inputs[i];
    Node::Input& in = node->inputs[i];
    require<GraphError>(x.body().get() != y.body().get(), node->name,
                        "record was given an input itself as the output; give it a view or a new tensor", x);
    if (x.requires_grad()) {
      in.node = gradient_node(x);
      newest = std::max(newest, in.node->sequence);
    }
    if (keep.has_input(i)) {
      in.saved = detached(x);
      in.version = in.saved->storage->version;
    }
  }
  require<GraphError>(!y.requires_grad(), node->name,
                      "record was given an output that has a graph already; compute it under NoGrad", y);
  if (keep.has_output()) {
    node->output.saved = detached(y);
    node->output.version = y.body()->storage->version;
  }
  node->sequence = next_sequence(newest);
  y.body()->requires_grad = true;
  y.body()->node = std::move(node);
}

struct Observers {  // those at work
  std::shared_mutex mutex;
  std::vector<const Observer*> list;

  // What an observer computes is its own affair: nothing is told from inside one.
  template <class Told>
  void tell(const Told& told) {
    if (observing) return;
    const struct Guard {
      Guard() { observing = true; }
      ~Guard() { observing = false; }
    } guard;
    const std::shared_lock lock(mutex);
    for (const Observer* o : list)
      if constexpr (std::is_same_v<Told, Operation>)
        o->see_(told);
      else if (o->see_backward_)
        o->see_backward_(told);
  }

  static thread_local constinit bool observing;
};
thread_local constinit bool Observers::observing = false;

static Observers observers;
constinit thread_local const Node* at_work = nullptr;

void observe(const char* name, const Tensor* const* inputs, int count, const Tensor& y) {
  observers.tell(Operation{name, {inputs, static_cast<size_t>(count)}, y, current_scope(), at_work});
}

Grads observed_backward(Node& node, const Backward& context) {
  const Tensor held = context.grad;  // an operation that had it alone would write its result there
  Grads grads = node.backward(context);
  if (grads.size() == node.input_count)  // else the engine says so
    observers.tell(BackwardOperation{node, context, grads});
  return grads;
}

}  // namespace detail

Observer::Observer(std::function<void(const Operation&)> see,
                   std::function<void(const BackwardOperation&)> see_backward)
    : see_(std::move(see)), see_backward_(std::move(see_backward)) {
  require<ValueError>(!detail::Observers::observing, "Observer", "cannot be made inside another observer");
  const std::unique_lock lock(detail::observers.mutex);
  detail::observers.list.push_back(this);
  detail::observed = true;
}

Observer::~Observer() {
  const std::unique_lock lock(detail::observers.mutex);
  std::erase(detail::observers.list, this);
  detail::observed = !detail::observers.list.empty();
}

}  // namespace cairn
