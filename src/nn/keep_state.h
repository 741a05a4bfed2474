#pragma once
// All that a forward may change in a model, put back after a look at it.

#include <utility>
#include <vector>

#include "cairn/base/random.h"
#include "cairn/graph/node.h"
#include "nn/keep_mode.h"

namespace cairn::nn {

/// Puts mode, buffers (running statistics) and default_generator() back at the end of the block.
class KeepState {
 public:
  explicit KeepState(Module& model) : mode_(model), random_(default_generator()) {
    const NoGrad no_grad;
    for (const Buffer& b : model.named_buffers())
      if (b.tensor.defined()) buffers_.push_back({b.tensor, b.tensor.clone(), b.tensor.body()->storage->version});
  }
  ~KeepState() {
    const NoGrad no_grad;
    // Only those that changed: writing counts as a modification, which a graph of the caller's may not survive.
    for (Kept& b : buffers_)
      if (b.tensor.body()->storage->version != b.version) b.tensor.copy_(b.before);
    default_generator() = random_;
  }
  KeepState(const KeepState&) = delete;
  KeepState& operator=(const KeepState&) = delete;

 private:
  struct Kept {
    Tensor tensor, before;
    decltype(Storage::version) version;
  };
  KeepMode mode_;
  Generator random_;
  std::vector<Kept> buffers_;
};

}  // namespace cairn::nn
