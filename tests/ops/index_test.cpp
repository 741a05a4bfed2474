#include "cairn/ops/index.h"

#include <cairn/testing.h>

#include "cairn/autograd/backward.h"
#include "cairn/ops/arithmetic.h"
#include "cairn/ops/compare.h"
#include "cairn/ops/reduce.h"
#include "cairn/tensor/create.h"
#include "cairn/tensor/random.h"
#include "ops/operands.h"

using namespace cairn;

namespace {

using Doubles = std::vector<double>;
using In = const std::vector<Tensor>&;

TEST(IndexSelect, PicksSlices) {
  const Tensor x = tensor({{1, 2, 3}, {4, 5, 6}});
  EXPECT_EQ(index_select(x, 0, tensor({1, 0, 1})).to_vector<double>(), (Doubles{4, 5, 6, 1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(index_select(x, 1, tensor({2, 0})).to_vector<double>(), (Doubles{3, 1, 6, 4}));
  EXPECT_EQ(index_select(x, -1, tensor(1)).to_vector<double>(), (Doubles{2, 5}));
  EXPECT_EQ(index_select(x.t(), 0, tensor({2})).to_vector<double>(), (Doubles{3, 6}));
  EXPECT_EQ(index_select(x, 0, zeros({0}, i64)).shape(), (Shape{0, 3}));
  EXPECT_EQ(index_select(zeros({3, 0}), 0, tensor({2, 2})).shape(), (Shape{2, 0}));
  EXPECT_EQ(index_select(x, 1, arange(6).slice(0, 0, 3, 2)).to_vector<double>(), (Doubles{1, 3, 4, 6}));
  for (const Dtype d : {f32, f64, boolean, u8})
    EXPECT_EQ(index_select(x.to(d), 1, tensor({0})).to_vector<double>(), x.to(d).slice(1, 0, 1).to_vector<double>());
}

TEST(IndexSelect, ErrorsNameIndexPositionAndSize) {
  const Tensor x = zeros({2, 3});
  EXPECT_EQ(text_of<IndexError>([&] {
              index_select(x, 1, tensor({0, 1, 3}));
            }),
            "index_select: index out of range; got index 3, position (2,), size 3");
  EXPECT_THROW(index_select(x, 0, tensor({-1})), IndexError);
  EXPECT_EQ(text_of<DtypeError>([&] { index_select(x, 0, tensor({0.})); }),
            "index_select: the index must be i64; convert with to(i64); got index (1,) f32");
  EXPECT_EQ(text_of<ShapeError>([&] { index_select(x, 0, tensor({{0}})); }),
            "index_select: the index must be a vector; got index (1, 1) i64");
  EXPECT_THROW(index_select(x, 2, tensor({0})), IndexError);
  EXPECT_THROW(index_select(zeros({0, 2}), 0, tensor({0})), IndexError);
}

TEST(IndexSelect, Gradients) {
  for (const Tensor& x : layouts()) {
    EXPECT_GRADIENTS([](In in) { return index_select(in[0] * in[0], 0, tensor({1, 1, 0})); }, {x});
    EXPECT_GRADIENTS([](In in) { return index_select(in[0], 1, tensor({2, 0, 2})) * in[0]; }, {x});
    EXPECT_GRADIENTS([](In in) { return index_select(in[0], 2, tensor({3})) * in[0]; }, {x});
  }
  EXPECT_GRADIENTS([](In in) { return index_select(in[0] * in[0], 0, tensor({0, 0})); }, {randn({1}, f64)});
}

TEST(IndexSelect, NoticesAnIndexThatIsModified) {
  const Tensor x = tensor({1., 2.}).requires_grad_();
  Tensor index = tensor({0, 1});
  const Tensor y = sum(index_select(x, 0, index));
  index.fill_(1);
  EXPECT_NE(text_of<GraphError>([&] { y.backward(); }).find("index_select: input 1 was modified in place"),
            std::string::npos);
}

TEST(IndexAdd, AddsSlices) {
  const Tensor x = tensor({{1., 2.}, {3., 4.}}), s = tensor({{10., 20.}, {30., 40.}, {50., 60.}});
  EXPECT_EQ(index_add(x, 0, tensor({1, 1, 0}), s).to_vector<double>(), (Doubles{51, 62, 43, 64}));
  EXPECT_EQ(index_add(x, 1, tensor({0, 0, 1}), s.t()).to_vector<double>(), (Doubles{41, 52, 63, 64}));
  EXPECT_EQ(x.to_vector<double>(), (Doubles{1, 2, 3, 4}));
  EXPECT_EQ(index_add(tensor({1, 2}), 0, tensor({1}), tensor({5})).to_vector<double>(), (Doubles{1, 7}));
  EXPECT_EQ(index_add(x, 0, zeros({0}, i64), zeros({0, 2})).to_vector<double>(), (Doubles{1, 2, 3, 4}));
  EXPECT_THROW(index_add(x, 0, tensor({2}), zeros({1, 2})), IndexError);
  EXPECT_EQ(
      text_of<ShapeError>([&] { index_add(x, 0, tensor({1}), s); }),
      "index_add: source must have the shape of x with one slice for each index; got x (2, 2) f32, index (1,) i64, "
      "source (3, 2) f32");
  EXPECT_THROW(index_add(x, 0, tensor({1}), zeros({1, 2}, f64)), DtypeError);
  EXPECT_THROW(index_add(zeros({2}, u8), 0, tensor({1}), zeros({1}, u8)), DtypeError);
}

TEST(IndexAdd, Gradients) {
  for (const Tensor& x : layouts())
    EXPECT_GRADIENTS(
        [](In in) {
          return index_add(in[0] * in[0], 1, tensor({2, 2}), in[1] * in[1]);
        },
        {x, randn({2, 2, 4}, f64)});
}

TEST(IndexAdd, HasTheSameBitsForAnyNumberOfThreads) {
  Generator g(3);
  const Tensor index = randint(5, {4000}, i64, g), rows = randn({4000, 64}, f32, g), x = zeros({5, 64});
  const auto added = [&] { return index_add(x, 0, index, rows).to_vector<float>(); };
  const auto scattered = [&] {
    return scatter_add(x, 0, index.unsqueeze(1).expand({4000, 64}), rows).to_vector<float>();
  };
  expect_same_on_any_threads(added);
  expect_same_on_any_threads(scattered);
  EXPECT_EQ(scattered(), added());
}

TEST(Gather, PicksElements) {
  const Tensor x = tensor({{1, 2, 3}, {4, 5, 6}});
  EXPECT_EQ(gather(x, 1, tensor({{2, 0}, {1, 1}})).to_vector<double>(), (Doubles{3, 1, 5, 5}));
  EXPECT_EQ(gather(x, 0, tensor({{1, 0, 1}})).to_vector<double>(), (Doubles{4, 2, 6}));
  EXPECT_EQ(gather(x, 0, tensor({{1, 0}, {0, 0}, {1, 1}})).to_vector<double>(), (Doubles{4, 2, 1, 2, 4, 5}));
  EXPECT_EQ(gather(x.t(), 0, tensor({{2, 1}})).to_vector<double>(), (Doubles{3, 5}));
  EXPECT_EQ(gather(arange(5), 0, tensor({4, 0, 4, 4, 1, 2})).to_vector<double>(), (Doubles{4, 0, 4, 4, 1, 2}));
  EXPECT_EQ(gather(arange(24).reshape({2, 3, 4}), 1, tensor({{{2, 1, 0, 1}}, {{0, 0, 2, 1}}})).to_vector<double>(),
            (Doubles{8, 5, 2, 7, 12, 13, 22, 19}));
  EXPECT_EQ(gather(x, 1, zeros({2, 0}, i64)).shape(), (Shape{2, 0}));
  for (const Dtype d : {f32, boolean, u8}) EXPECT_EQ(gather(x.to(d), 1, tensor({{0}})).dtype(), d);
}

TEST(Gather, ErrorsNameIndexPositionAndSize) {
  const Tensor x = zeros({2, 3});
  EXPECT_EQ(text_of<IndexError>([&] {
              gather(x, 1, tensor({{0, 1}, {2, 7}}));
            }),
            "gather: index out of range; got index 7, position (1, 1), size 3");
  EXPECT_EQ(text_of<ShapeError>([&] { gather(x, 1, tensor({0})); }),
            "gather: the index must have the rank of x and, but for dim, no larger sizes; got x (2, 3) f32, dim 1, "
            "index (1,) "
            "i64");
  EXPECT_THROW(gather(x, 1, zeros({3, 1}, i64)), ShapeError);
  EXPECT_THROW(gather(x, 1, zeros({2, 1})), DtypeError);
  EXPECT_THROW(gather(tensor(1.), 0, tensor(0)), IndexError);
}

TEST(Gather, Gradients) {
  const Tensor first = tensor({{{1, 0, 1, 1}, {0, 0, 0, 1}}}), second = tensor({{{2, 2}, {0, 2}}, {{1, 1}, {1, 1}}}),
               last = tensor({{{3}, {0}, {0}}, {{1}, {1}, {2}}});
  for (const Tensor& x : layouts()) {
    EXPECT_GRADIENTS([&](In in) { return gather(in[0] * in[0], 0, first); }, {x});
    EXPECT_GRADIENTS([&](In in) { return gather(in[0] * in[0], 1, second); }, {x});
    EXPECT_GRADIENTS([&](In in) { return gather(in[0], 2, last) * in[0]; }, {x});
  }
  EXPECT_GRADIENTS([](In in) { return gather(in[0] * in[0], 0, tensor({0, 0})); }, {randn({1}, f64)});
}

TEST(ScatterAdd, AddsElements) {
  const Tensor x = zeros({2, 3}), s = tensor({{1., 2., 3.}, {4., 5., 6.}});
  EXPECT_EQ(scatter_add(x, 1, tensor({{0, 0, 2}, {1, 1, 1}}), s).to_vector<double>(), (Doubles{3, 0, 3, 0, 15, 0}));
  EXPECT_EQ(scatter_add(x, 0, tensor({{1, 0, 1}, {1, 0, 0}}), s).to_vector<double>(), (Doubles{0, 7, 6, 5, 0, 3}));
  EXPECT_EQ(scatter_add(x, 1, tensor({{2}}), s).to_vector<double>(), (Doubles{0, 0, 1, 0, 0, 0}));
  EXPECT_EQ(scatter_add(ones({3}, i64), 0, tensor({2, 2}), tensor({5, 6})).to_vector<double>(), (Doubles{1, 1, 12}));
  EXPECT_EQ(x.to_vector<double>(), Doubles(6, 0));
  EXPECT_EQ(text_of<ShapeError>([&] {
              scatter_add(x, 1, zeros({2, 4}, i64), s);
            }),
            "scatter_add: the index must have the rank of source and no larger sizes; got index (2, 4) i64, source (2, "
            "3) f32");
  EXPECT_THROW(scatter_add(x, 1, tensor({{3}}), s), IndexError);
  EXPECT_THROW(scatter_add(x, 1, tensor({{0}}), s.to(f64)), DtypeError);
  EXPECT_THROW(scatter_add(x.to(boolean), 1, tensor({{0}}), s.to(boolean)), DtypeError);
}

TEST(ScatterAdd, Gradients) {
  const Tensor index = tensor({{{2, 2, 0}, {0, 2, 1}}, {{1, 1, 1}, {0, 0, 0}}});
  for (const Tensor& x : layouts())
    EXPECT_GRADIENTS([&](In in) { return scatter_add(in[0] * in[0], 1, index, in[1] * in[1]); },
                     {x, randn({2, 3, 3}, f64)});  // the index does not reach all of the source
}

TEST(MaskedFill, ReplacesWhereTrue) {
  const Tensor x = tensor({{1., 2.}, {3., 4.}});
  EXPECT_EQ(masked_fill(x, x > 2.0, -1).to_vector<double>(), (Doubles{1, 2, -1, -1}));
  EXPECT_EQ(masked_fill(x, tensor({true, false}), 0.5).to_vector<double>(), (Doubles{0.5, 2, 0.5, 4}));
  EXPECT_EQ(masked_fill(x.t(), tensor({{true}, {false}}), 9).to_vector<double>(), (Doubles{9, 9, 2, 4}));
  EXPECT_EQ(masked_fill(tensor({1, 2}), tensor({true, false}), 7).to_vector<double>(), (Doubles{7, 2}));
  EXPECT_EQ(text_of<ShapeError>([&] {
              masked_fill(x, zeros({2, 2, 2}, boolean), 0);
            }),
            "masked_fill: the mask must broadcast to x; got x (2, 2) f32, mask (2, 2, 2) bool");
  EXPECT_THROW(masked_fill(x, zeros({3}, boolean), 0), ShapeError);
  EXPECT_THROW(masked_fill(x, x, 0), DtypeError);
  EXPECT_THROW(masked_fill(tensor({1, 2}), tensor({true, false}), 0.5), DtypeError);
  const Tensor mask = tensor({{true}, {false}, {true}});
  for (const Tensor& in : layouts()) EXPECT_GRADIENTS([&](In t) { return masked_fill(t[0] * t[0], mask, 3); }, {in});
}

TEST(MaskedSelect, KeepsWhereTrue) {
  const Tensor x = tensor({{1., 2.}, {3., 4.}});
  EXPECT_EQ(masked_select(x, x > 1.5).to_vector<double>(), (Doubles{2, 3, 4}));
  EXPECT_EQ(masked_select(x.t(), tensor({true, false})).to_vector<double>(), (Doubles{1, 2}));
  EXPECT_EQ(masked_select(x, x > 9.0).numel(), 0);
  EXPECT_THROW(masked_select(x, zeros({3}, boolean)), ShapeError);
  const Tensor mask = tensor({true, false, false, true});
  for (const Tensor& in : layouts()) EXPECT_GRADIENTS([&](In t) { return masked_select(t[0] * t[0], mask); }, {in});
}

TEST(OneHot, MarksClasses) {
  const Tensor y = one_hot(tensor({2, 0}));
  EXPECT_EQ(describe(y), "(2, 3) i64");
  EXPECT_EQ(y.to_vector<double>(), (Doubles{0, 0, 1, 1, 0, 0}));
  EXPECT_EQ(one_hot(tensor({{0}, {1}}), 4).shape(), (Shape{2, 1, 4}));
  EXPECT_EQ(one_hot(tensor(1), 2).to_vector<double>(), (Doubles{0, 1}));
  EXPECT_EQ(one_hot(zeros({0}, i64), 3).shape(), (Shape{0, 3}));
  EXPECT_EQ(text_of<IndexError>([] {
              one_hot(tensor({0, 5}), 5);
            }),
            "one_hot: index out of range; got index 5, position (1,), size 5");
  EXPECT_THROW(one_hot(tensor({-1})), IndexError);
  EXPECT_THROW(one_hot(tensor({1.})), DtypeError);
  EXPECT_THROW(one_hot(zeros({0}, i64)), ValueError);
}

TEST(Index, WholeSumsWrapAndOneHotRefusesNegatives) {
  const std::vector<int64_t> wrapped{INT64_MIN};
  const Tensor most = full({1}, 0, i64) + from_vector(std::vector<int64_t>{INT64_MAX}), at = tensor({0});
  EXPECT_EQ(index_add(most, 0, at, ones({1}, i64)).to_vector<int64_t>(), wrapped);
  EXPECT_EQ(scatter_add(most, 0, at, ones({1}, i64)).to_vector<int64_t>(), wrapped);
  EXPECT_THROW(one_hot(tensor({-5})), IndexError);
}

}  // namespace
