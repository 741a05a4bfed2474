#pragma once
// Numbers and sizes at random for kernels, and the comparison with what a reference makes of them.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <iterator>
#include <limits>
#include <vector>

#include "cairn/base/random.h"
#include "support.h"

namespace cairn::kernels {

/// What references calculate in: f64 is compared with better numbers too where the machine has them.
using Real = long double;
using Reals = std::vector<Real>;

template <class S>
inline constexpr double epsilon = std::numeric_limits<S>::epsilon();

/// n numbers in (−1, 1), of which the reference takes the rounded ones too.
template <class S>
std::vector<S> numbers(int64_t n, Generator& random) {
  std::vector<S> v(static_cast<size_t>(n));
  for (S& e : v) e = static_cast<S>(random.uniform() * 2 - 1);
  return v;
}

/// The same in quarters, so that many are equal and sums of few are exact.
template <class S>
std::vector<S> quarters(int64_t n, Generator& random) {
  std::vector<S> v(static_cast<size_t>(n));
  for (S& e : v) e = static_cast<S>(random.integer(9) - 4) / 4;
  return v;
}

/// A size at which something begins or ends: nothing, one, a prime, parts of a vector or line, whole ones, one more.
inline int64_t edge(Generator& random, int64_t most) {
  constexpr int64_t edges[] = {0,   1,   2,   3,   4,   5,   7,   8,    9,    13,   15,   16,
                               17,  23,  31,  32,  33,  47,  61,  64,   65,   97,   127,  128,
                               129, 191, 257, 509, 512, 513, 997, 1025, 2047, 2049, 4099, 8209};
  const auto* end = std::upper_bound(std::begin(edges), std::end(edges), most);
  return edges[random.integer(end - std::begin(edges))];
}

/// No number is farther from the reference's than `tolerance`, and NaN and infinities stand where they should.
template <class S>
void expect_close(const std::vector<S>& found, const Reals& wanted, Real tolerance, const char* what) {
  ASSERT_EQ(found.size(), wanted.size()) << what;
  for (size_t i = 0; i < wanted.size(); ++i) {
    const Real y = found[i];
    if (y == wanted[i] || (std::isnan(y) && std::isnan(wanted[i]))) continue;
    ASSERT_LE(std::abs(y - wanted[i]), tolerance) << what << "[" << i << "]: " << y << " for " << wanted[i];
  }
}

}  // namespace cairn::kernels
