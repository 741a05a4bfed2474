#include "cairn/base/threads.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "cairn/base/error.h"

namespace cairn {
namespace {

class Threads : public testing::Test {
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
