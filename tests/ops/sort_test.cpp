#include "cairn/ops/sort.h"

#include <cairn/testing.h>

#include <algorithm>
#include <cmath>

#include "cairn/autograd/backward.h"
#include "cairn/ops/arithmetic.h"
#include "cairn/tensor/create.h"
#include "cairn/tensor/random.h"
#include "support.h"

using namespace cairn;

namespace {

using Doubles = std::vector<double>;
using In = const std::vector<Tensor>&;

// (3, 4) without ties: row-major, transposed, sliced.
std::vector<Tensor> without_ties() {
  Generator g(1);
  return {randn({3, 4}, f64, g), randn({4, 3}, f64, g).t(), randn({3, 9}, f64, g).slice(1, 0, 8, 2)};
}

TEST(Sort, OrdersAlongADimension) {
  const Tensor x = tensor({{3., 1., 2.}, {0., 5., -1.}});
  const auto [values, indices] = sort(x);
  EXPECT_EQ(values.to_vector<double>(), (Doubles{1, 2, 3, -1, 0, 5}));
  EXPECT_EQ(indices.to_vector<double>(), (Doubles{1, 2, 0, 2, 0, 1}));
  EXPECT_EQ(indices.dtype(), i64);
  EXPECT_EQ(sort(x, 0).values.to_vector<double>(), (Doubles{0, 1, -1, 3, 5, 2}));
  EXPECT_EQ(sort(x, -1, true).values.to_vector<double>(), (Doubles{3, 2, 1, 5, 0, -1}));
  EXPECT_EQ(argsort(x, 0, true).to_vector<double>(), (Doubles{0, 1, 0, 1, 0, 1}));
  EXPECT_EQ(sort(x.t(), 1).values.to_vector<double>(), (Doubles{0, 3, 1, 5, -1, 2}));
  EXPECT_EQ(sort(zeros({2, 0})).values.shape(), (Shape{2, 0}));
  EXPECT_EQ(sort(tensor({7})).indices.to_vector<double>(), (Doubles{0}));
  for (const Dtype d : {f64, i64, u8})
    EXPECT_EQ(sort(tensor({3, 1, 2}, d)).values.to_vector<double>(), (Doubles{1, 2, 3}));
  EXPECT_EQ(sort(tensor({true, false})).values.to_vector<double>(), (Doubles{0, 1}));
}

TEST(Sort, EqualElementsKeepTheirOrder) {
  const Tensor x = tensor({1, 0, 1, 0, 1});
  EXPECT_EQ(argsort(x).to_vector<double>(), (Doubles{1, 3, 0, 2, 4}));
  EXPECT_EQ(argsort(x, 0, true).to_vector<double>(), (Doubles{0, 2, 4, 1, 3}));
  EXPECT_EQ(argsort(tensor({0., -0., 0.})).to_vector<double>(), (Doubles{0, 1, 2}));
}

TEST(Sort, NanIsTheGreatest) {
  const Tensor x = tensor({NAN, 1., INFINITY, NAN, -INFINITY});
  EXPECT_EQ(argsort(x).to_vector<double>(), (Doubles{4, 1, 2, 0, 3}));
  EXPECT_EQ(argsort(x, 0, true).to_vector<double>(), (Doubles{0, 3, 2, 1, 4}));
  EXPECT_EQ(topk(x, 3).indices.to_vector<double>(), (Doubles{0, 3, 2}));
}

TEST(Sort, AgreesWithTheStandardLibrary) {
  Generator g(2);
  const Tensor x = randn({7, 1000}, f32, g);
  const Tensor y = sort(x, 1).values;
  for (int64_t i = 0; i < 7; ++i) {
    std::vector<float> expected = x[i].to_vector<float>();
    std::sort(expected.begin(), expected.end());
    EXPECT_EQ(y[i].to_vector<float>(), expected);
  }
}

TEST(Topk, TakesTheBest) {
  const Tensor x = tensor({{3., 1., 2.}, {0., 5., -1.}});
  EXPECT_EQ(topk(x, 2).values.to_vector<double>(), (Doubles{3, 2, 5, 0}));
  EXPECT_EQ(topk(x, 2).indices.to_vector<double>(), (Doubles{0, 2, 1, 0}));
  EXPECT_EQ(topk(x, 1, 0, false).values.to_vector<double>(), (Doubles{0, 1, -1}));
  EXPECT_EQ(topk(x, 0).values.shape(), (Shape{2, 0}));
  EXPECT_EQ(topk(tensor({2, 2, 2, 2, 2, 2, 2, 2, 2}), 2).indices.to_vector<double>(), (Doubles{0, 1}));
  Generator g(3);
  const Tensor many = randn({500}, f32, g);
  EXPECT_EQ(topk(many, 20).values.to_vector<double>(), sort(many, 0, true).values.slice(0, 0, 20).to_vector<double>());
}

TEST(Sort, ErrorsNameWhatWasGiven) {
  EXPECT_EQ(text_of<ValueError>([] {
              topk(zeros({2, 3}), 4);
            }),
            "topk: k must lie between 0 and the size of the dimension; got (2, 3) f32, k 4, dim -1");
  EXPECT_THROW(topk(zeros({3}), -1), ValueError);
  EXPECT_EQ(text_of<IndexError>([] { sort(zeros({2, 3}), 2); }), "sort: dimension out of range (-2 to 1); got dim 2");
  EXPECT_THROW(argsort(tensor(1.)), IndexError);
}

TEST(Sort, Gradients) {
  for (const Tensor& x : without_ties()) {
    EXPECT_GRADIENTS([](In in) { return sort(in[0] * in[0] * in[0], 1).values; }, {x});
    EXPECT_GRADIENTS([](In in) { return sort(in[0], 0, true).values * in[0]; }, {x});
    EXPECT_GRADIENTS([](In in) { return topk(in[0] * in[0], 2, 0).values; }, {x});
  }
}

}  // namespace
