#include "cairn/tensor/storage.h"

#include <new>
#include <utility>

namespace cairn {

// The header takes one cache line, the elements follow: one allocation for both.
static_assert(sizeof(Storage) <= memory::alignment);

Ref<Storage> Storage::make(size_t bytes) {
  void* block = memory::allocate(memory::alignment + bytes);
  auto* s = new (block) Storage;
  s->data = static_cast<char*>(block) + memory::alignment;
  s->bytes = bytes;
  return Ref<Storage>::adopt(s);
}

Ref<Storage> Storage::wrap(void* data, size_t bytes, std::function<void()> finished) {
  auto* s = new (memory::allocate(memory::alignment)) Storage;
  s->data = data;
  s->bytes = bytes;
  s->finished_ = new std::function<void()>(std::move(finished));
  return Ref<Storage>::adopt(s);
}

void Storage::destroy() noexcept {
  const bool wrapped = finished_ != nullptr;
  if (wrapped) {
    if (*finished_) (*finished_)();
    delete finished_;
  }
  const size_t size = memory::alignment + (wrapped ? 0 : bytes);
  this->~Storage();
  memory::deallocate(this, size);
}

}  // namespace cairn
