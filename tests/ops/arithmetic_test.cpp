#include "cairn/ops/arithmetic.h"

#include <cmath>

#include "cairn/autograd/backward.h"
#include "cairn/base/threads.h"
#include "cairn/math/map.h"
#include "cairn/ops/compare.h"
#include "cairn/tensor/create.h"
#include "cairn/tensor/random.h"
#include "cairn/testing.h"
#include "support.h"

using namespace cairn;

namespace {

using Inputs = std::vector<Tensor>;

// Some numbers without ties or zeros, the second list positive.
Tensor distinct(const Shape& shape) {
  Tensor t = empty(shape, f64);
  for (int64_t i = 0; i < t.numel(); ++i)
    t.pointer<double>()[i] = (i % 2 ? -1 : 1) * (0.4 + 0.37 * static_cast<double>((5 * i) % 7));
  return t;
}
Tensor positive(const Shape& shape) {
  Tensor t = empty(shape, f64);
  for (int64_t i = 0; i < t.numel(); ++i) t.pointer<double>()[i] = 0.55 + 0.31 * static_cast<double>((3 * i) % 8);
  return t;
}

TEST(Arithmetic, ByHand) {
  const Tensor a = tensor({{1., 2., 3.}, {4., 5., 6.}}), b = tensor({10., 20., 40.});
  EXPECT_EQ(values(a + b), (Values{11, 22, 43, 14, 25, 46}));
  EXPECT_EQ(values(b - a), (Values{9, 18, 37, 6, 15, 34}));
  EXPECT_EQ(values(a * b), (Values{10, 40, 120, 40, 100, 240}));
  EXPECT_EQ(values(b / a.slice(0, 0, 1)), (Values{10, 10, 40.0f / 3.0f}));
  EXPECT_EQ(values(1.0 + a - 2.0), (Values{0, 1, 2, 3, 4, 5}));
  EXPECT_EQ(values(2.0 - a * 2), (Values{0, -2, -4, -6, -8, -10}));
  EXPECT_EQ(values(12.0 / a / 2.0), (Values{6, 3, 2, 1.5, static_cast<double>(12.0f / 5.0f / 2.0f), 1}));
  EXPECT_EQ(values(-b), (Values{-10, -20, -40}));
  EXPECT_EQ(values(maximum(a, 3.0)), (Values{3, 3, 3, 4, 5, 6}));
  EXPECT_EQ(values(minimum(4.0, a)), (Values{1, 2, 3, 4, 4, 4}));
  EXPECT_EQ(values(maximum(a, b * 0.1)), (Values{1, 2, 4, 4, 5, 6}));
  EXPECT_EQ(values(pow(a, 2.0)), (Values{1, 4, 9, 16, 25, 36}));
  EXPECT_EQ(values(pow(2.0, a)), (Values{2, 4, 8, 16, 32, 64}));
  EXPECT_EQ(values(pow(tensor({2., 3.}), tensor({3., -1.}))), (Values{8, static_cast<double>(1.0f / 3.0f)}));
}

TEST(Arithmetic, WholeNumbersStayWholeAndWrap) {
  const Tensor a = tensor({1, 2, 3}), b = tensor({10, 20, 30});
  EXPECT_EQ((a + b).dtype(), i64);
  EXPECT_EQ(values(a * b - 1.0), (Values{9, 39, 89}));
  EXPECT_EQ(values(3.0 - a), (Values{2, 1, 0}));
  EXPECT_EQ(values(-a), (Values{-1, -2, -3}));
  EXPECT_EQ(values(maximum(a, 2.0)), (Values{2, 2, 3}));
  const Tensor large = full({1}, 9007199254740993.0, i64) + 1.0;  // 2⁵³ and a little: no detour through double
  EXPECT_EQ((large + large).item<int64_t>(), 2 * large.item<int64_t>());
  const Tensor top = tensor(INT64_MAX);
  EXPECT_EQ((top + 1.0).item<int64_t>(), INT64_MIN);
}

TEST(Arithmetic, NumbersAreWeak) {
  EXPECT_EQ((tensor({1.0}, f32) * 0.1).dtype(), f32);
  EXPECT_EQ((tensor({1.0}, f32) * 0.1).item<float>(), 0.1f);
  EXPECT_EQ((tensor({1.0}, f64) * 0.1).item<double>(), 0.1);
}

TEST(Arithmetic, SpecialValues) {
  const double inf = INFINITY;
  EXPECT_EQ(values(tensor({1., -1., 0.}) / 0.0)[0], inf);
  EXPECT_TRUE(std::isnan(values(tensor({0.}) / 0.0)[0]));
  for (const Tensor& t : {maximum(tensor({NAN, 1.}), tensor({1., NAN})), minimum(tensor({NAN, 1.}), tensor({1., NAN}))})
    for (double v : values(t)) EXPECT_TRUE(std::isnan(v));
  EXPECT_TRUE(std::isnan(maximum(tensor({double(NAN)}), 0.0).item<double>()));
  EXPECT_EQ(values(pow(tensor({0., 0., -2., inf}), tensor({0., -1., 3., 0.5}))), (Values{1, inf, -8, inf}));
  EXPECT_TRUE(std::signbit((-tensor({0.})).item<float>()));
}

// Results that are written past the caches (math/map.h) are those of their parts, on any memory.
TEST(Arithmetic, LargeResultsAreThoseOfTheirParts) {
  const int64_t n = streamed_bytes / 4 + 17, part = 1 << 18;
  manual_seed(3);
  const Tensor whole = randn({n + 1}), b = randn({n});
  for (const Tensor& a : {whole.slice(0, 0, n), whole.slice(0, 1, n + 1)}) {
    const std::vector<Tensor> large = {a + b, a * 2.0, a < b, a.clone().add_(b)};
    for (int64_t i = 0; i < n; i += part) {
      const int64_t end = std::min(n, i + part);
      const Tensor x = a.slice(0, i, end).clone(), y = b.slice(0, i, end).clone();
      const std::vector<Tensor> small = {x + y, x * 2.0, x < y, x.clone().add_(y)};
      for (size_t k = 0; k < small.size(); ++k)
        ASSERT_TRUE(equal(large[k].slice(0, i, end), small[k])) << k << " " << i;
    }
  }
}

TEST(Arithmetic, EmptyOneAndNone) {
  EXPECT_EQ((zeros({0, 3}) + ones({3})).shape(), Shape({0, 3}));
  EXPECT_EQ((zeros({0}) * 2.0).numel(), 0);
  EXPECT_EQ((tensor(2.0) * tensor(3.0)).item<float>(), 6);
  EXPECT_EQ((ones({1, 1}) + ones({4, 1, 3})).shape(), Shape({4, 1, 3}));
  EXPECT_EQ((ones({2, 1}) * ones({1, 0})).shape(), Shape({2, 0}));
}

TEST(Arithmetic, LayoutIsThatOfTheLargerOperand) {
  const Tensor image = zeros({2, 4, 4, 3}).permute({0, 3, 1, 2});  // n, c, h, w in channels-last order
  const Tensor bias = ones({3, 1, 1});
  EXPECT_EQ((image + bias).strides(), image.strides());
  EXPECT_EQ((bias * image).strides(), image.strides());
  EXPECT_EQ((image * 2.0).strides(), image.strides());
  EXPECT_EQ((image + zeros({2, 3, 4, 4})).strides(), image.strides());
  EXPECT_TRUE((zeros({2, 3, 4, 4}) + image).is_contiguous());
}

TEST(Arithmetic, StridedOperandsGiveTheSameNumbers) {
  const Tensor base = distinct({6, 8}), other = distinct({4, 3});
  const Tensor view = base.slice(0, 0, 6, 2).slice(1, 1, 8, 2).t();  // (4, 3)
  EXPECT_TRUE(equal(view * other, view.contiguous() * other));
  EXPECT_TRUE(equal(view + 1.5, view.contiguous() + 1.5));
  EXPECT_TRUE(equal(view / view, ones({4, 3}, f64)));
  EXPECT_TRUE(equal(other - other.select(1, 0).unsqueeze(1).expand({4, 3}), other - other.slice(1, 0, 1)));
}

TEST(Arithmetic, LargeBroadcastIsTheSameOnAnyThreadCount) {
  const Tensor a = distinct({300, 257}), row = distinct({257}), column = distinct({300, 1});
  const int threads = num_threads();
  set_num_threads(1);
  const Tensor one = a * row + column;
  set_num_threads(3);
  EXPECT_TRUE(equal(a * row + column, one));
  set_num_threads(threads);
  for (int64_t i : {0, 255, 256, 299})
    for (int64_t j : {0, 15, 16, 256})
      EXPECT_DOUBLE_EQ(one[i][j].item<double>(),
                       a[i][j].item<double>() * row[j].item<double>() + column[i][0].item<double>());
}

TEST(Arithmetic, Gradients) {
  const auto view = [](const Tensor& t) { return t.slice(1, 0, 6, 2).t(); };
  for (const auto& [a, b] :
       {std::pair(distinct({2, 3}), positive({2, 3})), std::pair(distinct({2, 3}), positive({3})),
        std::pair(distinct({2, 1}), positive({4, 1, 3})), std::pair(view(distinct({2, 6})), positive({3, 2})),
        std::pair(distinct({1}), positive({1})), std::pair(distinct({0, 2}), positive({2}))}) {
    const Inputs in = {a, b};
    EXPECT_GRADIENTS([](const Inputs& v) { return v[0] + v[1]; }, in);
    EXPECT_GRADIENTS([](const Inputs& v) { return v[0] - v[1]; }, in);
    EXPECT_GRADIENTS([](const Inputs& v) { return v[0] * v[1]; }, in);
    EXPECT_GRADIENTS([](const Inputs& v) { return v[0] / v[1]; }, in);
    EXPECT_GRADIENTS([](const Inputs& v) { return maximum(v[0], v[1]); }, in);
    EXPECT_GRADIENTS([](const Inputs& v) { return minimum(v[0], v[1]); }, in);
    EXPECT_GRADIENTS([](const Inputs& v) { return pow(v[1], v[0]); }, in);
  }
}

TEST(Arithmetic, GradientsBesideNumbers) {
  for (const Tensor& x : {distinct({2, 3}), distinct({2, 6}).slice(1, 0, 6, 2).t(), distinct({1})}) {
    EXPECT_GRADIENTS([](const Inputs& v) { return v[0] + 2.0; }, {x});
    EXPECT_GRADIENTS([](const Inputs& v) { return 2.0 - v[0]; }, {x});
    EXPECT_GRADIENTS([](const Inputs& v) { return -v[0]; }, {x});
    EXPECT_GRADIENTS([](const Inputs& v) { return v[0] * -0.7; }, {x});
    EXPECT_GRADIENTS([](const Inputs& v) { return v[0] / 3.0; }, {x});
    EXPECT_GRADIENTS([](const Inputs& v) { return 3.0 / v[0]; }, {x});
    EXPECT_GRADIENTS([](const Inputs& v) { return maximum(v[0], 0.9); }, {x});
    EXPECT_GRADIENTS([](const Inputs& v) { return minimum(v[0], 0.9); }, {x});
    for (double c : {0.0, 1.0, 2.0, 3.0, -1.0, -2.0})
      EXPECT_GRADIENTS([c](const Inputs& v) { return pow(v[0], c); }, {x});
    EXPECT_GRADIENTS([](const Inputs& v) { return pow(1.7, v[0]); }, {x});
  }
  EXPECT_GRADIENTS([](const Inputs& v) { return pow(v[0], 2.6); }, {positive({5})});
}

TEST(Arithmetic, OneTensorTwice) {
  EXPECT_GRADIENTS([](const Inputs& v) { return v[0] * v[0] - v[0] / v[0] + (v[0] + v[0]); }, {distinct({4})});
}

TEST(Arithmetic, TiesShareTheGradient) {
  const Tensor a = tensor({1., 2., 3.}).requires_grad_(), b = tensor({2., 2., 2.}).requires_grad_();
  const auto at = [&](const Tensor& y) {
    const std::vector<Tensor> g = grad({y}, {a, b}, {ones({3})});
    return std::pair(values(g[0]), values(g[1]));
  };
  EXPECT_EQ(at(maximum(a, b)), std::pair(Values({0, 0.5, 1}), Values({1, 0.5, 0})));
  EXPECT_EQ(at(minimum(a, b)), std::pair(Values({1, 0.5, 0}), Values({0, 0.5, 1})));
  EXPECT_EQ(values(grad({maximum(a, 2.0)}, {a}, {ones({3})})[0]), (Values{0, 1, 1}));
  EXPECT_EQ(values(grad({minimum(a, 2.0)}, {a}, {ones({3})})[0]), (Values{1, 1, 0}));
}

TEST(Arithmetic, PowersAtZero) {
  const Tensor x = tensor({0., 0., 0.}, f64).requires_grad_(), y = tensor({2., 1., 0.}, f64).requires_grad_();
  const std::vector<Tensor> g = grad({pow(x, y)}, {x, y}, {ones({3}, f64)});
  EXPECT_EQ(values(g[0]), (Values{0, 1, 0}));
  EXPECT_EQ(values(g[1]), (Values{0, 0, 0}));
}

TEST(Arithmetic, SumsKeepNothingForBackward) {
  Tensor a = ones({3}).requires_grad_(), b = ones({3}).requires_grad_();
  const Tensor y = a + b;
  {
    const NoGrad off;
    a += 1;
  }
  EXPECT_NO_THROW(y.backward(ones({3})));
  const Tensor z = a * b;
  {
    const NoGrad off;
    a += 1;
  }
  EXPECT_THROW(z.backward(ones({3})), GraphError);
}

TEST(Arithmetic, Errors) {
  const Tensor a = ones({2, 3}), i = tensor({1, 2, 3}), m = a > 0.0;
  EXPECT_EQ(text_of<ShapeError>([&] { a + ones({2}); }),
            "add: shapes do not broadcast (sizes, aligned at the end, must be equal or 1); got a (2, 3), b (2,)");
  EXPECT_EQ(text_of<DtypeError>([&] {
              a* ones({2, 3}, f64);
            }),
            "mul: dtypes must be equal; convert one with to(…); got (2, 3) f32, (2, 3) f64");
  EXPECT_EQ(text_of<DtypeError>([&] { i / 2.0; }), "div: needs f32 or f64; convert with to(f32); got dtype i64");
  EXPECT_EQ(text_of<DtypeError>([&] { i / i; }), "div: needs f32 or f64; convert with to(f32); got dtype i64");
  EXPECT_EQ(text_of<DtypeError>([&] { i * 0.5; }),
            "mul: an i64 tensor takes whole numbers only; convert it with to(f32); got (3,) i64, number 0.5");
  EXPECT_EQ(text_of<DtypeError>([&] { pow(i, 2.0); }), "pow: needs f32 or f64; convert with to(f32); got dtype i64");
  EXPECT_EQ(text_of<DtypeError>([&] { m + m; }), "add: needs f32, f64 or i64; convert with to(…); got dtype bool");
  EXPECT_THROW(Tensor() + a, ValueError);
  EXPECT_THROW(i + double(NAN), DtypeError);
}

}  // namespace
