#include "kernels/layer_norm.h"

#include "kernels/numbers.h"

namespace cairn::kernels {
namespace {

template <class S>
struct LayerNorm : ::testing::Test {};
using Scalars = ::testing::Types<float, double>;
TYPED_TEST_SUITE(LayerNorm, Scalars);

TYPED_TEST(LayerNorm, AndItsGradientAreTheDefinition) {
  using S = TypeParam;
  Generator random(1, "layer norm");
  for (int round = 0; round < rounds(150); ++round) {
    int64_t rows = edge(random, 130);
    const int64_t n = std::max<int64_t>(edge(random, 4100), 1);
    while (rows * n > 60000) rows /= 2;
    SCOPED_TRACE(::testing::Message() << rows << " × " << n);
    const S eps = S(1e-3), spread = random.integer(2) == 0 ? S(1) : S(0.01), center = static_cast<S>(random.integer(3));
    std::vector<S> x = numbers<S>(rows * n, random), y(x.size()), dx(x.size());
    for (S& v : x) v = v * spread + center;
    const std::vector<S> weight = numbers<S>(n, random), bias = numbers<S>(n, random), g = numbers<S>(rows * n, random);
    std::vector<S> mean(static_cast<size_t>(rows)), rstd(mean.size()), dweight(weight.size()), dbias(weight.size());
    layer_norm(x.data(), weight.data(), bias.data(), y.data(), mean.data(), rstd.data(), rows, n, eps);
    layer_norm_gradient(x.data(), weight.data(), mean.data(), rstd.data(), g.data(), dx.data(), dweight.data(),
                        dbias.data(), rows, n);
    Reals mean_wanted, rstd_wanted, y_wanted, dx_wanted, dweight_wanted(weight.size()), dbias_wanted(weight.size());
    Real largest_rstd = 0;
    for (size_t r = 0; r < mean.size(); ++r) {
      const size_t at = r * size_t(n);
      Real m = 0, var = 0;
      for (size_t i = 0; i < size_t(n); ++i) m += x[at + i] / Real(n);
      for (size_t i = 0; i < size_t(n); ++i) var += (x[at + i] - m) * (x[at + i] - m) / Real(n);
      const Real q = 1 / std::sqrt(var + Real(eps));
      mean_wanted.push_back(m), rstd_wanted.push_back(q);
      largest_rstd = std::max(largest_rstd, q);
      for (size_t i = 0; i < size_t(n); ++i) y_wanted.push_back((x[at + i] - m) * q * weight[i] + bias[i]);
      Real along_one = 0, along_normed = 0;
      for (size_t i = 0; i < size_t(n); ++i) {
        const double normed = (x[at + i] - m) * q, up = g[at + i];
        along_one += up * weight[i] / Real(n);
        along_normed += up * weight[i] * normed / Real(n);
        dweight_wanted[i] += up * normed;
        dbias_wanted[i] += up;
      }
      for (size_t i = 0; i < size_t(n); ++i)
        dx_wanted.push_back(q * (g[at + i] * weight[i] - along_one - (x[at + i] - m) * q * along_normed));
    }
    // The mean of numbers up to 3 is rounded, and that is multiplied by rstd, once more for dx.
    const Real rounding = 16 * epsilon<S>, of_normed = rounding * (1 + largest_rstd);
    expect_close(mean, mean_wanted, rounding, "mean");
    expect_close(rstd, rstd_wanted, rounding * largest_rstd, "rstd");
    expect_close(y, y_wanted, of_normed, "y");
    expect_close(dx, dx_wanted, of_normed * (1 + largest_rstd), "dx");
    expect_close(dweight, dweight_wanted, of_normed * std::sqrt(Real(rows)), "dweight");
    expect_close(dbias, dbias_wanted, rounding * std::sqrt(Real(rows)), "dbias");
    ASSERT_FALSE(this->HasFatalFailure());
  }
}

TYPED_TEST(LayerNorm, OfARowDoesNotDependOnTheOthers) {
  using S = TypeParam;
  Generator random(2, "layer norm");
  for (int round = 0; round < rounds(60); ++round) {
    const int64_t rows = 1 + random.integer(7), n = std::max<int64_t>(edge(random, 1100), 1);
    SCOPED_TRACE(::testing::Message() << rows << " × " << n);
    const std::vector<S> x = numbers<S>(rows * n, random), g = numbers<S>(rows * n, random),
                         weight = numbers<S>(n, random), bias = numbers<S>(n, random);
    std::vector<S> together[4], alone[4];  // y and dx of layer_norm, then of rms_norm
    const auto run = [&](std::vector<S>(&out)[4], int64_t first, int64_t count) {
      std::vector<S> mean(static_cast<size_t>(count)), rstd(mean.size()), y(static_cast<size_t>(count * n)), dw(weight),
          db(weight);
      const S *from = x.data() + first * n, *up = g.data() + first * n;
      const auto keep = [&](int i) { out[i].insert(out[i].end(), y.begin(), y.end()); };
      layer_norm(from, weight.data(), bias.data(), y.data(), mean.data(), rstd.data(), count, n, S(1e-5)), keep(0);
      layer_norm_gradient(from, weight.data(), mean.data(), rstd.data(), up, y.data(), dw.data(), db.data(), count, n);
      keep(1);
      rms_norm(from, weight.data(), y.data(), rstd.data(), count, n, S(1e-5)), keep(2);
      rms_norm_gradient(from, weight.data(), rstd.data(), up, y.data(), dw.data(), count, n), keep(3);
    };
    run(together, 0, rows);
    for (int64_t r = 0; r < rows; ++r) run(alone, r, 1);
    for (int i = 0; i < 4; ++i) ASSERT_EQ(together[i], alone[i]) << i;
  }
}

}  // namespace
}  // namespace cairn::kernels
