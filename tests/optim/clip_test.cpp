#include "cairn/optim/clip.h"

#include <gtest/gtest.h>

#include <cmath>

#include "cairn/ops/arithmetic.h"
#include "cairn/ops/compare.h"
#include "cairn/ops/reduce.h"
#include "cairn/tensor/create.h"
#include "cairn/tensor/random.h"
#include "optim/variants.h"
#include "support.h"

namespace cairn {
namespace {

using optim::clip_grad_norm_;
using optim::clip_grad_value_;

TEST(ClipGradNorm, ScalesAllGradientsTogether) {
  Tensor a = leaf(zeros({2}, f64), tensor({3., 0.}, f64)), b = leaf(zeros({1}, f64), tensor({-4.}, f64));
  const Tensor none = leaf(zeros({3}));
  EXPECT_NEAR(clip_grad_norm_({a, b, none}, 1), 5, 1e-15);
  const double factor = 1 / (5 + 1e-6);
  EXPECT_TRUE(allclose(a.grad(), tensor({3 * factor, 0.}, f64), 0, 1e-15));
  EXPECT_TRUE(allclose(b.grad(), tensor({-4 * factor}, f64), 0, 1e-15));
  EXPECT_FALSE(none.grad().defined());
}

TEST(ClipGradNorm, LeavesSmallGradientsAlone) {
  Tensor a = leaf(zeros({2}), tensor({3., 4.}));
  const Tensor before = a.grad().clone();
  const uint32_t version = a.grad().body()->storage->version;
  EXPECT_EQ(clip_grad_norm_({a}, 6), 5);
  EXPECT_EQ(clip_grad_norm_({a}, INFINITY), 5);  // only measures
  EXPECT_TRUE(equal(a.grad(), before));
  EXPECT_EQ(a.grad().body()->storage->version, version);
  EXPECT_EQ(clip_grad_norm_({leaf(zeros({2}))}, 1), 0);
  EXPECT_EQ(clip_grad_norm_({leaf(zeros({0}), zeros({0}))}, 1, INFINITY), 0);
}

TEST(ClipGradNorm, OfOtherOrders) {
  const auto two = [] {
    return std::vector<Tensor>{leaf(zeros({2}, f64), tensor({3., -2.}, f64)),
                               leaf(zeros({1}, f64), tensor({-4.}, f64))};
  };
  std::vector<Tensor> w = two();
  EXPECT_NEAR(clip_grad_norm_(w, 3, 1), 9, 1e-14);
  EXPECT_NEAR(w[1].grad().item<double>(), -12 / (9 + 1e-6), 1e-14);
  w = two();
  EXPECT_EQ(clip_grad_norm_(w, 1, INFINITY), 4);
  EXPECT_NEAR(w[1].grad().item<double>(), -4 / (4 + 1e-6), 1e-14);
  w = two();
  EXPECT_NEAR(clip_grad_norm_(w, 100, 3), std::cbrt(27 + 8 + 64), 1e-14);
}

TEST(ClipGradNorm, WhereNumbersAreNotFinite) {
  const auto run = [](double bad, double type) {
    Tensor a = leaf(zeros({2}), tensor({1., bad})), b = leaf(zeros({1}), tensor({1.}));
    const double total = clip_grad_norm_({a, b}, 1, type);
    std::vector<double> g = a.grad().to_vector<double>();
    g.push_back(b.grad().item<double>());
    return std::make_pair(total, g);
  };
  for (const double type : {1.0, 2.0, 3.0, double(INFINITY)}) {
    auto [total, g] = run(INFINITY, type);
    EXPECT_EQ(total, INFINITY) << type;
    EXPECT_EQ(g[0], 0) << type;
    EXPECT_TRUE(std::isnan(g[1])) << type;
    EXPECT_EQ(g[2], 0) << type;
    std::tie(total, g) = run(NAN, type);
    EXPECT_TRUE(std::isnan(total)) << type;
    for (const double x : g) EXPECT_TRUE(std::isnan(x)) << type;
  }
  Tensor a = leaf(zeros({2}), tensor({1., NAN}));
  EXPECT_EQ(text_of<ValueError>([&] { clip_grad_norm_({a}, 1, 2, true); }),
            "clip_grad_norm_: the norm of the gradients is not finite; got nan");
  EXPECT_EQ(a.grad().to_vector<double>()[0], 1);
}

// Squares of 1e30 do not fit in f32, the norm does.
TEST(ClipGradNorm, OfLargeNumbersInSinglePrecision) {
  Tensor a = leaf(zeros({2}), tensor({3e30, 4e30}));
  EXPECT_NEAR(clip_grad_norm_({a}, 1), 5e30, 5e30 * 1e-7);
  EXPECT_TRUE(allclose(a.grad(), tensor({0.6, 0.8}), 1e-6, 0));
}

TEST(ClipGradNorm, ReadsAnyLayout) {
  const Tensor g = tensor({{1., 2.}, {3., 4.}, {5., 6.}}, f64);
  Tensor rows = leaf(zeros({3, 2}, f64), g.clone()), columns = leaf(zeros({3, 2}, f64), g.t().contiguous().t());
  const Tensor one = full({1}, 2, f64);
  Tensor stretched = leaf(zeros({3, 2}, f64), one.expand({3, 2}));
  const double total = clip_grad_norm_({rows, columns, stretched}, 1);
  EXPECT_NEAR(total, std::sqrt(2 * 91 + 6 * 4), 1e-13);
  EXPECT_TRUE(allclose(rows.grad(), g / (total + 1e-6), 0, 1e-15));
  EXPECT_TRUE(equal(columns.grad(), rows.grad()));
  EXPECT_TRUE(allclose(stretched.grad(), full({3, 2}, 2 / (total + 1e-6), f64), 0, 1e-15));
  EXPECT_EQ(one.item<double>(), 2);  // a gradient on somebody else's stretched memory is replaced, not written through
}

TEST(ClipGradNorm, CountsATensorOnce) {
  Tensor a = leaf(zeros({2}), tensor({3., 4.}));
  EXPECT_EQ(clip_grad_norm_({a, a}, 2.5), 5);
  EXPECT_NEAR(a.grad().to_vector<double>()[0], 1.5, 1e-6);
}

TEST(ClipGradNorm, GivesTheSameBitsOnAnyNumberOfThreads) {
  const Tensor g = randn({300001});
  const auto run = [&](int threads) {
    const WithThreads with(threads);
    Tensor a = leaf(zeros({300001}), g.clone());
    const double total = clip_grad_norm_({a}, 1);
    return std::make_pair(total, a.grad());
  };
  const auto [total, clipped] = run(1);
  EXPECT_NEAR(total, std::sqrt(300001), 2);
  for (const int threads : {2, 3}) {
    const auto [t, c] = run(threads);
    EXPECT_EQ(t, total);
    EXPECT_TRUE(equal(c, clipped));
  }
}

// As in PyTorch, what is clipped may have a history: clipping is no part of it.
TEST(ClipGradNorm, OfAGradientWithAGraph) {
  Tensor w = leaf(tensor({3., 4.}));
  sum(w * w * w).backward({}, false, true);
  ASSERT_TRUE(w.grad().requires_grad());
  EXPECT_NEAR(clip_grad_norm_({w}, 1), std::sqrt(27. * 27 + 48 * 48), 1e-4);
  EXPECT_LT(norm(w.grad()).item<double>(), 1.0001);
}

TEST(ClipGradValue, BringsEveryNumberIntoRange) {
  Tensor a = leaf(zeros({5}), tensor({-3., -0.5, 0.25, INFINITY, NAN}));
  const Tensor none = leaf(zeros({2}));
  clip_grad_value_({a, none}, 0.5);
  const std::vector<double> g = a.grad().to_vector<double>();
  EXPECT_EQ(std::vector<double>(g.begin(), g.end() - 1), (std::vector<double>{-0.5, -0.5, 0.25, 0.5}));
  EXPECT_TRUE(std::isnan(g[4]));
}

TEST(Clip, Misuse) {
  const Tensor w = leaf(zeros({1}), ones({1}));
  EXPECT_EQ(text_of<ValueError>([&] { clip_grad_norm_({w}, 0); }), "clip_grad_norm_: max_norm must be positive; got 0");
  EXPECT_THROW(clip_grad_norm_({w}, NAN), ValueError);
  EXPECT_EQ(text_of<ValueError>([&] { clip_grad_norm_({w}, 1, 0); }),
            "clip_grad_norm_: norm_type must be positive; got 0");
  EXPECT_EQ(text_of<ValueError>([&] { clip_grad_value_({w}, -1); }),
            "clip_grad_value_: clip_value must not be negative; got -1");
  EXPECT_THROW(clip_grad_value_({w}, NAN), ValueError);
}

}  // namespace
}  // namespace cairn
