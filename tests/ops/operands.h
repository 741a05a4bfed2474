#pragma once
// Operands, and what is compared, in tests of several operations.

#include <gtest/gtest.h>

#include <vector>

#include "cairn/tensor/random.h"
#include "support.h"

namespace cairn {

/// Standard normal numbers, the same ones each time.
inline Tensor some(const Shape& shape, Dtype dtype = f64) {
  Generator generator(7);
  return randn(shape, dtype, generator);
}

/// (2, 3, 4) in several layouts: row-major, transposed, sliced, expanded.
inline std::vector<Tensor> layouts() {
  Generator g(1);
  return {randn({2, 3, 4}, f64, g), randn({4, 3, 2}, f64, g).transpose(0, 2),
          randn({2, 3, 9}, f64, g).slice(2, 1, 9, 2), randn({2, 1, 4}, f64, g).expand({2, 3, 4})};
}

inline constexpr double f64_tolerance = 1e-14;  // some ten roundings
/// Sums of some tens of products of standard normal numbers in any order, relative to numbers of about ten.
inline constexpr double product_rounding = 1e-13;

inline void expect_near(const Values& a, const Values& b, double tolerance = f64_tolerance) {
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) EXPECT_NEAR(a[i], b[i], tolerance) << "at " << i;
}

}  // namespace cairn
