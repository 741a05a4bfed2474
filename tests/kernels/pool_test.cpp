#include "kernels/pool.h"

#include <functional>

#include "kernels/numbers.h"

namespace cairn::kernels {
namespace {

template <class S>
struct Pool : ::testing::Test {};
using Scalars = ::testing::Types<float, double>;
TYPED_TEST_SUITE(Pool, Scalars);

// Windows of a kernel that slides, of a result of any size, or at random: what lies outside the image is cut off.
Windows random_windows(int64_t size, Generator& random) {
  Windows windows;
  const auto add = [&](int64_t begin, int64_t end) {
    for (; begin < 0; begin += windows.step) {
    }
    windows.begin.push_back(begin);
    windows.end.push_back(std::min(end, size));
    windows.divisor.push_back(static_cast<double>(1 + random.integer(9)));
  };
  const int64_t count = 1 + random.integer(size + 3), kernel = 1 + random.integer(4), stride = 1 + random.integer(3);
  const int64_t kind = random.integer(3), padding = random.integer(kernel);
  if (kind < 2) windows.step = 1 + random.integer(3);
  for (int64_t i = 0; i < count; ++i) {
    const int64_t first = i * stride - padding;
    if (kind == 0) {
      add(first, first + (kernel - 1) * windows.step + 1);
    } else if (kind == 1) {
      const int64_t begin = random.integer(size + 1);
      add(begin, begin + random.integer(size - begin + 2));  // often nothing
    } else {
      add(i * size / count, ((i + 1) * size + count - 1) / count);
    }
  }
  return windows;
}

struct Case {
  Images size;
  Windows h, w;
  int64_t places() const { return size.n * size.c * size.h * size.w; }
  int64_t results() const { return size.n * size.c * h.count() * w.count(); }
};
Case random_case(Generator& random) {
  Case g{{random.integer(4), edge(random, 130), 1 + random.integer(12), 1 + random.integer(12)}, {}, {}};
  g.h = random_windows(g.size.h, random), g.w = random_windows(g.size.w, random);
  return g;
}

// f(place of the result, number in the window, place in the image) for all that every window sees, in order.
void each(const Case& g, const std::function<void(size_t, int64_t, size_t)>& f) {
  for (int64_t n = 0; n < g.size.n; ++n)
    for (int64_t i = 0; i < g.h.count(); ++i)
      for (int64_t j = 0; j < g.w.count(); ++j)
        for (int64_t k = 0; k < g.size.c; ++k) {
          int64_t row = 0;
          for (int64_t a = g.h.begin[size_t(i)]; a < g.h.end[size_t(i)]; a += g.h.step, ++row) {
            int64_t column = 0;
            for (int64_t b = g.w.begin[size_t(j)]; b < g.w.end[size_t(j)]; b += g.w.step, ++column)
              f(size_t(((n * g.h.count() + i) * g.w.count() + j) * g.size.c + k), row * g.w.widest() + column,
                size_t(((n * g.size.h + a) * g.size.w + b) * g.size.c + k));
          }
        }
}

double divisor_of(const Case& g, size_t result) {
  const int64_t window = static_cast<int64_t>(result) / g.size.c;
  return g.h.divisor[size_t(window / g.w.count() % g.h.count())] * g.w.divisor[size_t(window % g.w.count())];
}

template <class S, class I>
void check_max(const Case& g, Generator& random) {
  std::vector<S> x = quarters<S>(g.places(), random), y(size_t(g.results()));
  if (random.integer(3) == 0)
    for (S& v : x) v = random.integer(9) == 0 ? std::numeric_limits<S>::quiet_NaN() : v;
  std::vector<I> at(y.size());
  max_pool(g.size, g.h, g.w, x.data(), y.data(), at.data());
  Reals wanted(y.size(), -INFINITY);
  std::vector<I> at_wanted(y.size(), 0);
  std::vector<size_t> from(y.size(), x.size());  // where in x the largest stands
  each(g, [&](size_t result, int64_t number, size_t place) {
    const double v = x[place];
    const bool first = from[result] == x.size();
    if (first || v > wanted[result] || (std::isnan(v) && !std::isnan(wanted[result])))
      wanted[result] = v, at_wanted[result] = static_cast<I>(number), from[result] = place;
  });
  expect_close(y, wanted, 0, "max");
  EXPECT_EQ(at, at_wanted);

  const std::vector<S> other = numbers<S>(g.places(), random), up = numbers<S>(g.results(), random);
  std::vector<S> dx(x.size(), S(7));
  pick(g.size, g.h, g.w, other.data(), at.data(), y.data());
  unpick(g.size, g.h, g.w, up.data(), at.data(), dx.data());
  Reals picked(y.size()), gradient(x.size());
  for (size_t i = 0; i < from.size(); ++i)
    if (from[i] < x.size()) picked[i] = other[from[i]], gradient[from[i]] += up[i];
  expect_close(y, picked, 0, "pick");
  expect_close(dx, gradient, 16 * epsilon<S>, "unpick");  // some windows see a place
}

TYPED_TEST(Pool, TheLargestIsThatOfTheDefinition) {
  Generator random(1, "pool");
  for (int round = 0; round < rounds(100); ++round) {
    const Case g = random_case(random);
    check_max<TypeParam, uint8_t>(g, random);
    check_max<TypeParam, int64_t>(g, random);
    ASSERT_FALSE(this->HasFailure());
  }
}

TYPED_TEST(Pool, TheMeanIsThatOfTheDefinition) {
  using S = TypeParam;
  Generator random(2, "pool");
  for (int round = 0; round < rounds(100); ++round) {
    const Case g = random_case(random);
    const std::vector<S> x = numbers<S>(g.places(), random), up = numbers<S>(g.results(), random);
    std::vector<S> y(up.size(), S(7)), dx(x.size(), S(7));
    avg_pool(g.size, g.h, g.w, x.data(), y.data());
    avg_pool_transpose(g.size, g.h, g.w, up.data(), dx.data());
    Reals wanted(y.size()), gradient(x.size());
    each(g, [&](size_t result, int64_t, size_t place) {
      wanted[result] += x[place] / divisor_of(g, result);
      gradient[place] += up[result] / divisor_of(g, result);
    });
    // At most 144 numbers are added up: a walk of 12, and rows are summed first.
    expect_close(y, wanted, 16 * epsilon<S>, "mean");
    expect_close(dx, gradient, 16 * epsilon<S>, "dx of mean");
    ASSERT_FALSE(this->HasFatalFailure());
  }
}

}  // namespace
}  // namespace cairn::kernels
