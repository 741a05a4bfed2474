#include "cairn/ops/layer_norm.h"

#include <cairn/autograd/backward.h>
#include <cairn/base/threads.h>
#include <cairn/ops/arithmetic.h>
#include <cairn/ops/elementwise.h>
#include <cairn/ops/reduce.h>
#include <cairn/tensor/create.h>
#include <cairn/tensor/random.h>
#include <cairn/testing.h>
#include <gmock/gmock.h>

#include <cmath>

#include "support.h"

using namespace cairn;
using Inputs = std::vector<Tensor>;
using V = std::vector<double>;

namespace {

void expect_close(const Tensor& a, const Tensor& b, double tolerance) {
  EXPECT_EQ(a.shape(), b.shape());
  EXPECT_LE(max(abs(a.to(f64) - b.to(f64))).item<double>(), tolerance);
}

Tensor normed_plainly(const Tensor& x, const Tensor& w, const Tensor& b) {
  const Tensor d = x - mean(x, {-1}, true);
  return d * rsqrt(mean(d * d, {-1}, true) + 1e-5) * w + b;
}

TEST(LayerNorm, ByHand) {
  const Tensor x = tensor({{1., 3.}, {5., 5.}}, f64);
  EXPECT_EQ(values(layer_norm(x, {2}, {}, {}, 0).select(0, 0)), V({-1, 1}));
  EXPECT_EQ(values(layer_norm(x, {2}).select(0, 1)), V({0, 0}));
  EXPECT_EQ(values(layer_norm(x, {2}, tensor({2., 3.}, f64), tensor({10., 20.}, f64), 0).select(0, 0)), V({8, 23}));
  EXPECT_EQ(values(layer_norm(tensor({{1., 2.}, {0., 1.}}, f64), {2, 2}, {}, tensor({{1., 1.}, {1., 1.}}, f64), 0.5)),
            V({1, 2, 0, 1}));
  EXPECT_EQ(values(layer_norm(x, {2}, {}, tensor({1., 2.}, f64)).select(0, 1)), V({1, 2}));
}

TEST(LayerNorm, RowsOfEveryLength) {
  for (int64_t n : {1, 2, 15, 16, 17, 100, 768, 3000}) {
    const Tensor x = randn({5, n}) * 3.0 + 10.0, w = randn({n}), b = randn({n});
    expect_close(layer_norm(x, {n}, w, b), normed_plainly(x.to(f64), w.to(f64), b.to(f64)), 2e-5);
  }
}

TEST(LayerNorm, GradientsOfManyRowsInF32) {
  Tensor x = randn({100, 50}).requires_grad_(), w = randn({50}).requires_grad_(), b = randn({50}).requires_grad_();
  const Tensor up = randn({100, 50});
  const auto ours = grad({layer_norm(x, {50}, w, b)}, {x, w, b}, {up});
  const auto theirs = grad({normed_plainly(x.to(f64), w.to(f64), b.to(f64))}, {x, w, b}, {up.to(f64)});
  for (size_t i = 0; i < 3; ++i) expect_close(ours[i], theirs[i], 1e-5);
}

TEST(LayerNorm, SameBitsOnAnyNumberOfThreads) {
  Tensor x = randn({2000, 65}).requires_grad_(), w = randn({65}).requires_grad_(), b = randn({65}).requires_grad_();
  const auto run = [&] {
    std::vector<V> all;
    for (const Tensor& g : grad({layer_norm(x, {65}, w, b)}, {x, w, b}, {x.detach()})) all.push_back(values(g));
    return all;
  };
  const int before = num_threads();
  set_num_threads(1);
  const auto one = run();
  set_num_threads(3);
  EXPECT_EQ(run(), one);
  set_num_threads(before);
}

TEST(LayerNorm, OfNothing) {
  EXPECT_EQ(layer_norm(zeros({0, 3}), {3}).shape(), Shape({0, 3}));
  Tensor w = ones({3}, f64).requires_grad_();
  sum(layer_norm(zeros({0, 3}, f64), {3}, w)).backward();
  EXPECT_EQ(values(w.grad()), V({0, 0, 0}));
}

TEST(LayerNorm, Gradients) {
  const Tensor x = randn({3, 2, 5}, f64), w = randn({5}, f64), b = randn({5}, f64);
  const auto all = [](const Inputs& in) { return layer_norm(in[0], {in[0].size(-1)}, in[1], in[2]); };
  EXPECT_GRADIENTS(all, {x, w, b});
  EXPECT_GRADIENTS(all, {x.transpose(0, 1), w, b});
  EXPECT_GRADIENTS(all, {randn({5, 3}, f64).t(), w, b.slice(0, 0, 1).expand({5})});
  EXPECT_GRADIENTS(all, {randn({2, 10}, f64).slice(1, 0, 10, 2), w, b});
  EXPECT_GRADIENTS(all, {randn({2, 18}, f64), randn({18}, f64), randn({18}, f64)});
  EXPECT_GRADIENTS([](const Inputs& in) { return layer_norm(in[0], {2, 5}); }, {x});
  EXPECT_GRADIENTS([](const Inputs& in) { return layer_norm(in[0], {2, 5}, in[1]); }, {x, randn({2, 5}, f64)});
  EXPECT_GRADIENTS([](const Inputs& in) { return layer_norm(in[0], {5}, {}, in[1]); }, {x, b});
  EXPECT_GRADIENTS([](const Inputs& in) { return layer_norm(in[0].expand({4, 5}), {5}); }, {w});
}

TEST(LayerNorm, Errors) {
  const Tensor x = zeros({2, 3});
  EXPECT_THROW(layer_norm(x, {2}), ShapeError);
  EXPECT_THROW(layer_norm(x, {}), ShapeError);
  EXPECT_THROW(layer_norm(x, {1, 2, 3}), ShapeError);
  EXPECT_THROW(layer_norm(x, {3}, ones({2})), ShapeError);
  EXPECT_THROW(layer_norm(x, {3}, {}, ones({1, 3})), ShapeError);
  EXPECT_THROW(layer_norm(x, {3}, ones({3}, f64)), DtypeError);
  EXPECT_THROW(layer_norm(zeros({2, 3}, i64), {3}), DtypeError);
  EXPECT_THROW(layer_norm(x, {3}, {}, {}, -1), ValueError);
  try {
    layer_norm(x, {3}, ones({4}));
  } catch (const ShapeError& e) {
    EXPECT_STREQ(e.what(),
                 "layer_norm: weight and bias must be of normalized_shape; got weight (4,) f32, normalized_shape (3,)");
  }
}

TEST(RmsNorm, ByHand) {
  const Tensor x = tensor({{3., 4.}, {0., 0.}}, f64);
  const double rms = std::sqrt(12.5);
  EXPECT_EQ(values(rms_norm(x, {2}, {}, 0.0).select(0, 0)), V({3 / rms, 4 / rms}));
  EXPECT_EQ(values(rms_norm(x, {2}).select(0, 1)), V({0, 0}));
  expect_close(rms_norm(x, {2}, tensor({2., -1.}, f64), 3.75).select(0, 0),
               tensor({6 / std::sqrt(16.25), -4 / std::sqrt(16.25)}, f64), 1e-15);
  EXPECT_NEAR(rms_norm(tensor({1e-4}), {1}).item<double>(), 1e-4 / std::sqrt(1e-8 + 1.1920929e-7), 1e-6);
}

TEST(RmsNorm, RowsOfEveryLengthAndGradients) {
  for (int64_t n : {1, 2, 15, 16, 17, 100, 768}) {
    Tensor x = (randn({50, n}) * 3.0 + 1.0).detach().requires_grad_(), w = randn({n}).requires_grad_();
    const auto plain = [](const Tensor& t, const Tensor& weight) {
      return t * rsqrt(mean(t * t, {-1}, true) + 0.01) * weight;
    };
    const Tensor y = rms_norm(x, {n}, w, 0.01), expected = plain(x.to(f64), w.to(f64)), up = randn({50, n});
    expect_close(y.detach(), expected.detach(), 2e-5);
    const auto ours = grad({y}, {x, w}, {up}), theirs = grad({expected}, {x, w}, {up.to(f64)});
    for (size_t i = 0; i < 2; ++i) expect_close(ours[i], theirs[i], 2e-5);
  }
  EXPECT_GRADIENTS(
      [](const Inputs& in) {
        return rms_norm(in[0], {2, 3}, in[1]);
      },
      {randn({3, 4, 2}, f64).permute({1, 2, 0}), randn({2, 3}, f64)});
  EXPECT_GRADIENTS([](const Inputs& in) { return rms_norm(in[0], {in[0].size(-1)}); }, {randn({2, 18}, f64)});
}

TEST(RmsNorm, Errors) {
  const Tensor x = zeros({2, 3});
  EXPECT_THROW(rms_norm(x, {2}), ShapeError);
  EXPECT_THROW(rms_norm(x, {3}, ones({2})), ShapeError);
  EXPECT_THROW(rms_norm(x, {3}, ones({3}, f64)), DtypeError);
  EXPECT_THROW(rms_norm(zeros({2, 3}, i64), {3}), DtypeError);
  EXPECT_THROW(rms_norm(x, {3}, {}, -1.0), ValueError);
  EXPECT_EQ(rms_norm(zeros({0, 3}), {3}).shape(), Shape({0, 3}));
}

}  // namespace
