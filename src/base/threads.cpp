#include "cairn/base/threads.h"

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <deque>
#include <exception>
#include <functional>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

#include "cairn/base/error.h"

namespace cairn {
namespace {

int initial_threads() {
  for (const char* name : {"CAIRN_NUM_THREADS", "OMP_NUM_THREADS"})
    if (const char* text = std::getenv(name)) {
      const int n = std::atoi(text);
      if (n >= 1 && n <= 1024) return n;
    }
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

std::atomic<int>& threads() {
  static std::atomic<int> n{initial_threads()};
  return n;
}

std::atomic<int64_t> regions{0};
std::atomic<int> largest_team{0};
std::atomic<bool> whole_teams{false};
thread_local constinit bool serial = false;  // this thread is part of a region, or wants none

inline void pause() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// Asks `done` again and again for a while: true once it says so, false when the time is over. To sleep and be woken
// costs some 20 µs, to look some 50 ns; but who looks keeps a core from others.
template <class F>
bool spin(std::chrono::microseconds time, F done) {
  const auto start = std::chrono::steady_clock::now();
  do
    for (int i = 0; i < 16; ++i) {
      if (done()) return true;
      pause();
    }
  while (std::chrono::steady_clock::now() - start < time);
  return false;
}

// The threads of the process that help whoever has work. A region's pieces are dealt out to the members of its team in
// equal shares, so that a member finds in its cache what it left there in the region before. Who is done with its own
// share takes pieces of others', so that nobody waits for a thread that the system has not let run: under load that is
// the difference between a little slower and many times slower. A thread that runs keeps the last piece of its share.
class Crew {
 public:
  // Never destroyed: its threads may sleep on it until the process ends.
  static Crew& instance() {
    static Crew& crew = *new Crew;
    return crew;
  }

  // Whether it could: somebody else may have the crew.
  bool run(int team, int64_t chunks, detail::ChunkFunction f, void* context) {
    const std::unique_lock lock(busy_, std::try_to_lock);
    if (!lock) return false;
    while (static_cast<int>(members_.size()) < team) hire();
    work_ = {f, context, team, whole_teams.load(std::memory_order_relaxed)};
    ran_.store(0, std::memory_order_relaxed);
    for (int i = 0; i < team; ++i) {
      Member& m = members_[static_cast<size_t>(i)];
      m.end = (i + 1) * chunks / team;
      m.next.store(i * chunks / team, std::memory_order_relaxed);
    }
    // Called all before any is woken, which takes long: who runs sees which of the others have not begun.
    for (int i = 1; i < team; ++i) members_[static_cast<size_t>(i)].state.store(called, std::memory_order_release);
    for (int i = 1; i < team; ++i) wake(members_[static_cast<size_t>(i)]);
    take_part(0);
    for (int i = 1; i < team; ++i) dismiss(members_[static_cast<size_t>(i)]);
    regions.fetch_add(1, std::memory_order_relaxed);
    const int ran = ran_.load(std::memory_order_relaxed);
    int seen = largest_team.load(std::memory_order_relaxed);
    while (ran > seen && !largest_team.compare_exchange_weak(seen, ran)) {
    }
    if (thrown_) std::rethrow_exception(std::exchange(thrown_, nullptr));
    return true;
  }

 private:
  enum State : int { idle, called, working };
  struct alignas(64) Member {
    std::atomic<int> state{idle};
    std::atomic<uint32_t> calls{0};  // so far
    std::atomic<int64_t> next{0};    // of its share
    int64_t end = 0;
  };
  struct Work {
    detail::ChunkFunction f = nullptr;
    void* context = nullptr;
    int team = 0;
    bool whole_team = false;
  };

  void hire() {
    const auto index = static_cast<int>(members_.size());
    members_.emplace_back();
    if (index == 0) return;
    try {
      std::thread(&Crew::serve, this, index, std::ref(members_.back())).detach();
    } catch (const std::system_error&) {  // no more threads to be had: the others take its share
    }
  }

  static void wake(Member& m) {
    m.calls.fetch_add(1, std::memory_order_release);
    m.calls.notify_one();
  }

  // Ends a member's part: right away when it has not begun, unless every share is to be done by its own thread.
  void dismiss(Member& m) {
    int state = called;
    if (!work_.whole_team && m.state.compare_exchange_strong(state, idle, std::memory_order_relaxed)) return;
    const auto ended = [&] { return m.state.load(std::memory_order_acquire) == idle; };
    while (!spin(std::chrono::microseconds(50), ended)) std::this_thread::yield();
  }

  void serve(int index, Member& me) {
    serial = true;
    for (uint32_t answered = 0;;) {
      // Where to be woken takes longer than a region, the region is over by then: that there was a call, not that there
      // is one, ends the sleep, and the next region finds the thread awake.
      const auto called_again = [&] { return me.calls.load(std::memory_order_acquire) != answered; };
      if (!spin(spin_time, called_again)) me.calls.wait(answered, std::memory_order_acquire);
      answered = me.calls.load(std::memory_order_acquire);
      int state = called;
      if (!me.state.compare_exchange_strong(state, working, std::memory_order_acquire)) continue;
      take_part(index);
      me.state.store(idle, std::memory_order_release);
    }
  }

  void take_part(int index) {
    bool any = false;
    for (int i = 0; i < (work_.whole_team ? 1 : work_.team); ++i) {
      Member& m = members_[static_cast<size_t>((index + i) % work_.team)];
      // Another's last piece is left to it as a rule, once it has begun: what it will look for in its cache in the next
      // region is worth more than the half a piece's time that would be saved.
      const auto leave = [&] {
        return i > 0 && m.state.load(std::memory_order_relaxed) != called &&
               m.next.load(std::memory_order_relaxed) + 1 >= m.end;
      };
      for (int64_t chunk; !leave() && (chunk = m.next.fetch_add(1, std::memory_order_relaxed)) < m.end; any = true) {
        try {
          work_.f(work_.context, chunk);
        } catch (...) {
          const std::lock_guard lock(thrown_mutex_);
          if (!thrown_ || chunk < thrown_by_) thrown_ = std::current_exception(), thrown_by_ = chunk;
        }
      }
    }
    if (any) ran_.fetch_add(1, std::memory_order_relaxed);
  }

  static constexpr std::chrono::microseconds spin_time{50};

  std::mutex busy_;
  std::deque<Member> members_;  // the first is whoever calls; a deque keeps them in place
  Work work_;
  std::atomic<int> ran_{0};
  std::mutex thrown_mutex_;
  std::exception_ptr thrown_;  // by the first piece of those that threw
  int64_t thrown_by_ = 0;
};

}  // namespace

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

SerialScope::SerialScope() : before_(std::exchange(serial, true)) {}
SerialScope::~SerialScope() { serial = before_; }

WholeTeams::WholeTeams() : before_(whole_teams.exchange(true)) {}
WholeTeams::~WholeTeams() { whole_teams = before_; }

namespace detail {

void run_chunks(int64_t chunks, ChunkFunction f, void* context) {
  const int team = serial ? 1 : static_cast<int>(std::min<int64_t>(num_threads(), chunks));
  if (team > 1) {
    const SerialScope no_nesting;
    if (Crew::instance().run(team, chunks, f, context)) return;
  }
  for (int64_t i = 0; i < chunks; ++i) f(context, i);
}

}  // namespace detail
}  // namespace cairn
