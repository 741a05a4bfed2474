#pragma once
// A block of memory that tensors share.

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>

#include "cairn/base/memory.h"
#include "cairn/base/ref.h"

namespace cairn {

/// Bytes shared by a tensor, its views and what autograd keeps of them.
struct Storage {
  void* data = nullptr;  ///< as bytes, set once
  size_t bytes = 0;
  /// Counts in-place modifications; views and detached tensors share it, so backward notices that an input has changed.
  uint32_t version = 0;
  /// Somebody may write to the bytes without counting it: a pointer was handed out, or they are not ours.
  bool exposed = false;

  /// Uninitialised, 64-byte aligned, from the pool. The same block has room for `extra` bytes of its maker's.
  static Ref<Storage> make(size_t bytes, size_t extra = 0);
  /// Memory that belongs to somebody else; `finished` runs when the last tensor on it has gone.
  static Ref<Storage> wrap(void* data, size_t bytes, std::function<void()> finished);

  /// Where those extra bytes are; null when there are none.
  void* room() noexcept { return has_room_ ? this + 1 : nullptr; }

  /// Counts an in-place modification.
  void changed() noexcept {
    ++version;
    if (prepared_) [[unlikely]]
      drop_prepared();
  }

  /// What a kernel makes of the bytes to read them faster, such as weights in an order of its own: a block that
  /// `make(block)` has filled, now or in an earlier call with an equal key. The last three are kept until the bytes
  /// change or go, unless they are exposed. Several threads may call it at once.
  using Key = std::array<int64_t, 8>;
  std::shared_ptr<const void> prepared(const Key& key, size_t bytes, const std::function<void(void*)>& make);

  void retain() const noexcept { count_.retain(); }
  void release() noexcept {
    if (count_.release()) destroy();
  }
  bool unique() const noexcept { return count_.unique(); }

 private:
  struct Prepared {
    Key key;
    std::shared_ptr<const void> block;
  };

  void destroy() noexcept;
  void drop_prepared() noexcept;

  bool has_room_ = false;
  Prepared* prepared_ = nullptr;

  RefCount count_;
  std::function<void()>* finished_ = nullptr;  // of wrapped memory only
};

/// Limits what tensors made on this thread may allocate during its lifetime, all of them together: whoever builds what
/// a file describes does not have to trust the file. Limits nest; each counts on its own.
///   throws  ValueError, from whatever makes a tensor, before memory is asked for
class StorageLimit {
 public:
  explicit StorageLimit(size_t bytes);
  ~StorageLimit();
  StorageLimit(const StorageLimit&) = delete;
  StorageLimit& operator=(const StorageLimit&) = delete;

 private:
  friend struct Storage;
  void take(size_t bytes);

  size_t left_;
  StorageLimit* outer_;
};

}  // namespace cairn
