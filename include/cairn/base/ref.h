#pragma once
// Intrusive shared ownership: half the size of std::shared_ptr, and no second allocation.

#include <atomic>
#include <cstdint>
#include <utility>

#include "cairn/base/isa.h"

#if __has_include(<sys/single_threaded.h>)
#include <sys/single_threaded.h>
#endif

namespace cairn {

/// A count of owners. Counting is atomic: a loader's thread may hold what the training thread reads.
class RefCount {
 public:
  void retain() const noexcept {
    if (alone())
      count_.store(count_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    else
      count_.fetch_add(1, std::memory_order_relaxed);
  }
  /// True when the last owner has gone.
  bool release() const noexcept {
    // A sole owner needs no read-modify-write: nobody else can be counting.
    const int32_t count = count_.load(std::memory_order_acquire);
    if (count == 1) return true;
    if (!alone()) return count_.fetch_sub(1, std::memory_order_acq_rel) == 1;
    count_.store(count - 1, std::memory_order_relaxed);
    return false;
  }
  bool unique() const noexcept { return count_.load(std::memory_order_acquire) == 1; }

 private:
  // The process has only this thread, as glibc knows: then a read-modify-write, some twenty cycles, is more than is
  // needed. The shared pointers of libstdc++ do the same.
  static bool alone() noexcept {
#if __has_include(<sys/single_threaded.h>)
    return __libc_single_threaded != 0;
#else
    return false;
#endif
  }

  mutable std::atomic<int32_t> count_{1};
};

/// Owner of a T that has `retain()` and `release()`; release destroys the T with its last owner. A new T has one owner.
template <class T>
class Ref {
 public:
  Ref() = default;
  Ref(std::nullptr_t) {}
  /// Takes over the ownership that the pointer stands for.
  static Ref adopt(T* p) noexcept {
    Ref r;
    r.p_ = p;
    return r;
  }
  /// Adds an owner.
  static Ref share(T* p) noexcept {
    if (p) p->retain();
    return adopt(p);
  }
  Ref(const Ref& o) noexcept : p_(o.p_) {
    if (p_) p_->retain();
  }
  Ref(Ref&& o) noexcept : p_(std::exchange(o.p_, nullptr)) {}
  Ref& operator=(Ref o) noexcept {
    std::swap(p_, o.p_);
    return *this;
  }
  ~Ref() {
    if (p_) p_->release();
  }

  T* get() const noexcept { return p_; }
  T* operator->() const noexcept { return p_; }
  T& operator*() const noexcept { return *p_; }
  explicit operator bool() const noexcept { return p_ != nullptr; }

 private:
  T* p_ = nullptr;
};

}  // namespace cairn
