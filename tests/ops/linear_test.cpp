#include "cairn/ops/linear.h"

#include <Eigen/Core>
#include <cstring>

#include "cairn/autograd/backward.h"
#include "cairn/base/threads.h"
#include "cairn/graph/record.h"
#include "cairn/ops/arithmetic.h"
#include "cairn/ops/matmul.h"
#include "cairn/ops/reduce.h"
#include "cairn/tensor/create.h"
#include "cairn/tensor/eigen.h"
#include "cairn/tensor/random.h"
#include "cairn/testing.h"
#include "ops/operands.h"

using namespace cairn;

namespace {

using Inputs = std::vector<Tensor>;

double distance(const Tensor& a, const Tensor& b) {
  EXPECT_EQ(a.shape(), b.shape());
  return a.numel() == 0 ? 0 : max(maximum(a - b, b - a)).item<double>();
}

TEST(Linear, ByHand) {
  const Tensor x = tensor({{1., 2., 3.}, {4., 5., 6.}}), w = tensor({{1., 0., 2.}, {0., 1., 0.}}),
               b = tensor({10., 20.});
  EXPECT_EQ(values(linear(x, w)), (Values{7, 2, 16, 5}));
  EXPECT_EQ(values(linear(x, w, b)), (Values{17, 22, 26, 25}));
  EXPECT_EQ(linear(x, w, b).dtype(), f32);
  EXPECT_EQ(linear(x[0], w, b).shape(), Shape({2}));
  EXPECT_EQ(values(linear(x[1], w, b)), (Values{26, 25}));
}

TEST(Linear, AgreesWithEigen) {
  const Tensor x = some({37, 53}), w = some({41, 53}), b = some({41});
  const Tensor y = linear(x, w, b);
  const Eigen::MatrixXd expected =
      (matrix_map<double>(x) * matrix_map<double>(w).transpose()).rowwise() + vector_map<double>(b).transpose();
  EXPECT_LE((matrix_map<double>(y) - expected).cwiseAbs().maxCoeff(), product_rounding);
}

TEST(Linear, AnyNumberOfDimensionsAndAnyLayout) {
  const Tensor x = some({2, 5, 3, 4}), w = some({6, 4}), b = some({6});
  const auto plain = [&](const Tensor& t) { return (matmul(t.contiguous(), w.t().contiguous()) + b); };
  for (const Tensor& t :
       {x, x[0], x[0][0], x[0][0][0], x.permute({2, 1, 0, 3}), x.transpose(0, 1), x.slice(1, 0, 5, 2), x.slice(2, 1, 2),
        x[0][0][0].expand({3, 2, 4}), some({4, 7}).t(), some({7, 8}).slice(1, 0, 8, 2)})
    EXPECT_LE(distance(linear(t, w, b), plain(t)), product_rounding) << describe(t);
  EXPECT_LE(distance(linear(x, some({4, 6}).t(), b), matmul(x, some({4, 6})) + b), product_rounding);
  EXPECT_LE(distance(linear(x, some({6, 8}).slice(1, 0, 8, 2), some({12}).slice(0, 0, 12, 2)),
                     matmul(x, some({6, 8}).slice(1, 0, 8, 2).t()) + some({12}).slice(0, 0, 12, 2)),
            product_rounding);
}

TEST(Linear, EmptySizes) {
  EXPECT_EQ(linear(zeros({0, 3}), zeros({2, 3}), ones({2})).shape(), Shape({0, 2}));
  EXPECT_EQ(linear(zeros({2, 3}), zeros({0, 3}), ones({0})).shape(), Shape({2, 0}));
  EXPECT_EQ(values(linear(zeros({2, 0}), zeros({2, 0}), tensor({1., 2.}))), (Values{1, 2, 1, 2}));
  const Tensor w = ones({2, 3}).requires_grad_(), b = ones({2}).requires_grad_();
  sum(linear(zeros({0, 3}), w, b)).backward();
  EXPECT_EQ(values(w.grad()), Values(6, 0.0));
  EXPECT_EQ(values(b.grad()), Values(2, 0.0));
}

TEST(Linear, GradientByHand) {
  const Tensor x = tensor({{1., 2.}, {3., 4.}}).requires_grad_(), w = tensor({{5., 6.}, {7., 8.}}).requires_grad_(),
               b = tensor({0., 1.}).requires_grad_();
  linear(x, w, b).backward(tensor({{1., 0.}, {1., 2.}}));
  EXPECT_EQ(values(x.grad()), (Values{5, 6, 19, 22}));  // G W
  EXPECT_EQ(values(w.grad()), (Values{4, 6, 6, 8}));    // Gᵀ x
  EXPECT_EQ(values(b.grad()), (Values{2, 2}));
}

TEST(Linear, Gradients) {
  const auto f = [](const Inputs& in) { return linear(in[0], in[1], in.size() > 2 ? in[2] : Tensor()); };
  EXPECT_GRADIENTS(f, {some({3, 4}), some({2, 4})});
  EXPECT_GRADIENTS(f, {some({3, 4}), some({2, 4}), some({2})});
  EXPECT_GRADIENTS(f, {some({4}), some({2, 4}), some({2})});
  EXPECT_GRADIENTS(f, {some({2, 3, 4}), some({2, 4}), some({2})});
  EXPECT_GRADIENTS(f, {some({3, 2, 4}).transpose(0, 1), some({4, 2}).t(), some({4}).slice(0, 0, 4, 2)});
  EXPECT_GRADIENTS(f, {some({1, 1}), some({1, 1}), some({1})});
  EXPECT_GRADIENTS(
      [](const Inputs& in) {
        return linear(in[0].expand({3, 4}), in[1], in[2]);
      },
      {some({4}), some({2, 4}), some({2})});
}

TEST(Linear, IsOneRecordedOperation) {
  std::vector<std::string> names;
  const Observer observer([&](const Operation& op) { names.push_back(op.name); });
  linear(some({2, 3, 4}), some({2, 4}), some({2}));
  EXPECT_EQ(names, std::vector<std::string>{"linear"});
}

TEST(Linear, OnlyTheWantedGradientsAreComputed) {
  const Tensor x = some({3, 4}), w = some({2, 4}).requires_grad_(), b = some({2});
  sum(linear(x, w, b)).backward();
  EXPECT_TRUE(w.grad().defined());
  EXPECT_FALSE(x.grad().defined());
  EXPECT_FALSE(b.grad().defined());
}

TEST(Linear, Errors) {
  EXPECT_EQ(text_of<ShapeError>([] {
              linear(zeros({2, 3}), zeros({5, 4}));
            }),
            "linear: the last size of x must be weight's second; got x (2, 3) f32, weight (5, 4) f32");
  EXPECT_EQ(text_of<ShapeError>([] {
              linear(tensor(1.0), zeros({5, 4}));
            }),
            "linear: the last size of x must be weight's second; got x () f32, weight (5, 4) f32");
  EXPECT_EQ(text_of<ShapeError>([] {
              linear(zeros({2, 3}), zeros({3}));
            }),
            "linear: weight must be (out, in); got weight (3,) f32");
  EXPECT_EQ(text_of<ShapeError>([] {
              linear(zeros({2, 3}), zeros({5, 3}), zeros({4}));
            }),
            "linear: bias must be (out); got weight (5, 3) f32, bias (4,) f32");
  EXPECT_EQ(text_of<DtypeError>([] {
              linear(zeros({2, 3}), zeros({5, 3}, f64));
            }),
            "linear: needs equal dtypes; convert one with to(…); got x (2, 3) f32, weight (5, 3) f64");
  EXPECT_EQ(text_of<DtypeError>([] {
              linear(zeros({2, 3}), zeros({5, 3}), zeros({5}, f64));
            }),
            "linear: needs equal dtypes; convert one with to(…); got x (2, 3) f32, bias (5,) f64");
  EXPECT_EQ(text_of<DtypeError>([] {
              linear(zeros({2, 3}, i64), zeros({5, 3}, i64));
            }),
            "linear: needs f32 or f64; convert with to(f32); got x (2, 3) i64");
  EXPECT_THROW(linear(zeros({2, 3}), Tensor()), ValueError);
  EXPECT_THROW(linear(Tensor(), zeros({2, 3})), ValueError);
}

TEST(Linear, SameBitsOnAnyNumberOfThreads) {
  const WholeTeams whole;
  const int before = num_threads();
  const auto bits = [](const Tensor& t) {
    std::vector<uint8_t> b(static_cast<size_t>(t.numel()) * sizeof(float));
    std::memcpy(b.data(), t.pointer<float>(), b.size());
    return b;
  };
  const auto all = [&] {
    const Tensor x = some({128, 784}, f32).requires_grad_(), w = some({200, 784}, f32).requires_grad_(),
                 b = some({200}, f32).requires_grad_();
    const Tensor y = linear(x, w, b);
    y.backward(some({128, 200}, f32));
    return std::vector{bits(y), bits(x.grad()), bits(w.grad()), bits(b.grad())};
  };
  set_num_threads(1);
  const auto expected = all();
  for (int threads : {2, 3, 8}) {
    set_num_threads(threads);
    reset_parallel_stats();
    EXPECT_EQ(all(), expected) << threads << " threads";
    EXPECT_GT(parallel_stats().largest_team, 1);
  }
  set_num_threads(before);
}

// Without a graph a weight is kept as the kernel reads it: that must follow every change.
TEST(Linear, WeightsThatAreNotTrainedMayStillChange) {
  const Tensor x = some({40, 300}, f32), given = some({90, 300}, f32);
  Tensor w = given.clone().requires_grad_();
  const auto expect_fresh = [&](const char* after) {
    const Tensor fresh = linear(x, w.detach().clone());  // recorded: packed for this call alone
    const NoGrad off;
    for (int i = 0; i < 2; ++i) {
      EXPECT_EQ(values(linear(x, w)), values(fresh)) << after;
      for (int64_t third = 0; third < 3; ++third)  // as attention takes parts of one weight
        EXPECT_EQ(values(linear(x, w.slice(0, 30 * third, 30 * third + 30))),
                  values(fresh.slice(1, 30 * third, 30 * third + 30)))
            << after;
    }
  };
  const auto change = [&](auto f) {
    const NoGrad off;
    f();
  };
  expect_fresh("nothing");
  change([&] { w.mul_(-2); });
  expect_fresh("mul_");
  change([&] { w.slice(0, 3, 4).zero_(); });
  expect_fresh("zero_ of a part");
  change([&] { w.copy_(given); });
  expect_fresh("copy_");
  change([&] { linear(some({40, 90}, f32), w.t()), linear(x.slice(1, 0, 90), w.reshape({300, 90})); });
  expect_fresh("other uses");
  change([&] {
    float* p = w.data<float>();
    p[5] = 100;
  });
  expect_fresh("a write through a pointer");
}

}  // namespace
