#include "cairn/tensor/print.h"

#include <gtest/gtest.h>

#include <cmath>
#include <sstream>

#include "cairn/tensor/create.h"

using namespace cairn;

namespace {

TEST(Print, Matrices) {
  EXPECT_EQ(to_string(tensor({{1.5, 2.}, {-3., 4.}})),
            "tensor([[ 1.5000,  2.0000],\n"
            "        [-3.0000,  4.0000]], shape (2, 2), f32)");
}

TEST(Print, ScalarsAreBareUnlessOfAnUnusualDtype) {
  EXPECT_EQ(to_string(tensor(3.5)), "tensor(3.5000)");
  EXPECT_EQ(to_string(tensor(3)), "tensor(3)");
  EXPECT_EQ(to_string(tensor(true)), "tensor(true)");
  EXPECT_EQ(to_string(tensor(3.5, f64)), "tensor(3.5000, shape (), f64)");
}

TEST(Print, WholeFloatsHaveAPointAndIntegersHaveNone) {
  EXPECT_EQ(to_string(tensor({1., 20.})), "tensor([ 1., 20.], shape (2,), f32)");
  EXPECT_EQ(to_string(tensor({1, -200})), "tensor([   1, -200], shape (2,), i64)");
  EXPECT_EQ(to_string(tensor({7, 200}, u8)), "tensor([  7, 200], shape (2,), u8)");
  EXPECT_EQ(to_string(tensor({true, false})), "tensor([ true, false], shape (2,), bool)");
  EXPECT_EQ(to_string(zeros({2})), "tensor([0., 0.], shape (2,), f32)");
}

TEST(Print, PowersOfTenWhereSizesDifferMuch) {
  EXPECT_EQ(to_string(tensor({1e-5, 1.})), "tensor([1.0000e-05, 1.0000e+00], shape (2,), f32)");
  EXPECT_EQ(to_string(tensor({1.5, 2000.})), "tensor([1.5000e+00, 2.0000e+03], shape (2,), f32)");
  EXPECT_EQ(to_string(tensor({3e9})), "tensor([3.0000e+09], shape (1,), f32)");
  EXPECT_EQ(to_string(tensor({-0.5, 400.})), "tensor([ -0.5000, 400.0000], shape (2,), f32)");
}

TEST(Print, NumbersThatAreNone) {
  EXPECT_EQ(to_string(tensor({1., NAN, -INFINITY})), "tensor([  1.,  nan, -inf], shape (3,), f32)");
  EXPECT_EQ(to_string(tensor({0.5, INFINITY})), "tensor([0.5000,    inf], shape (2,), f32)");
  EXPECT_EQ(to_string(tensor(NAN)), "tensor(nan)");
}

TEST(Print, EmptyAndUndefined) {
  EXPECT_EQ(to_string(zeros({2, 0})), "tensor([], shape (2, 0), f32)");
  EXPECT_EQ(to_string(Tensor()), "tensor(undefined)");
}

TEST(Print, DeepTensorsAreIndented) {
  EXPECT_EQ(to_string(tensor({{{1, 2}, {3, 4}}, {{5, 6}, {7, 8}}})),
            "tensor([[[1, 2],\n"
            "         [3, 4]],\n"
            "\n"
            "        [[5, 6],\n"
            "         [7, 8]]], shape (2, 2, 2), i64)");
}

TEST(Print, LongRowsAreWrapped) {
  EXPECT_EQ(to_string(arange(8), {.line_width = 20}),
            "tensor([0, 1, 2, 3,\n"
            "        4, 5, 6, 7], shape (8,), i64)");
}

TEST(Print, LargeTensorsAreShortened) {
  EXPECT_EQ(to_string(arange(2000)), "tensor([   0,    1,    2, ..., 1997, 1998, 1999], shape (2000,), i64)");
  EXPECT_EQ(to_string(as_strided(arange(10), {2, 10}, {0, 1}, 0), {.threshold = 10, .edge_items = 2}),
            "tensor([[0, 1, ..., 8, 9],\n"
            "        [0, 1, ..., 8, 9]], shape (2, 10), i64)");
  EXPECT_EQ(to_string(as_strided(arange(10), {10, 2}, {1, 0}, 0), {.threshold = 10, .edge_items = 1}),
            "tensor([[0, 0],\n"
            "        ...,\n"
            "        [9, 9]], shape (10, 2), i64)");
}

TEST(Print, FollowsStrides) {
  const Tensor x = tensor({{1, 2, 3}, {4, 5, 6}});
  EXPECT_EQ(to_string(as_strided(x, {3, 2}, {1, 3}, 0)),
            "tensor([[1, 4],\n"
            "        [2, 5],\n"
            "        [3, 6]], shape (3, 2), i64)");
}

TEST(Print, StreamsAndGradients) {
  std::ostringstream out;
  out << tensor({1.5}).requires_grad_();
  EXPECT_EQ(out.str(), "tensor([1.5000], shape (1,), f32, requires_grad)");
  EXPECT_EQ(to_string(tensor(0.123456789), {.precision = 6}), "tensor(0.123457)");
}

}  // namespace
