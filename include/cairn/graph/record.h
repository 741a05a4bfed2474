#pragma once
// How an operation enters the graph. This is public: users write their own operations with it, and gradcheck them.
//
//   Tensor cube(const Tensor& x) {
//     Tensor y = …;                                                       // the forward, in any way
//     return record("cube", y, {x}, Keep::inputs(), [](const Backward& s) -> Grads {
//       return {s.grad * 3.0 * s.input(0) * s.input(0)};                  // public operations: any order of gradient
//     });
//   }

#include <algorithm>
#include <atomic>
#include <optional>
#include <span>
#include <string_view>
#include <type_traits>

#include "cairn/graph/branches.h"

namespace cairn {

/// What backward will read. Elements that are not kept can be freed, and may be modified in place.
class Keep {
 public:
  static constexpr Keep nothing() { return Keep(0); }
  static constexpr Keep inputs() { return Keep(~output_bit); }
  static constexpr Keep input(int i) { return Keep(1u << i); }
  static constexpr Keep output() { return Keep(output_bit); }
  constexpr Keep operator|(Keep o) const { return Keep(bits_ | o.bits_); }
  constexpr bool has_input(int i) const { return (bits_ >> std::min(i, 30) & 1u) != 0; }
  constexpr bool has_output() const { return (bits_ & output_bit) != 0; }

 private:
  static constexpr uint32_t output_bit = 1u << 31;
  constexpr explicit Keep(uint32_t bits) : bits_(bits) {}
  uint32_t bits_;
};

/// What a backward is given.
class Backward {
 public:
  /// dL/d(output), of the output's shape and dtype.
  const Tensor grad;

  /// wanted  bit i: the gradient of input i is asked for
  Backward(Node& node, Tensor gradient, bool create_graph, uint64_t wanted = ~uint64_t{0})
      : grad(std::move(gradient)), node_(node), wanted_(wanted), create_graph_(create_graph) {}

  /// Whether a gradient for this input is wanted at all.
  bool needs(int i) const { return node_.inputs[i].node && (wanted_ >> std::min(i, 63) & 1) != 0; }
  /// A kept input, with its history when gradients of gradients are asked for.
  ///   throws  GraphError when it was modified in place, or not kept
  Tensor input(int i) const;
  /// The kept output, likewise.
  Tensor output() const;
  /// Sizes of an input that needs a gradient, kept or not.
  const Shape& shape(int i) const { return node_.inputs[i].node->shape; }
  int input_count() const { return node_.input_count; }
  /// Whether gradients of gradients are asked for: then only recorded operations may be used.
  bool create_graph() const { return create_graph_; }

 private:
  Tensor saved(const Node::Input& kept, const char* what, int index, const Ref<Node>& history) const;

  Node& node_;
  uint64_t wanted_;
  bool create_graph_;
};

namespace detail {

template <class F>
struct NodeOf final : Node {
  std::optional<F> f;
  NodeOf(const char* name_, const Tensor& y, int count, F f_) : Node(name_, y, count), f(std::move(f_)) {}
  Grads backward(const Backward& s) override { return (*f)(s); }
  void free_saved() override {
    Node::free_saved();
    f.reset();
  }
};

inline bool wants_graph(const Tensor* const* inputs, int count) {
  if (!grad_enabled()) return false;
  for (int i = 0; i < count; ++i)
    if (inputs[i]->requires_grad()) return true;
  return false;
}

void connect(Ref<Node> node, Tensor& y, const Tensor* const* inputs, Keep keep);
void observe(const char* name, const Tensor* const* inputs, int count, const Tensor& y);
inline constinit std::atomic<bool> observed = false;  // whether any observer is set: the one branch that observers cost
Grads observed_backward(Node& node, const Backward& context);
struct Observers;

template <class F>
Tensor record(const char* name, Tensor y, const Tensor* const* inputs, int count, Keep keep, F&& backward) {
  if (wants_graph(inputs, count) && is_float(y.dtype())) {
    using Made = NodeOf<std::decay_t<F>>;
    connect(Ref<Node>::adopt(new Made(name, y, count, std::forward<F>(backward))), y, inputs, keep);
  }
  if (observed.load(std::memory_order_relaxed)) [[unlikely]]
    observe(name, inputs, count, y);
  return y;
}

}  // namespace detail

/// An operation's input, held for the length of the call.
struct Operand {
  const Tensor* tensor;
  Operand(const Tensor& t) : tensor(&t) {}
};

/// Writes down that `y` was computed from `inputs` by the operation `name` (a string that lives forever), and returns
/// y. Nothing is kept when no input wants a gradient or under NoGrad.
///   y         a fresh tensor, or a fresh view: never one of the inputs themselves
///   backward  Grads(const Backward&): one gradient for each input, of the input's shape or of a shape it broadcasts
///             to (the engine sums over what was stretched). It must be a pure function, written in recorded operations
///             unless it comes with a twin (record_fused), and capture plain values only: whatever carries a graph is
///             an input.
template <class F>
Tensor record(const char* name, Tensor y, std::initializer_list<Operand> inputs, Keep keep, F&& backward) {
  static_assert(sizeof(Operand) == sizeof(const Tensor*));
  return detail::record(name, std::move(y), reinterpret_cast<const Tensor* const*>(inputs.begin()),
                        static_cast<int>(inputs.size()), keep, std::forward<F>(backward));
}

/// The same for a list of inputs known at run time.
template <class F>
Tensor record(const char* name, Tensor y, std::span<const Tensor> inputs, Keep keep, F&& backward) {
  std::vector<const Tensor*> pointers;
  for (const Tensor& t : inputs) pointers.push_back(&t);
  return detail::record(name, std::move(y), pointers.data(), static_cast<int>(pointers.size()), keep,
                        std::forward<F>(backward));
}

namespace detail {
Grads differentiate_twin(const Backward& s, const Twin& twin);

template <class F, class Twin>
auto fused(F&& backward, Twin&& twin) {
  return [backward = std::forward<F>(backward), twin = std::forward<Twin>(twin)](const Backward& s) -> Grads {
    if (s.create_graph()) return differentiate_twin(s, twin);
    return backward(s);
  };
}
}  // namespace detail

/// As record, for an operation whose backward is a fused kernel that is not recorded itself. When gradients of
/// gradients are asked for, the engine differentiates the twin instead.
///   twin  Tensor(std::span<const Tensor> inputs): the same function in recorded operations, without side effects.
///         Its inputs must be kept.
template <class F, class Twin>
Tensor record_fused(const char* name, Tensor y, std::span<const Tensor> inputs, Keep keep, F&& backward, Twin&& twin) {
  if (branches_wanted()) [[unlikely]]
    detail::report_twin(name, y, inputs, twin);
  return record(name, std::move(y), inputs, keep | Keep::inputs(),
                detail::fused(std::forward<F>(backward), std::forward<Twin>(twin)));
}
template <class F, class Twin>
Tensor record_fused(const char* name, Tensor y, std::initializer_list<Operand> inputs, Keep keep, F&& backward,
                    Twin&& twin) {
  if (branches_wanted()) [[unlikely]] {
    std::vector<Tensor> values;
    for (const Operand& x : inputs) values.push_back(*x.tensor);
    detail::report_twin(name, y, values, twin);
  }
  return record(name, std::move(y), inputs, keep | Keep::inputs(),
                detail::fused(std::forward<F>(backward), std::forward<Twin>(twin)));
}

/// What an observer is told of an operation, recorded or not.
struct Operation {
  const char* name;
  std::span<const Tensor* const> inputs;
  const Tensor& output;
  std::string_view scope;   ///< dotted name of the layer at work, see scope.h
  const Node* backward_of;  ///< the node in whose backward it runs; null in a forward
};

/// What an observer is told of a node whose backward has run. What the node saved is still there.
struct BackwardOperation {
  const Node& node;
  const Backward& context;  ///< what it was given
  const Grads& grads;       ///< what it gave: context.needs(i) tells whether gradient i will be used
};

/// Tells `see` of every operation on any thread during its lifetime: meters, profiles and tests are built on this. It
/// must be safe to call from several threads when several threads compute. Observers nest; each sees everything but
/// what observers compute themselves. `see_backward`, where given, is told of every node of a graph that backward runs.
class Observer {
 public:
  explicit Observer(std::function<void(const Operation&)> see,
                    std::function<void(const BackwardOperation&)> see_backward = {});
  ~Observer();
  Observer(const Observer&) = delete;
  Observer& operator=(const Observer&) = delete;

 private:
  friend struct detail::Observers;
  std::function<void(const Operation&)> see_;
  std::function<void(const BackwardOperation&)> see_backward_;
};

}  // namespace cairn
