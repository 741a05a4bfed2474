#include <cairn/base/machine.h>
#include <cairn/base/threads.h>
#include <cairn/math/lanes.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <vector>

#include "bench.h"

namespace bench {
namespace {

using L = Lanes<float>;

// As many sums as hide the time that one takes, and as fit the registers beside what is multiplied.
#if defined(__AVX512F__)
constexpr int sums = 10;  // of 32 registers, one a line
#else
constexpr int sums = 6;  // of 16, two or more a line
#endif
constexpr int64_t rounds = 1 << 22;

double add_products(int64_t n) {
  std::array<L, sums> s;
  std::array<float, L::size> start;
  for (int i = 0; i < sums; ++i) {
    for (size_t lane = 0; lane < start.size(); ++lane)
      start[lane] = static_cast<float>(i) + 0.01F * static_cast<float>(lane);  // equal sums would be made one
    s[static_cast<size_t>(i)] = L::load(start.data());
  }
  L a = 0.999, b = 1e-3;
  for (int64_t k = 0; k < n; ++k)
    for (L& x : s) x = fma(x, a, b);
  double total = 0;
  for (const L& x : s)
    for (int i = 0; i < L::size; ++i) total += x[i];
  return total;
}

double flops(int team) {
  const WholeTeams everybody;
  std::vector<double> totals(static_cast<size_t>(team));
  const double seconds = seconds_per_call(0.3, [&] {
    parallel_for(team, 1, [&](int64_t i, int64_t) { totals[static_cast<size_t>(i)] = add_products(rounds); });
  });
  return 2.0 * static_cast<double>(rounds) * sums * L::size * team / seconds;
}

double bandwidth() {
  constexpr int64_t n = 32 << 20, piece = 1 << 18;  // 128 MiB each
  std::vector<float> a(n), b(n, 1), c(n, 2);
  const double seconds = seconds_per_call(0.1, [&] {
    parallel_for(n, piece, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i)
        a[static_cast<size_t>(i)] = b[static_cast<size_t>(i)] + 0.5f * c[static_cast<size_t>(i)];
    });
  });
  return 3.0 * sizeof(float) * static_cast<double>(n) / seconds;
}

std::string cache_sizes() {
  std::string text;
  const auto add = [&](const char* name, int what) {
    const long bytes = sysconf(what);
    if (bytes <= 0) return;
    text += (text.empty() ? "" : ", ") + std::string(name) + " " +
            (bytes < 1 << 20 ? std::to_string(bytes >> 10) + " KiB" : std::to_string(bytes >> 20) + " MiB");
  };
#ifdef _SC_LEVEL1_DCACHE_SIZE
  add("L1d", _SC_LEVEL1_DCACHE_SIZE);
  add("L2", _SC_LEVEL2_CACHE_SIZE);
  add("L3", _SC_LEVEL3_CACHE_SIZE);
#endif
  return text;
}

}  // namespace

Machine measure_machine(int threads) {
  Machine m;
  set_num_threads(1);
  m.flops_one = flops(1), m.bytes_one = bandwidth();
  set_num_threads(threads);
  m.flops_all = threads == 1 ? m.flops_one : flops(threads);
  m.bytes_all = threads == 1 ? m.bytes_one : bandwidth();
  m.processor = cpu_name(), m.caches = cache_sizes();
  return m;
}

}  // namespace bench
