#include "kernels/copy.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>
#include <vector>

#include "cairn/base/threads.h"

using namespace cairn;

namespace {

// What copy_strided promises, one element after the other.
template <class S, class D>
void plain_copy(const Shape& shape, const S* x, const Strides& xs, D* y, const Strides& ys, int d = 0) {
  if (d == shape.size()) {
    *y = static_cast<D>(*x);
    return;
  }
  for (int64_t i = 0; i < shape[d]; ++i) plain_copy(shape, x + i * xs[d], xs, y + i * ys[d], ys, d + 1);
}

// Strides of a block whose dimensions lie in memory in a random order, with room to spare between them.
Strides random_strides(const Shape& shape, std::mt19937& random, int64_t& span, bool gaps) {
  std::vector<int> order(static_cast<size_t>(shape.size()));
  std::iota(order.begin(), order.end(), 0);
  std::shuffle(order.begin(), order.end(), random);
  Strides strides = shape;
  int64_t step = 1;
  for (const int d : order) {
    if (gaps) step += static_cast<int64_t>(random() % 3);
    strides[d] = step;
    step *= std::max<int64_t>(shape[d], 1);
  }
  span = step + 8;
  return strides;
}

template <class S, class D>
void compare_with_plain(Dtype from, Dtype to) {
  std::mt19937 random(1);
  for (int round = 0; round < 300; ++round) {
    Shape shape;
    const bool large = round % 10 == 0;  // larger than a transposed block
    const int rank = static_cast<int>(random() % (large ? 4 : 5));
    for (int d = 0; d < rank; ++d) shape.push_back(static_cast<int64_t>(random() % (large ? 40 : 7)));
    int64_t x_span = 0, y_span = 0;
    Strides xs = random_strides(shape, random, x_span, round % 2 == 0);
    const Strides ys = random_strides(shape, random, y_span, round % 3 == 0);
    if (rank > 0 && round % 5 == 0) xs[static_cast<int>(random() % static_cast<unsigned>(rank))] = 0;  // expanded
    int64_t offset = 0;
    if (rank > 0 && round % 7 == 0) {  // reversed
      const int d = static_cast<int>(random() % static_cast<unsigned>(rank));
      offset = std::max<int64_t>(shape[d] - 1, 0) * xs[d];
      xs[d] = -xs[d];
    }
    std::vector<S> x(static_cast<size_t>(x_span));
    for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<S>(i % 251);
    std::vector<D> y(static_cast<size_t>(y_span), D(3)), expected = y;
    kernels::copy_strided(shape, from, x.data() + offset, xs, to, y.data(), ys);
    plain_copy(shape, x.data() + offset, xs, expected.data(), ys);
    ASSERT_EQ(y, expected) << "shape " << shape << ", from strides " << xs << " to " << ys;
  }
}

TEST(CopyStrided, AgreesWithAPlainLoop) {
  compare_with_plain<float, float>(f32, f32);
  compare_with_plain<double, double>(f64, f64);
  compare_with_plain<int64_t, int64_t>(i64, i64);
  compare_with_plain<uint8_t, uint8_t>(u8, u8);
}

// Numbers of any bits, signalling NaN and halves of integers among them, in blocks and in what is left beside them.
template <class S>
void transposes_bits(Dtype dtype) {
  std::mt19937_64 random(2);
  for (const auto& [rows, columns] : {std::pair{64, 16}, {130, 35}, {17, 100}, {5, 16}, {200, 4}}) {
    std::vector<S> x(static_cast<size_t>(rows * columns)), y(x.size());
    for (S& bits : x) bits = static_cast<S>(random());
    kernels::copy_strided({rows, columns}, dtype, x.data(), {1, rows}, dtype, y.data(), {columns, 1});
    for (int r = 0; r < rows; ++r)
      for (int c = 0; c < columns; ++c)
        ASSERT_EQ(y[static_cast<size_t>(r * columns + c)], x[static_cast<size_t>(r + c * rows)]) << r << ", " << c;
  }
}

TEST(CopyStrided, TransposesBits) {
  transposes_bits<uint8_t>(u8);
  transposes_bits<uint32_t>(f32);
  transposes_bits<uint64_t>(f64);
  transposes_bits<uint64_t>(i64);
}

TEST(CopyStrided, ConvertsOnTheWay) {
  compare_with_plain<uint8_t, float>(u8, f32);
  compare_with_plain<float, double>(f32, f64);
  compare_with_plain<double, int64_t>(f64, i64);
  compare_with_plain<int64_t, uint8_t>(i64, u8);
}

template <class S, class D>
std::vector<D> converted(Dtype from, Dtype to, const std::vector<S>& x) {
  std::vector<D> y(x.size());
  kernels::copy_strided({static_cast<int64_t>(x.size())}, from, x.data(), {1}, to, y.data(), {1});
  return y;
}

TEST(CopyStrided, ConversionsOutOfRangeAreDefined) {
  const float inf = std::numeric_limits<float>::infinity();
  EXPECT_EQ((converted<float, int64_t>(f32, i64, {1.9f, -1.9f, NAN, inf, -inf, 1e30f})),
            (std::vector<int64_t>{1, -1, 0, INT64_MAX, INT64_MIN, INT64_MAX}));
  EXPECT_EQ((converted<double, uint8_t>(f64, u8, {-0.5, -5, 255.9, 256, 3.7, NAN})),
            (std::vector<uint8_t>{0, 0, 255, 255, 3, 0}));
  EXPECT_EQ((converted<float, uint8_t>(f32, boolean, {0.f, -0.f, 0.1f, NAN})), (std::vector<uint8_t>{0, 0, 1, 1}));
  EXPECT_EQ((converted<int64_t, uint8_t>(i64, boolean, {0, 256, -1})), (std::vector<uint8_t>{0, 1, 1}));
}

TEST(CopyStrided, LargeCopiesRunOnThreads) {
  const int threads = num_threads();
  set_num_threads(3);
  const int64_t n = 701, m = 1009;
  std::vector<float> x(static_cast<size_t>(n * m)), y(x.size()), z(x.size());
  std::iota(x.begin(), x.end(), 0.0f);
  reset_parallel_stats();
  kernels::copy_strided({n, m}, f32, x.data(), {m, 1}, f32, y.data(), {1, n});  // transposes
  kernels::copy_strided({m, n}, f32, y.data(), {n, 1}, f32, z.data(), {1, m});  // and back
  EXPECT_EQ(z, x);
  EXPECT_EQ(y[1], x[static_cast<size_t>(m)]);
  EXPECT_GE(parallel_stats().regions, 2);
  set_num_threads(threads);
}

}  // namespace
