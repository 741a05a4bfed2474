// The views and copies among the members of Tensor.
#include <cairn/testing.h>

#include <cmath>

#include "cairn/autograd/backward.h"
#include "cairn/ops/arithmetic.h"
#include "cairn/ops/reduce.h"
#include "cairn/tensor/create.h"
#include "cairn/tensor/random.h"
#include "ops/operands.h"

using namespace cairn;

namespace {

using Doubles = std::vector<double>;
using In = const std::vector<Tensor>&;

bool shares(const Tensor& a, const Tensor& b) { return a.body()->storage.get() == b.body()->storage.get(); }

// (2, 3, 4): 0 … 23.
Tensor cube() { return arange(24).reshape({2, 3, 4}); }

// ---- shapes ----------------------------------------------------------------------------------------------------------------

TEST(Reshape, IsAViewWhereItCanBe) {
  const Tensor x = cube();
  for (const Shape& s : {Shape{24}, Shape{4, 6}, Shape{-1, 2}, Shape{2, 1, 3, 4, 1}, Shape{2, 3, 2, 2}}) {
    const Tensor y = x.reshape(s);
    EXPECT_TRUE(shares(x, y)) << s;
    EXPECT_EQ(y.to_vector<double>(), x.to_vector<double>()) << s;
  }
  EXPECT_EQ(x.reshape({-1, 2}).shape(), (Shape{12, 2}));
  EXPECT_EQ(x.reshape({2, -1}).shape(), (Shape{2, 12}));
  EXPECT_EQ(tensor(3).reshape({1, 1}).shape(), (Shape{1, 1}));
  EXPECT_EQ(tensor({3}).reshape({}).dim(), 0);
  EXPECT_EQ(zeros({0, 3}).reshape({3, 0, 5}).shape(), (Shape{3, 0, 5}));
}

TEST(Reshape, StridedTensorsAreViewedOrCopied) {
  const Tensor x = cube().permute({1, 0, 2});  // strides (4, 12, 1)
  EXPECT_TRUE(shares(x, x.reshape({3, 2, 2, 2})));
  EXPECT_EQ(x.reshape({3, 2, 2, 2}).to_vector<double>(), x.to_vector<double>());
  EXPECT_FALSE(shares(x, x.reshape({6, 4})));
  EXPECT_EQ(x.reshape({6, 4}).to_vector<double>(), x.to_vector<double>());
  const Tensor part = cube().slice(0, 0, 2, 1).slice(2, 0, 4, 2);  // (2, 3, 2), strides (12, 4, 2)
  EXPECT_TRUE(shares(part, part.reshape({12})));
  EXPECT_EQ(part.view({12}).strides(), (Strides{2}));
  const Tensor row = tensor({7}).expand({6});
  EXPECT_TRUE(shares(row, row.view({2, 3})));
  EXPECT_EQ(row.view({2, 3}).to_vector<double>(), Doubles(6, 7));
}

TEST(Reshape, ErrorsNameShapes) {
  EXPECT_EQ(text_of<ShapeError>([] {
              cube().reshape({5, 5});
            }),
            "reshape: the new shape holds another number of elements; got (2, 3, 4) i64, shape (5, 5)");
  EXPECT_EQ(text_of<ShapeError>([] {
              cube().reshape({-1, -1});
            }),
            "reshape: only one size may be -1; got (2, 3, 4) i64, shape (-1, -1)");
  EXPECT_EQ(text_of<ShapeError>([] {
              cube().reshape({-1, 5});
            }),
            "reshape: the new shape holds another number of elements; got (2, 3, 4) i64, shape (-1, 5)");
  EXPECT_THROW(cube().reshape({-2, -12}), ShapeError);
  EXPECT_THROW(zeros({0}).reshape({-1, 0}), ShapeError);
  EXPECT_EQ(
      text_of<ShapeError>([] { cube().transpose(0, 1).view({24}); }),
      "view: the elements do not lie so that this is possible without a copy; use reshape(); got (3, 2, 4) i64, shape "
      "(24,)");
}

TEST(Reshape, FlattenSqueezeUnsqueeze) {
  const Tensor x = cube();
  EXPECT_EQ(x.flatten().shape(), (Shape{24}));
  EXPECT_EQ(x.flatten(1).shape(), (Shape{2, 12}));
  EXPECT_EQ(x.flatten(0, 1).shape(), (Shape{6, 4}));
  EXPECT_EQ(tensor(1).flatten().shape(), (Shape{1}));
  EXPECT_EQ(x.transpose(0, 2).flatten().to_vector<double>(), x.transpose(0, 2).to_vector<double>());
  EXPECT_THROW(x.flatten(2, 1), IndexError);
  EXPECT_EQ(text_of<IndexError>([&] { x.flatten(0, 3); }), "flatten: dimension out of range (-3 to 2); got dim 3");
  const Tensor y = zeros({1, 3, 1});
  EXPECT_EQ(y.squeeze().shape(), (Shape{3}));
  EXPECT_EQ(y.squeeze(0).shape(), (Shape{3, 1}));
  EXPECT_EQ(y.squeeze(1).shape(), (Shape{1, 3, 1}));
  EXPECT_EQ(y.squeeze(-1).shape(), (Shape{1, 3}));
  EXPECT_THROW(y.squeeze(3), IndexError);
  EXPECT_EQ(x.unsqueeze(0).shape(), (Shape{1, 2, 3, 4}));
  EXPECT_EQ(x.unsqueeze(-1).shape(), (Shape{2, 3, 4, 1}));
  EXPECT_EQ(x.transpose(0, 2).unsqueeze(1).to_vector<double>(), x.transpose(0, 2).to_vector<double>());
  EXPECT_THROW(x.unsqueeze(4), IndexError);
}

// ---- order of dimensions ------------------------------------------------------------------------------------------------------

TEST(Permute, MovesDimensions) {
  const Tensor x = cube();
  EXPECT_EQ(tensor({{1, 2, 3}, {4, 5, 6}}).t().to_vector<double>(), (Doubles{1, 4, 2, 5, 3, 6}));
  EXPECT_EQ(x.transpose(0, -1).shape(), (Shape{4, 3, 2}));
  EXPECT_EQ(x.permute({2, 0, 1}).shape(), (Shape{4, 2, 3}));
  EXPECT_EQ(x.permute({-1, 0, 1})[1][1].to_vector<double>(), (Doubles{13, 17, 21}));
  EXPECT_EQ(x.movedim(0, 2).shape(), (Shape{3, 4, 2}));
  EXPECT_EQ(x.movedim(-1, 0).to_vector<double>(), x.permute({2, 0, 1}).to_vector<double>());
  EXPECT_TRUE(shares(x, x.movedim(1, 1)));
}

TEST(Permute, ErrorsNameDimensions) {
  EXPECT_EQ(text_of<ShapeError>([] { cube().t(); }),
            "t: needs a matrix; use transpose(dim0, dim1) for other ranks; got (2, 3, 4) i64");
  EXPECT_EQ(text_of<ShapeError>([] {
              cube().permute({0, 1});
            }),
            "permute: needs every dimension once; got (2, 3, 4) i64, order (0, 1)");
  EXPECT_THROW(cube().permute({0, 1, 1}), IndexError);
  EXPECT_THROW(cube().permute({0, 1, 3}), IndexError);
  EXPECT_THROW(cube().transpose(0, 3), IndexError);
  EXPECT_THROW(cube().movedim(3, 0), IndexError);
}

TEST(Expand, StretchesSizesOfOne) {
  const Tensor x = tensor({{1}, {2}});
  EXPECT_EQ(x.expand({2, 3}).to_vector<double>(), (Doubles{1, 1, 1, 2, 2, 2}));
  EXPECT_EQ(x.expand({2, 2, -1}).to_vector<double>(), (Doubles{1, 2, 1, 2}));
  EXPECT_TRUE(shares(x, x.expand({5, 2, 1})));
  EXPECT_EQ(x.expand({2, 0}).numel(), 0);
  EXPECT_EQ(text_of<ShapeError>([&] {
              x.expand({3, 3});
            }),
            "expand: only dimensions of size 1 can be stretched; got (2, 1) i64, shape (3, 3)");
  EXPECT_THROW(x.expand({2}), ShapeError);
  EXPECT_THROW(x.expand({-1, 2, 1}), ShapeError);
}

// ---- parts ----------------------------------------------------------------------------------------------------------------------

TEST(Slice, FollowsPythonsRules) {
  const Tensor x = arange(10);
  const auto slice = [&](int64_t a, int64_t b, int64_t step = 1) { return x.slice(0, a, b, step).to_vector<double>(); };
  EXPECT_EQ(slice(2, 5), (Doubles{2, 3, 4}));
  EXPECT_EQ(slice(1, 9, 3), (Doubles{1, 4, 7}));
  EXPECT_EQ(slice(0, 9, 3), (Doubles{0, 3, 6}));
  EXPECT_EQ(slice(-3, INT64_MAX), (Doubles{7, 8, 9}));
  EXPECT_EQ(slice(0, -8), (Doubles{0, 1}));
  EXPECT_EQ(slice(-100, 100, 9), (Doubles{0, 9}));
  EXPECT_EQ(slice(0, 10, INT64_MAX), (Doubles{0}));
  EXPECT_TRUE(slice(5, 5).empty());
  EXPECT_TRUE(slice(7, 3, 2).empty());
  EXPECT_TRUE(slice(12, 15).empty());
  EXPECT_EQ(cube().slice(1, 1).slice(2, 0, 4, 2).to_vector<double>(), (Doubles{4, 6, 8, 10, 16, 18, 20, 22}));
  EXPECT_EQ(text_of<ValueError>([&] { x.slice(0, 5, 0, -1); }),
            "slice: the step must be positive; use flip() to reverse; got step -1");
  EXPECT_THROW(x.slice(1, 0), IndexError);
}

TEST(Slice, SelectAndNarrow) {
  const Tensor x = cube();
  EXPECT_EQ(x[1].shape(), (Shape{3, 4}));
  EXPECT_EQ(x[1][2][3].item<int>(), 23);
  EXPECT_EQ(x[-1][-1].to_vector<double>(), (Doubles{20, 21, 22, 23}));
  EXPECT_EQ(x.select(2, 1).to_vector<double>(), (Doubles{1, 5, 9, 13, 17, 21}));
  EXPECT_EQ(x.narrow(1, 1, 2).to_vector<double>(), x.slice(1, 1, 3).to_vector<double>());
  EXPECT_EQ(x.narrow(2, -1, 1).numel(), 6);
  EXPECT_EQ(x.narrow(0, 2, 0).numel(), 0);
  EXPECT_EQ(text_of<IndexError>([&] { x[2]; }), "select: index out of range; got (2, 3, 4) i64, dim 0, index 2");
  EXPECT_EQ(text_of<IndexError>([&] { x.narrow(1, 2, 2); }),
            "narrow: start and length leave the dimension; got (2, 3, 4) i64, dim 1, start 2, length 2");
  EXPECT_THROW(x.narrow(1, 0, -1), IndexError);
  EXPECT_THROW(x.narrow(1, -4, 1), IndexError);
  EXPECT_THROW(tensor(1)[0], IndexError);
}

TEST(Slice, ChunkAndSplit) {
  const Tensor x = arange(7);
  const auto sizes = [](const std::vector<Tensor>& parts) {
    std::vector<int64_t> n;
    for (const Tensor& p : parts) n.push_back(p.numel());
    return n;
  };
  EXPECT_EQ(sizes(x.chunk(3)), (std::vector<int64_t>{3, 3, 1}));
  EXPECT_EQ(sizes(x.chunk(5)), (std::vector<int64_t>{2, 2, 2, 1}));
  EXPECT_EQ(sizes(x.chunk(9)), (std::vector<int64_t>(7, 1)));
  EXPECT_EQ(sizes(x.split(4)), (std::vector<int64_t>{4, 3}));
  EXPECT_EQ(sizes(x.split({1, 0, 6})), (std::vector<int64_t>{1, 0, 6}));
  EXPECT_EQ(x.split({1, 0, 6})[2].to_vector<double>(), (Doubles{1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(sizes(zeros({0, 2}).split(3)), (std::vector<int64_t>{0}));
  EXPECT_EQ(cube().chunk(2, -1)[1].shape(), (Shape{2, 3, 2}));
  EXPECT_THROW(x.chunk(0), ValueError);
  EXPECT_THROW(x.split(0), ValueError);
  EXPECT_THROW(x.split({8, -1}), ValueError);
  EXPECT_EQ(text_of<ShapeError>([&] {
              x.split({3, 3});
            }),
            "split: the sizes must add up to that of the dimension; got (7,) i64, dim 0, sum of sizes 6");
}

// ---- copies -----------------------------------------------------------------------------------------------------------------------

TEST(Copies, ContiguousCopiesOnlyWhatIsNot) {
  const Tensor x = cube();
  EXPECT_TRUE(shares(x, x.contiguous()));
  const Tensor y = x.permute({2, 0, 1}).contiguous();
  EXPECT_FALSE(shares(x, y));
  EXPECT_TRUE(y.is_contiguous());
  EXPECT_EQ(y.to_vector<double>(), x.permute({2, 0, 1}).to_vector<double>());
}

TEST(Copies, CloneIsItsOwnAndKeepsADenseLayout) {
  const Tensor x = cube().permute({2, 0, 1}), y = x.clone();
  EXPECT_FALSE(shares(x, y));
  EXPECT_EQ(y.strides(), x.strides());
  EXPECT_EQ(y.to_vector<double>(), x.to_vector<double>());
  EXPECT_TRUE(x.slice(0, 0, 4, 2).clone().is_contiguous());
  EXPECT_EQ(tensor(5).expand({3}).clone().strides(), (Strides{1}));
  EXPECT_EQ(zeros({0, 3}).clone().shape(), (Shape{0, 3}));
}

TEST(Copies, ToConverts) {
  const Tensor x = tensor({-1.7, 0., 2.9});
  EXPECT_TRUE(shares(x, x.to(f32)));
  EXPECT_EQ(x.to(i64).to_vector<double>(), (Doubles{-1, 0, 2}));
  EXPECT_EQ(x.to(boolean).to_vector<double>(), (Doubles{1, 0, 1}));
  EXPECT_EQ(tensor({0, 200}, u8).to(f32).to_vector<double>(), (Doubles{0, 200}));
  EXPECT_EQ(tensor({true, false}).to(f64).to_vector<double>(), (Doubles{1, 0}));
  EXPECT_EQ(tensor({NAN, INFINITY}).to(i64).to_vector<int64_t>(), (std::vector<int64_t>{0, INT64_MAX}));
  const Tensor t = cube().permute({2, 0, 1});
  EXPECT_EQ(t.to(f32).strides(), t.strides());
  EXPECT_EQ(t.to(f32).to_vector<double>(), t.to_vector<double>());
}

TEST(Copies, ToPassesTheGradientBackInItsOwnDtype) {
  const Tensor x = tensor({1., 2.}).requires_grad_();
  const Tensor y = x.to(f64);
  EXPECT_EQ(y.dtype(), f64);
  sum(y * y).backward();
  EXPECT_EQ(x.grad().dtype(), f32);
  EXPECT_EQ(x.grad().to_vector<double>(), (Doubles{2, 4}));
  EXPECT_FALSE(x.to(i64).requires_grad());
}

// ---- gradients ----------------------------------------------------------------------------------------------------------------------

void check(const std::function<Tensor(const Tensor&)>& f) {
  // Squared, so that second gradients are not all zero.
  for (const Tensor& x : layouts())
    EXPECT_GRADIENTS([&](In in) { return f(in[0]) * f(in[0]); }, {x}) << "strides " << x.strides();
}

TEST(ViewGradients, Shapes) {
  check([](const Tensor& x) { return x.reshape({6, 4}); });
  check([](const Tensor& x) { return x.flatten(1); });
  check([](const Tensor& x) { return x.unsqueeze(1).squeeze(1); });
  check([](const Tensor& x) { return x.reshape({2, 3, 4}); });
}

TEST(ViewGradients, OrderOfDimensions) {
  check([](const Tensor& x) { return x.transpose(0, 2); });
  check([](const Tensor& x) { return x.permute({1, 2, 0}); });
  check([](const Tensor& x) { return x.movedim(0, -1); });
  check([](const Tensor& x) { return x.unsqueeze(0).expand({2, 2, 3, 4}); });
  EXPECT_GRADIENTS([](In in) { return in[0].expand({3, 2}) * in[0]; }, {randn({1, 2}, f64)});
  EXPECT_GRADIENTS([](In in) { return in[0].expand({2, 2}) * in[0]; }, {randn({}, f64)});
}

TEST(ViewGradients, Parts) {
  check([](const Tensor& x) { return x.slice(2, 1, 4, 2); });
  check([](const Tensor& x) { return x.slice(1, 5, 9); });
  check([](const Tensor& x) { return x.slice(0, 0, 2, 5); });
  check([](const Tensor& x) { return x.select(1, 2); });
  check([](const Tensor& x) { return x[-1][0]; });
  check([](const Tensor& x) { return x.chunk(2, 2)[1] * x.split({1, 3}, 2)[1].narrow(2, 0, 2); });
}

TEST(ViewGradients, Copies) {
  check([](const Tensor& x) { return x.transpose(0, 1).contiguous(); });
  check([](const Tensor& x) { return x.clone(); });
}

TEST(ViewGradients, Conversions) {
  // The function is quadratic, so central differences are exact whatever the step; with one of 1/4 the rounding to f32
  // on the way, 6e-8 of the value, is 1.2e-7 of the slope.
  const GradcheckOptions options{.step = 0.25};
  const Tensor x = tensor({{0.25, -0.5, 1.}, {0.125, 0., -0.75}}, f64);
  for (const Tensor& t : {x, x.t(), x.slice(1, 0, 3, 2), x[0].expand({2, 3})})
    EXPECT_GRADIENTS([](In in) { return in[0].to(f32).to(f64) * in[0]; }, {t}, options);
}

TEST(ViewGradients, EmptyAndSingle) {
  EXPECT_GRADIENTS([](In in) { return in[0].reshape({1}).slice(0, 0, 1).select(0, 0).clone(); }, {randn({}, f64)});
  const Tensor x = zeros({0, 3}, f64).requires_grad_();
  sum(x.t().reshape({3, 0}).slice(0, 1).contiguous()).backward();
  EXPECT_EQ(x.grad().shape(), (Shape{0, 3}));
}

TEST(ViewGradients, ViewsOfLeavesUnderNoGradWantNone) {
  const Tensor x = randn({2, 2}).requires_grad_();
  const NoGrad off;
  EXPECT_FALSE(x.reshape({2, 2}).requires_grad());
  EXPECT_FALSE(x[0].requires_grad());
}

TEST(Views, SeeChangesOfEachOther) {
  Tensor x = zeros({2, 3});
  x[1].fill_(5);
  x.t()[0].fill_(7);
  EXPECT_EQ(x.to_vector<double>(), (Doubles{7, 0, 0, 7, 5, 5}));
}

TEST(Views, RefuseSizesWhoseProductOverflows) {
  constexpr int64_t big = int64_t{1} << 32;
  EXPECT_THROW(ones({1}).reshape({INT64_MAX, INT64_MAX}), ShapeError);
  EXPECT_THROW(ones({1}).view({-1, big, big}), ShapeError);
  EXPECT_THROW(ones({1, 1}).expand({big, big}), ShapeError);
}

}  // namespace
