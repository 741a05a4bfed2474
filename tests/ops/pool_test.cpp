#include "cairn/ops/pool.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "cairn/autograd/backward.h"
#include "cairn/base/threads.h"
#include "cairn/ops/arithmetic.h"
#include "cairn/ops/reduce.h"
#include "cairn/tensor/create.h"
#include "cairn/tensor/random.h"
#include "support.h"

using namespace cairn;
using ::testing::HasSubstr;

namespace {

using Values = std::vector<double>;
Values values(const Tensor& t) { return t.to_vector<double>(); }

// 1 … 16 in a square.
Tensor square() { return arange(1, 17, 1, f64).reshape({1, 1, 4, 4}); }

TEST(MaxPool2d, ByHand) {
  const Tensor x = square();
  EXPECT_EQ(values(max_pool2d(x, 2)), (Values{6, 8, 14, 16}));
  EXPECT_EQ(values(max_pool2d(x, {2, 4})), (Values{8, 16}));
  EXPECT_EQ(values(max_pool2d(x, 3, {.stride = 2, .padding = 1})), (Values{6, 8, 14, 16}));
  EXPECT_EQ(values(max_pool2d(x, 2, {.stride = 1, .dilation = 3})), (Values{16}));
  EXPECT_EQ(values(max_pool2d(x, 3, {.stride = 2, .ceil_mode = true})), (Values{11, 12, 15, 16}));
  EXPECT_EQ(max_pool2d(x[0], 2).shape(), Shape({1, 2, 2}));
}

TEST(MaxPool2d, TheFirstOfEqualsTakesTheGradientAndNaNGoesOn) {
  const Tensor x = zeros({1, 1, 2, 2}, f64).requires_grad_();
  max_pool2d(x, 2).backward();
  EXPECT_EQ(values(x.grad()), (Values{1, 0, 0, 0}));
  const double nan = std::numeric_limits<double>::quiet_NaN(), low = -std::numeric_limits<double>::infinity();
  EXPECT_TRUE(std::isnan(max_pool2d(tensor({{{{1., nan}, {nan, 2.}}}}, f64), 2).item<double>()));
  const Tensor lowest = full({1, 1, 2, 2}, low, f64).requires_grad_();
  const Tensor y = max_pool2d(lowest, 2);
  EXPECT_EQ(y.item<double>(), low);
  y.backward();
  EXPECT_EQ(values(lowest.grad()), (Values{1, 0, 0, 0}));
}

TEST(MaxPool2d, OverlappingWindowsAddTheirGradients) {
  const Tensor x = square().requires_grad_();
  sum(max_pool2d(x, 2, {.stride = 1})).backward();
  EXPECT_EQ(values(x.grad()), (Values{0, 0, 0, 0, 0, 1, 1, 1, 0, 1, 1, 1, 0, 1, 1, 1}));
}

TEST(AvgPool2d, ByHand) {
  const Tensor x = square();
  EXPECT_EQ(values(avg_pool2d(x, 2)), (Values{3.5, 5.5, 11.5, 13.5}));
  EXPECT_EQ(values(avg_pool2d(x, 2, {.padding = 1})), (Values{0.25, 1.25, 1, 3.5, 8.5, 5, 3.25, 7.25, 4}));
  EXPECT_EQ(values(avg_pool2d(x, 2, {.padding = 1, .count_include_pad = false})),
            (Values{1, 2.5, 4, 7, 8.5, 10, 13, 14.5, 16}));
  EXPECT_EQ(values(avg_pool2d(x, 2, {.divisor_override = 2})), (Values{7, 11, 23, 27}));
}

// Where a window reaches over the padding behind, what it divides by ends with the padding: as PyTorch counts.
TEST(AvgPool2d, CeilModeDividesByWhatIsInsideThePadding) {
  const Tensor x = ones({1, 1, 1, 5}, f64);
  EXPECT_EQ(values(avg_pool2d(x, {1, 2}, {.ceil_mode = true})), (Values{1, 1, 1}));
  EXPECT_EQ(values(avg_pool2d(x.slice(3, 0, 4), {1, 3}, {.stride = {1, 2}, .padding = {0, 1}, .ceil_mode = true})),
            (Values{2.0 / 3, 1, 0.5}));
}

TEST(AdaptivePools, CoverTheImage) {
  const Tensor x = square();
  EXPECT_EQ(values(adaptive_avg_pool2d(x, 1)), (Values{8.5}));
  EXPECT_EQ(values(adaptive_avg_pool2d(x, {1, 3})), (Values{7.5, 8.5, 9.5}));
  EXPECT_EQ(values(adaptive_max_pool2d(x, {3, 1})), (Values{8, 12, 16}));
  EXPECT_EQ(values(adaptive_avg_pool2d(x, 4)), values(x));
  EXPECT_EQ(adaptive_avg_pool2d(x, 7).shape(), Shape({1, 1, 7, 7}));
}

TEST(LpPool2d, ByHand) {
  const Tensor x = tensor({{{{3., -4.}, {0., 0.}}}}, f64);
  EXPECT_NEAR(lp_pool2d(x, 2, 2).item<double>(), 5, 1e-15 * 8);
  EXPECT_EQ(lp_pool2d(x, 1, 2).item<double>(), 7);
  const Tensor none = zeros({1, 1, 2, 2}, f64).requires_grad_();
  lp_pool2d(none, 2, 2).backward();
  EXPECT_EQ(values(none.grad()), (Values{0, 0, 0, 0}));
}

TEST(Pools, GiveTheSameBitsOnAnyNumberOfThreads) {
  const int before = num_threads();
  const WholeTeams teams;
  std::vector<Values> first;
  for (const int threads : {1, 2, 3, 8}) {
    set_num_threads(threads);
    Generator random(5);
    const Tensor x = randn({16, 20, 13, 13}, f32, random).requires_grad_();
    const Tensor y = max_pool2d(x, 3, {.stride = 2, .padding = 1}) + avg_pool2d(x, 3, {.stride = 2, .padding = 1});
    sum(y * y).backward();
    const std::vector<Values> now{values(y), values(x.grad())};
    if (first.empty()) first = now;
    EXPECT_EQ(now, first) << threads << " threads";
  }
  set_num_threads(before);
}

TEST(Pools, SayWhatIsWrong) {
  const Tensor x = square();
  EXPECT_THAT(text_of<ShapeError>([&] { max_pool2d(x, 5); }),
              AllOf(HasSubstr("larger than the padded image"), HasSubstr("window reaches 5")));
  EXPECT_THAT(text_of<ValueError>([&] { max_pool2d(x, 3, {.padding = 2}); }), HasSubstr("half of the window"));
  EXPECT_THAT(text_of<ValueError>([&] { avg_pool2d(x, 2, {.stride = {1, 0}}); }), HasSubstr("stride"));
  EXPECT_THAT(text_of<ValueError>([&] { avg_pool2d(x, 2, {.divisor_override = 0}); }), HasSubstr("divisor_override"));
  EXPECT_THAT(text_of<ValueError>([&] { adaptive_avg_pool2d(x, 0); }), HasSubstr("output_size"));
  EXPECT_THAT(text_of<ShapeError>([&] { max_pool2d(ones({4, 4}), 2); }), HasSubstr("(n, c, h, w)"));
  EXPECT_THAT(text_of<DtypeError>([&] { max_pool2d(ones({1, 1, 4, 4}, i64), 2); }), HasSubstr("f32 or f64"));
  EXPECT_THAT(text_of<ValueError>([&] { lp_pool2d(x, 0.5, 2); }), HasSubstr("at least 1"));
}

}  // namespace
