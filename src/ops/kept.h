#pragma once
// Weights that a kernel finds again in the order in which it reads them.

#include <array>
#include <cstdint>
#include <functional>

#include "cairn/graph/node.h"
#include "kernels/packed.h"

namespace cairn::ops {

/// Keeps what a kernel makes of a weight with the weight's elements, until these change: a network that is not being
/// trained meets the same weights again and again. Empty where a graph is recorded or the elements are exposed. Both
/// arguments must outlive it.
///   form  of this use of the elements: sizes, strides, groups
inline kernels::Packed kept_with(const Tensor& weight, const std::array<int64_t, 5>& form) {
  if (grad_enabled() || weight.body()->storage->exposed) return {};
  return [&weight, &form](int64_t kind, size_t bytes, const std::function<void(void*)>& fill) {
    const Body& body = *weight.body();
    return body.storage->prepared({body.offset, form[0], form[1], form[2], form[3], form[4], int64_t(body.dtype), kind},
                                  bytes, fill);
  };
}

}  // namespace cairn::ops
