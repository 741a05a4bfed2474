#include "cairn/math/map.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <memory>
#include <numeric>
#include <vector>

#include "cairn/math/functions.h"

using namespace cairn;

namespace {

std::vector<float> ramp(int64_t n) {
  std::vector<float> v(static_cast<size_t>(n));
  for (size_t i = 0; i < v.size(); ++i) v[i] = static_cast<float>(i % 97) / 16 - 3;
  return v;
}

TEST(Map, EveryLengthAndNothingBeyond) {
  for (int64_t n : {0, 1, 7, 15, 16, 17, 33, 100}) {
    const std::vector<double> x(static_cast<size_t>(n), 3);
    std::vector<double> y(static_cast<size_t>(n) + 3, -7);
    map(
        n, [](auto v) { return v * v + 1.0; }, y.data(), x.data());
    for (int64_t i = 0; i < n + 3; ++i) EXPECT_EQ(y[static_cast<size_t>(i)], i < n ? 10 : -7) << n << " " << i;
  }
}

TEST(Map, ThreeInputsAndInPlace) {
  std::vector<float> a = ramp(50), b = ramp(50), c = ramp(50), before = a;
  map(
      int64_t{50}, [](auto u, auto v, auto w) { return u * v - w; }, a.data(), static_cast<const float*>(a.data()),
      static_cast<const float*>(b.data()), static_cast<const float*>(c.data()));
  for (size_t i = 0; i < a.size(); ++i) EXPECT_FLOAT_EQ(a[i], before[i] * b[i] - c[i]);
}

TEST(Map, AConstantIsAFormulaToo) {
  std::vector<float> y(20);
  const std::vector<float> x = ramp(20);
  map(
      int64_t{20}, [](auto) { return 2.5; }, y.data(), x.data());
  for (float v : y) EXPECT_EQ(v, 2.5f);
}

// Results of a little work each go past the caches when they are many and lie on lines: the same bits, and none beyond.
template <class S>
void expect_streamed_as_stored(int64_t n, int64_t offset) {
  const auto f = [](auto a, auto b) { return maximum(a, 0.0) - b; };
  const std::vector<float> numbers = ramp(n);
  const std::vector<S> a(numbers.begin(), numbers.end()), b(a.rbegin(), a.rend());
  const std::unique_ptr<S, void (*)(void*)> memory(
      static_cast<S*>(std::aligned_alloc(64, (static_cast<size_t>(n + offset) * sizeof(S) / 64 + 2) * 64)), std::free);
  S* const y = memory.get() + offset;
  y[n] = -7;
  EXPECT_EQ(detail::streams(n, y, a.data(), b.data()), offset == 0);
  map<Work::little>(n, f, y, a.data(), b.data());
  std::vector<S> stored(a);
  map(n, f, stored.data(), static_cast<const S*>(stored.data()), b.data());
  ASSERT_TRUE(std::equal(stored.begin(), stored.end(), y));
  ASSERT_EQ(y[n], -7);
  EXPECT_FALSE(detail::streams(n, y, a.data(), static_cast<const S*>(y)));  // in place
}
TEST(Map, ManyResultsGoPastTheCaches) {
  expect_streamed_as_stored<float>((streamed_bytes >> 2) + 5, 0);
  expect_streamed_as_stored<double>((streamed_bytes >> 3) + 3, 0);
  expect_streamed_as_stored<float>((streamed_bytes >> 2) + 5, 1);
  EXPECT_FALSE(detail::streams((streamed_bytes >> 2) - 1, static_cast<const float*>(nullptr)));
}

// The same number gives the same bits at every place of a line, in a tail, on any stride and any number of threads.
TEST(Map, ValueDoesNotDependOnPlace) {
  const auto f = [](auto v) { return v * tanh(softplus(v)); };
  const int64_t n = 3 * map_grain + 5;
  const std::vector<float> x(static_cast<size_t>(n), 0.7371f);
  std::vector<float> y(x.size()), wide(2 * x.size());
  const int threads = num_threads();
  for (int t : {1, 3}) {
    set_num_threads(t);
    map(n, f, y.data(), x.data());
    for (float v : y) ASSERT_EQ(v, y[0]);
    const Strides two{2}, one{1};
    map_strided(Shape{n}, f, Strided<float>{wide.data(), two}, Strided<const float>{x.data(), one});
    for (size_t i = 0; i < y.size(); ++i) ASSERT_EQ(wide[2 * i], y[0]);
  }
  set_num_threads(threads);
}

TEST(MapStrided, BroadcastsRowsColumnsAndNumbers) {
  const Shape shape{2, 3};
  const std::vector<float> a = {1, 2, 3, 4, 5, 6}, row = {10, 20, 30}, column = {100, 200};
  std::vector<float> y(6);
  const Strides sy{3, 1}, over_rows{0, 1}, over_columns{1, 0}, everywhere{0, 0};
  const auto plus = [](auto u, auto v) { return u + v; };
  const auto add = [&](const std::vector<float>& u, const Strides& su, const std::vector<float>& v, const Strides& sv) {
    map_strided(shape, plus, Strided<float>{y.data(), sy}, Strided<const float>{u.data(), su},
                Strided<const float>{v.data(), sv});
    return y;
  };
  EXPECT_EQ(add(a, sy, row, over_rows), (std::vector<float>{11, 22, 33, 14, 25, 36}));
  EXPECT_EQ(add(row, over_rows, a, sy), (std::vector<float>{11, 22, 33, 14, 25, 36}));
  EXPECT_EQ(add(a, sy, column, over_columns), (std::vector<float>{101, 102, 103, 204, 205, 206}));
  EXPECT_EQ(add(column, over_columns, row, over_rows), (std::vector<float>{110, 120, 130, 210, 220, 230}));
  EXPECT_EQ(add(row, everywhere, column, everywhere), std::vector<float>(6, 110));
}

TEST(MapStrided, WholeNumbersAndMixedTypes) {
  const std::vector<int64_t> a = {1, 2, 3, 4, 5, 6}, b = {3, 4};
  bool y[6] = {};
  const Strides sy{3, 1}, sb{1, 0};
  map_strided(
      Shape{2, 3}, [](int64_t u, int64_t v) { return u < v; }, Strided<bool>{y, sy},
      Strided<const int64_t>{a.data(), sy}, Strided<const int64_t>{b.data(), sb});
  EXPECT_EQ(std::vector<bool>(y, y + 6), (std::vector<bool>{true, true, false, false, false, false}));
}

// Every element is met once, in runs as long as the strides allow.
TEST(Walk, MergesDimensionsAndVisitsAll) {
  const Shape shape{4, 1, 5, 6};
  const Strides plain{30, 30, 6, 1}, last_stretched{5, 0, 1, 0}, first_stretched{0, 0, 6, 1};
  const auto runs = [&](const Strides& y, const Strides& x) {
    std::vector<int> met(120);
    std::vector<int64_t> lengths;
    Walk<2>(shape, {&y, &x})([&](int64_t n, const Walk<2>::Offsets& at) {
      lengths.push_back(n);
      for (int64_t i = 0; i < n; ++i) ++met[static_cast<size_t>(at[0] + i)];
    });
    for (int m : met) EXPECT_EQ(m, 1);
    return std::pair(lengths.size(), lengths[0]);
  };
  EXPECT_EQ(runs(plain, plain), (std::pair<size_t, int64_t>(1, 120)));
  EXPECT_EQ(runs(plain, last_stretched), (std::pair<size_t, int64_t>(20, 6)));
  EXPECT_EQ(runs(plain, first_stretched), (std::pair<size_t, int64_t>(4, 30)));
  // The run follows the memory of operand 0: here its second dimension of 5 is the innermost.
  const Strides turned{30, 0, 1, 5};
  EXPECT_EQ(runs(turned, turned), (std::pair<size_t, int64_t>(1, 120)));
  EXPECT_EQ(runs(turned, plain), (std::pair<size_t, int64_t>(24, 5)));
}

TEST(Walk, EmptyAndSingle) {
  int calls = 0;
  const Strides none_{0, 0}, scalar{};
  Walk<1>(Shape{3, 0}, {&none_})([&](int64_t, const Walk<1>::Offsets&) { ++calls; });
  EXPECT_EQ(calls, 0);
  Walk<1>(Shape{}, {&scalar})([&](int64_t n, const Walk<1>::Offsets&) { calls += static_cast<int>(n); });
  EXPECT_EQ(calls, 1);
}

TEST(Walk, LargeWorkIsCutAtAnyPlace) {
  const Shape shape{7, 5001};
  const Strides y{5001, 1}, x{0, 1};
  std::vector<float> in(5001), out(7 * 5001);
  std::iota(in.begin(), in.end(), 0.0f);
  map_strided(
      shape, [](auto v) { return v * 2.0; }, Strided<float>{out.data(), y}, Strided<const float>{in.data(), x});
  for (size_t i = 0; i < out.size(); ++i) ASSERT_EQ(out[i], 2 * in[i % 5001]);
}

}  // namespace
