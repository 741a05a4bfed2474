#include "cairn/base/memory.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cstdlib>
#include <mutex>
#include <new>
#include <utility>

#include "base/sanitized.h"

namespace cairn::memory {
namespace {

// Size classes: every multiple of 64 up to 1 KiB, then four a power of two (at most a quarter is wasted), and from 8 MiB
// on one: what needs 10, 12 and 14 MiB in turn shares a block then, and pages that nobody touches take no memory.
constexpr int small_classes = 16;
constexpr int class_count = small_classes + 4 * 38;  // up to 2^48 bytes
// Kept by each thread without a lock, some of a class: blocks up to 64 KiB; and up to 1 MiB what kernels work in, which
// would else change hands with every region, and be in another core's cache.
constexpr int many_classes = small_classes + 4 * 6, cached_classes = small_classes + 4 * 10;
constexpr int many_blocks = 256, few_blocks = 2;
constexpr int wide_log = 23;  // 2 to this are the 8 MiB

// Most blocks, the handles of tensors among them, are small: what is done for each of them counts.
bool is_small(size_t bytes) { return bytes - 1 < 1024; }
size_t small_class(size_t bytes) { return (bytes - 1) / 64; }
int64_t small_bytes(size_t bytes) { return static_cast<int64_t>((bytes + 63) / 64 * 64); }

int class_of(size_t bytes) {
  if (bytes <= 1024) return bytes == 0 ? 0 : static_cast<int>(small_class(bytes));
  const int log = std::bit_width(bytes - 1) - 1;  // 2^log < bytes ≤ 2^(log+1)
  const int quarter = log >= wide_log ? 3 : static_cast<int>((bytes - 1) >> (log - 2)) & 3;
  return small_classes + (log - 10) * 4 + quarter;
}

size_t class_bytes(int c) {
  if (c < small_classes) return static_cast<size_t>(c + 1) * 64;
  const int log = 10 + (c - small_classes) / 4, quarter = (c - small_classes) % 4;
  return (size_t{1} << log) + (static_cast<size_t>(quarter) + 1) * (size_t{1} << (log - 2));
}

// What a block counts for: of the wide classes, the pages that its user may touch.
int64_t counted(size_t bytes, int c) {
  constexpr size_t page = 4096;
  return static_cast<int64_t>(bytes > size_t{1} << wide_log ? (bytes + page - 1) / page * page : class_bytes(c));
}

struct Block {
  Block* next;
};

struct FreeList {
  Block* head = nullptr;
  int count = 0;
  void push(void* p) {
    head = new (p) Block{head};
    ++count;
  }
  void* pop() {
    Block* b = head;
    if (b) head = b->next, --count;
    return b;
  }
};

std::atomic<int64_t> in_use{0}, peak{0};
std::atomic<int64_t> held{0};  // bytes taken from the system; what is held and not in use is pooled

struct Central {
  std::mutex mutex;
  std::array<FreeList, class_count> lists;
};

// Never destroyed: tensors in static storage give their blocks back after main has returned.
Central& central() {
  static auto* c = new Central;
  return *c;
}

// What a thread has added to in_use since it last said so, and the most that was; telling it at every block would cost
// as much as the block. With one thread all figures are exact, with more the peak is so to within `untold` each.
struct Count {
  int64_t now = 0, most = 0;
};
thread_local constinit Count uncounted;
constexpr int64_t untold = 64 << 10;

void tell() {
  const Count c = std::exchange(uncounted, {});
  const int64_t most = in_use.fetch_add(c.now, std::memory_order_relaxed) + c.most;
  int64_t seen = peak.load(std::memory_order_relaxed);
  while (most > seen && !peak.compare_exchange_weak(seen, most, std::memory_order_relaxed)) {
  }
}

// Plain data, so that it outlives the guard below; a block given back later goes to the central lists.
struct Cache {
  std::array<FreeList, cached_classes> lists;
  enum State { unguarded, guarded, ended } state = unguarded;
};
thread_local constinit Cache cache;

// At the end of its thread.
struct CacheGuard {
  ~CacheGuard() {
    tell();
    Central& c = central();
    const std::lock_guard lock(c.mutex);
    for (size_t i = 0; i < cache.lists.size(); ++i)
      while (void* p = cache.lists[i].pop()) c.lists[i].push(p);
    cache.state = Cache::ended;
  }
};

[[gnu::noinline]] void count_slowly() {
  if (cache.state == Cache::unguarded) {
    cache.state = Cache::guarded;
    static thread_local CacheGuard guard;
    (void)guard;
  }
  if (uncounted.now > untold || uncounted.now < -untold || cache.state == Cache::ended) tell();
}

void count(int64_t bytes) {
  Count& c = uncounted;
  c.now += bytes;
  c.most = std::max(c.most, c.now);
  if (std::abs(c.now) > untold || cache.state != Cache::guarded) [[unlikely]]
    count_slowly();
}

void* from_system(size_t bytes) {
  const std::align_val_t line{alignment};
  if (void* p = ::operator new(bytes, line, std::nothrow)) return p;
  release_pool();  // blocks of other sizes may be what is missing
  return ::operator new(bytes, line);
}
void to_system(void* p) { ::operator delete (p, std::align_val_t{alignment}); }

// Of any size, from wherever there is a block.
[[gnu::noinline]] void* allocate_any(size_t bytes) {
  if (bytes > (size_t{1} << 47)) throw std::bad_alloc();
  const int c = class_of(bytes);
  if constexpr (sanitized) {
    // The exact size, rounded to whole lines only: a sanitizer shall see the first byte past them.
    void* p = from_system((bytes + alignment - 1) / alignment * alignment + (bytes == 0 ? alignment : 0));
    held.fetch_add(static_cast<int64_t>(class_bytes(c)), std::memory_order_relaxed);
    count(counted(bytes, c));
    return p;
  }
  void* p = nullptr;
  if (c < cached_classes) p = cache.lists[static_cast<size_t>(c)].pop();
  if (!p) {
    Central& shared = central();
    const std::lock_guard lock(shared.mutex);
    p = shared.lists[static_cast<size_t>(c)].pop();
  }
  if (!p) {
    p = from_system(class_bytes(c));
    held.fetch_add(static_cast<int64_t>(class_bytes(c)), std::memory_order_relaxed);
  }
  count(counted(bytes, c));
  return p;
}

[[gnu::noinline]] void deallocate_any(void* block, size_t bytes) {
  const int c = class_of(bytes);
  count(-counted(bytes, c));
  if constexpr (sanitized) {
    held.fetch_sub(static_cast<int64_t>(class_bytes(c)), std::memory_order_relaxed);
    to_system(block);
    return;
  }
  if (c < cached_classes && cache.state != Cache::ended) {
    FreeList& list = cache.lists[static_cast<size_t>(c)];
    if (list.count < (c < many_classes ? many_blocks : few_blocks)) {
      list.push(block);
      return;
    }
  }
  Central& shared = central();
  const std::lock_guard lock(shared.mutex);
  shared.lists[static_cast<size_t>(c)].push(block);
}

}  // namespace

void* allocate(size_t bytes) {
  if (!sanitized && is_small(bytes)) [[likely]]
    if (void* p = cache.lists[small_class(bytes)].pop()) {
      count(small_bytes(bytes));
      return p;
    }
  return allocate_any(bytes);
}

void deallocate(void* block, size_t bytes) noexcept {
  if (!block) return;
  if (!sanitized && is_small(bytes) && cache.state == Cache::guarded) [[likely]]
    if (FreeList& list = cache.lists[small_class(bytes)]; list.count < many_blocks) {
      list.push(block);
      return count(-small_bytes(bytes));
    }
  deallocate_any(block, bytes);
}

Stats stats() {
  tell();
  const int64_t used = in_use.load();
  return {used, peak.load(), std::max<int64_t>(0, held.load() - used)};
}

void reset_peak() {
  tell();
  peak = in_use.load();
}

int64_t release_pool() {
  int64_t freed = 0;
  const auto empty = [&](FreeList& list, int c) {
    while (void* p = list.pop()) {
      to_system(p);
      freed += static_cast<int64_t>(class_bytes(c));
    }
  };
  for (int c = 0; c < cached_classes; ++c) empty(cache.lists[static_cast<size_t>(c)], c);
  Central& shared = central();
  const std::lock_guard lock(shared.mutex);
  for (int c = 0; c < class_count; ++c) empty(shared.lists[static_cast<size_t>(c)], c);
  held.fetch_sub(freed, std::memory_order_relaxed);
  return freed;
}

bool pool_is_bypassed() { return sanitized; }

}  // namespace cairn::memory
