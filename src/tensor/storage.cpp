#include "cairn/tensor/storage.h"

#include <algorithm>
#include <mutex>
#include <new>
#include <utility>

#include "cairn/base/error.h"

namespace cairn {

static constinit thread_local StorageLimit* innermost_limit = nullptr;

Ref<Storage> Storage::make(size_t bytes, size_t extra) {
  if (innermost_limit) [[unlikely]]
    innermost_limit->take(bytes);
  // One allocation: the header, what its maker adds, and from the next cache line on the elements.
  const size_t before = (sizeof(Storage) + extra + memory::alignment - 1) / memory::alignment * memory::alignment;
  void* block = memory::allocate(before + bytes);
  auto* s = new (block) Storage;
  s->data = static_cast<char*>(block) + before;
  s->bytes = bytes;
  s->has_room_ = extra > 0;
  return Ref<Storage>::adopt(s);
}

Ref<Storage> Storage::wrap(void* data, size_t bytes, std::function<void()> finished) {
  auto* s = new (memory::allocate(sizeof(Storage))) Storage;
  s->data = data;
  s->bytes = bytes;
  s->exposed = true;
  s->finished_ = new std::function<void()>(std::move(finished));
  return Ref<Storage>::adopt(s);
}

// Attention reads one weight in three parts.
static constexpr int most_prepared = 3;

// One lock for all: it is held for some nanoseconds, twice for a convolution.
static std::mutex prepared_mutex;

std::shared_ptr<const void> Storage::prepared(const Key& key, size_t size, const std::function<void(void*)>& make) {
  // Where the key stands, else the last place: the newest come first.
  const auto place = [&] {
    int i = 0;
    while (i + 1 < most_prepared && prepared_[i].block && prepared_[i].key != key) ++i;
    return i;
  };
  if (!exposed) {
    const std::lock_guard lock(prepared_mutex);
    if (prepared_)
      if (const Prepared& p = prepared_[place()]; p.block && p.key == key) return p.block;
  }
  void* block = memory::allocate(size);
  std::shared_ptr<const void> made(block, [size](void* p) { memory::deallocate(p, size); });
  make(block);
  if (!exposed) {
    const std::lock_guard lock(prepared_mutex);
    if (!prepared_) prepared_ = new Prepared[most_prepared];
    const int last = place();
    std::move_backward(prepared_, prepared_ + last, prepared_ + last + 1);
    prepared_[0] = {key, made};
  }
  return made;
}

void Storage::drop_prepared() noexcept {
  const std::lock_guard lock(prepared_mutex);
  delete[] std::exchange(prepared_, nullptr);
}

void Storage::destroy() noexcept {
  delete[] prepared_;
  size_t size = sizeof(Storage);
  if (finished_) [[unlikely]] {
    if (*finished_) (*finished_)();
    delete finished_;
  } else {
    size = static_cast<size_t>(static_cast<char*>(data) - reinterpret_cast<char*>(this)) + bytes;
  }
  this->~Storage();
  memory::deallocate(this, size);
}

StorageLimit::StorageLimit(size_t bytes) : left_(bytes), outer_(innermost_limit) { innermost_limit = this; }

StorageLimit::~StorageLimit() { innermost_limit = outer_; }

void StorageLimit::take(size_t bytes) {
  require<ValueError>(bytes <= left_, "empty", "the tensor is larger than the limit set here allows",
                      given("bytes", bytes), given("bytes left", left_));
  if (outer_) outer_->take(bytes);
  left_ -= bytes;
}

}  // namespace cairn
