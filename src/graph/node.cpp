#include "cairn/graph/node.h"

#include <algorithm>

#include "base/sanitized.h"

namespace cairn {

// ---- mode ------------------------------------------------------------------------------------------------------------------

static thread_local constinit bool recording = true;

bool grad_enabled() { return recording; }

NoGrad::NoGrad() : before_(recording) { recording = false; }
NoGrad::~NoGrad() { recording = before_; }
GradMode::GradMode(bool on) : before_(recording) { recording = on; }
GradMode::~GradMode() { recording = before_; }

// ---- bodies ------------------------------------------------------------------------------------------------------------------

Body::Body(Ref<Storage> storage_, const Shape& shape_, const Strides& strides_, int64_t offset_, int64_t numel_,
           Dtype dtype_, bool contiguous_)
    : storage(std::move(storage_)),
      shape(shape_),
      strides(strides_),
      offset(offset_),
      numel(numel_),
      dtype(dtype_),
      contiguous(contiguous_) {}

Ref<Body> Body::make(Ref<Storage> storage, const Shape& shape, const Strides& strides, int64_t offset, int64_t numel,
                     Dtype dtype, bool contiguous) {
  void* block = memory::allocate(sizeof(Body));
  return Ref<Body>::adopt(new (block) Body(std::move(storage), shape, strides, offset, numel, dtype, contiguous));
}

static_assert(alignof(Body) <= alignof(Storage));
static_assert(sizeof(Storage) + sizeof(Body) <= 4 * memory::alignment, "a field more costs each tensor a cache line");

Ref<Body> Body::make(const Shape& shape, const Strides& strides, int64_t numel, Dtype dtype, bool contiguous) {
  const size_t bytes = static_cast<size_t>(numel) * size_of(dtype);
  // A sanitizer shall see who uses a body that has gone, also while its elements are still there.
  if constexpr (memory::sanitized) return make(Storage::make(bytes), shape, strides, 0, numel, dtype, contiguous);
  Ref<Storage> storage = Storage::make(bytes, sizeof(Body));
  void* room = storage->room();
  return Ref<Body>::adopt(new (room) Body(std::move(storage), shape, strides, 0, numel, dtype, contiguous));
}

Body::~Body() {
  if (node && node->owner == this) node->owner = nullptr;
}

void Body::destroy() noexcept {
  const Ref<Storage> held = std::move(storage);  // its block may hold this body: it goes last
  const bool inside = held->room() == this;
  this->~Body();
  if (!inside) memory::deallocate(this, sizeof(Body));
}

// ---- nodes -------------------------------------------------------------------------------------------------------------------

// Ever increasing on each thread, and pushed past any input that another thread made.
static thread_local constinit uint64_t last_sequence = 0;

Node::Node(const char* name_, const Tensor& y, int count)
    : name(name_), sequence(0), shape(y.shape()), dtype(y.dtype()), input_count(count) {
  inputs = count <= static_cast<int>(few_inputs_.size()) ? few_inputs_.data() : new Input[static_cast<size_t>(count)];
}

Node::~Node() {
  if (inputs != few_inputs_.data()) delete[] inputs;
}

Grads Node::backward(const Backward&) { return {}; }

void Node::free_saved() {
  for (int i = 0; i < input_count; ++i) inputs[i].saved = nullptr;
  output.saved = nullptr;
  freed = true;
}

void Node::destroy_later(Node* node) noexcept {
  // Destroying a node releases its inputs, which come here in turn: they queue up instead of nesting.
  static thread_local constinit Node* dead = nullptr;
  static thread_local constinit bool draining = false;
  node->next_dead_ = dead;
  dead = node;
  if (draining) return;
  draining = true;
  while (dead) {
    Node* n = dead;
    dead = n->next_dead_;
    delete n;
  }
  draining = false;
}

const Ref<Node>& gradient_node(const Tensor& x) {
  Body& b = *x.body();
  if (b.requires_grad && !b.node) {
    b.node = Ref<Node>::adopt(new Node("leaf", x, 0));
    b.node->owner = &b;
  }
  return b.node;
}

Ref<Body> detached(const Tensor& x) {
  // Only a leaf has one ready (requires_grad_ makes it): several threads may read x here, so nothing is written.
  const Body& b = *x.body();
  return b.alias ? b.alias : b.twin();
}

Tensor attach(const Ref<Body>& elements, const Ref<Node>& node) {
  if (!node) return Tensor(elements);
  Tensor x(elements->twin());
  x.body()->requires_grad = true;
  x.body()->node = node;
  return x;
}

uint64_t next_sequence(uint64_t after) { return last_sequence = std::max(last_sequence, after) + 1; }

}  // namespace cairn
