#include <cmath>
#include <numeric>

#include "cairn/autograd/backward.h"
#include "cairn/ops/arithmetic.h"
#include "cairn/ops/compare.h"
#include "cairn/tensor/create.h"
#include "cairn/testing.h"
#include "support.h"

using namespace cairn;

namespace {

TEST(InPlace, ByHand) {
  Tensor x = tensor({{1., 2., 3.}, {4., 5., 6.}});
  x += tensor({1., 1., 2.});
  EXPECT_EQ(values(x), (Values{2, 3, 5, 5, 6, 8}));
  x -= tensor({{1.}, {2.}});
  EXPECT_EQ(values(x), (Values{1, 2, 4, 3, 4, 6}));
  x *= 2;
  x *= tensor({1., 0.5, 1.});
  EXPECT_EQ(values(x), (Values{2, 2, 8, 6, 4, 12}));
  x /= tensor({2., 2., 4.});
  x /= 0.5;
  EXPECT_EQ(values(x), (Values{2, 2, 4, 6, 4, 6}));
  x.add_(x, -0.5);
  EXPECT_EQ(values(x), (Values{1, 1, 2, 3, 2, 3}));
  x += 1;
  x -= 2;
  EXPECT_EQ(values(x), (Values{0, 0, 1, 2, 1, 2}));
  EXPECT_EQ(values(x.fill_(7)), Values(6, 7));
  EXPECT_EQ(values(x.zero_()), Values(6, 0));
  x.copy_(tensor({1., 2., 3.}));
  EXPECT_EQ(values(x), (Values{1, 2, 3, 1, 2, 3}));
}

TEST(InPlace, WholeNumbersAndBits) {
  Tensor x = tensor({1, 2, 3});
  x += tensor({10, 10, 10});
  x.add_(tensor({1, 1, 1}), 2);
  x *= 2;
  x *= tensor({1, 2, 1});
  x -= 1;
  EXPECT_EQ(values(x), (Values{25, 55, 29}));
  Tensor m = tensor({true, false});
  EXPECT_EQ(values(m.fill_(1)), (Values{1, 1}));
  Tensor bytes = zeros({2}, u8);
  EXPECT_EQ(values(bytes.fill_(255)), (Values{255, 255}));
  EXPECT_THROW(bytes.fill_(256), ValueError);
  EXPECT_THROW(x.fill_(0.5), DtypeError);
  EXPECT_THROW(x *= 0.5, DtypeError);
  EXPECT_THROW(x /= 2, DtypeError);
  EXPECT_THROW(bytes += 1, DtypeError);
  EXPECT_EQ(values(x), (Values{25, 55, 29}));
}

TEST(InPlace, StridedDestinations) {
  Tensor x = zeros({3, 4});
  x.slice(1, 0, 4, 2) += 1;
  x.t() += tensor({1., 2., 3.});
  EXPECT_EQ(values(x), (Values{2, 1, 2, 1, 3, 2, 3, 2, 4, 3, 4, 3}));
  x.select(1, 3).fill_(-1);
  x.slice(0, 1, 2).copy_(tensor({9., 8., 7., 6.}));
  EXPECT_EQ(values(x), (Values{2, 1, 2, -1, 9, 8, 7, 6, 4, 3, 4, -1}));
  x.slice(1, 1, 3).slice(0, 0, 3, 2) *= tensor({{10.}, {100.}});
  EXPECT_EQ(values(x), (Values{2, 10, 20, -1, 9, 8, 7, 6, 4, 300, 400, -1}));
}

// The operand lies across the elements that are written: as if it had been copied first.
TEST(InPlace, OverlappingViews) {
  Tensor x = tensor({1., 2., 3., 4., 5.});
  x.slice(0, 1, 5) += x.slice(0, 0, 4);
  EXPECT_EQ(values(x), (Values{1, 3, 5, 7, 9}));
  x.slice(0, 0, 4).copy_(x.slice(0, 1, 5));
  EXPECT_EQ(values(x), (Values{3, 5, 7, 9, 9}));
  Tensor m = tensor({{1., 2.}, {3., 4.}});
  m += m.t();
  EXPECT_EQ(values(m), (Values{2, 5, 5, 8}));
  m *= m[0];
  EXPECT_EQ(values(m), (Values{4, 25, 10, 40}));
  m += m;
  EXPECT_EQ(values(m), (Values{8, 50, 20, 80}));
  Tensor large = ones({3, 40000});
  large += large[1];
  EXPECT_TRUE(equal(large, full({3, 40000}, 2)));
}

TEST(InPlace, CountsOneModificationEach) {
  Tensor x = ones({4});
  const auto version = [&] { return x.body()->storage->version; };
  const uint32_t before = version();
  x += 1;
  x *= ones({4});
  x.slice(0, 0, 2).fill_(2);
  x.copy_(ones({4}));
  x /= 2;
  EXPECT_EQ(version(), before + 5);
}

TEST(InPlace, RefusedWhereAGraphIsRecorded) {
  Tensor w = ones({2}).requires_grad_(), plain = ones({2});
  EXPECT_NE(
      text_of<GraphError>([&] { w += 1; }).find("add_: modifies in place a tensor whose gradient is being recorded"),
      std::string::npos);
  EXPECT_THROW(w.zero_(), GraphError);
  EXPECT_THROW(w.copy_(plain), GraphError);
  EXPECT_NE(text_of<GraphError>([&] { plain += w; }).find("the operand's gradient is being recorded"),
            std::string::npos);
  const NoGrad off;
  EXPECT_NO_THROW(w += plain);
  EXPECT_NO_THROW(plain += w);
  EXPECT_EQ(values(plain), (Values{3, 3}));
}

TEST(InPlace, BackwardNoticesAChangedInput) {
  Tensor x = ones({2}).requires_grad_(), k = tensor({2., 3.});
  const Tensor y = x * k;
  k.slice(0, 0, 1) += 1;
  EXPECT_THROW(y.backward(ones({2})), GraphError);
}

TEST(InPlace, Errors) {
  Tensor x = ones({2, 3});
  EXPECT_EQ(text_of<ShapeError>([&] {
              x += ones({3, 2, 3});
            }),
            "add_: the operand does not broadcast to the tensor's shape; got (2, 3) f32, (3, 2, 3) f32");
  EXPECT_THROW((Tensor(ones({1, 3})) += x), ShapeError);
  EXPECT_THROW(x += ones({2}), ShapeError);
  EXPECT_EQ(text_of<DtypeError>([&] {
              x.copy_(ones({2, 3}, f64));
            }),
            "copy_: dtypes must be equal; convert one with to(…); got (2, 3) f32, (2, 3) f64");
  Tensor wide = ones({1, 3}).expand({2, 3});
  EXPECT_NE(text_of<ShapeError>([&] { wide += 1; }).find("cannot write to an expanded tensor"), std::string::npos);
  EXPECT_EQ(values(x), Values(6, 1));
}

TEST(InPlace, EmptyAndScalar) {
  Tensor none_ = zeros({0, 3}), one = tensor(2.0);
  none_ += ones({3});
  none_ *= 2;
  none_.fill_(1);
  one += tensor(1.0);
  one *= one;
  EXPECT_EQ(one.item<float>(), 9);
}

TEST(InPlace, CopyOntoItselfChangesNothing) {
  Tensor x = tensor({1., 2.});
  x.copy_(x);
  EXPECT_EQ(values(x), (Values{1, 2}));
  EXPECT_THROW(ones({1}).expand({3}).copy_(ones({1}).expand({3})), ShapeError) << "the checks still hold";
}

}  // namespace
