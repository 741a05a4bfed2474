#pragma once
// Whose backward runs on this thread: what observers are told as Operation::backward_of.

#include <utility>

#include "cairn/graph/node.h"

namespace cairn::detail {

extern constinit thread_local const Node* at_work;  // null in a forward

/// During its lifetime operations belong to the backward of the node.
class AtWork {
 public:
  explicit AtWork(const Node& node) : before_(std::exchange(at_work, &node)) {}
  ~AtWork() { at_work = before_; }
  AtWork(const AtWork&) = delete;
  AtWork& operator=(const AtWork&) = delete;

 private:
  const Node* before_;
};

}  // namespace cairn::detail
