#include "cairn/nn/born_dead.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "cairn/base/random.h"
#include "cairn/nn/summary.h"

namespace cairn::nn {

BornDead born_dead(int64_t dead, int64_t seeds) {
  require<ValueError>(seeds >= 1, "born_dead", "needs at least one seed", given("seeds", seeds));
  require<ValueError>(dead >= 0 && dead <= seeds, "born_dead", "dead must be between 0 and seeds", given("dead", dead),
                      given("seeds", seeds));
  const double z = 1.959964, n = static_cast<double>(seeds), p = static_cast<double>(dead) / n,
               centre = p + z * z / (2 * n), room = z * std::sqrt(p * (1 - p) / n + z * z / (4 * n * n)),
               scale = 1 + z * z / n;
  return {.dead = dead,
          .seeds = seeds,
          .probability = p,
          .low = dead == 0 ? 0 : (centre - room) / scale,
          .high = dead == seeds ? 1 : (centre + room) / scale};
}

BornDead detail::born_dead(const std::function<MeterReport(uint64_t)>& measured, int64_t seeds) {
  require<ValueError>(seeds >= 1, "born_dead", "needs at least one seed", given("seeds", seeds));
  const struct Guard {
    Generator before = default_generator();
    ~Guard() { default_generator() = before; }
  } guard;
  int64_t dead = 0;
  for (int64_t s = 1; s <= seeds; ++s) {
    const auto seed = static_cast<uint64_t>(s);
    manual_seed(seed);
    const MeterReport report = measured(seed);
    dead += std::any_of(report.activations.begin(), report.activations.end(),
                        [](const ActivationMeter& a) { return a.dead == 1; });
  }
  return nn::born_dead(dead, seeds);
}

std::ostream& operator<<(std::ostream& out, const BornDead& b) {
  char text[96];
  std::snprintf(text, sizeof text, "born dead: %.1f %% (95 %% interval %.1f to %.1f %%), ", 100 * b.probability,
                100 * b.low, 100 * b.high);
  return out << text << with_commas(b.dead) << " of " << with_commas(b.seeds) << " seeds";
}

}  // namespace cairn::nn
