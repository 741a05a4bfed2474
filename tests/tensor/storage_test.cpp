#include "cairn/tensor/storage.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <optional>
#include <thread>

#include "cairn/tensor/create.h"

using namespace cairn;

namespace {

#if defined(__SANITIZE_ADDRESS__)
#define CAIRN_TEST_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define CAIRN_TEST_ASAN 1
#endif
#endif

TEST(Storage, IsAligned) {
  for (const size_t bytes : {0ul, 1ul, 4000ul, 1000000ul}) {
    const Ref<Storage> s = Storage::make(bytes);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(s->data) % 64, 0u);
    EXPECT_EQ(s->bytes, bytes);
    EXPECT_TRUE(s->unique());
  }
}

TEST(Storage, WrappedMemoryIsHandedBackOnce) {
  int finished = 0;
  float numbers[3] = {1, 2, 3};
  {
    const Ref<Storage> a = Storage::wrap(numbers, sizeof numbers, [&] { ++finished; });
    const Ref<Storage> b = a;
    EXPECT_FALSE(a->unique());
    EXPECT_EQ(a->data, numbers);
  }
  EXPECT_EQ(finished, 1);
}

TEST(Storage, GivesItsMemoryBack) {
  const int64_t before = memory::stats().in_use;
  {
    const Ref<Storage> s = Storage::make(1 << 20);
    EXPECT_GE(memory::stats().in_use - before, 1 << 20);
  }
  EXPECT_EQ(memory::stats().in_use, before);
}

TEST(Storage, HasRoomForItsMaker) {
  for (const size_t extra : {1ul, 100ul, 300ul}) {
    const Ref<Storage> s = Storage::make(10, extra);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(s->data) % 64, 0u);
    EXPECT_GE(static_cast<char*>(s->data), static_cast<char*>(s->room()) + extra);
  }
}

TEST(Storage, AFreshTensorIsOneBlock) {
  if (memory::pool_is_bypassed()) GTEST_SKIP() << "under a sanitizer it is two";
  const int64_t before = memory::stats().in_use;
  Tensor view;
  {
    const Tensor x = arange(16, f32);
    EXPECT_EQ(x.body().get(), x.body()->storage->room());
    EXPECT_EQ(memory::stats().in_use - before, 4 * 64 + 16 * 4) << "what a handle points at, and the elements";
    view = x.narrow(0, 4, 2);
    EXPECT_NE(view.body().get(), view.body()->storage->room());
  }
  EXPECT_EQ(view.to_vector<float>(), (std::vector<float>{4, 5})) << "of a tensor that has gone";
  view = Tensor();
  EXPECT_EQ(memory::stats().in_use, before);
}

TEST(Storage, KeepsWhatWasPreparedUntilTheBytesChange) {
  const int64_t before = memory::stats().in_use;
  {
    Tensor x = ones({3});
    int made = 0;
    const auto prepared = [&](int64_t key) {
      return x.body()->storage->prepared({key}, 1 << 20, [&](void* block) {
        ++made;
        *static_cast<float*>(block) = 2 * x.pointer<float>()[0];
      });
    };
    EXPECT_EQ(*static_cast<const float*>(prepared(0).get()), 2);
    EXPECT_EQ(*static_cast<const float*>(prepared(0).get()), 2);
    EXPECT_EQ(made, 1);
    EXPECT_GE(memory::stats().in_use - before, 1 << 20);
    for (int64_t key : {1, 2, 0, 1, 2, 0}) prepared(key);
    EXPECT_EQ(made, 3) << "three are kept";
    for (int64_t key : {3, 1, 2, 0}) prepared(key);
    EXPECT_EQ(made, 5) << "and of four the oldest goes";
    x.slice(0, 0, 1).mul_(4);  // a view
    EXPECT_LT(memory::stats().in_use - before, 1 << 20) << "it goes at the change, not at the next use";
    EXPECT_EQ(*static_cast<const float*>(prepared(0).get()), 8);
    const auto held = prepared(0);
    x.zero_();
    EXPECT_EQ(*static_cast<const float*>(held.get()), 8) << "whoever uses it keeps it";
    // Through this pointer anything may happen at any time.
    float* p = x.data<float>();
    p[0] = 5;
    EXPECT_EQ(*static_cast<const float*>(prepared(0).get()), 10);
    p[0] = 6;
    EXPECT_EQ(*static_cast<const float*>(prepared(0).get()), 12);
    float numbers[3] = {1, 2, 3};
    x = from_blob(numbers, {3});
    EXPECT_EQ(*static_cast<const float*>(prepared(0).get()), 2);
    numbers[0] = 7;
    EXPECT_EQ(*static_cast<const float*>(prepared(0).get()), 14);
  }
  EXPECT_EQ(memory::stats().in_use, before);
}

#ifdef CAIRN_TEST_ASAN

// Pooling would hide this from the sanitizer, so the pool steps aside.
TEST(StorageDeathTest, UseAfterFreeIsReported) {
  EXPECT_TRUE(memory::pool_is_bypassed());
  EXPECT_DEATH(
      {
        std::optional<Tensor> x = zeros({100});
        volatile float* p = x->pointer<float>();
        x.reset();
        p[0] = 1;
      },
      "heap-use-after-free");
}

TEST(StorageDeathTest, WritingPastTheEndIsReported) {
  EXPECT_DEATH(
      {
        const Tensor x = zeros({16});
        volatile float* p = x.pointer<float>();
        p[16] = 1;
      },
      "heap-buffer-overflow");
}

#endif

TEST(StorageLimit, CountsWhatIsMadeOnThisThread) {
  {
    const StorageLimit limit(1000);
    EXPECT_NO_THROW(empty({100}));
    EXPECT_THROW(empty({200}), ValueError);
    EXPECT_THROW(empty({int64_t{1} << 40}), ValueError);  // before any memory is asked for
    EXPECT_NO_THROW(empty({150}));                        // what was refused does not count
    EXPECT_THROW(empty({1}), ValueError);                 // what has gone again does
    const StorageLimit inner(1 << 20);
    EXPECT_THROW(empty({1}), ValueError);  // the outer one goes on
    std::thread([] { EXPECT_NO_THROW(empty({1000})); }).join();
  }
  {
    const StorageLimit outer(1000);
    {
      const StorageLimit inner(100);
      EXPECT_THROW(empty({200}), ValueError);
    }
    EXPECT_NO_THROW(empty({250}));  // nothing was taken from the outer one
  }
  EXPECT_NO_THROW(empty({1000}));
}

}  // namespace
