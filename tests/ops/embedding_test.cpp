#include "cairn/ops/embedding.h"

#include <cairn/autograd/backward.h>
#include <cairn/ops/arithmetic.h>
#include <cairn/ops/reduce.h>
#include <cairn/tensor/create.h>
#include <cairn/tensor/random.h>
#include <cairn/testing.h>
#include <gmock/gmock.h>

#include "support.h"

using namespace cairn;
using Inputs = std::vector<Tensor>;
using V = std::vector<double>;

namespace {

TEST(Embedding, ByHand) {
  Tensor weight = tensor({{1., 2.}, {3., 4.}, {5., 6.}}, f64).requires_grad_();
  const Tensor ids = tensor({{2, 0, 2}, {1, 2, 0}});
  const Tensor y = embedding(ids, weight, 0);
  EXPECT_EQ(y.shape(), Shape({2, 3, 2}));
  EXPECT_EQ(values(y), V({5, 6, 1, 2, 5, 6, 3, 4, 5, 6, 1, 2}));
  y.backward(arange(12, f64).reshape({2, 3, 2}));
  EXPECT_EQ(values(weight.grad()), V({0, 0, 6, 7, 12, 15}));  // the padding's row gets nothing
}

TEST(Embedding, OfEveryShape) {
  const Tensor weight = randn({5, 3});
  EXPECT_EQ(values(embedding(tensor(4), weight)), values(weight[4]));
  EXPECT_EQ(embedding(zeros({2, 0, 3}, i64), weight).shape(), Shape({2, 0, 3, 3}));
  EXPECT_EQ(embedding(zeros({2}, i64), zeros({4, 0})).shape(), Shape({2, 0}));
  const Tensor ids = tensor({{0, 1}, {2, 3}});
  EXPECT_EQ(values(embedding(ids.t(), weight.t().contiguous().t())), values(embedding(ids.t().contiguous(), weight)));
}

TEST(Embedding, SameBitsOnAnyNumberOfThreads) {
  Tensor weight = randn({11, 70}).requires_grad_();
  const Tensor ids = randint(11, {4000}), g = randn({4000, 70});
  expect_same_on_any_threads([&] {
    const Tensor y = embedding(ids, weight, 3);
    return std::vector<V>{values(y), values(grad({y}, {weight}, {g})[0])};
  });
}

TEST(Embedding, Gradients) {
  const Tensor weight = randn({4, 3}, f64), ids = tensor({{1, 3, 1}, {0, 0, 1}});
  EXPECT_GRADIENTS([&](const Inputs& in) { return embedding(ids, in[0]); }, {weight});
  EXPECT_GRADIENTS([&](const Inputs& in) { return embedding(ids, in[0].t()) * embedding(ids, in[0].t()); },
                   {randn({3, 4}, f64)});
}

TEST(Embedding, Errors) {
  const Tensor weight = zeros({5, 2});
  EXPECT_EQ(text_of<IndexError>([&] {
              embedding(tensor({{0, 1, 2}, {3, 4, 5}}), weight);
            }),
            "embedding: index out of range; got index 5, position (1, 2), size 5");
  EXPECT_EQ(text_of<IndexError>([&] { embedding(tensor({-1}), weight); }),
            "embedding: index out of range; got index -1, position (0,), size 5");
  EXPECT_THROW(embedding(tensor({0.5}), weight), DtypeError);
  EXPECT_THROW(embedding(tensor({0}), zeros({5})), ShapeError);
  EXPECT_THROW(embedding(tensor({0}), zeros({5, 2}, i64)), DtypeError);
  EXPECT_THROW(embedding(tensor({0}), weight, 5), ValueError);
  EXPECT_THROW(embedding(tensor({0}), weight, -2), ValueError);
}

}  // namespace
