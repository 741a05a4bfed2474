#include "cairn/ops/compare.h"

#include <cmath>

#include "cairn/autograd/backward.h"
#include "cairn/ops/arithmetic.h"
#include "cairn/tensor/create.h"
#include "cairn/testing.h"
#include "support.h"

using namespace cairn;

namespace {

using Inputs = std::vector<Tensor>;
using Bits = std::vector<bool>;

Bits bits(const Tensor& t) {
  EXPECT_EQ(t.dtype(), boolean);
  return t.to_vector<bool>();
}

TEST(Compare, ByHandInEveryDtype) {
  for (Dtype d : {f32, f64, i64, u8}) {
    const Tensor a = tensor({1, 2, 3}).to(d), b = tensor({2, 2, 2}).to(d);
    EXPECT_EQ(bits(a == b), (Bits{false, true, false}));
    EXPECT_EQ(bits(a != b), (Bits{true, false, true}));
    EXPECT_EQ(bits(a < b), (Bits{true, false, false}));
    EXPECT_EQ(bits(a <= b), (Bits{true, true, false}));
    EXPECT_EQ(bits(a > b), (Bits{false, false, true}));
    EXPECT_EQ(bits(a >= b), (Bits{false, true, true}));
    EXPECT_EQ(bits(a == 2.0), (Bits{false, true, false}));
    EXPECT_EQ(bits(a != 2.0), (Bits{true, false, true}));
    EXPECT_EQ(bits(2.0 > a), (Bits{true, false, false}));
    EXPECT_EQ(bits(2.0 >= a), (Bits{true, true, false}));
    EXPECT_EQ(bits(2.0 < a), (Bits{false, false, true}));
    EXPECT_EQ(bits(2.0 <= a), (Bits{false, true, true}));
  }
  EXPECT_EQ(bits(tensor({true, false}) == tensor({true, true})), (Bits{true, false}));
}

TEST(Compare, NumbersTakeTheDtypeOfTheTensor) {
  EXPECT_EQ(bits(tensor({0.1}, f32) == 0.1), Bits{true});
  EXPECT_EQ(text_of<DtypeError>([] {
              lt(tensor({1, 2}), 0.5);
            }),
            "lt: an i64 tensor takes whole numbers only; convert it with to(f32); got (2,) i64, number 0.5");
}

TEST(Compare, NanEqualsNothing) {
  const Tensor n = tensor({double(NAN)});
  EXPECT_EQ(bits(n == n), Bits{false});
  EXPECT_EQ(bits(n != n), Bits{true});
  EXPECT_EQ(bits(n < 1.0), Bits{false});
  EXPECT_EQ(bits(n >= 1.0), Bits{false});
}

TEST(Compare, BroadcastsAndStrides) {
  const Tensor a = tensor({{1., 5.}, {3., 2.}});
  EXPECT_EQ(bits(a.t() > tensor({2., 4.})), (Bits{false, false, true, false}));
  EXPECT_EQ(bits(a < tensor({{4.}, {3.}})), (Bits{true, false, false, true}));
  EXPECT_EQ((zeros({0, 2}) < ones({2})).shape(), Shape({0, 2}));
}

TEST(Compare, Logic) {
  const Tensor a = tensor({true, true, false, false}), b = tensor({true, false, true, false});
  EXPECT_EQ(bits(a & b), (Bits{true, false, false, false}));
  EXPECT_EQ(bits(a | b), (Bits{true, true, true, false}));
  EXPECT_EQ(bits(a ^ b), (Bits{false, true, true, false}));
  EXPECT_EQ(bits(!a), (Bits{false, false, true, true}));
  EXPECT_EQ(bits(a.reshape({2, 2}) & tensor({true, false})), (Bits{true, false, false, false}));
  EXPECT_EQ(text_of<DtypeError>([&] { a& ones({4}); }),
            "logical_and: needs bool tensors; compare with != 0 first; got (4,) bool, (4,) f32");
  EXPECT_THROW(!ones({2}), DtypeError);
}

TEST(Compare, Classes) {
  const Tensor x = tensor({1., double(NAN), double(INFINITY), -double(INFINITY)});
  EXPECT_EQ(bits(isnan(x)), (Bits{false, true, false, false}));
  EXPECT_EQ(bits(isinf(x)), (Bits{false, false, true, true}));
  EXPECT_EQ(bits(isfinite(x)), (Bits{true, false, false, false}));
  EXPECT_EQ(bits(isfinite(tensor({1, 2}))), (Bits{true, true}));
  EXPECT_EQ(bits(isnan(tensor({1, 2}))), (Bits{false, false}));
}

TEST(Where, ByHand) {
  const Tensor c = tensor({true, false, true}), a = tensor({1., 2., 3.}), b = tensor({10., 20., 30.});
  EXPECT_EQ(where(c, a, b).to_vector<float>(), (std::vector<float>{1, 20, 3}));
  EXPECT_EQ(where(c, a, -1.0).to_vector<float>(), (std::vector<float>{1, -1, 3}));
  EXPECT_EQ(where(c, -1.0, a).to_vector<float>(), (std::vector<float>{-1, 2, -1}));
  EXPECT_EQ(where(c, 2.0, 3.0).to_vector<float>(), (std::vector<float>{2, 3, 2}));
  EXPECT_EQ(where(c, tensor({1, 2, 3}), 7).to_vector<int64_t>(), (std::vector<int64_t>{1, 7, 3}));
  EXPECT_EQ(where(c, c, !c).to_vector<bool>(), (Bits{true, true, true}));
  EXPECT_EQ(where(tensor({{true}, {false}}), a, b.slice(0, 0, 1)).to_vector<float>(),
            (std::vector<float>{1, 2, 3, 10, 10, 10}));
  EXPECT_EQ(where(zeros({0}) > 0.0, zeros({0}), 1.0).numel(), 0);
}

TEST(Where, Gradients) {
  const Tensor c = tensor({{true, false, true}, {false, false, true}});
  const Tensor a = tensor({{1., 2., 3.}, {4., 5., 6.}}, f64), b = tensor({7., 8., 9.}, f64);
  EXPECT_GRADIENTS([&](const Inputs& v) { return where(c, v[0], v[1]); }, {a, b});
  EXPECT_GRADIENTS([&](const Inputs& v) { return where(c.t(), v[0].t(), v[1].reshape({3, 1})) * v[0].t(); }, {a, b});
  EXPECT_GRADIENTS([&](const Inputs& v) { return where(c, v[0], 2.0); }, {a});
  EXPECT_GRADIENTS([&](const Inputs& v) { return where(c, 2.0, v[0]); }, {b});
  EXPECT_GRADIENTS([&](const Inputs& v) { return where(c[0], v[0], 1.0); }, {a.slice(0, 0, 1)});
}

TEST(Where, WhatIsNotTakenPassesNothingBack) {
  const Tensor x = tensor({0., 4.}, f64).requires_grad_();
  const Tensor y = where(x > 0.0, pow(x, 0.5), 0.0);
  EXPECT_EQ(grad({y}, {x}, {ones({2}, f64)}, true, true)[0].to_vector<double>()[1], 0.25);
  const Tensor huge = where(x > 0.0, x, x * double(INFINITY));
  EXPECT_EQ(huge.to_vector<double>()[1], 4);
}

TEST(Where, Errors) {
  const Tensor c = tensor({true, false}), a = ones({2});
  EXPECT_EQ(text_of<DtypeError>([&] { where(a, a, a); }), "where: the condition must be bool; got condition (2,) f32");
  EXPECT_THROW(where(c, a, ones({2}, f64)), DtypeError);
  EXPECT_THROW(where(c, ones({3}), ones({3})), ShapeError);
  EXPECT_THROW(where(c, tensor({1, 2}), 0.5), DtypeError);
}

TEST(Equality, OfWholeTensors) {
  const Tensor a = tensor({1., 2.});
  EXPECT_TRUE(equal(a, a.clone()));
  EXPECT_FALSE(equal(a, a + 1e-3));
  EXPECT_FALSE(equal(a, tensor({1., 2.}, f64)));
  EXPECT_FALSE(equal(a, ones({1, 2})));
  EXPECT_FALSE(equal(a * double(NAN), a * double(NAN)));
  EXPECT_TRUE(equal(zeros({0, 3}), zeros({0, 3})));
  const Tensor m = tensor({{1., 2.}, {2., 1.}});
  EXPECT_TRUE(equal(m, m.t()));
}

TEST(Equality, Closeness) {
  const Tensor a = tensor({1., 100.}, f64);
  EXPECT_TRUE(allclose(a, a * (1 + 0.9e-5)));
  EXPECT_FALSE(allclose(a, a * (1 + 1.1e-5)));
  EXPECT_TRUE(allclose(a, a + 0.5, 0, 0.5));
  const Tensor inf = tensor({double(INFINITY)});
  EXPECT_TRUE(allclose(inf, inf));
  EXPECT_FALSE(allclose(tensor({1.}), inf));
  EXPECT_FALSE(allclose(inf, -inf));
  EXPECT_FALSE(allclose(inf * 0.0, inf * 0.0));
  EXPECT_THROW(allclose(a, ones({2})), DtypeError);
}

TEST(Where, RefusesNumbersAByteDoesNotHold) {
  const Tensor mask = tensor({true, false}), bytes = zeros({2}, u8);
  EXPECT_EQ(text_of<ValueError>([&] { where(mask, 300.0, bytes); }),
            "where: a u8 tensor takes whole numbers from 0 to 255; got (2,) u8, value 300");
  EXPECT_THROW(where(mask, bytes, 0.5), ValueError);
  EXPECT_EQ(where(mask, 255.0, bytes).to_vector<double>(), (std::vector<double>{255, 0}));
}

}  // namespace
