#include "kernels/reduce.h"

#include <memory>

#include "kernels/numbers.h"

namespace cairn::kernels {
namespace {

template <class S>
struct Reduce : ::testing::Test {};
using Scalars = ::testing::Types<float, double>;
TYPED_TEST_SUITE(Reduce, Scalars);

Extent random_extent(Generator& random) {
  Extent e{edge(random, 9), edge(random, 8300), edge(random, 1100)};
  if (random.integer(3) == 0) e.inner = 1;
  while (e.outer * e.n * e.inner > 200000) (e.n > e.inner ? e.n : e.inner) /= 3;
  return e;
}

// y[o][c] = the fold of x[o][·][c] from the first to the last.
template <class A, class T, class F>
std::vector<A> folded(const std::vector<T>& x, Extent e, A identity, F join) {
  std::vector<A> y(static_cast<size_t>(e.outer * e.inner), identity);
  for (int64_t o = 0; o < e.outer; ++o)
    for (int64_t i = 0; i < e.n; ++i)
      for (int64_t c = 0; c < e.inner; ++c) {
        A& to = y[static_cast<size_t>(o * e.inner + c)];
        to = join(to, x[static_cast<size_t>((o * e.n + i) * e.inner + c)]);
      }
  return y;
}

Real larger(Real a, Real b) { return a > b || std::isnan(a) ? a : b; }
Real smaller(Real a, Real b) { return a < b || std::isnan(a) ? a : b; }

// The sum of k numbers in (−1, 1) is about √k and rounded to ε/2 of that: n/8 ε for n of them one after the other, in
// the mean. At most 128 come after one another; blocks err independently.
template <class S>
Real of_sum(int64_t n) {
  return epsilon<S> * std::sqrt(Real(n * std::min<int64_t>(n, 128)));
}

TYPED_TEST(Reduce, FoldsAsTheDefinition) {
  using S = TypeParam;
  Generator random(1, "reduce");
  for (int round = 0; round < rounds(120); ++round) {
    const Extent e = random_extent(random);
    SCOPED_TRACE(::testing::Message() << e.outer << " × " << e.n << " × " << e.inner);
    std::vector<S> x = numbers<S>(e.outer * e.n * e.inner, random), y(static_cast<size_t>(e.outer * e.inner));
    fold(Fold::sum, x.data(), y.data(), e);
    expect_close(y, folded<Real>(x, e, 0, [](Real a, Real b) { return a + b; }), of_sum<S>(e.n), "sum");
    fold(Fold::sum_of_squares, x.data(), y.data(), e);
    // All of one sign: n / 3 in the end.
    expect_close(y, folded<Real>(x, e, 0, [](Real a, Real b) { return a + b * b; }),
                 of_sum<S>(e.n) * std::sqrt(static_cast<double>(e.n)), "sum of squares");
    if (e.n > 0) {
      const auto numbers_of = static_cast<int64_t>(x.size());
      for (int64_t k = round % 2 * numbers_of; k < numbers_of; k += 1 + random.integer(2 * e.n))
        x[static_cast<size_t>(k)] = std::numeric_limits<S>::quiet_NaN();
      fold(Fold::max, x.data(), y.data(), e);
      expect_close(y, folded<Real>(x, e, -INFINITY, larger), 0, "max");
      fold(Fold::min, x.data(), y.data(), e);
      expect_close(y, folded<Real>(x, e, INFINITY, smaller), 0, "min");
    }
    // Near ±1, so that products neither vanish nor overflow; each of the n is rounded to ε/2.
    for (S& v : x) v = std::isnan(v) ? S(1) : std::copysign(1 + v / 512, v);
    fold(Fold::prod, x.data(), y.data(), e);
    Reals wanted = folded<Real>(x, e, 1, [](Real a, Real b) { return a * b; });
    for (size_t k = 0; k < y.size(); ++k) y[k] = static_cast<S>(y[k] / wanted[k]);
    expect_close(y, Reals(y.size(), 1), epsilon<S> * static_cast<double>(e.n + 2), "prod");
    ASSERT_FALSE(this->HasFatalFailure());
  }
}

TYPED_TEST(Reduce, TheGradientOfAProductIsThatOfTheOthers) {
  using S = TypeParam;
  Generator random(2, "reduce");
  for (int round = 0; round < rounds(60); ++round) {
    const int64_t outer = edge(random, 33), n = edge(random, 130);
    std::vector<S> x = numbers<S>(outer * n, random), dx(x.size());
    const std::vector<S> g = numbers<S>(outer, random);
    for (S& v : x) v = random.integer(n + 1) == 0 ? S(0) : std::copysign(1 + v / 64, v);  // often one zero, or two
    prod_gradient(x.data(), g.data(), dx.data(), outer, n);
    Reals wanted(x.size());
    for (int64_t o = 0; o < outer; ++o)
      for (int64_t i = 0; i < n; ++i) {
        Real others = g[static_cast<size_t>(o)];
        for (int64_t k = 0; k < n; ++k) others *= k == i ? 1.0 : static_cast<double>(x[static_cast<size_t>(o * n + k)]);
        wanted[static_cast<size_t>(o * n + i)] = others;
      }
    // At most (1 + 1/64)^130 < 8 large.
    expect_close(dx, wanted, 8 * epsilon<S> * static_cast<double>(n + 1), "dx");
  }
}

template <class T>
std::vector<T> some(int64_t n, int64_t kinds, Generator& random) {
  std::vector<T> v(static_cast<size_t>(n));
  for (T& e : v) e = static_cast<T>(random.integer(kinds));
  return v;
}

// std::vector<bool> has no memory to point to.
struct Bools {
  explicit Bools(const std::vector<uint8_t>& from) : n(from.size()), data(new bool[n]) {
    for (size_t i = 0; i < n; ++i) data[i] = from[i] != 0;
  }
  size_t n;
  std::unique_ptr<bool[]> data;
};

uint64_t bits(int64_t v) { return static_cast<uint64_t>(v); }

TEST(ReduceWhole, FoldsAsTheDefinition) {
  Generator random(3, "reduce");
  for (int round = 0; round < rounds(80); ++round) {
    Extent e = random_extent(random);
    if (round % 20 == 0) e = {1, 98304 + edge(random, 64), 1};  // several pieces of a row
    SCOPED_TRACE(::testing::Message() << e.outer << " × " << e.n << " × " << e.inner);
    std::vector<int64_t> x = some<int64_t>(e.outer * e.n * e.inner, 100, random);
    if (round % 3 == 0)
      for (int64_t& v : x) v = (v - 50) * 0x0123456789abcdef;  // sums and products wrap around
    const std::vector<uint8_t> truths = some<uint8_t>(static_cast<int64_t>(x.size()), 2 + e.n, random);
    const Bools b(truths);
    const auto check = [&](Fold op, int64_t identity, auto join) {
      std::vector<int64_t> y(static_cast<size_t>(e.outer * e.inner));
      fold_whole(op, x.data(), y.data(), e);
      EXPECT_EQ(y, folded(x, e, identity, join));
      fold_whole(op, b.data.get(), y.data(), e);
      EXPECT_EQ(y, folded(truths, e, identity, [&](int64_t a, uint8_t t) { return join(a, t != 0); }));
    };
    check(Fold::sum, 0, [](int64_t a, int64_t v) { return static_cast<int64_t>(bits(a) + bits(v)); });
    check(Fold::prod, 1, [](int64_t a, int64_t v) { return static_cast<int64_t>(bits(a) * bits(v)); });
    check(Fold::max, std::numeric_limits<int64_t>::min(), [](int64_t a, int64_t v) { return std::max(a, v); });
    check(Fold::min, std::numeric_limits<int64_t>::max(), [](int64_t a, int64_t v) { return std::min(a, v); });
    ASSERT_FALSE(HasFailure());
  }
}

template <class T>
void check_truth(Generator& random) {
  for (int round = 0; round < rounds(15); ++round) {
    Extent e = random_extent(random);
    if (round == 0) e = {1, 70000, 1};
    // Seldom a zero for `all`, seldom anything else for `any`.
    for (const bool all : {true, false}) {
      std::vector<uint8_t> kinds = some<uint8_t>(e.outer * e.n * e.inner, std::min<int64_t>(2 * e.n + 1, 200), random);
      for (uint8_t& k : kinds) k = (k == 0) != all;
      std::vector<T> x(kinds.begin(), kinds.end());
      if constexpr (std::numeric_limits<T>::has_quiet_NaN)
        for (T& v : x) v = v != 0 && random.integer(2) ? std::numeric_limits<T>::quiet_NaN() : v;  // true as well
      Bools y(std::vector<uint8_t>(static_cast<size_t>(e.outer * e.inner), 7));
      fold_truth(all, x.data(), y.data.get(), e);
      const auto wanted =
          folded(kinds, e, uint8_t{all}, [all](uint8_t a, uint8_t k) -> uint8_t { return all ? a & k : a | k; });
      for (size_t i = 0; i < y.n; ++i) ASSERT_EQ(y.data[i], wanted[i] != 0) << i;
    }
  }
}

TEST(ReduceTruth, IsThatOfTheDefinition) {
  Generator random(4, "reduce");
  check_truth<float>(random);
  check_truth<double>(random);
  check_truth<int64_t>(random);
  check_truth<uint8_t>(random);
}

template <class T>
void check_find(Generator& random) {
  for (int round = 0; round < rounds(60); ++round) {
    Extent e = random_extent(random);
    if (e.n == 0) continue;
    std::vector<T> x = some<T>(e.outer * e.n * e.inner, 1 + random.integer(2 * e.n), random);
    if constexpr (std::numeric_limits<T>::has_quiet_NaN)
      for (T& v : x) v = v == 0 ? std::numeric_limits<T>::quiet_NaN() : v;
    std::vector<T> value;
    std::vector<int64_t> wanted, found(static_cast<size_t>(e.outer * e.inner));
    for (int64_t o = 0; o < e.outer; ++o)
      for (int64_t c = 0; c < e.inner; ++c) {
        const auto at = [&](int64_t i) { return x[static_cast<size_t>((o * e.n + i) * e.inner + c)]; };
        const T v = at(random.integer(e.n));
        int64_t i = 0;
        while (!(at(i) == v || (at(i) != at(i) && v != v))) ++i;
        value.push_back(v), wanted.push_back(i);
      }
    find_first(x.data(), value.data(), found.data(), e);
    ASSERT_EQ(found, wanted);
  }
}

TEST(ReduceFind, GivesTheFirst) {
  Generator random(5, "reduce");
  check_find<float>(random);
  check_find<double>(random);
  check_find<int64_t>(random);
}

}  // namespace
}  // namespace cairn::kernels
