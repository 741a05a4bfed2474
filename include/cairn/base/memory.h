#pragma once
// The pool every tensor, node and buffer comes from: a training step reuses the blocks of the step before it and
// touches no fresh pages. Under AddressSanitizer and ThreadSanitizer the pool steps aside, so that misuse is seen.

#include <cstddef>
#include <cstdint>

#include "cairn/base/isa.h"

namespace cairn::memory {

/// Alignment of every block, and the unit its size is rounded up to; one cache line.
inline constexpr size_t alignment = 64;

/// A block of at least `bytes` bytes, 64-byte aligned, uninitialised. Its size is rounded up to whole cache lines, so a
/// full vector may be read at its last element.
///   throws  std::bad_alloc
void* allocate(size_t bytes);

/// Gives a block back; `bytes` as given to allocate.
void deallocate(void* block, size_t bytes) noexcept;

struct Stats {
  int64_t in_use = 0;  ///< bytes handed out and not given back
  int64_t peak = 0;    ///< largest in_use since the start or the last reset_peak
  int64_t pooled = 0;  ///< bytes kept for reuse, those of large blocks that were never touched among them
};
Stats stats();
void reset_peak();

/// Gives the kept blocks back to the system, but for those that other threads keep to themselves: small ones, and of up
/// to 1 MiB two of a size. Returns how many bytes that were.
int64_t release_pool();

/// True when blocks come straight from the system (a sanitizer is on).
bool pool_is_bypassed();

}  // namespace cairn::memory
