#include "kernels/maxout.h"

#include "kernels/numbers.h"

namespace cairn::kernels {
namespace {

template <class S>
struct Maxout : ::testing::Test {};
using Scalars = ::testing::Types<float, double>;
TYPED_TEST_SUITE(Maxout, Scalars);

TYPED_TEST(Maxout, AndItsGradientAreTheDefinition) {
  using S = TypeParam;
  Generator random(1, "maxout");
  for (int round = 0; round < rounds(80); ++round) {
    int64_t units = edge(random, 2100), block = round % 2 ? 1 : std::max<int64_t>(edge(random, 520), 1);
    const int64_t pieces = 1 + random.integer(6);
    if (round % 40 == 0) units = 20000, block = 1 + random.integer(3);  // several threads' work
    while (units * block > 60000) units /= 2;
    SCOPED_TRACE(::testing::Message() << units << " × " << pieces << " × " << block);
    std::vector<S> x = quarters<S>(units * pieces * block, random);
    const std::vector<S> g = numbers<S>(units * block, random);
    if (round % 3 == 0)
      for (S& v : x) v = random.integer(20) == 0 ? std::numeric_limits<S>::quiet_NaN() : v;
    std::vector<S> y(g.size(), S(7)), dx(x.size(), S(7));
    maxout(x.data(), y.data(), units, pieces, block);
    maxout_gradient(x.data(), g.data(), dx.data(), units, pieces, block);
    Reals wanted(y.size()), gradient(x.size());
    for (int64_t i = 0; i < units * block; ++i) {
      const auto at = [&](int64_t p) { return size_t((i / block * pieces + p) * block + i % block); };
      Real most = -INFINITY, ties = 0;
      for (int64_t p = 0; p < pieces; ++p) most = x[at(p)] > most || std::isnan(x[at(p)]) ? x[at(p)] : most;
      for (int64_t p = 0; p < pieces; ++p) ties += x[at(p)] == most;
      wanted[size_t(i)] = most;
      for (int64_t p = 0; p < pieces; ++p)
        gradient[at(p)] = std::isnan(most) ? NAN : x[at(p)] == most ? g[size_t(i)] / ties : 0;
    }
    expect_close(y, wanted, 0, "largest");
    expect_close(dx, gradient, 2 * epsilon<S>, "dx");  // one third is rounded, and its product
    ASSERT_FALSE(this->HasFatalFailure());
  }
}

}  // namespace
}  // namespace cairn::kernels
