#include "cairn/tensor/random.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

#include "cairn/tensor/create.h"
#include "support.h"

using namespace cairn;

namespace {

using Doubles = std::vector<double>;

struct Moments {
  double mean, variance;
};
Moments moments(const Doubles& v) {
  const double n = static_cast<double>(v.size()), mean = std::accumulate(v.begin(), v.end(), 0.0) / n;
  double squares = 0;
  for (const double x : v) squares += (x - mean) * (x - mean);
  return {mean, squares / n};
}

TEST(Random, UniformsLieInTheirRangeWithTheirMoments) {
  for (const Dtype d : {f32, f64}) {
    Generator g(1);
    const Doubles v = rand({300, 333}, d, g).to_vector<double>();
    EXPECT_GE(*std::min_element(v.begin(), v.end()), 0);
    EXPECT_LT(*std::max_element(v.begin(), v.end()), 1);
    const double n = 99900;  // four standard errors below
    EXPECT_NEAR(moments(v).mean, 0.5, 4 * std::sqrt(1.0 / 12 / n));
    EXPECT_NEAR(moments(v).variance, 1.0 / 12, 4 * std::sqrt(1.0 / 180 / n));
  }
}

TEST(Random, NormalsHaveTheirMoments) {
  for (const Dtype d : {f32, f64}) {
    Generator g(2);
    const Doubles v = randn({99999}, d, g).to_vector<double>();
    EXPECT_NEAR(moments(v).mean, 0, 4 / std::sqrt(99999.0));
    EXPECT_NEAR(moments(v).variance, 1, 4 * std::sqrt(2 / 99999.0));
    // 1 − Φ(2) of them are larger than 2.
    const double tail = static_cast<double>(std::count_if(v.begin(), v.end(), [](double x) { return x > 2; }));
    EXPECT_NEAR(tail, 99999 * 0.02275, 4 * std::sqrt(99999 * 0.02275));
  }
}

TEST(Random, BothFloatDtypesSeeTheSameNormals) {
  Generator a(3), b(3);
  const Doubles x = randn({1001}, f32, a).to_vector<double>(), y = randn({1001}, f64, b).to_vector<double>();
  const Generator::Reserved r = Generator(3).reserve(0);
  for (size_t i = 0; i < x.size(); ++i) {
    const RandomBlock block = r.stream.block(i / 4);
    const double exact = normal_pair(block[i % 4 / 2 * 2], block[i % 4 / 2 * 2 + 1])[i % 2];
    EXPECT_NEAR(y[i], exact, 1e-14) << "rounding in the alphabet's log, sin and cos";
    EXPECT_NEAR(x[i], exact, 3e-6) << "the angle is rounded to f32: 1.2e-7 of it, times a radius below 7, and more";
  }
}

TEST(Random, TheSameForAnyNumberOfThreads) {
  expect_same_on_any_threads([] {
    Generator g(5);
    std::vector<double> all;
    for (const Tensor& x : {rand({50001}, f32, g), randn({50001}, f64, g), randint(-7, 1000, {50001}, i64, g)})
      for (const double v : x.to_vector<double>()) all.push_back(v);
    return all;
  });
}

TEST(Random, ALongerTensorBeginsWithTheSameNumbers) {
  Generator a(6), b(6);
  const Doubles x = rand({7}, f32, a).to_vector<double>(), y = rand({4000}, f32, b).to_vector<double>();
  EXPECT_TRUE(std::equal(x.begin(), x.end(), y.begin()));
}

TEST(Random, TheDefaultGeneratorFollowsManualSeed) {
  const Generator before = default_generator();
  manual_seed(1);
  const Tensor a = rand({10}), b = rand({10});
  manual_seed(1);
  EXPECT_EQ(rand({10}).to_vector<double>(), a.to_vector<double>());
  EXPECT_EQ(rand({10}).to_vector<double>(), b.to_vector<double>());
  EXPECT_NE(a.to_vector<double>(), b.to_vector<double>());
  default_generator() = before;
}

TEST(Random, IntegersReachBothEnds) {
  Generator g(7);
  const Tensor x = randint(-2, 3, {1000}, i64, g);
  EXPECT_EQ(x.dtype(), i64);
  const std::vector<int64_t> v = x.to_vector<int64_t>();
  EXPECT_EQ(std::set<int64_t>(v.begin(), v.end()), (std::set<int64_t>{-2, -1, 0, 1, 2}));
  EXPECT_EQ(randint(1, {3}, f32, g).to_vector<double>(), (Doubles{0, 0, 0}));
  EXPECT_EQ(randint(256, {5}, u8, g).dtype(), u8);
  EXPECT_EQ(randint(5, {0}, i64, g).numel(), 0);
  EXPECT_GE(randint(INT64_MAX - 1, INT64_MAX, {1}, i64, g).item<int64_t>(), INT64_MAX - 1);
}

TEST(Random, PermutationsHoldEachNumberOnce) {
  Generator g(8);
  std::vector<int64_t> v = randperm(1000, g).to_vector<int64_t>(), sorted = v;
  std::sort(sorted.begin(), sorted.end());
  for (int64_t i = 0; i < 1000; ++i) EXPECT_EQ(sorted[static_cast<size_t>(i)], i);
  EXPECT_NE(v, sorted);
  EXPECT_EQ(randperm(0, g).numel(), 0);
  EXPECT_EQ(randperm(1, g).item<int64_t>(), 0);
}

TEST(Random, AllPermutationsAreEquallyLikely) {
  Generator g(9);
  std::vector<int> counts(27, 0);
  for (int i = 0; i < 6000; ++i) {
    const auto p = randperm(3, g).to_vector<int64_t>();
    ++counts[static_cast<size_t>(9 * p[0] + 3 * p[1] + p[2])];
  }
  std::erase(counts, 0);
  ASSERT_EQ(counts.size(), 6u);
  for (const int c : counts) EXPECT_NEAR(c, 1000, 4 * 29);  // √(6000 · 1/6 · 5/6)
}

TEST(Random, FillsInPlaceWhateverTheStrides) {
  Generator a(10), b(10);
  Tensor x = zeros({4, 6}), block = zeros({6, 4});
  Tensor y = as_strided(block, {4, 6}, {1, 4}, 0);
  const uint32_t version = block.body()->storage->version;
  uniform_(x, -1, 3, a);
  uniform_(y, -1, 3, b);
  EXPECT_EQ(x.to_vector<double>(), y.to_vector<double>());
  EXPECT_GT(block.body()->storage->version, version);
  for (const double v : x.to_vector<double>()) EXPECT_TRUE(v >= -1 && v < 3);
  const Doubles n = normal_(x, 100, 0.5, a).to_vector<double>();
  EXPECT_NEAR(moments(n).mean, 100, 4 * 0.5 / std::sqrt(24));
  EXPECT_EQ(uniform_(x, 2, 2).to_vector<double>(), Doubles(24, 2));
}

TEST(Random, TheUpperEndIsNeverReached) {
  Generator g(11);
  Tensor x = zeros({200000});
  // In f32 there are four numbers from 1 to here: rounding would give the end itself one time in eight.
  const double high = 1 + 4 * 0x1p-23;
  const Doubles v = uniform_(x, 1, high, g).to_vector<double>();
  EXPECT_LT(*std::max_element(v.begin(), v.end()), high);
}

TEST(Random, MisuseIsNamed) {
  const uint64_t position = default_generator().position();
  EXPECT_THROW(rand({2}, i64), DtypeError);
  EXPECT_THROW(randn({2}, boolean), DtypeError);
  EXPECT_THROW(rand({-2}), ShapeError);
  EXPECT_THROW(randint(3, 3, {2}), ValueError);
  EXPECT_THROW(randint(257, {2}, u8), ValueError);
  EXPECT_THROW(randint(-1, 5, {2}, u8), ValueError);
  EXPECT_THROW(randint(2, {2}, boolean), DtypeError);
  EXPECT_THROW(randint(1 << 26, {2}, f32), ValueError);
  EXPECT_THROW(randint(INT64_MIN, INT64_MAX, {2}), ValueError);
  EXPECT_THROW(randperm(-1), ValueError);
  Tensor x = zeros({2}), whole = zeros({2}, i64);
  EXPECT_THROW(uniform_(x, 1, 0), ValueError);
  EXPECT_THROW(normal_(x, 0, -1), ValueError);
  EXPECT_THROW(uniform_(whole), DtypeError);
  x.requires_grad_();
  EXPECT_THROW(normal_(x), GraphError);
  EXPECT_EQ(default_generator().position(), position) << "a refused call draws nothing";
}

TEST(Random, UniformRefusesAWidthTheDtypeDoesNotHold) {
  Tensor x = zeros({2}), wide = zeros({2}, f64);
  const uint64_t position = default_generator().position();
  EXPECT_THROW(uniform_(x, -3e38, 3e38), ValueError);
  EXPECT_EQ(default_generator().position(), position) << "a refused call draws nothing";
  EXPECT_EQ(x.to_vector<double>(), (Doubles{0, 0}));
  EXPECT_NO_THROW(uniform_(wide, -3e38, 3e38));
}

}  // namespace
