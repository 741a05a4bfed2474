#include "cairn/math/lanes.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <memory>
#include <vector>

namespace cairn {
namespace {

template <class S>
struct LanesOf : ::testing::Test {
  static constexpr int size = Lanes<S>::size;

  static Lanes<S> ramp(double first, double step) {
    S line[size];
    for (int i = 0; i < size; ++i) line[i] = static_cast<S>(first + step * i);
    return Lanes<S>::load(line);
  }
};
using Scalars = ::testing::Types<float, double>;
TYPED_TEST_SUITE(LanesOf, Scalars);

TYPED_TEST(LanesOf, AreOneCacheLine) {
  using L = Lanes<TypeParam>;
#if defined(CAIRN_SHORT_LINES)
  constexpr size_t bytes = detail::vector_bytes;
#else
  constexpr size_t bytes = 64;
#endif
  static_assert(sizeof(L) == bytes && alignof(L) == detail::vector_bytes && L::size * sizeof(TypeParam) == bytes);
  static_assert(std::is_trivially_copyable_v<L>);
  static_assert(std::is_convertible_v<double, L> && !std::is_convertible_v<L, double>);
}

TYPED_TEST(LanesOf, ArithmeticIsThatOfEachNumber) {
  using S = TypeParam;
  const auto a = this->ramp(-3, 0.7), b = this->ramp(5, -0.3);
  auto sum = a;
  sum += b;
  sum *= b;
  sum -= a;
  sum /= 4.0;
  for (int i = 0; i < this->size; ++i) {
    const volatile S x = a[i], y = b[i], plus = x + y, times = plus * y, minus = times - x;  // volatile: no contraction
    EXPECT_EQ((a + b)[i], plus);
    EXPECT_EQ((a - b)[i], x - y);
    EXPECT_EQ((a * b)[i], x * y);
    EXPECT_EQ((a / b)[i], x / y);
    EXPECT_EQ((-a)[i], -x);
    EXPECT_EQ((2.0 * a)[i], 2 * x);
    EXPECT_EQ((1 - a)[i], 1 - x);
    const S tolerance = 4 * std::numeric_limits<S>::epsilon() * (std::abs(times) + std::abs(x));
    EXPECT_NEAR(sum[i], minus / 4, tolerance);  // sum's product may be contracted
    EXPECT_NEAR(fma(a, b, sum)[i], x * y + sum[i], tolerance);
  }
}

TYPED_TEST(LanesOf, LiteralsKeepTheirSign) {
  using L = Lanes<TypeParam>;
  EXPECT_TRUE(std::signbit(L(-0.0)[0]));
  EXPECT_FALSE(std::signbit(L(0.0)[0]));
  EXPECT_TRUE(std::signbit((-L(0.0))[0]));
  EXPECT_TRUE(std::isnan(L(NAN)[L::size - 1]));
  EXPECT_EQ(L(0.1)[0], static_cast<TypeParam>(0.1));
}

TYPED_TEST(LanesOf, ComparisonsGiveMasks) {
  using L = Lanes<TypeParam>;
  const L a = this->ramp(0, 1), middle(3.0), none(NAN);
  for (int i = 0; i < this->size; ++i) {
    EXPECT_EQ((a < middle)[i], i < 3);
    EXPECT_EQ((a <= middle)[i], i <= 3);
    EXPECT_EQ((a > middle)[i], i > 3);
    EXPECT_EQ((a >= 3.0)[i], i >= 3);
    EXPECT_EQ((a == 3.0)[i], i == 3);
    EXPECT_EQ((a != 3.0)[i], i != 3);
    EXPECT_EQ(((a > 1.0) & (a < 3.0))[i], i == 2);
    EXPECT_EQ(((a < 1.0) | (a > 3.0))[i], i < 1 || i > 3);
    EXPECT_EQ(((a < 3.0) ^ (a < 5.0))[i], i >= 3 && i < 5);
    EXPECT_EQ((!(a < 3.0))[i], i >= 3);
  }
  EXPECT_FALSE(any(none < 0.0) || any(none >= 0.0) || any(none == none));
  EXPECT_TRUE(all(none != none));
  EXPECT_TRUE(any(a == this->size - 1.0));
  EXPECT_FALSE(all(a == 0.0));
  EXPECT_TRUE(all(isnan(none)) && !any(isnan(a)));
  EXPECT_TRUE(all(isfinite(a)) && !any(isfinite(none)) && !any(isfinite(L(-INFINITY))));
}

TYPED_TEST(LanesOf, WhereTakesLanesAndLiterals) {
  const auto a = this->ramp(-2, 1);
  const auto relu = where(a > 0.0, a, 0.0);
  const auto step = where(a > 0.0, 1.0, -1.0);
  for (int i = 0; i < this->size; ++i) {
    EXPECT_EQ(relu[i], std::max(i - 2, 0));
    EXPECT_EQ(step[i], i > 2 ? 1 : -1);
  }
}

TYPED_TEST(LanesOf, MaximumAndMinimumHandNaNOn) {
  using L = Lanes<TypeParam>;
  const L none(NAN), one(1.0);
  EXPECT_TRUE(all(isnan(maximum(none, one)) & isnan(maximum(one, none)) & isnan(maximum(none, 1.0)) &
                  isnan(maximum(1.0, none)) & isnan(minimum(none, one)) & isnan(minimum(one, none)) &
                  isnan(minimum(none, 1.0)) & isnan(minimum(1.0, none)) & isnan(clamp(none, 0, 6))));
  const L a = this->ramp(-2, 1);
  for (int i = 0; i < this->size; ++i) {
    EXPECT_EQ(maximum(a, one)[i], std::max(i - 2, 1));
    EXPECT_EQ(minimum(a, one)[i], std::min(i - 2, 1));
    EXPECT_EQ(clamp(a, -1, 3)[i], std::clamp(i - 2, -1, 3));
  }
}

TYPED_TEST(LanesOf, LoadAndStoreAnyAlignment) {
  using S = TypeParam;
  using L = Lanes<S>;
  std::vector<S> from(L::size + 3), to(L::size + 3);
  for (std::size_t i = 0; i < from.size(); ++i) from[i] = static_cast<S>(i);
  for (int shift = 0; shift < 3; ++shift) {
    L::load(&from[shift]).store(&to[shift]);
    EXPECT_TRUE(std::equal(&from[shift], &from[shift] + L::size, &to[shift]));
  }
}

// Heap blocks of exactly n numbers: the address sanitizer sees every step beyond.
TYPED_TEST(LanesOf, PartialLoadsAndStoresStayInside) {
  using S = TypeParam;
  using L = Lanes<S>;
  for (int n = 0; n <= L::size; ++n) {
    const std::unique_ptr<S[]> from(new S[n]), to(new S[n]);
    for (int i = 0; i < n; ++i) from[i] = static_cast<S>(i + 1);
    const L x = L::load_partial(from.get(), n, S(-7));
    for (int i = 0; i < L::size; ++i) EXPECT_EQ(x[i], i < n ? i + 1 : -7);
    EXPECT_EQ(L::load_partial(from.get(), 0)[0], 0);
    x.store_partial(to.get(), n);
    EXPECT_TRUE(std::equal(from.get(), from.get() + n, to.get()));

    std::vector<S> guarded(L::size + 1, S(99));
    x.store_partial(guarded.data(), n);
    EXPECT_EQ(guarded[n], 99);
  }
}

TYPED_TEST(LanesOf, SumsInPairs) {
  using S = TypeParam;
  const auto x = this->ramp(0.1, 0.37);
  std::vector<S> level(this->size);
  x.store(level.data());
  for (std::size_t half = level.size() / 2; half > 0; half /= 2) {
    for (std::size_t i = 0; i < half; ++i) level[i] += level[i + half];
  }
  EXPECT_EQ(x.sum(), level[0]);
  EXPECT_EQ(x.min(), x[0]);
  EXPECT_EQ(x.max(), x[this->size - 1]);
  const auto poisoned = where(x == x[this->size - 2], NAN, x);
  EXPECT_TRUE(std::isnan(poisoned.max()) && std::isnan(poisoned.min()) && std::isnan(poisoned.sum()));
}

TYPED_TEST(LanesOf, RoundsAndTakesRoots) {
  using S = TypeParam;
  using L = Lanes<S>;
  for (double v : {-1e30, -8388609.5, -3.5, -3.0, -0.2, -0.0, 0.0, 0.7, 1.0, 4194304.5, 4503599627370495.5, 1e30}) {
    const S x = static_cast<S>(v), got = floor(L(v))[0];
    EXPECT_EQ(got, std::floor(x)) << v;
    EXPECT_EQ(std::signbit(got), std::signbit(std::floor(x))) << v;
    EXPECT_EQ(abs(L(v))[0], std::abs(x));
    EXPECT_EQ(sqrt(abs(L(v)))[0], std::sqrt(std::abs(x)));
    EXPECT_EQ(copysign(L(2.0), L(v))[0], std::copysign(S(2), x));
  }
}

}  // namespace
}  // namespace cairn
