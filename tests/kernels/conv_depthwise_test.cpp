#include "kernels/conv_depthwise.h"

#include "kernels/numbers.h"

namespace cairn::kernels {
namespace {

using Doubles = std::vector<double>;

template <class S>
struct ConvDepthwise : ::testing::Test {};
using Scalars = ::testing::Types<float, double>;
TYPED_TEST_SUITE(ConvDepthwise, Scalars);

// One dimension: size of the image, of the result, kernel, stride, padding, dilation. What stands behind the image
// follows from the sizes, and may be less than the kernel reaches or more.
struct Axis {
  int64_t x, kernel, stride, padding, dilation, y;
};
Axis random_axis(Generator& random) {
  Axis a{1 + random.integer(15), 1 + random.integer(5), 1 + random.integer(3),
         random.integer(6),      1 + random.integer(3), 0};
  const int64_t reach = a.dilation * (a.kernel - 1) + 1;
  a.y = std::max<int64_t>(1, (a.x + a.padding + random.integer(6) - reach) / a.stride + 1);
  return a;
}

TYPED_TEST(ConvDepthwise, IsTheDefinition) {
  using S = TypeParam;
  Generator random(1, "depthwise");
  for (int round = 0; round < rounds(120); ++round) {
    const Axis h = random_axis(random), w = random_axis(random);
    const int64_t c = std::max<int64_t>(2, edge(random, 140));
    const Conv g{random.integer(4), c,        h.x,      w.x,       c,         h.y,        w.y,        h.kernel,
                 w.kernel,          h.stride, w.stride, h.padding, w.padding, h.dilation, w.dilation, c};
    ASSERT_TRUE(is_depthwise(g));
    SCOPED_TRACE(::testing::Message() << g.n << " × " << c << " × " << h.x << " × " << w.x << " to " << h.y << " × "
                                      << w.y << ", kernel " << h.kernel << " × " << w.kernel);
    const std::vector<S> x = numbers<S>(g.n * c * h.x * w.x, random), up = numbers<S>(g.n * c * h.y * w.y, random),
                         weight = numbers<S>(c * h.kernel * w.kernel, random), bias = numbers<S>(c, random);
    const Doubles x_64(x.begin(), x.end()), up_64(up.begin(), up.end()), weight_64(weight.begin(), weight.end()),
        bias_64(bias.begin(), bias.end());
    Doubles y_wanted(up.size()), dx_wanted(x.size()), dweight_wanted(weight.size());
    std::vector<S> y(up.size(), S(7)), dx(x.size(), S(7)), dweight(weight.size(), S(7));
    for (const bool with : {true, false}) {
      conv_depthwise(g, x.data(), weight.data(), with ? bias.data() : nullptr, y.data());
      conv_reference(g, x_64.data(), weight_64.data(), with ? bias_64.data() : nullptr, y_wanted.data());
      conv_transpose_depthwise(g, up.data(), weight.data(), with ? bias.data() : nullptr, dx.data());
      conv_transpose_reference(g, up_64.data(), weight_64.data(), with ? bias_64.data() : nullptr, dx_wanted.data());
      // At most 25 products: a walk of 5, each of whose steps is rounded.
      expect_close(y, Reals(y_wanted.begin(), y_wanted.end()), 16 * epsilon<S>, "y");
      expect_close(dx, Reals(dx_wanted.begin(), dx_wanted.end()), 16 * epsilon<S>, "dx");
    }
    conv_weight_depthwise(g, x.data(), up.data(), dweight.data());
    conv_weight_reference(g, x_64.data(), up_64.data(), dweight_wanted.data());
    const auto places = static_cast<double>(g.n * h.y * w.y);
    expect_close(dweight, Reals(dweight_wanted.begin(), dweight_wanted.end()), 4 * epsilon<S> * (1 + std::sqrt(places)),
                 "dweight");
    ASSERT_FALSE(this->HasFatalFailure());
  }
}

}  // namespace
}  // namespace cairn::kernels
