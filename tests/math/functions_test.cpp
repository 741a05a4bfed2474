#include "cairn/math/functions.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "support.h"

namespace cairn {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

/// The standard library's function, or an exact rewriting of it: in double for floats, in long double for doubles.
struct Reference {
  double (*f32)(double);
  long double (*f64)(long double);
  template <class F>
  Reference(F f) : f32(f), f64(f) {}
};

// One row a function: on lanes of floats and doubles, its reference, the arguments worth scanning, the relative errors
// that the headers promise, and what is added to these: so many units of rounding (2⁻²⁴, 2⁻⁵³) at x.
double none(double) { return 0; }
struct Row {
  const char* name;
  Lanes<float> (*f32)(Lanes<float>);
  Lanes<double> (*f64)(Lanes<double>);
  Reference reference;
  double from, to;
  double bound32, bound64;
  double (*roundings32)(double) = none;
  double (*roundings64)(double) = none;
};

template <class T>
T log1p_exp(T x) {
  return x > 0 ? x + std::log1p(std::exp(-x)) : std::log1p(std::exp(x));
}
constexpr long double sqrt2 = 1.41421356237309504880168872420969807857L;
constexpr long double sqrt2pi = 2.50662827463100050241576528481104525301L;

double of_cdf(double x) { return x < 0 ? 0.084 * x * x : 0; }
// u of normal_cdf_tanh = sigmoid(u), where it is negative.
template <class T>
T cubic(T x) {
  return T(1.5957691216057307117L) * x + T(0.071354816272600264L) * x * x * x;
}
double cubic_below_zero(double x) { return x < 0 ? 3 * -cubic(x) : 0; }
template <class T>
T logistic(T x) {
  return x < 0 ? std::exp(x) / (1 + std::exp(x)) : 1 / (1 + std::exp(-x));
}

#define ROW(f) #f, [](Lanes <float> x) { return f(x); }, [](Lanes <double> x) { return f(x); }
#define STD(f) [](auto x) { return std::f(x); }
#define REF(expression) [](auto x) -> decltype(x) { return expression; }

const std::vector<Row> rows = {
    {ROW(exp), STD(exp), -inf, inf, 1e-7, 3e-16},
    {ROW(expm1), STD(expm1), -inf, inf, 2e-7, 5e-16},
    {ROW(log), STD(log), 0, inf, 1e-7, 3e-16},
    {ROW(log1p), STD(log1p), -1, inf, 2e-7, 4e-16},
    {ROW(tanh), STD(tanh), -inf, inf, 3e-7, 6e-16},
    {ROW(sigmoid), REF(logistic(x)), -inf, inf, 3e-7, 6e-16},
    {ROW(softplus), REF(log1p_exp(x)), -inf, inf, 3e-7, 6e-16},
    {ROW(log_sigmoid), REF(-log1p_exp(-x)), -inf, inf, 3e-7, 6e-16},
    {ROW(erf), STD(erf), -inf, inf, 3e-7, 6e-16},
    {ROW(erfc), STD(erfc), -inf, inf, 4e-7, 1.5e-15},
    {ROW(gaussian), REF(std::exp(-x* x)), -inf, inf, 2e-7, 4e-16},
    {ROW(normal_pdf), REF(std::exp(-x* x / 2) / sqrt2pi), -inf, inf, 2.5e-7, 4e-16},
    {ROW(normal_cdf), REF(std::erfc(-x / sqrt2) / 2), -inf, inf, 5e-7, 1.5e-15, of_cdf},
    {ROW(normal_cdf_tanh), REF(logistic(cubic(x))), -inf, inf, 4e-7, 1e-15, cubic_below_zero, cubic_below_zero},
    {ROW(sin), STD(sin), -1e6, 1e6, 3e-7, 6e-16},
    {ROW(cos), STD(cos), -1e6, 1e6, 3e-7, 6e-16},
    {ROW(atan), STD(atan), -inf, inf, 2e-7, 4e-16},
    {ROW(sqrt), STD(sqrt), 0, inf, 6e-8, 1.2e-16},
    {ROW(rsqrt), REF(1 / std::sqrt(x)), 0, inf, 1.2e-7, 2.3e-16},
    {ROW(reciprocal), REF(1 / x), -inf, inf, 6e-8, 1.2e-16},
    {ROW(square), REF(x* x), -inf, inf, 6e-8, 1.2e-16},
    {ROW(abs), REF(std::fabs(x)), -inf, inf, 0, 0},
    {ROW(floor), STD(floor), -inf, inf, 0, 0},
    {ROW(sign),
     REF(x > 0   ? 1
         : x < 0 ? -1
                 : 0),
     -inf, inf, 0, 0},
};

/// Relative error of y; a reference that S cannot hold as a normal number allows 0 and infinity in its stead.
template <class S>
double error(S y, long double reference) {
  using Limits = std::numeric_limits<S>;
  if (std::isnan(reference)) return std::isnan(y) ? 0 : inf;
  if (std::isnan(y)) return inf;
  if (std::fabs(reference) < Limits::min()) return std::fabs(y - reference) <= Limits::min() ? 0 : inf;
  if (std::fabs(reference) > Limits::max()) {
    return static_cast<S>(reference) == y || std::fabs(y) >= Limits::max() ? 0 : inf;
  }
  if (std::isinf(y)) return inf;
  return static_cast<double>(std::fabs((static_cast<long double>(y) - reference) / reference));
}

struct Worst {
  double error = 0, x = 0;
  void see(double e, double at) {
    if (e > error) *this = {e, at};
  }
};

template <class S, class F, class R>
Worst scan(const std::vector<S>& xs, F f, R reference, double (*roundings)(double)) {
  Worst worst;
  for (std::size_t i = 0; i < xs.size(); i += Lanes<S>::size) {
    const auto n = static_cast<std::ptrdiff_t>(std::min<std::size_t>(Lanes<S>::size, xs.size() - i));
    const Lanes<S> y = f(Lanes<S>::load_partial(&xs[i], n));
    for (int k = 0; k < n; ++k) {
      const double rounded = roundings(xs[i + k]) * std::numeric_limits<S>::epsilon() / 2;
      worst.see(std::max(0.0, error(y[k], reference(xs[i + k])) - rounded), xs[i + k]);
    }
  }
  return worst;
}

TEST(Functions, FloatsOverAllBitPatterns) {
  // A prime: all exponents, and ever other digits.
#ifdef __SANITIZE_ADDRESS__
  constexpr std::uint64_t stride = 39'979;
#else
  constexpr std::uint64_t stride = 997;
#endif
  for (const Row& row : rows) {
    std::vector<float> xs;
    for (std::uint64_t bits = 0; bits < (std::uint64_t{1} << 32); bits += stride) {
      const float x = std::bit_cast<float>(static_cast<std::uint32_t>(bits));
      if (x >= row.from && x <= row.to) xs.push_back(x);
    }
    ASSERT_GT(xs.size(), 20'000u);
    const Worst worst = scan(xs, row.f32, row.reference.f32, row.roundings32);
    EXPECT_LE(worst.error, row.bound32) << row.name << " at " << worst.x;
    RecordProperty(row.name, std::to_string(worst.error * 1e9) + "e-9 at " + std::to_string(worst.x));
  }
}

// Below the smallest normal number there are fewer digits, but not none: as many as a subnormal number has.
template <class S, class F, class R>
void expect_gradual_underflow(const char* name, F f, R reference, double from, double to, double relative = 1e-6) {
  constexpr double step = std::numeric_limits<S>::denorm_min();
  for (int i = 0; i <= 2000; ++i) {
    const auto x = static_cast<S>(from + (to - from) * i / 2000);
    const long double exact = reference(static_cast<long double>(x));
    ASSERT_LT(exact, std::numeric_limits<S>::min()) << name << " at " << x;
    const double allowed = step + relative * static_cast<double>(exact);
    ASSERT_NEAR(f(Lanes<S>(x))[0], static_cast<double>(exact), allowed) << name << " at " << x;
  }
}

TEST(Functions, UnderflowIsGradual) {
  const auto tail = [](long double x) { return std::exp(x); };
  const auto squared = [](long double x) { return std::exp(-x * x); };
  expect_gradual_underflow<float>(
      "exp", [](auto x) { return exp(x); }, tail, -110, -87.34);
  expect_gradual_underflow<double>(
      "exp", [](auto x) { return exp(x); }, tail, -750, -708.4);
  expect_gradual_underflow<float>(
      "sigmoid", [](auto x) { return sigmoid(x); }, tail, -110, -87.34);
  expect_gradual_underflow<float>(
      "softplus", [](auto x) { return softplus(x); }, tail, -110, -87.34);
  expect_gradual_underflow<float>(
      "gaussian", [](auto x) { return gaussian(x); }, squared, 9.346, 11);
  expect_gradual_underflow<float>(
      "normal_pdf", [](auto x) { return normal_pdf(x); }, [](long double x) { return std::exp(-x * x / 2) / sqrt2pi; },
      13.15, 14.5, 1e-6);
  expect_gradual_underflow<float>(
      "normal_cdf", [](auto x) { return normal_cdf(x); }, [](long double x) { return std::erfc(-x / sqrt2) / 2; },
      -14.5, -12.95, 3e-6);
  expect_gradual_underflow<float>(
      "normal_cdf_tanh", [](auto x) { return normal_cdf_tanh(x); }, [](long double x) { return std::exp(cubic(x)); },
      -10.9, -10.0624, 2e-5);
  expect_gradual_underflow<double>(
      "sigmoid", [](auto x) { return sigmoid(x); }, tail, -750, -708.4);
  expect_gradual_underflow<double>(
      "softplus", [](auto x) { return softplus(x); }, tail, -750, -708.4);
  EXPECT_EQ(sigmoid(Lanes<float>(-INFINITY))[0], 0);
  EXPECT_EQ(sigmoid(Lanes<float>(-std::numeric_limits<float>::max()))[0], 0);
  EXPECT_EQ(sigmoid(Lanes<double>(-std::numeric_limits<double>::max()))[0], 0);
}

TEST(Functions, DoublesOverTheRange) {
  std::mt19937_64 random(1);
  std::uniform_real_distribution<double> unit(0, 1), near(-40, 40), wide(-750, 750);
  std::vector<double> xs;
  for (int i = 0; i < 40'000; ++i) {
    const double sign = unit(random) < 0.5 ? -1 : 1;
    xs.push_back(near(random));
    xs.push_back(wide(random));
    xs.push_back(sign * std::exp2(unit(random) * 40 - 20));
    xs.push_back(sign * std::exp2(unit(random) * 2090 - 1060));
    xs.push_back(1 + sign * std::exp2(-52 * unit(random)));
    xs.push_back(std::nearbyint(near(random)) * 1.5707963267948966);  // close to the zeros of sin and cos
  }
  for (const Row& row : rows) {
    std::vector<double> inside;
    for (double x : xs) {
      if (x >= row.from && x <= row.to) inside.push_back(x);
    }
    const Worst worst = scan(inside, row.f64, row.reference.f64, row.roundings64);
    EXPECT_LE(worst.error, row.bound64) << row.name << " at " << worst.x;
    RecordProperty(row.name, std::to_string(worst.error * 1e18) + "e-18 at " + std::to_string(worst.x));
  }
}

// Values of mpmath 1.3 in 40 digits, so that the standard library is not the only witness.
TEST(Functions, StoredValues) {
  const Lanes<double> x(-30.0), y(0.3);
  const auto near = [](Lanes<double> got, double want, double bound) {
    EXPECT_LE(std::fabs(got[0] / want - 1), bound) << got[0] << " for " << want;
  };
  near(exp(x), 9.3576229688401746049e-14, 3e-16);
  near(log(y), -1.2039728043259360296, 3e-16);
  near(log1p(y), 0.2623642644674910435, 4e-16);
  near(tanh(y), 0.29131261245159089566, 6e-16);
  near(softplus(x), 9.3576229688397367794e-14, 6e-16);
  near(sigmoid(x), 9.3576229688392989538e-14, 6e-16);
  near(erf(y), 0.32862675945912741619, 6e-16);
  near(erfc(Lanes<double>(21.0)), 8.032453871022455669e-194, 1.5e-15);
  near(normal_cdf(x), 4.9067139271481870595e-198, 1.5e-15);
  near(normal_cdf(x * 1.25), 4.6053530095819548438e-308, 1.5e-15);
  near(normal_cdf_tanh(Lanes<double>(-5.0)), 4.5835923932590120919e-08, 8e-15);
  near(normal_pdf(x), 1.473646134878547519e-196, 4e-16);
  near(gaussian(y), 0.91393118527122819284, 4e-16);
  near(sin(x), 0.98803162409286178999, 6e-16);
  near(cos(x), 0.15425144988758405072, 6e-16);
  near(atan(y), 0.29145679447786708181, 4e-16);
  near(pow(y, x), 4856935749618866.5302, 6e-16);
  near(log_sigmoid(x), -30.000000000000093576, 6e-16);
}

template <class S>
struct Limits : ::testing::Test {};
using Scalars = ::testing::Types<float, double>;
TYPED_TEST_SUITE(Limits, Scalars);

TYPED_TEST(Limits, AtZeroInfinityAndNaN) {
  using S = TypeParam;
  using L = Lanes<S>;
  struct Expectation {
    const char* name;
    L (*f)(L);
    double at_minus_infinity, at_minus_zero, at_zero, at_infinity;
  };
#define AT(f) #f, [](L x) { return f(x); }
  const double half_pi = static_cast<S>(1.5707963267948966), ln2 = static_cast<S>(0.69314718055994531);
  const double density = static_cast<S>(0.39894228040143268);
  const std::vector<Expectation> expectations = {
      {AT(exp), 0, 1, 1, inf},
      {AT(expm1), -1, -0.0, 0, inf},
      {AT(log), nan, -inf, -inf, inf},
      {AT(log1p), nan, -0.0, 0, inf},
      {AT(tanh), -1, -0.0, 0, 1},
      {AT(sigmoid), 0, 0.5, 0.5, 1},
      {AT(softplus), 0, ln2, ln2, inf},
      {AT(log_sigmoid), -inf, -ln2, -ln2, 0},
      {AT(erf), -1, -0.0, 0, 1},
      {AT(erfc), 2, 1, 1, 0},
      {AT(gaussian), 0, 1, 1, 0},
      {AT(normal_pdf), 0, density, density, 0},
      {AT(normal_cdf), 0, 0.5, 0.5, 1},
      {AT(normal_cdf_tanh), 0, 0.5, 0.5, 1},
      {AT(sin), nan, -0.0, 0, nan},
      {AT(cos), nan, 1, 1, nan},
      {AT(atan), -half_pi, -0.0, 0, half_pi},
      {AT(sqrt), nan, -0.0, 0, inf},
      {AT(rsqrt), nan, -inf, inf, 0},
      {AT(reciprocal), -0.0, -inf, inf, 0},
      {AT(square), inf, 0, 0, inf},
      {AT(abs), inf, 0, 0, inf},
      {AT(floor), -inf, -0.0, 0, inf},
      {AT(sign), -1, -0.0, 0, 1},
  };
  constexpr double ulp = std::numeric_limits<S>::epsilon();
  for (const Expectation& e : expectations) {
    const auto check = [&](double x, double want) {
      const L at(x);
      const S y = e.f(at)[L::size - 1];
      if (std::isnan(want)) {
        EXPECT_TRUE(std::isnan(y)) << e.name << '(' << x << ") = " << y;
      } else if (want == 0 || std::isinf(want)) {
        EXPECT_EQ(y, want) << e.name << '(' << x << ')';
        EXPECT_EQ(std::signbit(y), std::signbit(want)) << e.name << '(' << x << ')';
      } else {
        EXPECT_NEAR(y, want, ulp * std::fabs(want)) << e.name << '(' << x << ')';
      }
    };
    check(-inf, e.at_minus_infinity);
    check(-0.0, e.at_minus_zero);
    check(0.0, e.at_zero);
    check(inf, e.at_infinity);
    check(nan, nan);
    check(-nan, nan);
    // A NaN with all payload bits set: code that adds to exponents must not turn it into a number.
    using Word = std::conditional_t<sizeof(S) == 4, std::uint32_t, std::uint64_t>;
    alignas(64) S payload[L::size];
    for (S& p : payload) p = std::bit_cast<S>(static_cast<Word>(~Word{0} >> 1));
    EXPECT_TRUE(all(isnan(e.f(L::load(payload))))) << e.name;
    // And one with the last bits alone, which signals.
    for (S& p : payload) p = std::bit_cast<S>(std::bit_cast<Word>(std::numeric_limits<S>::infinity()) | 0xac3);
    EXPECT_TRUE(all(isnan(e.f(L::load(payload))))) << e.name;
  }
}

TYPED_TEST(Limits, OverflowUnderflowAndDomain) {
  using S = TypeParam;
  using L = Lanes<S>;
  using N = std::numeric_limits<S>;
  const double top = std::log(N::max()), bottom = std::log(N::min());
  EXPECT_EQ(exp(L(top + 1))[0], N::infinity());
  EXPECT_EQ(exp(L(1e30))[0], N::infinity());
  EXPECT_GT(exp(L(top - 1e-4))[0], N::max() / 2);
  EXPECT_EQ(exp(L(1.02 * std::log(N::denorm_min())))[0], 0);
  EXPECT_EQ(exp(L(-1e30))[0], 0);
  EXPECT_GE(exp(L(bottom + 1e-4))[0], N::min());
  EXPECT_EQ(expm1(L(top + 1))[0], N::infinity());
  EXPECT_EQ(expm1(L(-1e30))[0], -1);
  EXPECT_EQ(softplus(L(1e30))[0], S(1e30));
  EXPECT_EQ(softplus(L(-1e30))[0], 0);
  EXPECT_TRUE(all(isnan(log(L(-1.0)))));
  EXPECT_TRUE(all(isnan(log1p(L(-1.5)))));
  EXPECT_EQ(log1p(L(-1.0))[0], -N::infinity());
  EXPECT_EQ(log1p(L(static_cast<double>(N::max())))[0], log(L(static_cast<double>(N::max())))[0]);
  const S smallest = N::denorm_min();
  EXPECT_NEAR(log(L(static_cast<double>(smallest)))[0], std::log(smallest), 4 * N::epsilon() * 745);
  EXPECT_TRUE(all(isnan(sqrt(L(-1.0)))));
}

TYPED_TEST(Limits, SineAndCosineBeyondTheReduction) {
  using S = TypeParam;
  alignas(64) S xs[Lanes<S>::size];
  for (int i = 0; i < Lanes<S>::size; ++i) xs[i] = static_cast<S>(i % 2 ? 12345.678 : std::pow(10.0, 4 + 2 * i));
  const Lanes<S> x = Lanes<S>::load(xs);
  for (int i = 0; i < Lanes<S>::size; ++i) {
    EXPECT_NEAR(sin(x)[i], std::sin(static_cast<long double>(xs[i])), std::numeric_limits<S>::epsilon());
    EXPECT_NEAR(cos(x)[i], std::cos(static_cast<long double>(xs[i])), std::numeric_limits<S>::epsilon());
  }
}

TYPED_TEST(Limits, PowAgreesWithTheStandardLibrary) {
  using S = TypeParam;
  using L = Lanes<S>;
  constexpr double bound = sizeof(S) == 4 ? 1e-7 : 6e-16;
  std::mt19937_64 random(2);
  std::normal_distribution<double> normal(0, 3);
  std::uniform_real_distribution<double> around(-1, 1);
  Worst worst;
  for (int i = 0; i < 30'000; ++i) {
    alignas(64) S x[L::size], y[L::size];
    for (int k = 0; k < L::size; ++k) {
      x[k] = static_cast<S>(i % 2 ? std::exp(8 * normal(random)) : 1 + around(random) * std::exp2(-i % 23));
      y[k] = static_cast<S>(i % 3 ? normal(random) : normal(random) * 10);
    }
    const L p = pow(L::load(x), L::load(y));
    for (int k = 0; k < L::size; ++k) {
      worst.see(error(p[k], std::pow(static_cast<long double>(x[k]), static_cast<long double>(y[k]))), x[k]);
    }
  }
  EXPECT_LE(worst.error, bound) << "base " << worst.x;
  this->RecordProperty("pow", std::to_string(worst.error * 1e18) + "e-18");

  const double values[] = {-inf, -3, -2.5, -2, -1, -0.5, -0.0, 0.0, 0.5, 1, 2, 2.5, 3, inf, nan};
  for (double a : values) {
    for (double b : values) {
      const S want = static_cast<S>(std::pow(a, b)), got = pow(L(a), L(b))[0];
      EXPECT_TRUE(std::isnan(want) ? std::isnan(got) : std::fabs(got - want) <= bound * std::fabs(want) || got == want)
          << "pow(" << a << ", " << b << ") = " << got << ", not " << want;
      EXPECT_TRUE(want != 0 || std::signbit(got) == std::signbit(want)) << "pow(" << a << ", " << b << ")";
    }
  }
  for (double c : {0.0, 1.0, 2.0, 3.0, -1.0, -2.0, 0.5, 0.3}) {
    EXPECT_NEAR(pow(L(1.7), c)[0], std::pow(static_cast<S>(1.7), c), 4 * bound) << c;
  }
  EXPECT_NEAR(pow(2.0, L(0.5))[0], std::sqrt(2.0), 4 * bound);
}

TYPED_TEST(Limits, GateHasTheLimitOfAVanishingFactor) {
  using L = Lanes<TypeParam>;
  EXPECT_EQ(gate(L(-inf), L(0.0))[0], 0);
  EXPECT_EQ(gate(L(inf), L(0.5))[0], inf);
  EXPECT_EQ(gate(L(3.0), L(0.5))[0], 1.5);
  EXPECT_TRUE(all(isnan(gate(L(nan), L(nan)))));
  const auto gelu = [](auto x) { return gate(x, normal_cdf(x)); };
  EXPECT_EQ(gelu(L(-inf))[0], 0);
  EXPECT_EQ(gelu(L(inf))[0], inf);
}

// A formula on a plain number gives what the lanes give.
TEST(Functions, OnPlainNumbers) {
  const auto mish = [](auto x) { return x * tanh(softplus(x)); };
  EXPECT_NEAR(mish(0.7), mish(Lanes<double>(0.7))[0], 1e-15);
  EXPECT_NEAR(mish(0.7f), mish(Lanes<float>(0.7))[0], 2e-7);
  const auto elu = [](auto x) { return where(x > 0.0, x, 0.5 * expm1(minimum(x, 0.0))); };
  EXPECT_DOUBLE_EQ(elu(-1.0), 0.5 * std::expm1(-1.0));
  EXPECT_DOUBLE_EQ(elu(2.0), 2.0);
  EXPECT_EQ(sign(-2.0), -1);
  EXPECT_EQ(clamp(5.0, 0, 6), 5);
  EXPECT_EQ(clamp(7.0f, 0, 6), 6);
  EXPECT_TRUE(std::isnan(maximum(nan, 1.0)) && std::isnan(maximum(1.0, nan)));
  EXPECT_DOUBLE_EQ(sigmoid(0.0) + normal_cdf(0.0) + square(2.0) + rsqrt(4.0) + reciprocal(2.0) + gaussian(0.0), 7.0);
  EXPECT_DOUBLE_EQ(log_sigmoid(0.0), -softplus(0.0));
  EXPECT_EQ(gate(-inf, 0.0), 0);
}

}  // namespace
}  // namespace cairn
