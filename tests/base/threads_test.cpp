#include "cairn/base/threads.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include "cairn/base/error.h"

namespace cairn {
namespace {

class Threads : public ::testing::Test {
 protected:
  ~Threads() override { set_num_threads(before_); }

 private:
  int before_ = num_threads();
};

TEST_F(Threads, EveryIndexOnceOnAnyNumberOfThreads) {
  for (const int n : {1, 2, 3, 8}) {
    set_num_threads(n);
    std::vector<std::atomic<int>> seen(1000);
    parallel_for(1000, 7, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) seen[static_cast<size_t>(i)]++;
    });
    for (const auto& s : seen) EXPECT_EQ(s, 1);
  }
}

TEST_F(Threads, PiecesDependOnTheSizeAlone) {
  std::vector<std::vector<int64_t>> cuts;
  for (const int n : {1, 2, 8}) {
    set_num_threads(n);
    std::vector<int64_t> ends(11, -1);
    parallel_for(101, 10, [&](int64_t begin, int64_t end) { ends[static_cast<size_t>(begin / 10)] = end; });
    cuts.push_back(ends);
  }
  EXPECT_EQ(cuts[0], cuts[1]);
  EXPECT_EQ(cuts[0], cuts[2]);
  EXPECT_EQ(cuts[0].back(), 101);
}

TEST_F(Threads, CountsTheTeamsThatRan) {
  const WholeTeams whole;
  for (const int n : {2, 3, 8}) {
    set_num_threads(n);
    reset_parallel_stats();
    parallel_for(100, 1, [](int64_t, int64_t) {});
    EXPECT_EQ(parallel_stats().regions, 1);
    EXPECT_EQ(parallel_stats().largest_team, n);
  }
  reset_parallel_stats();
  parallel_for(5, 10, [](int64_t, int64_t) {});
  parallel_for(0, 10, [](int64_t, int64_t) { FAIL() << "called for nothing"; });
  EXPECT_EQ(parallel_stats().regions, 0) << "one piece needs no team";
}

TEST_F(Threads, WhoIsDoneTakesTheWorkOfOthers) {
  set_num_threads(2);
  // The first piece waits until all others are done but the last of its own share, which is left to its thread.
  std::atomic<int> done = 0;
  std::thread::id last;
  parallel_for(16, 1, [&](int64_t begin, int64_t) {
    while (begin == 0 && done < 14) std::this_thread::yield();
    if (begin == 7) last = std::this_thread::get_id();
    ++done;
  });
  EXPECT_EQ(done, 16);
  EXPECT_EQ(last, std::this_thread::get_id());
}

TEST_F(Threads, ASerialScopeKeepsWorkOnItsThread) {
  set_num_threads(3);
  reset_parallel_stats();
  {
    const SerialScope serial;
    const auto here = std::this_thread::get_id();
    parallel_for(64, 1, [&](int64_t, int64_t) { EXPECT_EQ(std::this_thread::get_id(), here); });
    EXPECT_EQ(parallel_stats().regions, 0);
  }
  parallel_for(64, 1, [](int64_t, int64_t) {});
  EXPECT_EQ(parallel_stats().regions, 1);
}

TEST_F(Threads, RegionsFollowOneAnotherAtAnyDistance) {  // threads awake, falling asleep, and asleep
  set_num_threads(4);
  int64_t sum = 0;
  for (int round = 0; round < 2000; ++round) {
    std::vector<int64_t> parts(8, 0);
    parallel_for(8, 1, [&](int64_t begin, int64_t) { parts[static_cast<size_t>(begin)] = begin + round; });
    for (const int64_t p : parts) sum += p;
    if (round % 100 == 0) std::this_thread::sleep_for(std::chrono::microseconds(30 + round / 10));
  }
  EXPECT_EQ(sum, 2000 * 28 + 8 * (1999 * 2000 / 2));
}

TEST_F(Threads, RegionsDoNotNest) {
  set_num_threads(2);
  std::atomic<int> count = 0;
  parallel_for(4, 1, [&](int64_t, int64_t) { parallel_for(4, 1, [&](int64_t, int64_t) { count++; }); });
  EXPECT_EQ(count, 16);
}

TEST_F(Threads, UserThreadsMayComputeAtOnce) {
  set_num_threads(2);
  std::vector<int64_t> sums(4, 0);
  std::vector<std::thread> users;
  for (int64_t& sum : sums)
    users.emplace_back([&sum] {
      std::vector<int64_t> parts(64, 0);
      for (int round = 0; round < 50; ++round)
        parallel_for(64, 1, [&](int64_t begin, int64_t) { parts[static_cast<size_t>(begin)] += begin; });
      for (const int64_t p : parts) sum += p;
    });
  for (std::thread& u : users) u.join();
  for (const int64_t sum : sums) EXPECT_EQ(sum, 50 * 63 * 64 / 2);
}

TEST_F(Threads, AnExceptionOfAPieceIsThrownAgain) {
  for (const int n : {1, 2, 3}) {
    set_num_threads(n);
    std::atomic<int> ended = 0;
    const auto f = [&](int64_t begin, int64_t) {
      if (begin == 5) throw ValueError("the fifth");
      ended++;
    };
    EXPECT_THROW(parallel_for(8, 1, f), ValueError);
    EXPECT_EQ(ended, n > 1 ? 7 : 5);
  }
}

TEST_F(Threads, RefusesNonsense) {
  EXPECT_THROW(set_num_threads(0), ValueError);
  EXPECT_THROW(set_num_threads(2000), ValueError);
}

}  // namespace
}  // namespace cairn
