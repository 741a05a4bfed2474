#include "cairn/ops/matmul.h"

#include <Eigen/Core>
#include <cstring>

#include "cairn/autograd/backward.h"
#include "cairn/base/threads.h"
#include "cairn/ops/arithmetic.h"
#include "cairn/ops/reduce.h"
#include "cairn/tensor/create.h"
#include "cairn/tensor/eigen.h"
#include "cairn/tensor/random.h"
#include "cairn/testing.h"
#include "ops/operands.h"

using namespace cairn;

namespace {

using Inputs = std::vector<Tensor>;

double worst(const Tensor& found, const Eigen::MatrixXd& expected) {
  const Tensor plain = found.contiguous();
  return (matrix_map<double>(plain) - expected).cwiseAbs().maxCoeff();
}

Eigen::MatrixXd eigen(const Tensor& t) {
  const Tensor plain = t.contiguous();
  return matrix_map<double>(plain);
}

TEST(Matmul, ByHand) {
  const Tensor a = tensor({{1., 2., 3.}, {4., 5., 6.}}), b = tensor({{1., 0.}, {2., 1.}, {0., 3.}});
  const Tensor y = matmul(a, b);
  EXPECT_EQ(y.shape(), Shape({2, 2}));
  EXPECT_EQ(y.dtype(), f32);
  EXPECT_EQ(values(y), (Values{5, 11, 14, 23}));
}

TEST(Matmul, Vectors) {
  const Tensor a = tensor({{1., 2., 3.}, {4., 5., 6.}}), v = tensor({1., 0., 2.}), u = tensor({1., 10.});
  EXPECT_EQ(matmul(v, v).shape(), Shape({}));
  EXPECT_EQ(values(matmul(v, v)), (Values{5}));
  EXPECT_EQ(matmul(a, v).shape(), Shape({2}));
  EXPECT_EQ(values(matmul(a, v)), (Values{7, 16}));
  EXPECT_EQ(matmul(u, a).shape(), Shape({3}));
  EXPECT_EQ(values(matmul(u, a)), (Values{41, 52, 63}));
}

TEST(Matmul, AgreesWithEigenOnEveryLayout) {
  const auto both = [](const Tensor& a, const Tensor& b) {
    EXPECT_LE(worst(matmul(a, b), eigen(a) * eigen(b)), product_rounding) << describe(a) << " · " << describe(b);
  };
  const Tensor a = some({37, 53}), b = some({53, 41});
  both(a, b);
  both(some({53, 37}).t(), b);
  both(a, some({41, 53}).t());
  both(some({53, 37}).t(), some({41, 53}).t());
  both(some({74, 106}).slice(0, 1, 74, 2).slice(1, 0, 106, 2), some({53, 90}).slice(1, 3, 44));
  both(some({53}).expand({37, 53}), b);
  both(a, some({53, 1}).expand({53, 41}));
  both(a.slice(0, 5, 6), b);
  both(a, b.slice(1, 9, 10));
}

TEST(Matmul, BatchesBroadcast) {
  const Tensor a = some({2, 1, 3, 4}), b = some({5, 4, 6});
  const Tensor y = matmul(a, b);
  ASSERT_EQ(y.shape(), Shape({2, 5, 3, 6}));
  for (int64_t i = 0; i < 2; ++i)
    for (int64_t j = 0; j < 5; ++j) EXPECT_LE(worst(y[i][j], eigen(a[i][0]) * eigen(b[j])), product_rounding);
  const Tensor left = matmul(some({3, 4}), b);
  ASSERT_EQ(left.shape(), Shape({5, 3, 6}));
  EXPECT_LE(worst(left[4], eigen(some({3, 4})) * eigen(b[4])), product_rounding);
  EXPECT_EQ(matmul(some({4}), b).shape(), Shape({5, 6}));
  EXPECT_EQ(matmul(b, some({6})).shape(), Shape({5, 4}));
}

TEST(Matmul, ABatchTimesAMatrixIsOneProduct) {
  const Tensor a = some({3, 5, 4}), b = some({4, 6});
  const Tensor y = matmul(a, b), permuted = matmul(a.transpose(0, 1), b);
  ASSERT_EQ(y.shape(), Shape({3, 5, 6}));
  for (int64_t i = 0; i < 3; ++i) EXPECT_LE(worst(y[i], eigen(a[i]) * eigen(b)), product_rounding);
  ASSERT_EQ(permuted.shape(), Shape({5, 3, 6}));
  for (int64_t i = 0; i < 5; ++i) EXPECT_LE(worst(permuted[i], eigen(a.select(1, i)) * eigen(b)), product_rounding);
}

// Heads of attention: (batch, place, head, feature) seen as (batch, head, place, feature).
TEST(Matmul, PermutedBatches) {
  const Tensor q = some({2, 7, 3, 4}).permute({0, 2, 1, 3}), k = some({2, 9, 3, 4}).permute({0, 2, 1, 3});
  const Tensor scores = matmul(q, k.transpose(-1, -2));
  ASSERT_EQ(scores.shape(), Shape({2, 3, 7, 9}));
  EXPECT_LE(worst(scores[1][2], eigen(q[1][2]) * eigen(k[1][2]).transpose()), product_rounding);
}

TEST(Matmul, EmptySizes) {
  EXPECT_EQ(matmul(zeros({0, 3}), zeros({3, 2})).shape(), Shape({0, 2}));
  EXPECT_EQ(matmul(zeros({2, 3}), zeros({3, 0})).shape(), Shape({2, 0}));
  EXPECT_EQ(values(matmul(zeros({2, 0}), zeros({0, 2}))), (Values{0, 0, 0, 0}));
  EXPECT_EQ(values(matmul(zeros({0}), zeros({0}))), (Values{0}));
  EXPECT_EQ(matmul(zeros({0, 2, 3}), zeros({3, 4})).shape(), Shape({0, 2, 4}));
  EXPECT_EQ(matmul(zeros({2, 0, 3}), zeros({3, 4})).shape(), Shape({2, 0, 4}));
  EXPECT_EQ(values(matmul(zeros({1, 2, 0}), zeros({0, 2}))), (Values{0, 0, 0, 0}));
  EXPECT_EQ(matmul(zeros({0, 2, 3}), zeros({0, 3, 4})).shape(), Shape({0, 2, 4}));
}

TEST(Matmul, GradientByHand) {
  const Tensor a = tensor({{1., 2.}, {3., 4.}}).requires_grad_(), b = tensor({{5., 6.}, {7., 8.}}).requires_grad_();
  matmul(a, b).backward(tensor({{1., 0.}, {0., 2.}}));
  EXPECT_EQ(values(a.grad()), (Values{5, 7, 12, 16}));  // G Bᵀ
  EXPECT_EQ(values(b.grad()), (Values{1, 6, 2, 8}));    // Aᵀ G
}

TEST(Matmul, Gradients) {
  const auto f = [](const Inputs& in) { return matmul(in[0], in[1]); };
  EXPECT_GRADIENTS(f, {some({3, 4}), some({4, 2})});
  EXPECT_GRADIENTS(f, {some({4, 3}).t(), some({2, 4}).t()});
  EXPECT_GRADIENTS(f, {some({3, 8}).slice(1, 0, 8, 2), some({4, 5}).slice(1, 1, 3)});
  EXPECT_GRADIENTS(f, {some({4}), some({4})});
  EXPECT_GRADIENTS(f, {some({3, 4}), some({4})});
  EXPECT_GRADIENTS(f, {some({4}), some({4, 3})});
  EXPECT_GRADIENTS(f, {some({4}), some({2, 4, 3})});
  EXPECT_GRADIENTS(f, {some({2, 3, 4}), some({4, 2})});
  EXPECT_GRADIENTS(f, {some({3, 2, 4}).transpose(0, 1), some({4, 2})});
  EXPECT_GRADIENTS(f, {some({2, 1, 3, 2}), some({2, 2, 2})});
  EXPECT_GRADIENTS(f, {some({1, 1}), some({1, 1})});
  EXPECT_GRADIENTS([](const Inputs& in) { return matmul(in[0], in[0]); }, {some({3, 3})});
  EXPECT_GRADIENTS([](const Inputs& in) { return matmul(in[0].expand({3, 4}), in[1]); }, {some({4}), some({4, 2})});
}

TEST(Matmul, GradientsOfABroadcastOperandAreSummed) {
  const Tensor a = some({2, 3}).requires_grad_(), b = some({4, 3, 2});
  sum(matmul(a, b)).backward();
  EXPECT_EQ(a.grad().shape(), Shape({2, 3}));
  Eigen::MatrixXd expected = Eigen::MatrixXd::Zero(2, 3);
  for (int64_t i = 0; i < 4; ++i) expected += Eigen::MatrixXd::Ones(2, 2) * eigen(b[i]).transpose();
  EXPECT_LE(worst(a.grad(), expected), product_rounding);
}

TEST(Matmul, Errors) {
  EXPECT_EQ(text_of<ShapeError>([] {
              matmul(zeros({64, 784}), zeros({512, 10}));
            }),
            "matmul: inner sizes must match; got a (64, 784) f32, b (512, 10) f32");
  EXPECT_EQ(text_of<ShapeError>([] { matmul(zeros({3}), zeros({4})); }),
            "matmul: inner sizes must match; got a (3,) f32, b (4,) f32");
  EXPECT_EQ(text_of<ShapeError>([] {
              matmul(zeros({2, 2, 3}), zeros({3, 3, 1}));
            }),
            "matmul: batch sizes must be equal or 1; got a (2, 2, 3) f32, b (3, 3, 1) f32");
  EXPECT_EQ(
      text_of<ShapeError>([] {
        matmul(tensor(1.0), zeros({1, 1}));
      }),
      "matmul: needs operands of at least one dimension; multiply by a scalar with *; got a () f32, b (1, 1) f32");
  EXPECT_EQ(text_of<DtypeError>([] {
              matmul(zeros({2, 2}), zeros({2, 2}, f64));
            }),
            "matmul: needs equal dtypes; convert one with to(…); got a (2, 2) f32, b (2, 2) f64");
  EXPECT_EQ(text_of<DtypeError>([] {
              matmul(zeros({2, 2}, i64), zeros({2, 2}, i64));
            }),
            "matmul: needs f32 or f64; convert with to(f32); got a (2, 2) i64, b (2, 2) i64");
  EXPECT_THROW(matmul(Tensor(), zeros({2})), ValueError);
}

TEST(Matmul, SameBitsOnAnyNumberOfThreads) {
  const WholeTeams whole;
  const int before = num_threads();
  const auto bits = [](const Tensor& t) {
    std::vector<uint8_t> b(static_cast<size_t>(t.numel()) * sizeof(float));
    std::memcpy(b.data(), t.pointer<float>(), b.size());
    return b;
  };
  const auto all = [&] {
    const Tensor x = some({8, 130, 128}, f32).requires_grad_(), w = some({128, 300}, f32).requires_grad_();
    const Tensor y = matmul(matmul(x, w), some({8, 300, 40}, f32));
    y.backward(some({8, 130, 40}, f32));
    return std::vector{bits(y), bits(x.grad()), bits(w.grad())};
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

}  // namespace
