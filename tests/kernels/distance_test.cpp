#include "kernels/distance.h"

#include "kernels/numbers.h"

namespace cairn::kernels {
namespace {

template <class S>
struct Distance : ::testing::Test {};
using Scalars = ::testing::Types<float, double>;
TYPED_TEST_SUITE(Distance, Scalars);

struct DistanceSize {
  int64_t rows, m, d;
};
DistanceSize random_distance_size(Generator& random) {
  DistanceSize s{edge(random, 200), edge(random, 1100), edge(random, 200)};
  while (s.rows * s.m * s.d > 300000) (s.rows > s.d ? s.rows : s.d > s.m ? s.d : s.m) /= 2;
  return s;
}

template <class S>
std::vector<S> packed(const std::vector<S>& points, DistanceSize s) {
  std::vector<S> panels(static_cast<size_t>(packed_size<S>(s.m, s.d)), S(7));
  pack_points(points.data(), s.m, s.d, panels.data());
  return panels;
}

// What f(i, j, k) gives for all rows, points and coordinates.
template <class F>
void each(DistanceSize s, F f) {
  for (int64_t i = 0; i < s.rows; ++i)
    for (int64_t j = 0; j < s.m; ++j)
      for (int64_t k = 0; k < s.d; ++k) f(size_t(i * s.m + j), size_t(i * s.d + k), size_t(j * s.d + k));
}

TYPED_TEST(Distance, SquaresAndTheirGradientAreTheDefinition) {
  using S = TypeParam;
  Generator random(1, "distance");
  for (int round = 0; round < rounds(120); ++round) {
    const DistanceSize s = random_distance_size(random);
    SCOPED_TRACE(::testing::Message() << s.rows << " × " << s.d << " to " << s.m);
    const std::vector<S> x = numbers<S>(s.rows * s.d, random), points = numbers<S>(s.m * s.d, random),
                         scale = numbers<S>(s.m, random), a = numbers<S>(s.rows * s.m, random),
                         panels = packed(points, s);
    Reals wanted(a.size()), differences(x.size());
    each(s, [&](size_t pair, size_t of_x, size_t of_point) {
      const Real difference = Real(x[of_x]) - points[of_point];
      wanted[pair] += difference * difference;
      differences[of_x] += a[pair] * difference;
    });
    // Squares are at most 4, and so is what rounding has to do with each on its way. Differences go to both sides.
    const Real of_squares = 8 * epsilon<S> * s.d, of_sums = 8 * epsilon<S> * (1 + std::sqrt(Real(s.m)));
    std::vector<S> q(a.size()), y(x.size());
    squared_distances(x.data(), s.rows, panels.data(), static_cast<const S*>(nullptr), s.m, s.d, q.data());
    expect_close(q, wanted, of_squares, "squares");
    squared_distances(x.data(), s.rows, panels.data(), scale.data(), s.m, s.d, q.data());
    for (size_t i = 0; i < wanted.size(); ++i) wanted[i] *= scale[i % scale.size()];
    expect_close(q, wanted, of_squares, "scaled squares");
    weighted_differences(x.data(), a.data(), s.rows, panels.data(), s.m, s.d, y.data());
    expect_close(y, differences, of_sums, "differences");
    ASSERT_FALSE(this->HasFatalFailure());
  }
}

TYPED_TEST(Distance, TheNearestIsTheFirstOfThem) {
  using S = TypeParam;
  Generator random(2, "distance");
  for (int round = 0; round < rounds(120); ++round) {
    DistanceSize s = random_distance_size(random);
    s.m = std::max<int64_t>(s.m, 1);
    if (round % 2) s.d = std::min<int64_t>(s.d, 2);  // so that many are equally near
    SCOPED_TRACE(::testing::Message() << s.rows << " × " << s.d << " to " << s.m);
    // In quarters: squares are exact, and so is which of them are equal.
    const std::vector<S> x = quarters<S>(s.rows * s.d, random), points = quarters<S>(s.m * s.d, random);
    Reals squares(size_t(s.rows * s.m)), wanted;
    each(s, [&](size_t pair, size_t of_x, size_t of_point) {
      squares[pair] += (Real(x[of_x]) - points[of_point]) * (Real(x[of_x]) - points[of_point]);
    });
    std::vector<int64_t> index(static_cast<size_t>(s.rows)), index_wanted;
    for (int64_t i = 0; i < s.rows; ++i) {
      const auto row = squares.begin() + i * s.m, least = std::min_element(row, row + s.m);
      wanted.push_back(*least), index_wanted.push_back(least - row);
    }
    std::vector<S> square(index.size());
    nearest_points(x.data(), s.rows, packed(points, s).data(), s.m, s.d, index.data(), square.data());
    EXPECT_EQ(index, index_wanted);
    expect_close(square, wanted, 0, "squares");
    ASSERT_FALSE(this->HasFailure());
  }
}

}  // namespace
}  // namespace cairn::kernels
