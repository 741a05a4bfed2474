#include "kernels/softmax.h"

#include <functional>
#include <numeric>
#include <span>

#include "kernels/numbers.h"

namespace cairn::kernels {
namespace {

template <class S>
struct Softmax : ::testing::Test {};
using Scalars = ::testing::Types<float, double>;
TYPED_TEST_SUITE(Softmax, Scalars);

struct SoftmaxSize {
  int64_t rows, n;
};
SoftmaxSize random_softmax_size(Generator& random) {
  SoftmaxSize s{edge(random, 70), edge(random, 4100)};
  while (s.rows * s.n > 60000) s.rows /= 2;
  return s;
}

template <class S>
std::span<const S> row_of(const std::vector<S>& x, int64_t r, int64_t n) {
  return {x.data() + r * n, static_cast<size_t>(n)};
}

// Logits as networks give them: up to 10 apart, somewhere on the line of numbers, now and then −∞.
template <class S>
std::vector<S> logits(SoftmaxSize s, Generator& random) {
  std::vector<S> x = numbers<S>(s.rows * s.n, random);
  const S somewhere = static_cast<S>((random.uniform() - 0.5) * 1000);
  const bool masked = random.integer(3) == 0;
  for (size_t i = 0; i < x.size(); ++i)
    x[i] = masked && i % static_cast<size_t>(s.n) != 0 && random.integer(4) == 0 ? -std::numeric_limits<S>::infinity()
                                                                                 : 5 * x[i] + somewhere;
  return x;
}

template <class S>
Reals log_softmax(std::span<const S> x) {
  Real most = -INFINITY, total = 0;
  for (const Real v : x) most = std::max(most, v);
  for (const Real v : x) total += std::exp(v - most);
  Reals y;
  for (const Real v : x) y.push_back(v - most - std::log(total));
  return y;
}

// Differences are at most 10 and rounded to ε/2 of that, exponentials to some ε, and sums have two levels.
template <class S>
constexpr double tolerance = 16 * epsilon<S>;

TYPED_TEST(Softmax, IsTheDefinition) {
  using S = TypeParam;
  Generator random(1, "softmax");
  for (int round = 0; round < rounds(150); ++round) {
    const SoftmaxSize s = random_softmax_size(random);
    SCOPED_TRACE(::testing::Message() << s.rows << " × " << s.n);
    std::vector<S> x = logits<S>(s, random), y(x.size()), log_y(x.size()), dx(x.size());
    if (round % 10 == 0 && !x.empty()) x[x.size() / 2] = std::numeric_limits<S>::quiet_NaN();  // a row of NaN
    softmax(false, x.data(), y.data(), s.rows, s.n);
    softmax(true, x.data(), log_y.data(), s.rows, s.n);
    Reals wanted, log_wanted;
    for (int64_t r = 0; r < s.rows; ++r)
      for (const Real v : log_softmax(row_of(x, r, s.n))) log_wanted.push_back(v), wanted.push_back(std::exp(v));
    expect_close(y, wanted, tolerance<S>, "softmax");
    expect_close(log_y, log_wanted, tolerance<S>, "log softmax");
    ASSERT_FALSE(this->HasFatalFailure());
  }
}

TYPED_TEST(Softmax, HasTheGradientOfTheDefinition) {
  using S = TypeParam;
  Generator random(2, "softmax");
  for (int round = 0; round < rounds(100); ++round) {
    const SoftmaxSize s = random_softmax_size(random);
    const std::vector<S> x = logits<S>(s, random), g = numbers<S>(s.rows * s.n, random);
    std::vector<S> y(x.size()), dx(x.size());
    for (const bool log : {false, true}) {
      softmax(log, x.data(), y.data(), s.rows, s.n);
      softmax_gradient(log, y.data(), g.data(), dx.data(), s.rows, s.n);
      Reals wanted;
      for (int64_t r = 0; r < s.rows; ++r) {
        const auto out = row_of(y, r, s.n), up = row_of(g, r, s.n);
        Real all = 0;
        for (size_t i = 0; i < out.size(); ++i) all += log ? up[i] : Real(up[i]) * out[i];
        for (size_t i = 0; i < out.size(); ++i)
          wanted.push_back(log ? up[i] - std::exp(Real(out[i])) * all : out[i] * (up[i] - all));
      }
      // With the logarithm the gradients are summed as they are: a walk of √n.
      expect_close(dx, wanted, tolerance<S> * (log ? 1 + std::sqrt(Real(s.n)) : 1), log ? "dx of log" : "dx");
      ASSERT_FALSE(this->HasFatalFailure());
    }
  }
}

// By sorting (Martins and Astudillo 2016): the k largest stay, the largest k for which the k-th is above their τ.
template <class S>
Reals sparsemax_by_sorting(std::span<const S> x) {
  Reals sorted(x.begin(), x.end()), y(x.begin(), x.end());
  std::sort(sorted.begin(), sorted.end(), std::greater<>());
  Real total = 0, tau = 0;
  for (size_t k = 1; k <= sorted.size(); ++k) {
    total += sorted[k - 1];
    if (sorted[k - 1] * Real(k) > total - 1) tau = (total - 1) / Real(k);
  }
  for (Real& v : y) v = std::max(v - tau, Real(0));
  return y;
}

TYPED_TEST(Softmax, SparsemaxIsTheDefinition) {
  using S = TypeParam;
  Generator random(3, "softmax");
  for (int round = 0; round < rounds(100); ++round) {
    const SoftmaxSize s = random_softmax_size(random);
    std::vector<S> x = numbers<S>(s.rows * s.n, random), y(x.size()), dx(x.size());
    const S spread = std::pow(S(10), static_cast<S>(random.integer(5) - 3));  // one number left, few, or all
    for (S& v : x) v *= spread;
    const std::vector<S> g = numbers<S>(s.rows * s.n, random);
    sparsemax(x.data(), y.data(), s.rows, s.n);
    sparsemax_gradient(y.data(), g.data(), dx.data(), s.rows, s.n);
    Reals wanted, gradient;
    for (int64_t r = 0; r < s.rows; ++r) {
      const Reals row = sparsemax_by_sorting(row_of(x, r, s.n));
      wanted.insert(wanted.end(), row.begin(), row.end());
      const auto out = row_of(y, r, s.n), up = row_of(g, r, s.n);
      Real total = 0, support = 0;
      for (size_t i = 0; i < out.size(); ++i)
        if (out[i] > 0) total += up[i], support += 1;
      for (size_t i = 0; i < out.size(); ++i) gradient.push_back(out[i] > 0 ? up[i] - total / support : 0);
    }
    // In f64 the reference's sum of n numbers around `spread` is no better than the kernel.
    expect_close(y, wanted, tolerance<S> * std::max<Real>(1, spread), "sparsemax");
    expect_close(dx, gradient, tolerance<S>, "dx of sparsemax");
    ASSERT_FALSE(this->HasFatalFailure());
  }
}

TYPED_TEST(Softmax, CrossEntropyIsTheDefinition) {
  using S = TypeParam;
  Generator random(4, "softmax");
  for (int round = 0; round < rounds(150); ++round) {
    SoftmaxSize s = random_softmax_size(random);
    s.n = std::max<int64_t>(s.n, 1);
    SCOPED_TRACE(::testing::Message() << s.rows << " × " << s.n);
    std::vector<S> x = numbers<S>(s.rows * s.n, random), weights = numbers<S>(s.n, random);
    for (S& v : x) v = 5 * v + 100;
    for (S& v : weights) v = std::abs(v);
    const bool weighted = random.integer(2) == 0;
    const double smoothing = random.integer(2) == 0 ? 0 : static_cast<float>(random.uniform()), scale = 0.25;
    if (!weighted) weights.assign(weights.size(), S(1));
    const Real weight_sum = std::accumulate(weights.begin(), weights.end(), 0.0);
    std::vector<int64_t> label;
    for (int64_t r = 0; r < s.rows; ++r) label.push_back(random.integer(5) == 0 ? -100 : random.integer(s.n));
    const Labels<S> labels{label.data(), -100, weighted ? weights.data() : nullptr, static_cast<S>(smoothing),
                           static_cast<S>(weight_sum)};
    std::vector<S> loss(label.size()), alone(label.size()), dx(x.size());
    cross_entropy(x.data(), labels, static_cast<S>(scale), loss.data(), dx.data(), s.rows, s.n);
    cross_entropy(x.data(), labels, static_cast<S>(scale), alone.data(), static_cast<S*>(nullptr), s.rows, s.n);
    EXPECT_EQ(alone, loss);
    Reals wanted, gradient;
    for (int64_t r = 0; r < s.rows; ++r) {
      const Reals log_p = log_softmax(row_of(x, r, s.n));
      Real sum = 0, target_sum = 0;
      Reals target(log_p.size());
      if (label[size_t(r)] != -100)
        for (size_t c = 0; c < log_p.size(); ++c) {
          const Real here = int64_t(c) == label[size_t(r)] ? 1 : 0;
          target[c] = weights[c] * ((1 - smoothing) * here + smoothing / Real(s.n));
          sum -= target[c] * log_p[c];
          target_sum += target[c];
        }
      wanted.push_back(sum);
      for (size_t c = 0; c < log_p.size(); ++c)
        gradient.push_back(scale * (std::exp(log_p[c]) * target_sum - target[c]));
    }
    expect_close(loss, wanted, 2 * tolerance<S>, "loss");  // up to 20
    expect_close(dx, gradient, tolerance<S>, "dx of cross entropy");
    ASSERT_FALSE(this->HasFailure());
  }
}

TYPED_TEST(Softmax, CrossEntropyGivesNothingToWhatIsMaskedAndHandsNaNOn) {
  using S = TypeParam;
  constexpr S infinity = std::numeric_limits<S>::infinity();
  for (const int64_t n : {2, 10, 16, 17, 40}) {
    // Rows: one with every second logit masked, one with a NaN, one masked altogether.
    std::vector<S> x(static_cast<size_t>(3 * n)), dx(x.size()), loss(3);
    for (int64_t c = 0; c < n; ++c) x[size_t(c)] = c % 2 == 1 ? -infinity : S(0), x[size_t(2 * n + c)] = -infinity;
    x[size_t(n)] = std::numeric_limits<S>::quiet_NaN();
    const std::vector<int64_t> label = {0, n - 1, 0};
    cross_entropy(x.data(), Labels<S>{label.data(), -100, nullptr, 0, S(n)}, S(1), loss.data(), dx.data(), 3, n);
    const double kept = static_cast<double>((n + 1) / 2);
    EXPECT_NEAR(loss[0], std::log(kept), 1e-6) << n;
    for (int64_t c = 0; c < n; ++c) {
      const S here = dx[size_t(c)];
      if (c % 2 == 1)
        EXPECT_TRUE(here == 0 && !std::signbit(here)) << n << ", " << c << ": " << here;
      else
        EXPECT_NEAR(here, 1 / kept - (c == 0 ? 1 : 0), 1e-6) << n << ", " << c;
      EXPECT_TRUE(std::isnan(dx[size_t(n + c)]) && std::isnan(dx[size_t(2 * n + c)])) << n << ", " << c;
    }
    EXPECT_TRUE(std::isnan(loss[1]) && std::isnan(loss[2])) << n;
  }
}

}  // namespace
}  // namespace cairn::kernels
