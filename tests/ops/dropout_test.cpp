#include "cairn/ops/dropout.h"

#include <cairn/autograd/backward.h>
#include <cairn/base/threads.h>
#include <cairn/ops/arithmetic.h>
#include <cairn/ops/compare.h>
#include <cairn/ops/elementwise.h>
#include <cairn/ops/reduce.h>
#include <cairn/tensor/create.h>
#include <cairn/tensor/random.h>
#include <cairn/testing.h>
#include <gmock/gmock.h>

#include <cmath>
#include <limits>

using namespace cairn;

namespace {

TEST(Dropout, DropsAndScales) {
  // p = ½ decides by the top bit of each random word, and scales by 2: both by hand.
  Generator generator(5);
  const Generator same = generator;
  const Tensor x = arange(1, 11).to(f32), y = dropout(x, 0.5, true, generator);
  const Generator::Reserved r = Generator(same).reserve(3);
  for (int64_t i = 0; i < 10; ++i) {
    const uint32_t word = r.stream.block(r.position + static_cast<uint64_t>(i / 4))[static_cast<size_t>(i % 4)];
    EXPECT_EQ(y[i].item<float>(), word >> 31 ? static_cast<float>(2 * (i + 1)) : 0) << i;
  }
  EXPECT_EQ(generator.position(), same.position() + 3);
}

TEST(Dropout, KeepsTheShareItShall) {
  const int64_t n = 1 << 20;
  for (const double p : {0.1, 0.5, 0.9}) {
    Generator generator(3);
    const Tensor y = dropout(ones({n}), p, true, generator);
    const double kept = static_cast<double>(sum((y != 0.0).to(i64)).item<int64_t>()) / n;
    EXPECT_NEAR(kept, 1 - p, 5 * std::sqrt(p * (1 - p) / n)) << p;  // five standard errors
    EXPECT_EQ(max(y).item<float>(), static_cast<float>(1 / (1 - p)));
  }
}

TEST(Dropout, Ends) {
  const float inf = std::numeric_limits<float>::infinity();
  Tensor x = tensor({1., -2., inf, NAN}).requires_grad_();
  const uint64_t position = default_generator().position();
  EXPECT_EQ(dropout(x, 0).body().get(), x.body().get());
  EXPECT_EQ(dropout(x, 0.7, false).body().get(), x.body().get());
  EXPECT_EQ(default_generator().position(), position);
  const Tensor y = dropout(x, 1);
  EXPECT_TRUE(equal(y.detach(), zeros({4})));  // infinities and NaN too
  sum(y).backward();
  EXPECT_TRUE(equal(x.grad(), zeros({4})));
  EXPECT_EQ(dropout(ones({0, 3}), 0.5).shape(), Shape({0, 3}));
  EXPECT_EQ(dropout(tensor(1.), 0.5).shape(), Shape({}));
}

TEST(Dropout, TheGradientDropsTheSame) {
  for (const Dtype dtype : {f32, f64}) {
    Tensor x = randn({300, 70}, dtype).requires_grad_();
    const Tensor y = dropout(x, 0.3);
    const Tensor g = randn({300, 70}, dtype);
    y.backward(g);
    EXPECT_TRUE(equal(x.grad(), where(y.detach() != 0.0, g * (1 / 0.7), 0.0)));
  }
}

TEST(Dropout, Gradients) {
  const auto f = [](const std::vector<Tensor>& in) {
    Generator generator(7);
    return dropout(in[0] * in[0], 0.4, true, generator);
  };
  EXPECT_GRADIENTS(f, {randn({5, 7}, f64)});
}

TEST(Dropout, IsTheSameInEveryLayoutAndOnAnyNumberOfThreads) {
  const int before = num_threads();
  const Tensor x = randn({200, 333});
  std::vector<Tensor> all;
  for (const int threads : {1, 2, 5}) {
    set_num_threads(threads);
    Generator generator(9);
    all.push_back(dropout(x, 0.2, true, generator));
  }
  set_num_threads(before);
  EXPECT_TRUE(equal(all[0], all[1]));
  EXPECT_TRUE(equal(all[0], all[2]));
  Generator generator(9);
  EXPECT_TRUE(equal(dropout(x.t().contiguous().t(), 0.2, true, generator), all[0]));
}

TEST(Dropout, KeepsTheOrderInMemory) {
  const Tensor x = randn({3, 5, 4, 2}, f64), last = x.permute({0, 2, 3, 1}).contiguous().permute({0, 3, 1, 2});
  const auto each = [](auto f) {
    f([](const Tensor& t, Generator& g) { return dropout(t, 0.4, true, g); });
    f([](const Tensor& t, Generator& g) { return dropout2d(t, 0.4, true, g); });
    f([](const Tensor& t, Generator& g) { return stochastic_depth(t, 0.4, Drop::row, true, g); });
    f([](const Tensor& t, Generator& g) { return dropout(t, 1, true, g); });
  };
  each([&](auto f) {
    std::vector<Tensor> values, gradients;
    for (const Tensor& in : {x, last}) {
      Generator generator(9);
      const Tensor leaf = in.detach().requires_grad_(), y = f(leaf, generator);
      EXPECT_EQ(y.strides(), in.strides());
      y.backward(x);
      EXPECT_EQ(leaf.grad().strides(), in.strides());
      values.push_back(y.detach()), gradients.push_back(leaf.grad());
    }
    EXPECT_TRUE(equal(values[0], values[1]));
    EXPECT_TRUE(equal(gradients[0], gradients[1]));
  });
}

TEST(Dropout, OfPartsDropsWhatIsNotFiniteToo) {
  const Tensor x = full({40, 25, 2, 2}, INFINITY);
  for (const Tensor& y : {dropout2d(x, 0.5), stochastic_depth(x, 0.5), dropout2d(x, 1), stochastic_depth(x, 1)})
    EXPECT_TRUE(all((y == 0.0) | (y == INFINITY)).item<bool>());
}

TEST(Dropout, OfPartsHasGradients) {
  const auto f = [](const std::vector<Tensor>& in) {
    Generator generator(7);
    return dropout2d(in[0] * in[0], 0.4, true, generator) +
           stochastic_depth(in[0], 0.5, Drop::row, true, generator) * in[0] +
           stochastic_depth(in[0] * in[0], 0.1, Drop::batch, true, generator);
  };
  EXPECT_GRADIENTS(f, {randn({3, 4, 3, 1}, f64)});
}

TEST(Dropout, OfPartsOnOtherShapes) {
  EXPECT_EQ(dropout2d(ones({2, 3, 4}), 0.5).shape(), Shape({2, 3, 4}));
  EXPECT_EQ(dropout2d(ones({2, 0, 4, 4}), 0.5).shape(), Shape({2, 0, 4, 4}));
  EXPECT_EQ(stochastic_depth(ones({0}), 0.5).shape(), Shape({0}));
  EXPECT_EQ(dropout2d(ones({2, 1, 1}).expand({2, 3, 4}), 0.5).shape(), Shape({2, 3, 4}));
  EXPECT_THROW(dropout2d(ones({2, 3}), 0.5), ShapeError);
  EXPECT_THROW(dropout2d(ones({2, 3}), 0.5, false), ShapeError);
  EXPECT_THROW(stochastic_depth(tensor(1.), 0.5), ShapeError);
  EXPECT_THROW(stochastic_depth(ones({2}, i64), 0.5), DtypeError);
  EXPECT_THROW(stochastic_depth(ones({2}), 1.5), ValueError);
}

TEST(Dropout, Misuse) {
  EXPECT_THROW(dropout(ones({3}), -0.1), ValueError);
  EXPECT_THROW(dropout(ones({3}), 1.5), ValueError);
  EXPECT_THROW(dropout(ones({3}), NAN), ValueError);
  EXPECT_THROW(dropout(ones({3}, i64), 0.5), DtypeError);
  EXPECT_THROW(dropout(ones({3}, i64), 0.5, false), DtypeError);
}

}  // namespace
