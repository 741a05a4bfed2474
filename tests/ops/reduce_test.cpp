#include "cairn/ops/reduce.h"

#include <cairn/autograd/backward.h>
#include <cairn/base/random.h>
#include <cairn/base/threads.h>
#include <cairn/ops/arithmetic.h>
#include <cairn/ops/compare.h>
#include <cairn/ops/elementwise.h>
#include <cairn/ops/matmul.h>
#include <cairn/tensor/create.h>
#include <cairn/tensor/random.h>
#include <cairn/testing.h>
#include <gmock/gmock.h>

#include <cmath>
#include <limits>
#include <numeric>

#include "support.h"

using namespace cairn;
using ::testing::HasSubstr;
using Inputs = std::vector<Tensor>;

namespace {

const double nan = std::nan("");

using V = std::vector<double>;

const Tensor& table() {
  static const Tensor t = tensor({{1., 2., 3.}, {4., 6., 8.}}, f64);
  return t;
}

// Distinct numbers, so that nothing ties, of either sign.
Tensor spread(const Shape& shape, uint64_t seed = 1) {
  manual_seed(seed);
  return randn(shape, f64);
}

TEST(Sum, ByHand) {
  EXPECT_EQ(values(sum(table())), V({24}));
  EXPECT_EQ(values(sum(table(), {0})), V({5, 8, 11}));
  EXPECT_EQ(values(sum(table(), {-1})), V({6, 18}));
  EXPECT_EQ(sum(table(), {1}, true).shape(), Shape({2, 1}));
  EXPECT_EQ(sum(table(), {0, 1}, true).shape(), Shape({1, 1}));
  EXPECT_EQ(sum(table()).shape(), Shape());
  EXPECT_EQ(values(sum(tensor(3.0))), V({3}));
}

TEST(Sum, WholeNumbersAndTruthGiveI64) {
  const Tensor n = sum(tensor({{1, 2}, {3, 4}}), {0}), b = sum(tensor({true, false, true}));
  EXPECT_EQ(n.dtype(), i64);
  EXPECT_EQ(values(n), V({4, 6}));
  EXPECT_EQ(b.dtype(), i64);
  EXPECT_EQ(b.item<int64_t>(), 2);
  EXPECT_EQ(sum(ones({300, 500}, i64)).item<int64_t>(), 150000);
  EXPECT_EQ(values(sum(ones({3, 2, 4}, i64), {0, 2})), V({12, 12}));
}

TEST(Sum, EverySetOfDimensionsInEveryLayout) {
  const Shape shape{3, 4, 5, 2};
  const Tensor x = spread(shape);
  const Tensor channels_last = x.permute({0, 2, 3, 1}).contiguous().permute({0, 3, 1, 2});
  const Tensor reversed = x.permute({3, 2, 1, 0}).contiguous().permute({3, 2, 1, 0});
  const Tensor sliced = spread({3, 4, 10, 2}, 2).slice(2, 0, 10, 2);
  for (const Tensor& t : {x, channels_last, reversed, sliced, spread({1, 4, 1, 2}, 3).expand(shape)}) {
    const V flat = values(t);
    for (int mask = 1; mask < 16; ++mask) {
      Dims dims;
      for (int d = 0; d < 4; ++d)
        if (mask >> d & 1) dims.push_back(d);
      Shape kept = shape;
      for (int64_t d : dims) kept[int(d)] = 1;
      V expected(static_cast<size_t>(kept.numel()), 0);
      for (int64_t i = 0; i < shape.numel(); ++i) {
        int64_t rest = i, place = 0, step = 1;
        for (int d = 3; d >= 0; --d) {
          if (!dims.contains(d)) place += rest % shape[d] * step, step *= shape[d];
          rest /= shape[d];
        }
        expected[static_cast<size_t>(place)] += flat[static_cast<size_t>(i)];
      }
      const V found = values(sum(t, dims, true)), without = values(sum(t, dims));
      ASSERT_EQ(found.size(), expected.size());
      for (size_t i = 0; i < found.size(); ++i) EXPECT_NEAR(found[i], expected[i], 1e-13) << "dims " << dims;
      EXPECT_EQ(found, without);
      EXPECT_EQ(sum(t, dims, true).shape(), kept);
      EXPECT_TRUE(sum(t, dims).is_dense());
    }
  }
}

TEST(Sum, SizesAroundTheWidthOfAVector) {
  for (int64_t n : {1, 2, 7, 15, 16, 17, 31, 33, 63, 64, 65, 100, 2047, 2049, 5000}) {
    const Tensor row = arange(n, f32), rows = row.expand({3, n}).contiguous(), columns = rows.t().contiguous();
    const double expected = static_cast<double>(n) * static_cast<double>(n - 1) / 2;
    EXPECT_EQ(values(sum(row)), V({expected})) << n;
    EXPECT_EQ(values(sum(rows, {1})), V(3, expected)) << n;
    EXPECT_EQ(values(sum(columns, {0})), V(3, expected)) << n;
    EXPECT_EQ(values(sum(rows, {0})), values(row * 3.0)) << n;
  }
}

// 10⁶ numbers in f32 against f64. A plain loop would be off by about 1e-4.
TEST(Sum, IsAccurate) {
  manual_seed(3);
  const Tensor x = rand({1000000});
  const double exact = sum(x.to(f64)).item<double>();
  constexpr double tolerance = 1e-7;  // two roundings of f32: the levels of the tree are few and their errors cancel
  EXPECT_NEAR(sum(x).item<double>() / exact, 1, tolerance);
  EXPECT_NEAR(values(sum(x.reshape({-1, 1}).expand({1000000, 2}).contiguous(), {0}))[1] / exact, 1, tolerance);
}

TEST(Sum, SameBitsOnAnyNumberOfThreads) {
  manual_seed(4);
  const Tensor x = randn({700, 33, 64});
  expect_same_on_any_threads([&] {
    return std::vector<V>{values(sum(x)),         values(sum(x, {0})), values(sum(x, {2})),  values(sum(x, {0, 1})),
                          values(sum(x, {0, 2})), values(var(x)),      values(prod(x, {1})), values(logsumexp(x, {0}))};
  });
}

TEST(Sum, OfNothing) {
  EXPECT_EQ(values(sum(zeros({0, 3}))), V({0}));
  EXPECT_EQ(values(sum(zeros({0, 3}), {0})), V({0, 0, 0}));
  EXPECT_EQ(sum(zeros({0, 3}), {1}).shape(), Shape({0}));
  EXPECT_EQ(values(prod(zeros({2, 0}), {1})), V({1, 1}));
  EXPECT_TRUE(std::isnan(mean(zeros({0})).item<double>()));
  EXPECT_EQ(values(logsumexp(zeros({2, 0}), {1})), V({-inf, -inf}));
  EXPECT_TRUE(all(zeros({0})).item<bool>());
  EXPECT_FALSE(any(zeros({0})).item<bool>());
  EXPECT_EQ(amax(zeros({0, 3}), {1}).shape(), Shape({0}));
}

TEST(Mean, ByHand) {
  EXPECT_EQ(values(mean(table(), {1})), V({2, 6}));
  EXPECT_EQ(mean(table()).item<double>(), 4);
}

TEST(Var, ByHand) {
  EXPECT_EQ(values(var(table(), {1})), V({1, 4}));
  EXPECT_NEAR(values(var(table(), {1}, 0))[0], 2.0 / 3, 1e-15);
  EXPECT_NEAR(values(var(table(), {1}, false))[1], 8.0 / 3, 1e-15);
  EXPECT_EQ(values(cairn::std(table(), {1}, 1, true)), V({1, 2}));
  EXPECT_TRUE(std::isnan(var(ones({1})).item<double>()));
  // The mean is taken off first: no cancellation far from 0.
  EXPECT_EQ(var(tensor({1e9 + 1, 1e9 + 2, 1e9 + 3}, f64)).item<double>(), 1);
}

TEST(Extrema, ByHand) {
  const Tensor x = tensor({{3., 7., 7.}, {-1., -5., -5.}}, f64);
  EXPECT_EQ(max(x).item<double>(), 7);
  EXPECT_EQ(min(x).item<double>(), -5);
  EXPECT_EQ(values(amax(x, {0})), V({3, 7, 7}));
  EXPECT_EQ(values(amin(x, {1}, true)), V({3, -5}));
  const auto [top, where_top] = max(x, 1);
  EXPECT_EQ(values(top), V({7, -1}));
  EXPECT_EQ(values(where_top), V({1, 0}));
  EXPECT_EQ(where_top.dtype(), i64);
  const auto low = min(x, -1, true);
  EXPECT_EQ(low.values.shape(), Shape({2, 1}));
  EXPECT_EQ(values(low.indices), V({0, 1}));
  EXPECT_EQ(argmax(x).item<int64_t>(), 1);
  EXPECT_EQ(argmin(x).item<int64_t>(), 4);
  EXPECT_EQ(values(argmax(x, 0)), V({0, 0, 0}));
  EXPECT_EQ(argmax(x, 0, true).shape(), Shape({1, 3}));
  // The place is counted in logical order whatever the memory looks like.
  EXPECT_EQ(argmax(x.t()).item<int64_t>(), 2);
  EXPECT_EQ(values(max(x.t(), 0).indices), V({1, 0}));
  EXPECT_EQ(values(amax(tensor({{1, 9}, {4, 2}}), {1})), V({9, 4}));
  EXPECT_EQ(values(max(tensor({{1, 9}, {4, 2}}), 0).indices), V({1, 0}));
}

TEST(Extrema, HandNaNOn) {
  const Tensor x = tensor({{1., nan, 3., nan}, {1., 2., 3., -inf}}, f32);
  EXPECT_TRUE(std::isnan(values(amax(x, {1}))[0]));
  EXPECT_TRUE(std::isnan(min(x).item<double>()));
  EXPECT_EQ(values(amin(x, {1}))[1], -inf);
  EXPECT_EQ(values(argmax(x, 1)), V({1, 2}));
  EXPECT_EQ(values(argmin(x, 1)), V({1, 3}));
  for (int64_t at : {0, 5, 16, 30, 63, 64, 99}) {  // wherever in a vector it lies
    Tensor y = zeros({100});
    y.data<float>()[at] = NAN;
    EXPECT_TRUE(std::isnan(max(y).item<double>())) << at;
    EXPECT_TRUE(std::isnan(amax(y.reshape({100, 1}).expand({100, 3}).contiguous(), {0}).to_vector<double>()[2])) << at;
  }
}

TEST(Extrema, OfNegativeNumbersOnly) { EXPECT_EQ(max(full({3, 5}, -2)).item<double>(), -2); }

TEST(Prod, ByHand) {
  EXPECT_EQ(values(prod(table(), {1})), V({6, 192}));
  EXPECT_EQ(prod(tensor({2, 3, 4})).item<int64_t>(), 24);
  EXPECT_EQ(prod(tensor({true, false})).dtype(), i64);
  Tensor x = tensor({{2., 0., 4.}, {0., 0., 5.}}, f64).requires_grad_();
  prod(x, {1}).backward(ones({2}, f64));
  EXPECT_EQ(values(x.grad()), V({0, 8, 0, 0, 0, 0}));
}

TEST(Truth, ByHand) {
  const Tensor x = tensor({{1., 0.}, {2., nan}});
  EXPECT_EQ(values(all(x, {1})), V({0, 1}));
  EXPECT_EQ(values(any(x == 0.0, {0})), V({0, 1}));
  EXPECT_EQ(all(x).dtype(), boolean);
  EXPECT_TRUE(any(tensor({0, 0, 3})).item<bool>());
  EXPECT_EQ(values(all(ones({2, 3, 4}, u8), {0, 2})), V({1, 1, 1}));
}

TEST(Norm, ByHand) {
  const Tensor x = tensor({{3., -4.}, {0., 0.}}, f64);
  EXPECT_EQ(values(norm(x, 2, {1})), V({5, 0}));
  EXPECT_EQ(values(norm(x, 1, {1})), V({7, 0}));
  EXPECT_EQ(values(norm(x, inf, {1})), V({4, 0}));
  EXPECT_EQ(values(norm(x, -inf, {0})), V({0, 0}));
  EXPECT_EQ(values(norm(x, 0, {1}, true)), V({2, 0}));
  EXPECT_NEAR(norm(x, 3).item<double>(), std::cbrt(27 + 64), 1e-14);
  for (double p : {0.5, 1.0, 1.5, 2.0, 3.0}) {
    Tensor origin = zeros({3}, f64).requires_grad_();
    norm(origin, p).backward();
    EXPECT_EQ(values(origin.grad()), V({0, 0, 0})) << p;
  }
}

TEST(LogSumExp, ByHand) {
  EXPECT_NEAR(logsumexp(tensor({0., 0.}, f64)).item<double>(), std::log(2), 1e-15);
  EXPECT_NEAR(logsumexp(tensor({1000., 1000.}, f64)).item<double>(), 1000 + std::log(2), 1e-12);
  EXPECT_EQ(logsumexp(tensor({-inf, 3.}, f64)).item<double>(), 3);
  EXPECT_EQ(logsumexp(tensor({-inf, -inf})).item<double>(), -inf);
  EXPECT_EQ(logsumexp(tensor({inf, 0.})).item<double>(), inf);
  Tensor x = tensor({-inf, -inf}, f64).requires_grad_();
  logsumexp(x).backward();
  EXPECT_EQ(values(x.grad()), V({0, 0}));
}

TEST(Reduce, GradientsOverEveryLayout) {
  using F = std::function<Tensor(const Tensor&)>;
  const std::vector<std::pair<const char*, F>> functions{
      {"sum", [](const Tensor& x) { return sum(x, {1}); }},
      {"sum all", [](const Tensor& x) { return sum(x); }},
      {"sum keepdim",
       [](const Tensor& x) {
         return sum(x, {0, 2}, true);
       }},
      {"mean", [](const Tensor& x) { return mean(x, {0}); }},
      {"var",
       [](const Tensor& x) {
         return var(x, {0, 2});
       }},
      {"var biased", [](const Tensor& x) { return var(x, {}, 0); }},
      {"std", [](const Tensor& x) { return cairn::std(x, {1}, 1, true); }},
      {"amax",
       [](const Tensor& x) {
         return amax(x, {1, 2});
       }},
      {"amin", [](const Tensor& x) { return amin(x, {0}, true); }},
      {"max", [](const Tensor& x) { return max(x, 1).values; }},
      {"min", [](const Tensor& x) { return min(x, -1, true).values; }},
      {"max all", [](const Tensor& x) { return max(x); }},
      {"prod",
       [](const Tensor& x) {
         return prod(x, {0, 2});
       }},
      {"prod all", [](const Tensor& x) { return prod(x); }},
      {"norm", [](const Tensor& x) { return norm(x, 2, {1}); }},
      {"norm 1", [](const Tensor& x) { return norm(x, 1, {0}); }},
      {"norm 3", [](const Tensor& x) { return norm(x, 3, {2}, true); }},
      {"norm 1.5", [](const Tensor& x) { return norm(x, 1.5); }},
      {"norm inf", [](const Tensor& x) { return norm(x, inf, {1}); }},
      {"logsumexp",
       [](const Tensor& x) {
         return logsumexp(x, {0, 2});
       }},
  };
  const std::vector<Tensor> layouts{spread({2, 3, 4}), spread({4, 3, 2}, 5).transpose(0, 2),
                                    spread({2, 6, 8}, 6).slice(1, 1, 6, 2).slice(2, 0, 8, 2), spread({2, 3, 1}, 7)};
  for (const auto& [name, f] : functions)
    for (size_t i = 0; i < layouts.size(); ++i) {
      SCOPED_TRACE(std::string(name) + ", layout " + std::to_string(i));
      const F& apply = f;  // a lambda cannot capture a part of a binding
      EXPECT_GRADIENTS([&](const Inputs& in) { return apply(in[0]); }, {layouts[i]});
    }
}

TEST(Reduce, GradientsOfABroadcastInput) {
  const Inputs x{spread({3, 1})};
  EXPECT_GRADIENTS([](const Inputs& in) { return sum(in[0].expand({3, 4}), {0}); }, x);
  EXPECT_GRADIENTS([](const Inputs& in) { return norm(in[0].expand({3, 4}), 2, {0}); }, x);
  EXPECT_GRADIENTS([](const Inputs& in) { return prod(in[0].expand({3, 4}), {0}); }, x);
  EXPECT_GRADIENTS([](const Inputs& in) { return logsumexp(in[0].expand({3, 4}), {1}); }, x);
}

TEST(Reduce, GradientsWithZeros) {
  const Tensor x = tensor({{2., 0., 3., -1.}, {0., 0., 1., 2.}, {1., 2., 3., 4.}}, f64);
  EXPECT_GRADIENTS([](const Inputs& in) { return prod(in[0], {1}); }, {x});
  EXPECT_GRADIENTS([](const Inputs& in) { return prod(in[0], {0}, true); }, {x});
}

TEST(Reduce, TiesShareTheGradient) {
  Tensor x = tensor({2., 5., 5., 5.}, f64).requires_grad_();
  amax(x).backward();
  EXPECT_EQ(values(x.grad()), V({0, 1.0 / 3, 1.0 / 3, 1.0 / 3}));
  x.set_grad({});
  max(x, 0).values.backward();
  EXPECT_EQ(values(x.grad()), V({0, 1, 0, 0}));
}

TEST(Reduce, StdOfEqualNumbersHasNoSlope) {
  Tensor x = full({4}, 3, f64).requires_grad_();
  cairn::std(x).backward();
  EXPECT_EQ(values(x.grad()), V({0, 0, 0, 0}));
}

TEST(Reduce, GradientsOfNothing) {
  Tensor x = zeros({0, 3}, f64).requires_grad_();
  (sum(x) + sum(prod(x, {0}))).backward();
  EXPECT_EQ(x.grad().shape(), Shape({0, 3}));
  EXPECT_EQ(grad({sum(prod(x, {0}))}, {x}, {}, true, true)[0].shape(), Shape({0, 3}));
}

TEST(Reduce, Errors) {
  const Tensor x = zeros({2, 3}), n = zeros({2, 3}, i64), nothing = zeros({2, 0});
  EXPECT_EQ(text_of<IndexError>([&] { sum(x, {2}); }), "sum: dimension out of range (-2 to 1); got dim 2");
  EXPECT_THAT(text_of<IndexError>([&] { mean(x, {0, -2}); }), HasSubstr("mean: a dimension is given twice"));
  EXPECT_EQ(text_of<DtypeError>([&] { mean(n); }), "mean: needs f32 or f64; convert with to(f32); got (2, 3) i64");
  for (const auto& f : std::vector<std::function<void()>>{[&] { var(n); }, [&] { cairn::std(n); }, [&] { norm(n); },
                                                          [&] { logsumexp(n); }, [&] { norm(n, 1); }})
    EXPECT_THAT(text_of<DtypeError>(f), HasSubstr("to(f32)"));
  EXPECT_THAT(text_of<DtypeError>([&] { sum(zeros({2}, u8)); }), HasSubstr("sum: needs"));
  EXPECT_THAT(text_of<DtypeError>([&] { amax(zeros({2}, boolean)); }), HasSubstr("amax: needs f32, f64 or i64"));
  EXPECT_EQ(text_of<ShapeError>([&] { max(nothing); }), "amax: there are no elements to choose from; got (2, 0) f32");
  EXPECT_THAT(text_of<ShapeError>([&] { max(nothing, 1); }), HasSubstr("max: there are no elements"));
  EXPECT_THAT(text_of<ShapeError>([&] { argmin(nothing); }), HasSubstr("argmin: there are no elements"));
  EXPECT_THAT(text_of<ShapeError>([&] { argmax(nothing, 1); }), HasSubstr("argmax: there are no elements"));
  EXPECT_THAT(text_of<IndexError>([&] { argmax(x, 5); }), HasSubstr("argmax: dimension out of range"));
  EXPECT_THROW(sum(Tensor()), ValueError);
}

TEST(Extremes, ChangedIndicesAreNoticed) {
  const Tensor x = tensor({{1., 5., 3.}}, f64).requires_grad_();
  auto found = max(x, 1);
  found.indices.fill_(0);
  EXPECT_THROW(sum(found.values).backward(), GraphError);
}

}  // namespace
