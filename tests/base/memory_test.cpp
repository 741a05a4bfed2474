#include "cairn/base/memory.h"

#include <gtest/gtest.h>

#include <cstring>
#include <new>
#include <thread>
#include <vector>

using namespace cairn;

namespace {

TEST(Memory, BlocksAreAlignedAndWritable) {
  for (const size_t bytes : {0ul, 1ul, 63ul, 64ul, 65ul, 1000ul, 1025ul, 5000ul, 70000ul, 3000000ul}) {
    void* p = memory::allocate(bytes);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(p) % memory::alignment, 0u) << bytes;
    const size_t whole = (bytes + 63) / 64 * 64;  // a vector may be read and written at the last element
    std::memset(p, 0xAB, whole);
    memory::deallocate(p, bytes);
  }
  memory::deallocate(nullptr, 100);
}

TEST(Memory, StatsFollowWhatIsInUse) {
  const memory::Stats before = memory::stats();
  memory::reset_peak();
  void* a = memory::allocate(100000);
  const memory::Stats during = memory::stats();
  EXPECT_GE(during.in_use - before.in_use, 100000);
  EXPECT_LE(during.in_use - before.in_use, 125064);  // at most a quarter is wasted
  memory::deallocate(a, 100000);
  const memory::Stats after = memory::stats();
  EXPECT_EQ(after.in_use, before.in_use);
  EXPECT_EQ(after.peak, during.in_use);
  memory::reset_peak();
  EXPECT_EQ(memory::stats().peak, before.in_use);
}

TEST(Memory, ABlockGivenBackIsUsedAgain) {
  if (memory::pool_is_bypassed()) return;  // a sanitizer keeps freed blocks apart on purpose
  for (const size_t bytes : {64ul, 777ul, 20000ul, 1000000ul}) {
    void* a = memory::allocate(bytes);
    memory::deallocate(a, bytes);
    void* b = memory::allocate(bytes - 1);  // of the same class
    EXPECT_EQ(a, b) << bytes;
    memory::deallocate(b, bytes - 1);
  }
}

// From 8 MiB on what is needed in turn shares a block, and counts for the pages that it may touch.
TEST(Memory, LargeBlocksServeOtherSizes) {
  const int64_t before = memory::stats().in_use;
  void* a = memory::allocate(10 << 20);
  EXPECT_EQ(memory::stats().in_use - before, 10 << 20);
  memory::deallocate(a, 10 << 20);
  void* b = memory::allocate((14 << 20) + 1);
  EXPECT_EQ(memory::stats().in_use - before, (14 << 20) + 4096);
  EXPECT_TRUE(a == b || memory::pool_is_bypassed());
  static_cast<char*>(b)[14 << 20] = 1;  // it is as large as asked for
  memory::deallocate(b, (14 << 20) + 1);
  EXPECT_EQ(memory::stats().in_use, before);
}

TEST(Memory, ThePoolCanBeGivenBack) {
  memory::release_pool();
  const int64_t before = memory::stats().pooled;
  memory::deallocate(memory::allocate(1 << 20), 1 << 20);
  const int64_t kept = memory::stats().pooled - before;
  EXPECT_EQ(kept, memory::pool_is_bypassed() ? 0 : 1 << 20);
  EXPECT_EQ(memory::release_pool(), kept);
  EXPECT_EQ(memory::stats().pooled, before);
}

TEST(Memory, BlocksMayBeFreedOnAnotherThread) {
  const int64_t before = memory::stats().in_use;
  std::vector<void*> blocks;
  for (size_t i = 0; i < 1000; ++i) blocks.push_back(memory::allocate(64 * (i % 40 + 1)));
  std::thread([&] {
    for (size_t i = 0; i < blocks.size(); ++i) memory::deallocate(blocks[i], 64 * (i % 40 + 1));
  }).join();
  EXPECT_EQ(memory::stats().in_use, before);
}

// More than a thread keeps of that size: the rest go back to all, and what it kept does so when it ends.
TEST(Memory, BlocksThatAThreadKeptAreThereWhenItHasEnded) {
  constexpr size_t bytes = 100000;
  const auto blocks = [] {
    std::vector<void*> all(5);
    for (void*& b : all) b = memory::allocate(bytes);
    return all;
  };
  const auto held = [] { return memory::stats().in_use + memory::stats().pooled; };
  const auto first = blocks();
  const int64_t before = held();
  std::thread([&] {
    for (void* b : first) memory::deallocate(b, bytes);
  }).join();
  const auto again = blocks();
  EXPECT_EQ(held(), before);
  for (void* b : again) memory::deallocate(b, bytes);
}

TEST(Memory, RefusesWhatNoMachineHas) { EXPECT_THROW(memory::allocate(size_t{1} << 50), std::bad_alloc); }

}  // namespace
