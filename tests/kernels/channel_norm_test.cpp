#include "kernels/channel_norm.h"

#include "kernels/numbers.h"

namespace cairn::kernels {
namespace {

template <class S>
struct ChannelNorm : ::testing::Test {};
using Scalars = ::testing::Types<float, double>;
TYPED_TEST_SUITE(ChannelNorm, Scalars);

struct ChannelSize {
  int64_t rows, c;
};
ChannelSize random_channel_size(Generator& random, int64_t least_rows) {
  ChannelSize s{std::max(edge(random, 8300), least_rows), edge(random, 520)};
  while (s.rows * s.c > 100000) s.rows = (s.rows + 1) / 3;
  return s;
}

// Rows that are summed one after the other; the sums are added in f64.
int64_t block_of(ChannelSize s) { return std::min(s.rows, 16384 / std::max<int64_t>(s.c, 1)); }

TYPED_TEST(ChannelNorm, MomentsAreTheDefinition) {
  using S = TypeParam;
  Generator random(1, "channel norm");
  for (int round = 0; round < rounds(80); ++round) {
    const ChannelSize s = random_channel_size(random, 1);
    SCOPED_TRACE(::testing::Message() << s.rows << " × " << s.c);
    std::vector<S> x = numbers<S>(s.rows * s.c, random);
    const S center = static_cast<S>(round % 3 * 1000);
    for (size_t i = 0; i < x.size(); ++i)
      x[i] += round % 4 == 0 && i < size_t(s.c) ? S(50) : center;  // the first row may lie far from the others
    std::vector<double> mean(static_cast<size_t>(s.c)), var(mean.size());
    Reals mean_wanted(mean.size()), var_wanted(mean.size());
    channel_moments(x.data(), s.rows, s.c, mean.data(), var.data());
    for (size_t j = 0; j < mean.size(); ++j) {
      for (size_t i = j; i < x.size(); i += mean.size()) mean_wanted[j] += x[i] / Real(s.rows);
      for (size_t i = j; i < x.size(); i += mean.size())
        var_wanted[j] += (x[i] - mean_wanted[j]) * (x[i] - mean_wanted[j]) / Real(s.rows);
      // Rounded sums of a block of rows; and they are about a row up to four deviations from the mean, so that squares
      // are up to 1 + 16 times as large. The means of blocks are joined as doubles.
      const Real deviation = std::sqrt(var_wanted[j]), growth = std::sqrt(Real(block_of(s))),
                 of_mean = 2 * epsilon<double> * std::abs(mean[j]);
      ASSERT_NEAR(mean[j], mean_wanted[j], 4 * epsilon<S> * growth * deviation + of_mean);
      ASSERT_NEAR(var[j], var_wanted[j],
                  17 * epsilon<S> * growth * var_wanted[j] + of_mean * (deviation + epsilon<double>));
    }
  }
}

TYPED_TEST(ChannelNorm, SumsAndLinesAreTheDefinition) {
  using S = TypeParam;
  Generator random(2, "channel norm");
  for (int round = 0; round < rounds(80); ++round) {
    const ChannelSize s = random_channel_size(random, 0);
    SCOPED_TRACE(::testing::Message() << s.rows << " × " << s.c);
    const std::vector<S> g = numbers<S>(s.rows * s.c, random), x = numbers<S>(s.rows * s.c, random),
                         a = numbers<S>(s.c, random), b = numbers<S>(s.c, random), d = numbers<S>(s.c, random);
    std::vector<double> sum(a.size()), dot(a.size());
    Reals sum_wanted(a.size()), dot_wanted(a.size()), affine, blend;
    for (size_t i = 0; i < x.size(); ++i) {
      const size_t j = i % a.size();
      sum_wanted[j] += g[i];
      dot_wanted[j] += g[i] * (Real(x[i]) - a[j]);
      affine.push_back(Real(x[i]) * a[j] + b[j]);
      blend.push_back(Real(g[i]) * a[j] + Real(x[i]) * b[j] + d[j]);
    }
    channel_dots(g.data(), x.data(), a.data(), s.rows, s.c, sum.data(), dot.data());
    // The sum of k of a block's n numbers up to 1, or 2, is about √k and rounded to ε/2 of that: n/8 ε in the end, in
    // the mean.
    const Real walk = epsilon<S> * std::sqrt(Real(s.rows * block_of(s)));
    expect_close(sum, sum_wanted, walk, "sum");
    expect_close(dot, dot_wanted, 2 * walk, "dot");
    std::vector<S> y(x.size());
    channel_affine(x.data(), a.data(), b.data(), y.data(), s.rows, s.c);
    expect_close(y, affine, 2 * epsilon<S>, "affine");
    channel_blend(g.data(), a.data(), x.data(), b.data(), d.data(), y.data(), s.rows, s.c);
    expect_close(y, blend, 4 * epsilon<S>, "blend");
    ASSERT_FALSE(this->HasFatalFailure());
  }
}

}  // namespace
}  // namespace cairn::kernels
