#pragma once
// The one door to threads. Work is cut by its size alone, never by the number of threads, so a result has the same bits
// on any number of them.

#include <algorithm>
#include <cstdint>

#include "cairn/base/isa.h"

namespace cairn {

/// Threads that parallel work of this process may use. Initially $CAIRN_NUM_THREADS, else $OMP_NUM_THREADS, else one
/// a core. They are started when first needed, and sleep when there has been nothing to do for 50 µs.
int num_threads();

/// throws  ValueError unless 1 ≤ n ≤ 1024
void set_num_threads(int n);

/// Parallel regions offered to more than one thread so far, and the most threads that took part in one since the last
/// reset: for tests that must know that threads really ran.
struct ParallelStats {
  int64_t regions = 0;
  int largest_team = 0;
};
ParallelStats parallel_stats();
void reset_parallel_stats();

/// While it lives, parallel work of this thread runs on this thread alone: for threads that work beside those that
/// compute, such as one that prepares data.
class SerialScope {
 public:
  SerialScope();
  ~SerialScope();
  SerialScope(const SerialScope&) = delete;
  SerialScope& operator=(const SerialScope&) = delete;

 private:
  bool before_;
};

/// While one lives, every member of a team does its own share and is waited for, where otherwise those who come first
/// may take it: for tests that must know that results do not depend on who computed them.
class WholeTeams {
 public:
  WholeTeams();
  ~WholeTeams();
  WholeTeams(const WholeTeams&) = delete;
  WholeTeams& operator=(const WholeTeams&) = delete;

 private:
  bool before_;
};

namespace detail {
using ChunkFunction = void (*)(void* context, int64_t chunk);
void run_chunks(int64_t chunks, ChunkFunction f, void* context);
}  // namespace detail

/// Calls f(begin, end) for the pieces [0, grain), [grain, 2·grain), … of [0, n), on several threads when there is more
/// than one piece. Choose a grain worth at least some 10 µs of work. What f throws is thrown again here, that of the
/// first piece when several do; pieces after it may have run or not. Regions do not nest: inside one, and while another
/// thread of the program has one, pieces run in order on the calling thread.
template <class F>
void parallel_for(int64_t n, int64_t grain, F&& f) {
  if (n <= 0) return;
  if (n <= grain) {
    f(int64_t{0}, n);
    return;
  }
  struct Context {
    F& f;
    int64_t n, grain;
  } context{f, n, grain};
  detail::run_chunks((n + grain - 1) / grain,
                     [](void* p, int64_t chunk) {
                       auto& c = *static_cast<Context*>(p);
                       c.f(chunk * c.grain, std::min(c.n, (chunk + 1) * c.grain));
                     },
                     &context);
}

}  // namespace cairn
