#pragma once
// Weights in the order in which a kernel reads them, made once and used until they change.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>

namespace cairn::kernels {

/// Gives a block of `bytes` bytes that holds a weight in the form of that number, filled by `fill` now or before.
using Packed =
    std::function<std::shared_ptr<const void>(int64_t form, size_t bytes, const std::function<void(void*)>& fill)>;

}  // namespace cairn::kernels
