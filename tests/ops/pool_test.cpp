#include "cairn/ops/pool.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "cairn/autograd/backward.h"
#include "cairn/ops/arithmetic.h"
#include "cairn/ops/reduce.h"
#include "cairn/tensor/create.h"
#include "cairn/tensor/random.h"
#include "support.h"

using namespace cairn;
using ::testing::HasSubstr;

namespace {

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

// Windows that dilation steps over a small image with see nothing, and hand nothing on.
TEST(MaxPool2d, OfNothingIsTheLowest) {
  const Tensor x = ones({1, 2, 2, 2}, f64).requires_grad_();
  const Tensor y = max_pool2d(x, 2, {.padding = 1, .dilation = 3});
  const double low = -std::numeric_limits<double>::infinity();
  EXPECT_EQ(values(y), (Values{low, low}));
  const Tensor v = ones(y.shape(), f64).requires_grad_();
  const Tensor dx = grad({y}, {x}, {v}, true, true)[0];
  EXPECT_EQ(values(dx), Values(8, 0.0));
  EXPECT_EQ(values(grad({sum(dx * 3.0)}, {v})[0]), (Values{0, 0}));
}

TEST(MaxPool2d, TheFirstNaNTakesTheGradient) {
  const double nan = std::numeric_limits<double>::quiet_NaN(), inf = std::numeric_limits<double>::infinity();
  const Tensor x = tensor({{{{inf, nan}, {nan, inf}}}}, f64).requires_grad_();
  max_pool2d(x, 2).backward();
  EXPECT_EQ(values(x.grad()), (Values{0, 1, 0, 0}));
}

// ---- against the definition, number by number ------------------------------------------------------------------------

struct Sizes {
  Shape x;
  int64_t kernel, stride, padding, dilation;
};

// f(n, c, i, j, places of the window that are inside the image)
template <class F>
void each_window(const Sizes& s, const Shape& y, F f) {
  for (int64_t n = 0; n < y[0]; ++n)
    for (int64_t c = 0; c < y[1]; ++c)
      for (int64_t i = 0; i < y[2]; ++i)
        for (int64_t j = 0; j < y[3]; ++j) {
          std::vector<size_t> places;
          for (int64_t a = 0; a < s.kernel; ++a)
            for (int64_t b = 0; b < s.kernel; ++b) {
              const int64_t row = i * s.stride - s.padding + a * s.dilation,
                            column = j * s.stride - s.padding + b * s.dilation;
              if (row >= 0 && row < s.x[2] && column >= 0 && column < s.x[3])
                places.push_back(static_cast<size_t>(((n * s.x[1] + c) * s.x[2] + row) * s.x[3] + column));
            }
          f(static_cast<size_t>(((n * y[1] + c) * y[2] + i) * y[3] + j), places);
        }
}

// Whole lines of channels, parts of one, and several; ends of arrays fall on every place of a line.
const std::vector<Sizes> all_sizes = {{{2, 1, 7, 5}, 2, 2, 0, 1},  {{1, 3, 5, 6}, 3, 2, 1, 1},
                                      {{2, 6, 4, 4}, 2, 2, 0, 1},  {{1, 16, 5, 5}, 3, 1, 1, 1},
                                      {{3, 17, 5, 3}, 2, 1, 1, 2}, {{2, 33, 6, 7}, 3, 2, 0, 1},
                                      {{1, 70, 5, 5}, 2, 3, 0, 2}, {{2, 128, 3, 3}, 3, 2, 1, 1},
                                      {{1, 5, 1, 1}, 1, 1, 0, 1},  {{1, 2, 18, 18}, 17, 1, 8, 1}};

TEST(MaxPool2d, IsItsDefinition) {
  for (const Dtype dtype : {f32, f64})
    for (const Sizes& s : all_sizes) {
      Generator random(3);
      const Tensor x = randint(-3, 4, s.x, f32, random).to(dtype).requires_grad_();  // with many ties
      const Tensor y = max_pool2d(x, s.kernel, {.stride = s.stride, .padding = s.padding, .dilation = s.dilation});
      const Tensor g = randint(-9, 10, y.shape(), f32, random).to(dtype);
      y.backward(g);
      const Values in = values(x), given = values(g);
      Values largest(given.size()), back(in.size());
      each_window(s, y.shape(), [&](size_t at, const std::vector<size_t>& places) {
        size_t best = places.at(0);
        for (const size_t p : places) best = in[p] > in[best] ? p : best;
        largest[at] = in[best];
        back[best] += given[at];
      });
      EXPECT_EQ(values(y), largest) << s.x;
      EXPECT_EQ(values(x.grad()), back) << s.x;
    }
}

TEST(AvgPool2d, IsItsDefinition) {
  for (const Dtype dtype : {f32, f64})
    for (const Sizes& s : all_sizes) {
      if (s.dilation != 1) continue;
      Generator random(3);
      const Tensor x = randint(-3, 4, s.x, f32, random).to(dtype).requires_grad_();
      const Tensor y = avg_pool2d(x, s.kernel, {.stride = s.stride, .padding = s.padding, .divisor_override = 4});
      const Tensor g = randint(-9, 10, y.shape(), f32, random).to(dtype);
      y.backward(g);
      const Values in = values(x), given = values(g);
      Values mean(given.size()), back(in.size());
      each_window(s, y.shape(), [&](size_t at, const std::vector<size_t>& places) {
        for (const size_t p : places) mean[at] += in[p] / 4, back[p] += given[at] / 4;  // no rounding in quarters
      });
      EXPECT_EQ(values(y), mean) << s.x;
      EXPECT_EQ(values(x.grad()), back) << s.x;
    }
}

TEST(AvgPool2d, OfEqualNumbersIsThatNumber) {
  for (const int64_t k : {3, 5, 7, 11, 13})
    for (const Dtype dtype : {f32, f64})
      EXPECT_EQ(values(avg_pool2d(ones({1, 3, k, k}, dtype), k)), Values(3, 1.0)) << k;
  // Rows are summed, then their sums: 2 · 448 additions in a row with half a unit in the last place (2^-24) each.
  const Tensor large = full({1, 1, 448, 448}, 0.7, f32);
  EXPECT_NEAR(adaptive_avg_pool2d(large, 1).item<double>(), 0.7f, 0.7 * 896 * 0x1p-24);
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
  EXPECT_EQ(values(lp_pool2d(ones({1, 3, 3}, f64), 1, 2, {.ceil_mode = true})), (Values{4, 2, 2, 1}));
  const Tensor none = zeros({1, 1, 2, 2}, f64).requires_grad_();
  lp_pool2d(none, 2, 2).backward();
  EXPECT_EQ(values(none.grad()), (Values{0, 0, 0, 0}));
}

TEST(LpPool2d, SecondDerivativesAtZero) {
  const auto second = [](double p, double other) {  // ∂²y/∂x² at x = 0, beside another number
    const Tensor x = tensor({{{{0., other}}}}, f64).requires_grad_();
    const Tensor slope = grad({lp_pool2d(x, p, {1, 2})}, {x}, {}, true, true)[0];
    EXPECT_EQ(values(slope)[0], 0) << p;
    return values(grad({slope[0][0][0][0]}, {x})[0])[0];
  };
  EXPECT_NEAR(second(2, 4), 0.25, 1e-15);  // of √(x² + 16)
  for (const double p : {1.0, 1.5, 3.0, 3.5, 4.0}) EXPECT_EQ(second(p, 4), 0) << p;
}

TEST(Pools1d, ByHand) {
  const Tensor x = tensor({{1., 5., 2., 4., 3.}, {-1., -2., -3., -4., -5.}}, f64);
  EXPECT_EQ(values(max_pool1d(x, 2)), (Values{5, 4, -1, -3}));
  EXPECT_EQ(values(max_pool1d(x, 3, {.stride = 2, .padding = 1, .dilation = 2})), (Values{5, 5, -2, -2}));
  EXPECT_EQ(values(max_pool1d(x, 2, {.ceil_mode = true})), (Values{5, 4, 3, -1, -3, -5}));
  EXPECT_EQ(values(avg_pool1d(x, 2)), (Values{3, 3, -1.5, -3.5}));
  EXPECT_EQ(values(avg_pool1d(x, 2, {.stride = 3, .padding = 1})), (Values{0.5, 3, -0.5, -3.5}));
  EXPECT_EQ(values(avg_pool1d(x, 2, {.stride = 3, .padding = 1, .count_include_pad = false})),
            (Values{1, 3, -1, -3.5}));
  EXPECT_EQ(values(adaptive_avg_pool1d(x, 1)), (Values{3, -3}));
  EXPECT_EQ(values(adaptive_max_pool1d(x, 3)), (Values{5, 5, 4, -1, -2, -4}));
  EXPECT_EQ(max_pool1d(x, 2).shape(), Shape({2, 2}));
  EXPECT_EQ(avg_pool1d(x.unsqueeze(0), 2).shape(), Shape({1, 2, 2}));
  EXPECT_EQ(max_pool1d(ones({0, 3, 4}), 2).shape(), Shape({0, 3, 2}));
}

TEST(Pools1d, SayWhatIsWrong) {
  const Tensor x = ones({2, 3, 5});
  EXPECT_THAT(text_of<ShapeError>([&] { max_pool1d(x.unsqueeze(0), 2); }),
              AllOf(HasSubstr("max_pool1d"), HasSubstr("(n, c, l)")));
  EXPECT_THAT(text_of<ShapeError>([&] { avg_pool1d(x, 6); }), HasSubstr("avg_pool1d: the window is larger"));
  EXPECT_THAT(text_of<ValueError>([&] { max_pool1d(x, 3, {.padding = 2}); }), HasSubstr("half of the window"));
  EXPECT_THAT(text_of<ValueError>([&] { avg_pool1d(x, 0); }), HasSubstr("at least 1"));
  EXPECT_THAT(text_of<ValueError>([&] { adaptive_max_pool1d(x, 0); }), HasSubstr("adaptive_max_pool1d: output_size"));
  EXPECT_THAT(text_of<DtypeError>([&] { adaptive_avg_pool1d(ones({2, 3, 5}, i64), 2); }), HasSubstr("f32 or f64"));
}

TEST(Pools, GiveTheSameBitsOnAnyNumberOfThreads) {
  expect_same_on_any_threads([] {
    Generator random(5);
    const Tensor x = randn({16, 20, 13, 13}, f32, random).requires_grad_();
    const Tensor y = max_pool2d(x, 3, {.stride = 2, .padding = 1}) + avg_pool2d(x, 3, {.stride = 2, .padding = 1});
    sum(y * y).backward();
    return std::vector<Values>{values(y), values(x.grad())};
  });
}

TEST(Pools, OfNoImagesAndNoChannels) {
  for (const Shape& shape : {Shape({0, 3, 4, 4}), Shape({2, 0, 4, 4})}) {
    const Tensor x = ones(shape).requires_grad_();
    const Tensor y = max_pool2d(x, 2) + avg_pool2d(x, 2) + lp_pool2d(x, 2, 2) + adaptive_avg_pool2d(x, 2);
    EXPECT_EQ(y.shape(), Shape({shape[0], shape[1], 2, 2}));
    sum(y).backward();
    EXPECT_EQ(x.grad().shape(), shape);
  }
}

TEST(Pools, SayWhatIsWrong) {
  const Tensor x = square();
  constexpr int64_t huge = std::numeric_limits<int64_t>::max();
  EXPECT_THAT(text_of<ValueError>([&] { max_pool2d(x, 3, {.padding = huge}); }), HasSubstr("half of the window"));
  EXPECT_THAT(text_of<ValueError>([&] { max_pool2d(x, int64_t{1} << 62, {.dilation = 8}); }), HasSubstr("below 2³¹"));
  EXPECT_THAT(text_of<ValueError>([&] { avg_pool2d(x, 2, {.stride = huge, .ceil_mode = true}); }), HasSubstr("stride"));
  EXPECT_THAT(text_of<ShapeError>([&] { adaptive_max_pool2d(x, {huge, 1}); }), HasSubstr("64 TiB"));
  EXPECT_THAT(text_of<ShapeError>([&] { lp_pool2d(x, 2, 5); }), HasSubstr("lp_pool2d: the window is larger"));
  EXPECT_THAT(text_of<ShapeError>([&] { max_pool2d(x, 5); }),
              AllOf(HasSubstr("larger than the padded input"), HasSubstr("window reaches 5")));
  // What the caller gave, not what it is computed as.
  EXPECT_EQ(text_of<ShapeError>([] {
              max_pool1d(ones({2, 3, 5}), 6, {.padding = 0});
            }),
            "max_pool1d: the window is larger than the padded input; pad more or use a smaller window; got x (2, 3, 5) "
            "f32, window reaches 6, padded input 5");
  EXPECT_THAT(text_of<ShapeError>([] { avg_pool1d(ones({3, 5}), 6); }), HasSubstr("got x (3, 5) f32"));
  EXPECT_THAT(text_of<ShapeError>([] { avg_pool2d(ones({3, 5, 5}), 6); }), HasSubstr("got x (3, 5, 5) f32"));
  EXPECT_THAT(text_of<DtypeError>([] { max_pool1d(ones({3, 5}, i64), 2); }), HasSubstr("got x (3, 5) i64"));
  EXPECT_THAT(text_of<DtypeError>([] { lp_pool2d(ones({3, 5, 5}, i64), 2, 2); }), HasSubstr("got x (3, 5, 5) i64"));
  EXPECT_EQ(text_of<ShapeError>([] {
              adaptive_avg_pool1d(ones({2, 3, 0}), 2);
            }),
            "adaptive_avg_pool1d: x is empty along a dimension that is pooled; got x (2, 3, 0) f32");
  EXPECT_THAT(text_of<ShapeError>([] {
                max_pool1d(ones({2, 3, 0}), 2, {.padding = 1});
              }),
              HasSubstr("max_pool1d: x is empty along a dimension that is pooled; got x (2, 3, 0) f32"));
  EXPECT_THAT(text_of<ValueError>([&] { max_pool2d(x, 3, {.padding = 2}); }), HasSubstr("half of the window"));
  EXPECT_THAT(text_of<ValueError>([&] { avg_pool2d(x, 2, {.stride = {1, 0}}); }), HasSubstr("stride"));
  EXPECT_THAT(text_of<ValueError>([&] { avg_pool2d(x, 2, {.divisor_override = 0}); }), HasSubstr("divisor_override"));
  EXPECT_THAT(text_of<ValueError>([&] { adaptive_avg_pool2d(x, 0); }), HasSubstr("output_size"));
  EXPECT_THAT(text_of<ShapeError>([&] { max_pool2d(ones({4, 4}), 2); }), HasSubstr("(n, c, h, w)"));
  EXPECT_THAT(text_of<DtypeError>([&] { max_pool2d(ones({1, 1, 4, 4}, i64), 2); }), HasSubstr("f32 or f64"));
  EXPECT_THAT(text_of<ValueError>([&] { lp_pool2d(x, 0.5, 2); }), HasSubstr("at least 1"));
}

}  // namespace
