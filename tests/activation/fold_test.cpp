#include "cairn/activation/fold.h"

#include <gmock/gmock.h>

#include <cmath>

#include "cairn/activation/activation.h"
#include "cairn/autograd/backward.h"
#include "cairn/ops/elementwise.h"
#include "cairn/ops/join.h"
#include "cairn/ops/reduce.h"
#include "cairn/tensor/create.h"
#include "cairn/tensor/random.h"
#include "cairn/testing.h"
#include "support.h"

using namespace cairn;
using ::testing::HasSubstr;

namespace {

using Inputs = std::vector<Tensor>;

// ---- maxout ----------------------------------------------------------------------------------------------------------------

TEST(Maxout, ByHand) {
  Tensor x = tensor({{1., 5., 2., -1., -3., -2.}}, f64).requires_grad_();
  EXPECT_EQ(values(maxout(x, 2)), Values({5, 2, -2}));
  EXPECT_EQ(values(maxout(x, 3)), Values({5, -1}));
  EXPECT_EQ(values(maxout(x, 1)), values(x));
  EXPECT_EQ(values(maxout(x.t(), 6, 0)), Values({5}));
  const Tensor y = maxout(x, 3);
  y.backward(tensor({{10., 20.}}, f64));
  EXPECT_EQ(values(x.grad()), Values({0, 10, 0, 20, 0, 0}));
}

TEST(Maxout, TiesShareAndNaNIsHandedOn) {
  Tensor x = tensor({2., 2., 1., 2.}, f64).requires_grad_();
  maxout(x, 4, 0).backward();
  const double third = 1.0 / 3;
  EXPECT_EQ(values(x.grad()), Values({third, third, 0, third}));
  EXPECT_TRUE(std::isnan(values(maxout(tensor({1., NAN, 3.}), 3, 0))[0]));
  EXPECT_EQ(values(maxout(tensor({-INFINITY, 1., INFINITY, 3.}), 2, 0)), Values({1, INFINITY}));
}

TEST(Maxout, AlongEveryDimensionOfEveryLayout) {
  const Tensor x = randn({4, 6, 2}, f64), images = x.movedim(1, -1).contiguous().movedim(-1, 1);
  EXPECT_EQ(values(maxout(x, 3)), values(amax(x.reshape({4, 2, 3, 2}), {2})));
  EXPECT_EQ(values(maxout(images, 3)), values(maxout(x, 3)));
  EXPECT_EQ(maxout(zeros({0, 6}), 3).shape(), Shape({0, 2}));
  EXPECT_EQ(maxout(zeros({3, 0}), 3).shape(), Shape({3, 0}));
  for (const int64_t dim : {0, 1, 2}) {
    EXPECT_GRADIENTS([&](const Inputs& in) { return maxout(in[0], 2, dim); }, {x});
    EXPECT_GRADIENTS([&](const Inputs& in) { return maxout(in[0], 2, dim); }, {images});
    EXPECT_GRADIENTS([&](const Inputs& in) { return maxout(in[0], 1, dim); }, {x.slice(1, 0, 6, 3)});
  }
}

// Every way through the kernel: neighbours and numbers far apart, whole lines and their ends, pieces of any number.
TEST(Maxout, IsTheLargestInEveryLayout) {
  for (const int64_t pieces : {1, 2, 3, 4, 5}) {
    const Tensor whole = floor(randn({2 * pieces, 3 * pieces, 19 * pieces}, f64) * 3.0);  // with ties
    for (const int64_t dim : {0, 1, 2, -1})
      for (const Tensor& given :
           {whole, whole.transpose(0, 2).contiguous().transpose(0, 2), whole.movedim(1, 2).contiguous().movedim(2, 1),
            whole.narrow(0, 0, pieces), whole.narrow(1, 0, 1).expand(whole.shape())}) {
        SCOPED_TRACE(std::to_string(pieces) + " along " + std::to_string(dim));
        Tensor x = given.detach().requires_grad_(), same = given.detach().requires_grad_();
        const int at = dim < 0 ? 2 : static_cast<int>(dim);
        Shape split = x.shape();
        split[at] /= pieces;
        split.insert(at + 1, pieces);
        const Tensor y = maxout(x, pieces, dim), expected = amax(same.reshape(split), {at + 1});
        ASSERT_EQ(y.shape(), expected.shape());
        EXPECT_EQ(values(y), values(expected));
        const Tensor weights = randn(y.shape(), f64).transpose(0, 1).contiguous().transpose(0, 1);
        y.backward(weights);
        expected.backward(weights);
        EXPECT_EQ(values(x.grad()), values(same.grad()));
      }
  }
  const Tensor images = randn({2, 6, 4, 5}).movedim(1, -1).contiguous().movedim(-1, 1);
  EXPECT_TRUE(maxout(images, 3).movedim(1, -1).is_contiguous());
}

TEST(Maxout, GradientBesideNaN) {
  for (const int64_t block : {1, 40}) {
    Tensor x = zeros({4, block}, f64);
    x.select(0, 1).fill_(NAN);
    x.requires_grad_();
    sum(maxout(x, 2, 0)).backward();
    const Values g = values(x.grad());
    for (int64_t i = 0; i < 4 * block; ++i)
      EXPECT_TRUE(i < 2 * block ? std::isnan(g[static_cast<size_t>(i)]) : g[static_cast<size_t>(i)] == 0.5) << i;
  }
}

TEST(Maxout, SameBitsOnAnyNumberOfThreads) {
  const Tensor rows = randn({400, 303}).requires_grad_(), columns = randn({6, 20011}).requires_grad_();
  expect_same_on_any_threads([&] {
    const Tensor a = maxout(rows, 3), b = maxout(columns, 3, 0);
    const auto g = grad({sum(a * a), sum(b * b)}, {rows, columns});
    return std::pair(std::pair(values(a), values(b)), std::pair(values(g[0]), values(g[1])));
  });
}

TEST(Maxout, Errors) {
  EXPECT_THAT(text_of<ShapeError>([] {
                maxout(zeros({2, 5}), 2);
              }),
              AllOf(HasSubstr("maxout: the pieces must divide"), HasSubstr("(2, 5) f32"), HasSubstr("pieces 2")));
  EXPECT_THAT(text_of<ValueError>([] { maxout(zeros({2, 4}), 0); }), HasSubstr("maxout: needs at least one piece"));
  EXPECT_THAT(text_of<IndexError>([] { maxout(zeros({2, 4}), 2, 2); }), HasSubstr("maxout: dimension out of range"));
  EXPECT_THAT(text_of<DtypeError>([] { maxout(zeros({2, 4}, i64), 2); }), HasSubstr("maxout: needs f32 or f64"));
  EXPECT_THAT(text_of<ShapeError>([] { maxout(zeros({1, 2, 1, 1, 1, 1, 1, 1}), 2); }), HasSubstr("seven dimensions"));
}

// ---- crelu -------------------------------------------------------------------------------------------------------------------

TEST(CRelu, ByHand) {
  Tensor x = tensor({{1., -2., 0.}, {-4., 5., 6.}}, f64).requires_grad_();
  const Tensor y = crelu(x);
  EXPECT_EQ(values(y), Values({1, 0, 0, 0, 2, 0, 0, 5, 6, 4, 0, 0}));
  y.backward(arange(1, 13, 1, f64).reshape({2, 6}));
  EXPECT_EQ(values(x.grad()), Values({1, -5, 0, -10, 8, 9}));
  EXPECT_EQ(values(crelu(x, 0)), Values({1, 0, 0, 0, 5, 6, 0, 2, 0, 4, 0, 0}));
  EXPECT_TRUE(std::isnan(values(crelu(tensor({NAN}), 0))[0]));
  EXPECT_TRUE(std::isnan(values(crelu(tensor({NAN}), 0))[1]));
  EXPECT_EQ(values(crelu(tensor({-INFINITY}), 0)), Values({0, INFINITY}));
}

TEST(CRelu, IsWhatItIsMadeOfInEveryLayout) {
  const Tensor whole = randn({3, 5, 38}, f64);
  for (const int64_t dim : {0, 1, 2, -1})
    for (const Tensor& given :
         {whole, whole.transpose(0, 2).contiguous().transpose(0, 2), whole.movedim(1, 2).contiguous().movedim(2, 1),
          whole.slice(1, 0, 5, 2), whole.slice(1, 2, 3), whole.narrow(0, 0, 1).expand({3, 5, 38})}) {
      Tensor x = given.detach().requires_grad_(), same = given.detach().requires_grad_();
      const Tensor y = crelu(x, dim), expected = cat({relu(same), relu(-same)}, dim);
      EXPECT_EQ(values(y), values(expected));
      const Tensor weights = randn(y.shape(), f64).transpose(0, 1).contiguous().transpose(0, 1);
      y.backward(weights);
      expected.backward(weights);
      EXPECT_EQ(values(x.grad()), values(same.grad()));
    }
  const Tensor images = randn({2, 3, 4, 5}).movedim(1, -1).contiguous().movedim(-1, 1);
  EXPECT_TRUE(crelu(images).movedim(1, -1).is_contiguous());
  EXPECT_EQ(crelu(zeros({3, 0})).shape(), Shape({3, 0}));
}

TEST(CRelu, Gradients) {
  for (const int64_t dim : {0, 1}) {
    EXPECT_GRADIENTS([&](const Inputs& in) { return crelu(in[0], dim); }, {randn({2, 19}, f64)});
    EXPECT_GRADIENTS([&](const Inputs& in) { return crelu(in[0], dim); }, {randn({5, 4}, f64).t().slice(1, 0, 5, 2)});
  }
}

TEST(CRelu, SameBitsOnAnyNumberOfThreads) {
  const Tensor x = randn({7, 3, 5003}).requires_grad_();
  expect_same_on_any_threads([&] {
    const Tensor y = crelu(x);
    return std::pair(values(y), values(grad({sum(y * y)}, {x})[0]));
  });
}

TEST(CRelu, Errors) {
  EXPECT_THAT(text_of<IndexError>([] { crelu(zeros({3})); }), HasSubstr("crelu: dimension out of range"));
  EXPECT_THAT(text_of<DtypeError>([] { crelu(zeros({2, 4}, i64)); }), HasSubstr("crelu: needs f32 or f64"));
}

}  // namespace
