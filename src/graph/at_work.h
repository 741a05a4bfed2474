#pragma once
// Whose backward runs on this thread: what observers are told as Operation::backward_of.

#include "cairn/graph/node.h"

namespace cairn::detail {

/// During its lifetime operations belong to the backward of the node.
class AtWork {
 public:
  explicit AtWork(const Node& node);
  ~AtWork();
  AtWork(const AtWork&) = delete;
  AtWork& operator=(const AtWork&) = delete;

 private:
  const Node* before_;
};

}  // namespace cairn::detail
