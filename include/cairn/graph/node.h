#pragma once
// What an operation writes down: one node for each recorded output. Backward (autograd/) reads it.

#include <array>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "cairn/tensor/tensor.h"

namespace cairn {

/// True while operations on this thread are recorded (the default).
bool grad_enabled();

/// Operations are not recorded during its lifetime, on this thread.
class NoGrad {
 public:
  NoGrad();
  ~NoGrad();
  NoGrad(const NoGrad&) = delete;
  NoGrad& operator=(const NoGrad&) = delete;

 private:
  bool before_;
};

/// Operations are recorded (or not) during its lifetime, on this thread.
class GradMode {
 public:
  explicit GradMode(bool on);
  ~GradMode();
  GradMode(const GradMode&) = delete;
  GradMode& operator=(const GradMode&) = delete;

 private:
  bool before_;
};

class Backward;

/// The gradients a backward hands over, one for each input in order; an undefined tensor stands for "none".
class Grads {
 public:
  Grads() = default;
  // Moves: a braced list of tensors would be copied.
  template <class... T>
  requires(sizeof...(T) > 0 && sizeof...(T) <= 4 && (std::is_convertible_v<T, Tensor> && ...)) Grads(T&&... grads)
      : few_{Tensor(std::forward<T>(grads))...}, size_(sizeof...(T)) {}
  Grads(std::vector<Tensor> grads) : many_(std::move(grads)), size_(static_cast<int>(many_.size())) {}

  int size() const { return size_; }
  const Tensor& operator[](int i) const {
    return many_.empty() ? few_[static_cast<size_t>(i)] : many_[static_cast<size_t>(i)];
  }
  Tensor& operator[](int i) { return many_.empty() ? few_[static_cast<size_t>(i)] : many_[static_cast<size_t>(i)]; }

 private:
  std::array<Tensor, 4> few_;
  std::vector<Tensor> many_;
  int size_ = 0;
};

/// No gradient for this input.
inline const Tensor none{};

/// Where in a model an operation was recorded.
struct Origin {
  std::string layer;  ///< dotted name, see scope.h
  int64_t call = 0;   ///< which call of the layer, from 1; 0 outside of any layer
};

/// A recorded operation, or the end of the graph at a leaf (`name` is then "leaf").
struct Node {
  struct Input {
    Ref<Node> node;        // null when the input wants no gradient
    Ref<Body> saved;       // its elements, when backward reads them
    uint32_t version = 0;  // of the storage when it was saved
  };
  using Hooks = std::vector<std::pair<int64_t, std::function<Tensor(const Tensor&)>>>;

  const char* name;
  uint64_t sequence;  // larger than that of every input: a heap on it is a topological order
  Shape shape;        // of the output
  Dtype dtype;
  bool freed = false;  // what was saved has been given back
  Body* owner =
      nullptr;  // the tensor whose grad() is to be set: a leaf, or one that retains; cleared by its destructor
  std::unique_ptr<Hooks> hooks;
  std::unique_ptr<Origin> origin;  // when an observer wrote it down (anomaly.h)

  int input_count = 0;
  Input* inputs = nullptr;
  Input output;  // saved output; its node stays null, or the node would own itself

  Node(const char* name_, const Tensor& y, int count);
  virtual ~Node();
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  /// The gradients with respect to the inputs. Undefined for a leaf.
  virtual Grads backward(const Backward& s);
  /// Gives back what was saved for backward.
  virtual void free_saved();

  void retain() const noexcept { count_.retain(); }
  /// The last owner's release destroys the node; chains of any length are taken down in a loop, not by recursion.
  void release() noexcept {
    if (count_.release()) destroy_later(this);
  }

  static void* operator new(size_t bytes) { return memory::allocate(bytes); }
  static void operator delete(void* p, size_t bytes) { memory::deallocate(p, bytes); }

 private:
  static void destroy_later(Node* node) noexcept;

  RefCount count_;
  std::array<Input, 3> few_inputs_;
  Node* next_dead_ = nullptr;
};

/// The node where the gradient of x ends up: of the operation that made it, or of the leaf (made on first use); null
/// when x wants no gradient.
const Ref<Node>& gradient_node(const Tensor& x);

/// x without its autograd state: what the graph keeps of it.
Ref<Body> detached(const Tensor& x);

/// The place of a new node in the order of recording: later than every earlier one of this thread, and than `after`.
uint64_t next_sequence(uint64_t after);

/// A handle on saved elements whose history is `node` (which may be null).
Tensor attach(const Ref<Body>& elements, const Ref<Node>& node);

}  // namespace cairn
