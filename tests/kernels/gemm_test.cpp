#include "kernels/gemm.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <memory>
#include <random>
#include <vector>

#include "cairn/base/threads.h"

using namespace cairn;
using kernels::Matrix;

namespace {

constexpr int64_t guard = 40;  // numbers around C that nobody may write
constexpr double untouched = 12345;

enum class Layout { rows, columns, padded_rows, padded_columns, sparse, repeated_row, repeated_column };
constexpr Layout layouts[] = {Layout::rows,   Layout::columns,      Layout::padded_rows,    Layout::padded_columns,
                              Layout::sparse, Layout::repeated_row, Layout::repeated_column};
enum class Added { nothing, bias, accumulate };

// A matrix of small random numbers in a buffer that ends with its last element, so that reading past it is seen by a
// sanitizer.
template <class S>
struct Random {
  std::vector<S> data;
  Matrix<S> matrix;

  Random(int64_t rows, int64_t columns, Layout layout, std::mt19937& engine) {
    int64_t row = 0, col = 0;
    switch (layout) {
      case Layout::rows:
        row = columns, col = 1;
        break;
      case Layout::columns:
        row = 1, col = rows;
        break;
      case Layout::padded_rows:
        row = columns + 3, col = 1;
        break;
      case Layout::padded_columns:
        row = 1, col = rows + 5;
        break;
      case Layout::sparse:
        row = 2 * columns + 1, col = 2;
        break;
      case Layout::repeated_row:
        row = 0, col = 1;
        break;
      case Layout::repeated_column:
        row = 1, col = 0;
        break;
    }
    data.resize(rows * columns == 0 ? 0 : static_cast<size_t>((rows - 1) * row + (columns - 1) * col + 1));
    std::uniform_real_distribution<S> uniform(-1, 1);
    for (S& x : data) x = uniform(engine);
    data.shrink_to_fit();
    matrix = {data.data(), row, col};
  }
};

template <class S>
std::vector<S> product(int64_t m, int64_t n, int64_t k, const Matrix<S>& a, const Matrix<S>& b, int64_t c_row,
                       Added added, bool reference = false, const kernels::Packed& packed = {}) {
  std::vector<S> c(static_cast<size_t>(guard + m * c_row + guard), S(untouched)), bias(static_cast<size_t>(n));
  for (int64_t j = 0; j < n; ++j) bias[static_cast<size_t>(j)] = S(0.5) * static_cast<S>(j % 7 - 3);
  if (added == Added::accumulate)
    for (int64_t i = 0; i < m; ++i)
      for (int64_t j = 0; j < n; ++j)
        c[static_cast<size_t>(guard + i * c_row + j)] = static_cast<S>((i + 2 * j) % 5 - 2);
  const kernels::Epilogue<S> e{added == Added::bias ? bias.data() : nullptr, added == Added::accumulate};
  if (reference)
    kernels::gemm_reference<S>(m, n, k, a, b, c.data() + guard, c_row, e);
  else
    kernels::gemm<S>(m, n, k, a, b, c.data() + guard, c_row, e, packed);
  return c;
}

template <class S>
bool same_bits(const std::vector<S>& x, const std::vector<S>& y) {
  return x.size() == y.size() && (x.empty() || std::memcmp(x.data(), y.data(), x.size() * sizeof(S)) == 0);
}

// Two sums of k products of numbers up to 1 in any two orders differ by less than k roundings of a partial sum, which
// is smaller than 3 √k + 3 (the start included) but for one in thousands.
template <class S>
double tolerance(int64_t k) {
  return (static_cast<double>(k) + 4) * (3 * std::sqrt(static_cast<double>(k)) + 3) *
         static_cast<double>(std::numeric_limits<S>::epsilon());
}

template <class S>
void expect_product(int64_t m, int64_t n, int64_t k, Layout la, Layout lb, Added added, std::mt19937& engine) {
  const Random<S> a(m, k, la, engine), b(k, n, lb, engine);
  const int64_t c_row = n + (m + n) % 3;
  const auto fast = product<S>(m, n, k, a.matrix, b.matrix, c_row, added);
  const auto slow = product<S>(m, n, k, a.matrix, b.matrix, c_row, added, true);
  double worst = 0;
  for (size_t i = 0; i < fast.size(); ++i) worst = std::max(worst, std::abs(static_cast<double>(fast[i] - slow[i])));
  EXPECT_LE(worst, tolerance<S>(k)) << m << " × " << n << " × " << k << ", layouts " << static_cast<int>(la) << " and "
                                    << static_cast<int>(lb) << ", added " << static_cast<int>(added);
  for (int64_t i = -guard; i < m * c_row + guard; ++i)
    if (i < 0 || i >= m * c_row || i % c_row >= n) {
      ASSERT_EQ(fast[static_cast<size_t>(guard + i)], S(untouched)) << "wrote outside of C at " << i;
    }
}

template <class S>
class Gemm : public ::testing::Test {};
using Scalars = ::testing::Types<float, double>;
TYPED_TEST_SUITE(Gemm, Scalars);

TYPED_TEST(Gemm, ByHand) {
  using S = TypeParam;
  const S a[] = {1, 2, 3, 4, 5, 6}, b[] = {1, 0, 2, 1, 0, 3}, bias[] = {10, 20};
  S c[4] = {1, 1, 1, 1};
  kernels::gemm<S>(2, 2, 3, {a, 3, 1}, {b, 2, 1}, c, 2);
  EXPECT_EQ(std::vector<S>(c, c + 4), (std::vector<S>{5, 11, 14, 23}));
  kernels::gemm<S>(2, 2, 3, {a, 3, 1}, {b, 2, 1}, c, 2, {nullptr, true});
  EXPECT_EQ(std::vector<S>(c, c + 4), (std::vector<S>{10, 22, 28, 46}));
  kernels::gemm<S>(2, 2, 3, {a, 3, 1}, {b, 2, 1}, c, 2, {bias, false});
  EXPECT_EQ(std::vector<S>(c, c + 4), (std::vector<S>{15, 31, 24, 43}));
  kernels::gemm<S>(2, 2, 3, {a, 1, 2}, {b, 1, 3}, c, 2);  // both transposed: (1 3 5; 2 4 6) · (1 1; 0 0; 2 3)
  EXPECT_EQ(std::vector<S>(c, c + 4), (std::vector<S>{11, 16, 14, 20}));
}

// Every size at which a path of the kernel begins or ends: one, a vector, a tile, a panel, and their neighbours.
TYPED_TEST(Gemm, AgreesWithTheReferenceAtEveryEdge) {
  std::mt19937 engine(1);
  int turn = 0;
  for (int64_t m : {1, 2, 4, 5, 11, 12, 13, 16, 17, 25, 40})
    for (int64_t n : {1, 2, 3, 4, 7, 8, 9, 15, 16, 17, 31, 32, 33, 48, 49, 65})
      for (int64_t k : {0, 1, 2, 7, 8, 15, 16, 17, 33, 70}) {
        ++turn;
        expect_product<TypeParam>(m, n, k, layouts[turn % 7], layouts[turn / 7 % 7], static_cast<Added>(turn % 3),
                                  engine);
      }
}

TYPED_TEST(Gemm, AgreesWithTheReferenceOnEveryPairOfLayouts) {
  std::mt19937 engine(2);
  for (Layout la : layouts)
    for (Layout lb : layouts)
      for (Added added : {Added::nothing, Added::bias, Added::accumulate}) {
        expect_product<TypeParam>(1, 70, 45, la, lb, added, engine);
        expect_product<TypeParam>(70, 1, 45, la, lb, added, engine);
        expect_product<TypeParam>(3, 37, 275, la, lb, added, engine);
        expect_product<TypeParam>(37, 3, 275, la, lb, added, engine);
        expect_product<TypeParam>(30, 45, 20, la, lb, added, engine);
      }
}

// Several blocks of the inner dimension, several groups of panels, pages between rows, pieces for several threads; B
// packed, and read from where it lies by one tile or several.
TYPED_TEST(Gemm, AgreesWithTheReferenceOnLargeShapes) {
  std::mt19937 engine(3);
  const auto all = [&](int64_t m, int64_t n, int64_t k) {
    for (Layout la : {Layout::rows, Layout::columns, Layout::sparse})
      for (Layout lb : {Layout::rows, Layout::columns, Layout::sparse})
        expect_product<TypeParam>(m, n, k, la, lb, static_cast<Added>((m + n + k) % 3), engine);
  };
  all(130, 545, 600);
  all(61, 70, 1024);
  all(7, 2100, 40);
  all(40, 1290, 150);
  all(90, 1024, 270);
  all(5, 6, 9000);
  all(1, 700, 600);
  all(40, 5, 20000);
  all(1, 3, 90000);
  all(900, 17, 130);
  all(300, 300, 1);
}

TYPED_TEST(Gemm, RandomShapes) {
  std::mt19937 engine(4);
  const auto size = [&](double most) {
    return static_cast<int64_t>(std::exp(std::uniform_real_distribution<double>(0, std::log(most))(engine)));
  };
  for (int i = 0; i < 200; ++i) {
    const int64_t m = size(200), n = size(300), k = size(600);
    expect_product<TypeParam>(m, n, k, layouts[engine() % 7], layouts[engine() % 7], static_cast<Added>(engine() % 3),
                              engine);
  }
}

TYPED_TEST(Gemm, SameBitsOnAnyNumberOfThreads) {
  using S = TypeParam;
  struct Size {
    int64_t m, n, k;
  };
  const WholeTeams whole;
  const int before = num_threads();
  std::mt19937 engine(5);
  for (const auto& [m, n, k] : {Size{128, 256, 300}, Size{128, 512, 784}, Size{40, 2000, 150}, Size{2000, 16, 144},
                                Size{37, 16, 9000}, Size{1, 700, 900}, Size{8, 300, 2100}, Size{30, 20, 20000},
                                Size{1, 1, 600000}, Size{300, 310, 320}, Size{40, 5, 20000}, Size{500, 300, 16}}) {
    const Random<S> a(m, k, Layout::rows, engine), b(k, n, Layout::rows, engine), bt(k, n, Layout::columns, engine);
    for (const Matrix<S>& right : {b.matrix, bt.matrix}) {
      set_num_threads(1);
      const auto expected = product<S>(m, n, k, a.matrix, right, n, Added::bias);
      for (int threads : {2, 3, 8}) {
        set_num_threads(threads);
        reset_parallel_stats();
        EXPECT_TRUE(same_bits(product<S>(m, n, k, a.matrix, right, n, Added::bias), expected))
            << m << " × " << n << " × " << k << " on " << threads << " threads";
        EXPECT_GT(parallel_stats().largest_team, 1) << m << " × " << n << " × " << k;
      }
    }
  }
  set_num_threads(before);
}

// Packed once, B serves products with any number of rows, cut in any way.
TYPED_TEST(Gemm, SameBitsWithBPackedBefore) {
  using S = TypeParam;
  const WholeTeams whole;
  const int before = num_threads();
  std::mt19937 engine(8);
  int fills = 0;
  struct Size {
    int64_t n, k;
  };
  for (const auto& [n, k] : {Size{1, 40}, Size{3, 5}, Size{16, 3000}, Size{50, 300}, Size{131, 600}, Size{520, 70},
                             Size{520, 300}, Size{522, 300}})
    for (Layout lb : {Layout::rows, Layout::padded_columns, Layout::sparse}) {
      const Random<S> b(k, n, lb, engine);
      std::vector<S> block;
      const kernels::Packed packed = [&](int64_t, size_t bytes, const std::function<void(void*)>& fill) {
        if (block.empty()) {
          block.assign(bytes / sizeof(S), S(untouched));
          fill(block.data());
          ++fills;
        }
        EXPECT_EQ(block.size() * sizeof(S), bytes);
        return std::shared_ptr<const void>(block.data(), [](const void*) {});
      };
      for (int64_t m : {1, 7, 40, 130})
        for (Layout la : {Layout::rows, Layout::columns}) {
          const Random<S> a(m, k, la, engine);
          const auto added = static_cast<Added>((m + n) % 3);
          set_num_threads(1);
          const auto expected = product<S>(m, n, k, a.matrix, b.matrix, n + 1, added);
          for (int threads : {1, 3}) {
            set_num_threads(threads);
            EXPECT_TRUE(same_bits(product<S>(m, n, k, a.matrix, b.matrix, n + 1, added, false, packed), expected))
                << m << " × " << n << " × " << k << ", layout of B " << static_cast<int>(lb) << ", " << threads
                << " threads";
          }
        }
    }
  EXPECT_GE(fills, 15);
  set_num_threads(before);
}

// Both along k, as in a dense layer: A and B change places for some sizes, and no bit may tell.
TYPED_TEST(Gemm, SameBitsForLayersOfAnySize) {
  using S = TypeParam;
  const int before = num_threads();
  std::mt19937 engine(9);
  const auto size = [&](int64_t least, int64_t most) {
    return least + static_cast<int64_t>(engine() % static_cast<uint64_t>(most - least));
  };
  for (int i = 0; i < 60; ++i) {
    const int64_t m = i % 2 ? 16 * size(1, 6) : size(2, 100), n = size(20, 600), k = size(20, 500);
    const Random<S> a(m, k, Layout::padded_rows, engine), b(k, n, Layout::padded_columns, engine);
    std::vector<S> block;
    const kernels::Packed packed = [&](int64_t, size_t bytes, const std::function<void(void*)>& fill) {
      block.assign(bytes / sizeof(S), S(untouched));
      fill(block.data());
      return std::shared_ptr<const void>(block.data(), [](const void*) {});
    };
    const auto added = static_cast<Added>(i % 3);
    const auto expected = product<S>(m, n, k, a.matrix, b.matrix, n + 1, added, false, packed);
    for (int threads : {1, 4}) {
      set_num_threads(threads);
      EXPECT_TRUE(same_bits(product<S>(m, n, k, a.matrix, b.matrix, n + 1, added), expected))
          << m << " × " << n << " × " << k << " on " << threads << " threads, added " << i % 3;
    }
  }
  set_num_threads(before);
}

// The same row of A and column of B give the same bits wherever they stand.
TYPED_TEST(Gemm, AnElementDoesNotDependOnItsPlace) {
  using S = TypeParam;
  std::mt19937 engine(6);
  for (int64_t m : {1, 3, 13, 29, 140})
    for (int64_t n : {1, 3, 18, 35, 103, 300})
      for (int64_t k : {5, 19, 130, 700})
        for (Layout lb : {Layout::repeated_column, Layout::columns, Layout::rows}) {
          const Random<S> a(m, k, Layout::repeated_row, engine), column(k, 1, Layout::rows, engine);
          std::vector<S> b(static_cast<size_t>(k * n));
          const Matrix<S> right = lb == Layout::repeated_column ? Matrix<S>{column.data.data(), 1, 0}
                                  : lb == Layout::columns       ? Matrix<S>{b.data(), 1, k}
                                                                : Matrix<S>{b.data(), n, 1};
          if (right.col != 0)
            for (int64_t l = 0; l < k; ++l)
              for (int64_t j = 0; j < n; ++j)
                b[static_cast<size_t>(l * right.row + j * right.col)] = column.data[static_cast<size_t>(l)];
          std::vector<S> c(static_cast<size_t>(m * n));
          kernels::gemm<S>(m, n, k, a.matrix, right, c.data(), n);
          for (S x : c) ASSERT_EQ(x, c[0]) << m << " × " << n << " × " << k;
        }
}

TYPED_TEST(Gemm, WhatIsNotANumberStaysInItsRowAndColumn) {
  using S = TypeParam;
  std::mt19937 engine(7);
  for (int64_t n : {5, 21, 40})
    for (int64_t k : {9, 20, 130}) {
      Random<S> a(14, k, Layout::rows, engine), b(k, n, Layout::rows, engine);
      b.data[static_cast<size_t>((k - 1) * n + n - 1)] = std::numeric_limits<S>::quiet_NaN();
      a.data[static_cast<size_t>(3 * k)] = std::numeric_limits<S>::infinity();
      std::vector<S> c(static_cast<size_t>(14 * n));
      kernels::gemm<S>(14, n, k, a.matrix, b.matrix, c.data(), n);
      for (int64_t i = 0; i < 14; ++i)
        for (int64_t j = 0; j < n; ++j) {
          const S x = c[static_cast<size_t>(i * n + j)];
          EXPECT_EQ(std::isnan(x), j == n - 1);
          EXPECT_EQ(std::isinf(x), i == 3 && j != n - 1);
        }
    }
}

TYPED_TEST(Gemm, NothingToDo) {
  using S = TypeParam;
  S c[4] = {1, 2, 3, 4};
  const S bias[] = {7, 8};
  kernels::gemm<S>(0, 2, 2, {nullptr, 2, 1}, {nullptr, 2, 1}, c, 2);
  kernels::gemm<S>(2, 0, 2, {nullptr, 2, 1}, {nullptr, 0, 1}, c, 0);
  EXPECT_EQ(std::vector<S>(c, c + 4), (std::vector<S>{1, 2, 3, 4}));
  kernels::gemm<S>(2, 2, 0, {nullptr, 0, 1}, {nullptr, 2, 1}, c, 2, {nullptr, true});
  EXPECT_EQ(std::vector<S>(c, c + 4), (std::vector<S>{1, 2, 3, 4}));
  kernels::gemm<S>(2, 2, 0, {nullptr, 0, 1}, {nullptr, 2, 1}, c, 2, {bias, false});
  EXPECT_EQ(std::vector<S>(c, c + 4), (std::vector<S>{7, 8, 7, 8}));
  kernels::gemm<S>(2, 2, 0, {nullptr, 0, 1}, {nullptr, 2, 1}, c, 2);
  EXPECT_EQ(std::vector<S>(c, c + 4), (std::vector<S>{0, 0, 0, 0}));
}

}  // namespace
