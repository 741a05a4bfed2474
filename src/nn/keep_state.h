#pragma once
// All that a forward may change in a model, put back after a look at it.

#include <utility>
#include <vector>

#include "cairn/base/random.h"
#include "cairn/graph/node.h"
#include "nn/keep_mode.h"

namespace cairn::nn {

/// Puts mode, buffers (running statistics) and default_generator() back at the end of the block. A buffer is put back
/// whether its elements were written or another tensor was assigned to it; one that was undefined is so again.
class KeepState {
 public:
  explicit KeepState(Module& model) : mode_(model), random_(default_generator()) {
    const NoGrad no_grad;
    remember(model);
  }
  ~KeepState() {
    const NoGrad no_grad;
    for (Kept& b : buffers_) {
      if (b.slot->body().get() != b.tensor.body().get()) *b.slot = b.tensor;
      // Only those that changed: writing counts as a modification, which a graph of the caller's may not survive.
      if (b.tensor.defined() && b.tensor.body()->storage->version != b.version) b.tensor.copy_(b.before);
    }
    default_generator() = random_;
  }
  KeepState(const KeepState&) = delete;
  KeepState& operator=(const KeepState&) = delete;

 private:
  struct Kept {
    Tensor* slot;
    Tensor tensor, before;  // what stood there, and its elements
    decltype(Storage::version) version = 0;
  };
  void remember(Module& module) {
    for (Buffer& b : module.buffers_) {
      Kept kept{.slot = &b.tensor, .tensor = b.tensor, .before = {}};
      if (b.tensor.defined()) kept.before = b.tensor.clone(), kept.version = b.tensor.body()->storage->version;
      buffers_.push_back(std::move(kept));
    }
    for (const auto& [name, child] : module.children()) remember(*child);
  }
  KeepMode mode_;
  Generator random_;
  std::vector<Kept> buffers_;
};

}  // namespace cairn::nn
