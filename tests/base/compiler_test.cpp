// What the library relies on the compiler for.
#include <gtest/gtest.h>

#include <vector>

#include "cairn/base/shape.h"

namespace cairn {
namespace {

[[gnu::noinline]] std::vector<double> as_given(std::vector<double> list) { return list; }
[[gnu::noinline]] std::vector<int64_t> sizes_of(const Shape& shape) { return {shape.begin(), shape.end()}; }

// GCC 12 has broadcast the first number over the zeros behind it; see cmake/flags.cmake.
TEST(Compiler, ListsKeepTheirZeros) {
  constexpr double q = 1.0 / 3;
  const std::vector<double> list = as_given({q, q, 0, 0});
  EXPECT_EQ(list[0], q);
  EXPECT_EQ(list[1], q);
  EXPECT_EQ(list[2], 0);
  EXPECT_EQ(list[3], 0);
  const std::vector<int64_t> sizes = sizes_of(Shape{7, 7, 7, 0});
  EXPECT_EQ(sizes[2], 7);
  EXPECT_EQ(sizes[3], 0);
}

}  // namespace
}  // namespace cairn
