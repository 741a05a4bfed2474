#include "cairn/ops/conv.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "cairn/autograd/backward.h"
#include "cairn/graph/node.h"
#include "cairn/ops/arithmetic.h"
#include "cairn/ops/reduce.h"
#include "cairn/tensor/create.h"
#include "cairn/tensor/random.h"
#include "cairn/testing.h"
#include "ops/operands.h"

using namespace cairn;
using ::testing::HasSubstr;

namespace {

TEST(Conv2d, ByHand) {
  const Tensor x = tensor({{{{1., 2., 3.}, {4., 5., 6.}, {7., 8., 9.}}}}), w = tensor({{{{1., 0.}, {0., -1.}}}});
  EXPECT_EQ(values(conv2d(x, w)), (Values{-4, -4, -4, -4}));
  EXPECT_EQ(values(conv2d(x, w, tensor({10.}), {.stride = 2, .padding = 1})), (Values{9, 7, 3, 6}));
  EXPECT_EQ(conv2d(x, w, Tensor(), {.padding = {0, 1}}).shape(), Shape({1, 1, 2, 4}));
  EXPECT_EQ(conv2d(x[0], w).shape(), Shape({1, 2, 2}));
  EXPECT_EQ(conv2d(x, w).dtype(), f32);
}

TEST(Conv2d, SamePaddingKeepsTheSizeAndPutsAnOddZeroBehind) {
  const Tensor x = tensor({{{1., 2., 3.}}});
  // The kernel of two reaches one place to the right.
  EXPECT_EQ(values(conv1d(x, tensor({{{1., 10.}}}), Tensor(), {.padding = "same"})), (Values{21, 32, 3}));
  for (const int64_t kernel : {1, 2, 3, 4, 5})
    for (const int64_t dilation : {1, 2})
      EXPECT_EQ(
          conv2d(some({1, 2, 9, 7}), some({3, 2, kernel, kernel}), Tensor(), {.padding = "same", .dilation = dilation})
              .shape(),
          Shape({1, 3, 9, 7}));
}

TEST(Conv2d, ResultsLieChannelsLast) {
  const Tensor y = conv2d(some({2, 3, 5, 5}), some({4, 3, 3, 3}));
  EXPECT_EQ(y.strides(), (Strides{36, 1, 12, 4}));
  EXPECT_TRUE(y.is_dense());
}

TEST(Conv2d, TheGradientOfTheWeightIsRowMajorAndThatOfARowMajorLeafCanBeRead) {
  const Tensor x = some({2, 3, 5, 5}).requires_grad_(), w = some({4, 3, 3, 3}).requires_grad_();
  sum(conv2d(x, w)).backward();
  EXPECT_TRUE(w.grad().is_contiguous());
  EXPECT_EQ(x.grad().shape(), x.shape());
  EXPECT_EQ(values(x.grad().contiguous()).size(), 150u);
}

TEST(Conv2d, OfNothing) { EXPECT_EQ(conv2d(some({0, 3, 5, 5}), some({4, 3, 3, 3})).shape(), Shape({0, 4, 3, 3})); }

TEST(Conv2d, SaysWhatIsWrong) {
  const Tensor x = some({2, 3, 5, 5}), w = some({4, 3, 3, 3});
  EXPECT_THAT(text_of<ShapeError>([&] {
                conv2d(x, some({4, 2, 3, 3}));
              }),
              AllOf(HasSubstr("channels"), HasSubstr("x (2, 3, 5, 5) f64"), HasSubstr("weight (4, 2, 3, 3) f64")));
  EXPECT_THAT(text_of<ShapeError>([&] { conv2d(x, some({4, 3, 6, 3})); }), HasSubstr("larger than the padded input"));
  EXPECT_THAT(text_of<ShapeError>([&] { conv2d(x, w, Tensor(), {.dilation = 3}); }), HasSubstr("kernel reaches 7"));
  EXPECT_THAT(text_of<ShapeError>([&] { conv2d(some({5}), w); }), HasSubstr("(n, c, h, w)"));
  EXPECT_THAT(text_of<ShapeError>([&] { conv2d(x, w, some({3})); }), HasSubstr("bias"));
  EXPECT_THAT(text_of<ValueError>([&] { conv2d(x, w, Tensor(), {.stride = 0}); }), HasSubstr("stride"));
  EXPECT_THAT(text_of<ValueError>([&] { conv2d(x, w, Tensor(), {.padding = -1}); }), HasSubstr("padding"));
  constexpr int64_t huge = std::numeric_limits<int64_t>::max();
  EXPECT_THAT(text_of<ValueError>([&] { conv2d(x, w, Tensor(), {.padding = huge}); }), HasSubstr("below 2³¹"));
  EXPECT_THAT(text_of<ValueError>([&] { conv2d(x, w, Tensor(), {.stride = {1, huge}}); }), HasSubstr("stride"));
  EXPECT_THAT(text_of<ValueError>([&] { conv2d(x, w, Tensor(), {.dilation = huge}); }), HasSubstr("dilation"));
  EXPECT_THAT(text_of<ValueError>([&] {
                conv1d(x[0], w[0], Tensor(), {.padding = {1, 2}});
              }),
              HasSubstr("there is one dimension"));
  // What the caller gave, not what it is computed as.
  EXPECT_EQ(
      text_of<ShapeError>([] {
        conv1d(ones({2, 3, 5}), ones({4, 3, 6}));
      }),
      "conv1d: the kernel (with its dilation) is larger than the padded input; pad more or use a smaller kernel; got "
      "x (2, 3, 5) f32, weight (4, 3, 6) f32, kernel reaches 6, padded input 5");
  EXPECT_THAT(text_of<ShapeError>([] {
                conv1d(ones({2, 5}), ones({4, 3, 3}));
              }),
              AllOf(HasSubstr("x (2, 5) f32"), HasSubstr("weight (4, 3, 3) f32")));
  EXPECT_THAT(text_of<ValueError>([] {
                conv1d(ones({3, 5}), ones({4, 3, 3}), Tensor(), {.groups = 3});
              }),
              HasSubstr("weight (4, 3, 3) f32"));
  EXPECT_THAT(text_of<ShapeError>([] { conv2d(ones({2, 5, 5}), ones({4, 3, 3, 3})); }), HasSubstr("x (2, 5, 5) f32"));
  EXPECT_THAT(text_of<ValueError>([&] { conv2d(x, w, Tensor(), {.groups = 3}); }), HasSubstr("groups"));
  EXPECT_THAT(text_of<ValueError>([&] { conv2d(x, w, Tensor(), {.stride = 2, .padding = "same"}); }),
              HasSubstr("needs stride 1"));
  EXPECT_THAT(text_of<ValueError>([&] { conv2d(x, w, Tensor(), {.padding = "full"}); }), HasSubstr("\"same\""));
  EXPECT_THAT(text_of<DtypeError>([&] { conv2d(x, w.to(f32)); }), HasSubstr("equal dtypes"));
  EXPECT_THAT(text_of<DtypeError>([&] { conv2d(x.to(i64), w.to(i64)); }), HasSubstr("f32 or f64"));
}

TEST(ConvTranspose2d, IsTheTransposeOfConv2d) {
  const Tensor x = some({2, 4, 5, 6}), w = some({4, 3, 3, 2}), y = some({2, 3, 11, 13});
  const Tensor up = conv_transpose2d(x, w, Tensor(), {.stride = 2, .padding = {1, 0}, .output_padding = {1, 0}});
  ASSERT_EQ(up.shape(), Shape({2, 3, 10, 12}));
  const Tensor image = y.slice(2, 0, 10).slice(3, 0, 12);
  const double one = sum(up * image).item<double>();
  const double other = sum(x * conv2d(image, w, Tensor(), {.stride = 2, .padding = {1, 0}})).item<double>();
  EXPECT_NEAR(one, other, 1e-12 * 500);
}

TEST(ConvTranspose2d, SaysWhatIsWrong) {
  const Tensor x = some({2, 4, 5, 6}), w = some({4, 3, 3, 2});
  EXPECT_THAT(text_of<ValueError>([&] { conv_transpose2d(x, w, Tensor(), {.stride = int64_t{1} << 62}); }),
              HasSubstr("below 2³¹"));
  EXPECT_THAT(text_of<ValueError>([&] { conv_transpose2d(x, w, Tensor(), {.output_padding = 1}); }),
              HasSubstr("output_padding must be below"));
  EXPECT_THAT(text_of<ShapeError>([&] { conv_transpose2d(x, some({3, 3, 3, 2})); }), HasSubstr("channels"));
  EXPECT_THAT(text_of<ShapeError>([&] {
                conv_transpose2d(some({1, 4, 1, 1}), w, Tensor(), {.padding = 2});
              }),
              HasSubstr("leaves nothing"));
}

TEST(Conv2d, GradientsHoldOnOddSizes) {
  EXPECT_GRADIENTS(
      [](const std::vector<Tensor>& in) {
        return conv2d(in[0], in[1], in[2], {.stride = {2, 3}, .padding = {2, 1}, .dilation = {1, 2}, .groups = 2});
      },
      {some({1, 4, 7, 5}), some({6, 2, 3, 2}), some({6})});
}

// Without a graph a weight is kept as the kernel reads it, directly or by Winograd's way: that must follow every change.
TEST(Conv2d, WeightsThatAreNotTrainedMayStillChange) {
  for (const int64_t channels : {3, 32}) {
    const Tensor x = some({2, channels, 9, 10}, f32), given = some({64, channels, 3, 3}, f32);
    Tensor w = given.clone();
    const auto expect_fresh = [&](const char* after) {
      const Tensor fresh = conv2d(x, w.clone(), Tensor(), {.padding = 1});  // recorded: packed for this call alone
      const NoGrad off;
      for (int i = 0; i < 2; ++i) EXPECT_EQ(values(conv2d(x, w, Tensor(), {.padding = 1})), values(fresh)) << after;
    };
    expect_fresh("nothing");
    w.mul_(-2);
    expect_fresh("mul_");
    w.slice(0, 3, 4).zero_();
    expect_fresh("zero_ of a part");
    w.copy_(given);
    expect_fresh("copy_");
    {
      const NoGrad off;
      EXPECT_EQ(values(conv2d(x, w, Tensor(), {.padding = 1, .groups = 1})).size(), size_t{2 * 64 * 90});
      conv2d(x.slice(1, 0, 1), w.reshape({64 * channels, 1, 3, 3}));  // another shape of the same numbers
      conv2d(x, w.slice(0, 0, 32), Tensor(), {.padding = 1});         // and a part of them
    }
    expect_fresh("other uses");
    float* p = w.data<float>();
    p[5] = 100;
    expect_fresh("a write through a pointer");
    p[5] = 200;
    expect_fresh("another write through the same pointer");
  }
}

TEST(Conv2d, TrainsToTheSameBitsOnAnyNumberOfThreads) {
  expect_same_on_any_threads([] {
    const Tensor x = some({32, 16, 12, 12}, f32).requires_grad_(), w = some({24, 16, 3, 3}, f32).requires_grad_(),
                 b = some({24}, f32).requires_grad_();
    const Tensor y = conv2d(x, w, b, {.padding = 1});
    sum(y * y).backward();
    return std::vector<Values>{values(y), values(x.grad()), values(w.grad()), values(b.grad())};
  });
}

}  // namespace
