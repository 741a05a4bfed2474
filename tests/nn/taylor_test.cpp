#include "cairn/nn/taylor.h"

#include <cairn/testing.h>
#include <gmock/gmock.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "cairn/autograd/backward.h"
#include "cairn/nn/registry.h"
#include "cairn/ops/arithmetic.h"
#include "cairn/tensor/create.h"
#include "cairn/tensor/random.h"
#include "support.h"

namespace cairn {
namespace {

using ::testing::HasSubstr;

TEST(TaylorLayer, ComputesByHand) {
  nn::Taylor layer("tanh", 5, 1.5);
  for (const Dtype dtype : {f32, f64}) {
    const Tensor x = linspace(-1.5, 1.5, 12, dtype).reshape({3, 4});
    const double tolerance = dtype == f32 ? 3e-7 : 1e-15;
    const Tensor y = layer(x);
    EXPECT_EQ(y.dtype(), dtype);
    EXPECT_TRUE(allclose(y, x - x * x * x / 3.0 + x * x * x * x * x * (2.0 / 15), tolerance, tolerance));
    EXPECT_EQ(layer(x.t()).shape(), Shape({4, 3}));
    EXPECT_EQ(layer(zeros({0, 3}, dtype)).shape(), Shape({0, 3}));
  }
  EXPECT_THROW(layer(ones({2}, i64)), DtypeError);
}

TEST(TaylorLayer, TellsOfItself) {
  const nn::Taylor layer("tanh", 3, 1.5);
  EXPECT_EQ(layer.coefficients().size(), 4U);
  EXPECT_NEAR(layer.coefficients()[3], -1. / 3, 1e-16);
  EXPECT_NEAR(layer.radius(), std::acos(0.0), 1e-4);
  EXPECT_NEAR(layer.max_error(), std::tanh(1.5) - (1.5 - 1.125), 1e-15);  // at the ends
  EXPECT_EQ(layer.interval(), 1.5);
  EXPECT_EQ(layer.function().text(), "tanh");
  EXPECT_EQ(layer.polynomial().text(), "taylor(tanh, 3, 1.5)");
  // More terms, smaller errors; on a smaller interval too.
  double before = INFINITY;
  for (const int64_t degree : {1, 3, 5, 7, 9, 21}) {
    const double error = nn::Taylor("tanh", degree, 1.5).max_error();
    EXPECT_LT(error, before);
    EXPECT_LT(nn::Taylor("tanh", degree, 0.5).max_error(), error / 5);
    before = error;
  }
}

TEST(TaylorLayer, GradientsOfEveryOrder) {
  manual_seed(3);
  for (const auto& [f, degree] : {std::pair("tanh", 7), {"gelu", 6}, {"cos(x)", 4}, {"exp", 1}, {"exp", 0}}) {
    SCOPED_TRACE(f);
    nn::Taylor layer(f, degree, 1.5);
    EXPECT_GRADIENTS([&](const std::vector<Tensor>& in) { return layer(in[0]); }, {randn({3, 4}, f64)});
  }
  // Three times by hand: x − x³/3 becomes −2.
  nn::Taylor layer("tanh", 3, 1.5);
  const Tensor x = tensor({-1., 0., 0.7}, f64).requires_grad_(), one = ones({3}, f64);
  Tensor y = layer(x);
  for (int k = 0; k < 3; ++k) y = grad({y}, {x}, {one}, true, true)[0];
  EXPECT_TRUE(allclose(y, one * -2.0, 1e-14, 0));
}

TEST(TaylorLayer, IsMadeAgainFromItsOptions) {
  const nn::Taylor layer("tanh(x) + swish(x, 2)", 4, 0.75);
  const Json description = nn::describe(layer);
  EXPECT_EQ(description.dump(),
            R"j({"type":"Taylor","options":{"function":"tanh(x) + swish(x, 2)","degree":4,"interval":0.75}})j");
  const auto again = nn::build(description);
  const Tensor x = randn({5}, f64);
  EXPECT_TRUE(equal((*again)(x), nn::Taylor("tanh(x) + swish(x, 2)", 4, 0.75)(x)));
  EXPECT_EQ(nn::describe(*again), description);
}

TEST(TaylorLayer, RefusesWithAReason) {
  const auto text = [](const char* f, int64_t degree, double interval) {
    return text_of<ValueError>([&] { nn::Taylor(f, degree, interval); });
  };
  EXPECT_THAT(text("relu", 3, 1), HasSubstr("its derivative of order 1 jumps there; got function 'relu'"));
  EXPECT_THAT(text("tanh", 3, 1.6), HasSubstr("got function 'tanh', interval 1.6, radius 1.570"));
  EXPECT_THAT(text("hardtanh", 3, 2), HasSubstr("interval 2, place 1"));
  EXPECT_THAT(text("softmax", 3, 1), HasSubstr("a fold is no function of one number"));
  EXPECT_THAT(text("tanh", 1000, 1), HasSubstr("the degree must be from 0 to 100; got degree 1000"));
  EXPECT_THAT(text("tanh", 3, 0), HasSubstr("the interval must be above 0"));
  EXPECT_THAT(text_of<NameError>([] { nn::Taylor("tanhh", 3, 1); }), HasSubstr("did you mean 'tanh'"));
  EXPECT_THAT(text_of<ValueError>(
                  [] { nn::build(Json::parse(R"({"type":"Taylor","options":{"function":"tanh","degree":3}})")); }),
              HasSubstr("Taylor: the option 'interval' is missing"));
}

}  // namespace
}  // namespace cairn
