// The only file that knows OpenMP.
#include "cairn/base/threads.h"

#include <omp.h>

#include <atomic>
#include <cstdlib>
#include <exception>

#include "cairn/base/error.h"

namespace cairn {

static int initial_threads() {
  if (const char* text = std::getenv("CAIRN_NUM_THREADS")) {
    const int n = std::atoi(text);
    if (n >= 1 && n <= 1024) return n;
  }
  return omp_get_max_threads();
}

static std::atomic<int>& threads() {
  static std::atomic<int> n{initial_threads()};
  return n;
}

static std::atomic<int64_t> regions{0};
static std::atomic<int> largest_team{0};

int num_threads() { return threads().load(std::memory_order_relaxed); }

void set_num_threads(int n) {
  require<ValueError>(n >= 1 && n <= 1024, "set_num_threads", "needs 1 to 1024 threads", given("n", n));
  threads().store(n, std::memory_order_relaxed);
}

ParallelStats parallel_stats() { return {regions.load(), largest_team.load()}; }

void reset_parallel_stats() {
  regions = 0;
  largest_team = 0;
}

namespace detail {

void run_chunks(int64_t chunks, ChunkFunction f, void* context) {
  const int team = static_cast<int>(std::min<int64_t>(num_threads(), chunks));
  if (team <= 1 || omp_in_parallel()) {
    for (int64_t i = 0; i < chunks; ++i) f(context, i);
    return;
  }
  int started = 0;
  std::exception_ptr thrown;
#pragma omp parallel num_threads(team)
  {
#pragma omp single nowait
    started = omp_get_num_threads();
#pragma omp for schedule(static)
    for (int64_t i = 0; i < chunks; ++i) {
      try {
        f(context, i);
      } catch (...) {
#pragma omp critical(cairn_thrown)
        thrown = std::current_exception();
      }
    }
  }
  if (thrown) std::rethrow_exception(thrown);
  regions.fetch_add(1, std::memory_order_relaxed);
  int seen = largest_team.load(std::memory_order_relaxed);
  while (started > seen && !largest_team.compare_exchange_weak(seen, started)) {
  }
}

}  // namespace detail
}  // namespace cairn
