#include "cairn/data/loader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <iterator>
#include <thread>

#include "cairn/base/memory.h"
#include "cairn/base/random.h"
#include "cairn/base/threads.h"
#include "cairn/graph/node.h"
#include "cairn/ops/arithmetic.h"
#include "cairn/ops/compare.h"
#include "cairn/ops/reduce.h"
#include "cairn/tensor/create.h"
#include "data/numbered.h"
#include "support.h"

namespace cairn {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::numbered;

static_assert(std::input_iterator<data::DataLoader::Iterator>);
static_assert(std::sentinel_for<std::default_sentinel_t, data::DataLoader::Iterator>);

std::vector<int64_t> order(const data::DataLoader& loader, int64_t epoch) {
  std::vector<int64_t> all;
  for (const auto& [x, y] : loader.epoch(epoch)) {
    EXPECT_EQ(x.to_vector<int64_t>(), y.to_vector<int64_t>());  // pairs stay together
    for (int64_t v : y.to_vector<int64_t>()) all.push_back(v);
  }
  return all;
}

TEST(DataLoader, WithoutShuffleKeepsTheOrder) {
  const data::TensorDataset set = numbered(10);
  const data::DataLoader loader(set, {.batch_size = 4});
  EXPECT_EQ(loader.batches(), 3);
  EXPECT_EQ(loader.samples(), 10);
  std::vector<int64_t> sizes;
  for (const auto& batch : loader.epoch(0)) sizes.push_back(batch.x.size(0));
  EXPECT_THAT(sizes, ElementsAre(4, 4, 2));
  EXPECT_THAT(order(loader, 7), ElementsAre(0, 1, 2, 3, 4, 5, 6, 7, 8, 9));

  const data::DataLoader full(set, {.batch_size = 4, .drop_last = true});
  EXPECT_EQ(full.batches(), 2);
  EXPECT_EQ(full.samples(), 8);
  EXPECT_THAT(order(full, 0), ElementsAre(0, 1, 2, 3, 4, 5, 6, 7));

  const data::DataLoader large(set, {.batch_size = 100});
  EXPECT_EQ(large.batches(), 1);
  EXPECT_EQ(large.samples(), 10);
  EXPECT_EQ(order(large, 0).size(), 10U);
}

TEST(DataLoader, GoesOnInsideAnEpoch) {
  const data::TensorDataset set = numbered(10);
  for (const int64_t prefetch : {0, 1, 3}) {
    const data::DataLoader loader(set, {.batch_size = 4, .shuffle = true, .seed = 5, .prefetch = prefetch});
    const auto whole = order(loader, 2);
    for (int64_t first = 0; first <= 3; ++first) {
      std::vector<int64_t> rest;
      for (const auto& [x, y] : loader.epoch(2, first))
        for (const int64_t v : y.to_vector<int64_t>()) rest.push_back(v);
      EXPECT_EQ(rest, std::vector<int64_t>(whole.begin() + std::min<int64_t>(4 * first, 10), whole.end()));
    }
    EXPECT_THAT((std::vector<int64_t>{loader.samples(0), loader.samples(2)}), ElementsAre(4, 2));
    EXPECT_THROW(loader.samples(3), IndexError);
    EXPECT_THROW(loader.epoch(0, 4), ValueError);
    EXPECT_THROW(loader.epoch(0, -1), ValueError);
  }
}

TEST(DataLoader, TheOrderDependsOnSeedAndEpochAlone) {
  const int before = num_threads();
  const data::TensorDataset set = numbered(1000);
  const data::DataLoader a(set, {.batch_size = 64, .shuffle = true, .seed = 3});
  const data::DataLoader b(set, {.batch_size = 100, .shuffle = true, .seed = 3});
  const data::DataLoader c(set, {.batch_size = 64, .shuffle = true, .seed = 4});
  const auto third = order(a, 3);
  EXPECT_NE(order(a, 0), order(a, 1));
  EXPECT_EQ(order(a, 3), third);  // whatever came before
  EXPECT_EQ(order(b, 3), third);
  EXPECT_NE(order(c, 3), third);
  set_num_threads(3);
  EXPECT_EQ(order(a, 3), third);
  set_num_threads(before);
  auto sorted = third;
  std::sort(sorted.begin(), sorted.end());
  EXPECT_EQ(sorted, arange(1000).to_vector<int64_t>());  // every sample once
}

TEST(DataLoader, BatchesDoNotDependOnThreads) {
  const int before = num_threads();
  const Tensor x = arange(64 * 1000).to(u8).reshape({64, 1000});
  const data::TensorDataset set(x, arange(64), {.mean = {0.3}, .deviation = {0.7}});
  const data::DataLoader loader(set, {.batch_size = 64, .shuffle = true});
  set_num_threads(1);
  const Tensor one = loader.epoch(0).begin()->x;
  set_num_threads(4);
  EXPECT_TRUE(equal(loader.epoch(0).begin()->x, one));
  set_num_threads(before);
}

TEST(DataLoader, Misuse) {
  const data::TensorDataset set = numbered(3);
  EXPECT_THROW(data::DataLoader(set, {.batch_size = 0}), ValueError);
  EXPECT_THROW(data::DataLoader(set, {.prefetch = -1}), ValueError);
  const data::DataLoader loader(set);
  EXPECT_THROW(loader.epoch(-1), ValueError);
  EXPECT_THAT(text_of<ValueError>([&] { data::DataLoader(set, {.batch_size = 4, .drop_last = true}); }),
              HasSubstr("drop_last leaves out the only batch"));
  const data::TensorDataset nothing(zeros({0, 2}, u8), zeros({0}, i64));
  EXPECT_THAT(text_of<ValueError>([&] { data::DataLoader(nothing, {}); }), HasSubstr("the data set is empty"));
}

// ---- data sets of one's own, batches made ahead -------------------------------------------------------------------------

// Made up on the fly: each sample three random numbers of its own, which differ from epoch to epoch. It notes who asks.
class Noise : public data::Dataset {
 public:
  explicit Noise(int64_t size, int64_t bad = -1) : size_(size), bad_(bad) {}
  int64_t size() const override { return size_; }

  mutable std::atomic<int> made = 0;
  mutable std::atomic<int> elsewhere = 0;  // batches made by another thread than the one that made the data set
  mutable std::atomic<int> teams = 0;      // batches whose work was shared between threads

 private:
  data::Batch make_batch(std::span<const int64_t> numbers, int64_t epoch) const override {
    const auto n = static_cast<int64_t>(numbers.size());
    Tensor x = empty({n, 3}, f64);
    double* to = x.data<double>();
    const auto maker = std::this_thread::get_id();
    std::atomic<bool> shared = false;
    parallel_for(n, 1, [&](int64_t begin, int64_t end) {
      if (std::this_thread::get_id() != maker) shared = true;
      for (int64_t i = begin; i < end; ++i) {
        Generator random(5, "noise", static_cast<uint64_t>(epoch),
                         static_cast<uint64_t>(numbers[static_cast<size_t>(i)]));
        for (int64_t k = 0; k < 3; ++k) to[3 * i + k] = random.uniform();
      }
    });
    ++made;
    elsewhere += maker != owner_;
    teams += shared;
    for (const int64_t i : numbers) require<ValueError>(i != bad_, "Noise", "this sample is bad", given("number", i));
    return {x, from_span(numbers, {n})};
  }

  std::thread::id owner_ = std::this_thread::get_id();
  int64_t size_, bad_;
};

// All inputs of an epoch, in the order of the samples' numbers.
Tensor by_number(const data::DataLoader& loader, int64_t epoch, int64_t size) {
  Tensor all = full({size, 3}, -1, f64);
  for (const auto& [x, y] : loader.epoch(epoch))
    for (int64_t i = 0; i < y.numel(); ++i) {
      Tensor row = all[y[i].item<int64_t>()];
      row.copy_(x[i]);
    }
  return all;
}

TEST(Prefetch, SameBatchesWhoeverMakesThem) {
  const Noise set(50);
  const data::DataLoader here(set, {.batch_size = 8, .shuffle = true, .seed = 2, .prefetch = 0});
  for (const int64_t ahead : {1, 2, 5, 100}) {
    const data::DataLoader there(set, {.batch_size = 8, .shuffle = true, .seed = 2, .prefetch = ahead});
    for (const int64_t epoch : {0, 1}) {
      auto a = here.epoch(epoch).begin(), b = there.epoch(epoch).begin();
      int64_t count = 0;
      for (; a != std::default_sentinel && b != std::default_sentinel; ++a, ++b, ++count) {
        EXPECT_TRUE(equal(a->x, b->x));
        EXPECT_TRUE(equal(a->y, b->y));
      }
      EXPECT_EQ(count, 7);
      EXPECT_TRUE(a == std::default_sentinel && b == std::default_sentinel);
    }
  }
}

TEST(Prefetch, ASampleDependsOnEpochAndNumberAlone) {
  const Noise set(50);
  const data::DataLoader a(set, {.batch_size = 8, .shuffle = true, .seed = 2});
  const data::DataLoader b(set, {.batch_size = 50, .prefetch = 0});
  const Tensor first = by_number(a, 0, 50);
  EXPECT_TRUE(equal(first, by_number(b, 0, 50)));
  EXPECT_TRUE(equal(by_number(a, 3, 50), by_number(b, 3, 50)));
  EXPECT_EQ(sum(first == by_number(a, 1, 50)).item<int64_t>(), 0) << "another epoch, other numbers";
}

TEST(Prefetch, WorksOnOneOtherThreadAndNoMore) {
  const int before = num_threads();
  set_num_threads(4);
  const WholeTeams whole;
  const Noise here(32), there(32), lone(32);
  const data::DataLoader callers(here, {.batch_size = 8, .prefetch = 0}), own(there, {.batch_size = 8});
  const data::DataLoader one_batch(lone, {.batch_size = 32});
  for (const data::DataLoader* loader : {&callers, &own, &one_batch})
    for (const auto& batch : loader->epoch(0)) EXPECT_GT(batch.x.size(0), 0);
  set_num_threads(before);
  EXPECT_EQ(here.made, 4);
  EXPECT_EQ(here.elsewhere, 0);
  EXPECT_EQ(here.teams, 4) << "asked for, a batch has all threads";
  EXPECT_EQ(there.made, 4);
  EXPECT_EQ(there.elsewhere, 4);
  EXPECT_EQ(there.teams, 0) << "made ahead, it leaves them to whoever trains";
  EXPECT_EQ(lone.elsewhere, 0) << "nothing is to be made ahead of";
}

TEST(Prefetch, TensorsNeedNoThread) {
  // Noise that says, as tensors do, that it is not worth a thread.
  struct Light : Noise {
    using Noise::Noise;
    bool prefetches() const override { return numbered(1).prefetches(); }
  };
  const Light set(40);
  const data::DataLoader loader(set, {.batch_size = 10, .prefetch = 3});
  for (const auto& batch : loader.epoch(0)) EXPECT_EQ(batch.x.size(0), 10);
  EXPECT_EQ(set.made, 4);
  EXPECT_EQ(set.elsewhere, 0);
}

TEST(Prefetch, MakesAsManyAheadAsAsked) {
  for (const int ahead : {1, 3}) {
    const Noise set(100);
    const data::DataLoader loader(set, {.batch_size = 10, .prefetch = ahead});
    auto walk = loader.epoch(0).begin();
    const auto settled = [&](int count) {
      for (int i = 0; i < 2000 && set.made < count; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(1));
      std::this_thread::sleep_for(std::chrono::milliseconds(5));  // for one too many
      return set.made.load();
    };
    EXPECT_EQ(settled(1 + ahead), 1 + ahead);
    ++walk;
    EXPECT_EQ(settled(2 + ahead), 2 + ahead);
  }
}

TEST(Prefetch, AnExceptionComesOutAtItsBatch) {
  for (const int64_t ahead : {0, 1, 4}) {
    const Noise set(50, 23);  // in the third batch
    const data::DataLoader loader(set, {.batch_size = 10, .prefetch = ahead});
    auto walk = loader.epoch(0).begin();
    ++walk;
    EXPECT_EQ(walk->y[0].item<int64_t>(), 10);
    EXPECT_THAT(text_of<ValueError>([&] { ++walk; }), HasSubstr("this sample is bad; got number 23"));
    EXPECT_FALSE(walk->x.defined());
    ++walk;  // and goes on behind it
    EXPECT_EQ(walk->y[0].item<int64_t>(), 30);
    ++walk;
    ++walk;
    EXPECT_TRUE(walk == std::default_sentinel);

    const Noise first(50, 0);
    const data::DataLoader fails_at_once(first, {.batch_size = 10, .prefetch = ahead});
    EXPECT_THROW(fails_at_once.epoch(0).begin(), ValueError);
  }
}

TEST(Prefetch, AWalkMayBeLeftAtAnyTime) {
  const Noise set(40);
  const data::DataLoader loader(set, {.batch_size = 4, .shuffle = true, .prefetch = 2});
  for (int stop = 0; stop < 60; ++stop) {
    int seen = 0;
    for (const auto& batch : loader.epoch(stop)) {
      EXPECT_EQ(batch.x.size(0), 4);
      if (seen++ == stop % 10) break;
    }
    EXPECT_EQ(seen, stop % 10 + 1);
  }
}

TEST(Prefetch, SeveralWalksAtOnce) {
  const Noise set(60);
  const data::DataLoader loader(set, {.batch_size = 7, .shuffle = true, .seed = 9});
  const Tensor alone = by_number(loader, 0, 60);
  auto a = loader.epoch(0).begin();
  {
    auto b = loader.epoch(0).begin();
    for (; b != std::default_sentinel; ++a, ++b) EXPECT_TRUE(equal(a->x, b->x));
  }
  EXPECT_TRUE(a == std::default_sentinel);
  a = loader.epoch(1).begin();  // takes another walk's place
  auto moved = std::move(a);
  EXPECT_EQ(moved->x.size(0), 7);

  std::vector<Tensor> seen(3);
  std::vector<std::thread> users;
  for (Tensor& all : seen) users.emplace_back([&] { all = by_number(loader, 0, 60); });
  for (std::thread& user : users) user.join();
  for (const Tensor& all : seen) EXPECT_TRUE(equal(all, alone));
}

TEST(Prefetch, NothingIsRecorded) {
  struct Recorder : data::Dataset {
    Tensor w = ones({1}).requires_grad_();
    int64_t size() const override { return 6; }
    data::Batch make_batch(std::span<const int64_t> numbers, int64_t) const override {
      const auto n = static_cast<int64_t>(numbers.size());
      return {w * ones({n}), arange(n)};
    }
  };
  const Recorder set;
  for (const int64_t ahead : {0, 1}) {
    const data::DataLoader loader(set, {.batch_size = 2, .prefetch = ahead});
    for (const auto& some : loader.epoch(0)) EXPECT_FALSE(some.x.requires_grad());
  }
  EXPECT_TRUE(grad_enabled());
}

// Blocks made on one thread and given back on another go round: the pool does not grow.
TEST(Prefetch, MemoryStaysFlat) {
  struct Blocks : data::Dataset {
    int64_t size() const override { return 10000 * 8; }
    data::Batch make_batch(std::span<const int64_t> numbers, int64_t) const override {
      const auto n = static_cast<int64_t>(numbers.size());
      return {zeros({n, 2100}), from_span(numbers, {n})};  // 67 KB and 64 bytes: a thread keeps two, and many
    }
  };
  const Blocks set;
  const data::DataLoader loader(set, {.batch_size = 8, .shuffle = true, .prefetch = 2});
  const auto held = [] { return memory::stats().in_use + memory::stats().pooled; };
  int64_t batch = 0, before = 0;
  for (const auto& some : loader.epoch(0))
    if (some.x.defined() && ++batch == 1000) before = held();
  EXPECT_EQ(batch, 10000);
  const int64_t some_batches = 4 * 8 * 2100 * 4;  // those on the way when `before` was taken may have been fewer
  EXPECT_LE(held() - before, some_batches);
}

}  // namespace
}  // namespace cairn
