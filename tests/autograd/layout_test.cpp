// The order in memory of gradients.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cairn/autograd/backward.h"
#include "cairn/ops/arithmetic.h"
#include "cairn/ops/elementwise.h"
#include "cairn/ops/matmul.h"
#include "cairn/ops/reduce.h"
#include "cairn/tensor/create.h"

using namespace cairn;
using ::testing::ElementsAre;

TEST(Backward, AGradientHasItsTensorsOrderInMemory) {
  for (const bool create_graph : {false, true}) {
    const Tensor w = ones({3, 4}, f64).requires_grad_(), x = full({5, 4}, 0.5, f64);
    sum(square(matmul(x, w.t()))).backward(Tensor(), false, create_graph);  // dW comes out transposed
    EXPECT_TRUE(w.grad().is_contiguous());
    EXPECT_EQ(w.grad().shape(), w.shape());
  }
  Tensor columns = tensor({{1., 2., 3.}, {4., 5., 6.}}, f64).t();
  columns.requires_grad_();
  sum(columns * columns).backward();
  EXPECT_EQ(columns.grad().strides(), columns.strides());
  EXPECT_THAT(columns.grad().to_vector<double>(), ElementsAre(2, 8, 4, 10, 6, 12));
}
