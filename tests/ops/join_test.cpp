#include "cairn/ops/join.h"

#include <cairn/testing.h>

#include "cairn/autograd/backward.h"
#include "cairn/ops/arithmetic.h"
#include "cairn/ops/reduce.h"
#include "cairn/tensor/create.h"
#include "cairn/tensor/random.h"
#include "support.h"

using namespace cairn;

namespace {

using Doubles = std::vector<double>;
using In = const std::vector<Tensor>&;

// (2, 3): row-major, transposed, sliced, stretched.
std::vector<Tensor> matrices() {
  Generator g(1);
  return {randn({2, 3}, f64, g), randn({3, 2}, f64, g).t(), randn({2, 7}, f64, g).slice(1, 0, 6, 2),
          randn({2, 1}, f64, g).expand({2, 3})};
}

TEST(Cat, PutsOneAfterTheOther) {
  const Tensor a = tensor({{1, 2}, {3, 4}}), b = tensor({{5, 6}});
  EXPECT_EQ(cat({a, b}).to_vector<double>(), (Doubles{1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(cat({a, b.t()}, 1).to_vector<double>(), (Doubles{1, 2, 5, 3, 4, 6}));
  EXPECT_EQ(cat({a, a.t()}, -1).to_vector<double>(), (Doubles{1, 2, 1, 3, 3, 4, 2, 4}));
  EXPECT_EQ(cat({a}).to_vector<double>(), a.to_vector<double>());
  EXPECT_EQ(cat({zeros({0, 2}, i64), a}).shape(), (Shape{2, 2}));
  for (const Dtype d : {f32, f64, boolean, u8}) EXPECT_EQ(cat({a.to(d), b.to(d)}).dtype(), d);
}

TEST(Cat, KeepsTheLayoutOfTheFirst) {
  const Tensor x = zeros({2, 4, 5, 3}).permute({0, 3, 1, 2});  // channels last
  const Tensor y = cat({x, ones({2, 1, 4, 5})}, 1);
  EXPECT_EQ(y.shape(), (Shape{2, 4, 4, 5}));
  EXPECT_EQ(y.strides(), (Strides{80, 1, 20, 4}));
  EXPECT_EQ(sum(y).item<double>(), 40);
}

TEST(Cat, ErrorsNameThePosition) {
  EXPECT_EQ(text_of<ValueError>([] { cat({}); }), "cat: needs at least one tensor");
  EXPECT_EQ(
      text_of<ShapeError>([] {
        cat({zeros({2, 3}), zeros({2, 3}), zeros({2, 4})});
      }),
      "cat: sizes must be equal but for the dimension joined; got dim 0, tensor 0 (2, 3) f32, position 2, (2, 4) f32");
  EXPECT_EQ(text_of<DtypeError>([] {
              cat({zeros({2}), zeros({2}, i64)});
            }),
            "cat: dtypes must be equal; convert one with to(…); got tensor 0 (2,) f32, position 1, (2,) i64");
  EXPECT_THROW(cat({zeros({2}), zeros({2, 1})}), ShapeError);
  EXPECT_THROW(cat({zeros({2})}, 1), IndexError);
  EXPECT_THROW(cat({tensor(1), tensor(2)}), IndexError);
}

TEST(Cat, Gradients) {
  for (const Tensor& x : matrices()) {
    EXPECT_GRADIENTS([](In in) { return cat({in[0] * in[0], in[1]}, 0); }, {x, randn({1, 3}, f64)});
    EXPECT_GRADIENTS(
        [](In in) {
          return cat({in[1], in[0], in[0] * in[1].select(1, 0).unsqueeze(1)}, 1);
        },
        {x, randn({2, 2}, f64)});
  }
  // Five inputs, of which one wants no gradient.
  const Tensor x = tensor({1., 2.}).requires_grad_();
  sum(cat({x, ones({1}), x, x, x}) * arange(9, f32)).backward();
  EXPECT_EQ(x.grad().to_vector<double>(), (Doubles{0 + 3 + 5 + 7, 1 + 4 + 6 + 8}));
}

TEST(Stack, AddsADimension) {
  const Tensor a = tensor({1, 2}), b = tensor({3, 4});
  EXPECT_EQ(stack({a, b}).to_vector<double>(), (Doubles{1, 2, 3, 4}));
  EXPECT_EQ(stack({a, b}, 1).to_vector<double>(), (Doubles{1, 3, 2, 4}));
  EXPECT_EQ(stack({a, b}, -1).shape(), (Shape{2, 2}));
  EXPECT_EQ(stack({tensor(1), tensor(2)}).shape(), (Shape{2}));
  EXPECT_EQ(text_of<ShapeError>([&] {
              stack({a, tensor({1})});
            }),
            "stack: all tensors must have one shape; got tensor 0 (2,) i64, position 1, (1,) i64");
  EXPECT_EQ(text_of<ValueError>([] { stack({}); }), "stack: needs at least one tensor");
  EXPECT_THROW(stack({a, b}, 2), IndexError);
  for (const Tensor& x : matrices())
    EXPECT_GRADIENTS([](In in) { return stack({in[0], in[1] * in[0]}, 1); }, {x, randn({2, 3}, f64)});
}

TEST(Flip, TurnsRound) {
  const Tensor x = tensor({{1, 2, 3}, {4, 5, 6}});
  EXPECT_EQ(flip(x, {0}).to_vector<double>(), (Doubles{4, 5, 6, 1, 2, 3}));
  EXPECT_EQ(flip(x, {-1}).to_vector<double>(), (Doubles{3, 2, 1, 6, 5, 4}));
  EXPECT_EQ(flip(x, {1, 0}).to_vector<double>(), (Doubles{6, 5, 4, 3, 2, 1}));
  EXPECT_EQ(flip(x, {}).to_vector<double>(), x.to_vector<double>());
  EXPECT_EQ(flip(x.t(), {0}).to_vector<double>(), (Doubles{3, 6, 2, 5, 1, 4}));
  EXPECT_EQ(flip(x.to(u8), {1}).dtype(), u8);
  EXPECT_EQ(flip(zeros({0, 2}), {0, 1}).shape(), (Shape{0, 2}));
  EXPECT_THROW(flip(x, {2}), IndexError);
  EXPECT_THROW(flip(x, {0, -2}), IndexError);
  for (const Tensor& in : matrices()) {
    EXPECT_GRADIENTS([](In t) { return flip(t[0], {0, 1}) * t[0]; }, {in});
    EXPECT_GRADIENTS([](In t) { return flip(t[0], {}) * t[0]; }, {in});
  }
}

TEST(Pad, TakesTheLastDimensionFirst) {
  const Tensor x = tensor({{1, 2}, {3, 4}});
  EXPECT_EQ(pad(x, {1, 2}).to_vector<double>(), (Doubles{0, 1, 2, 0, 0, 0, 3, 4, 0, 0}));
  EXPECT_EQ(pad(x, {0, 0, 1, 0}, 9).to_vector<double>(), (Doubles{9, 9, 1, 2, 3, 4}));
  EXPECT_EQ(pad(x, {-1, 0}).to_vector<double>(), (Doubles{2, 4}));
  EXPECT_EQ(pad(x, {-1, 1, 0, -1}, 7).to_vector<double>(), (Doubles{2, 7}));
  EXPECT_EQ(pad(x, {3, -3}, 5).to_vector<double>(), (Doubles{5, 5, 5, 5})) << "all that was there is cropped";
  EXPECT_EQ(pad(x, {-2, 0}).shape(), (Shape{2, 0}));
  EXPECT_EQ(pad(x, {}).to_vector<double>(), x.to_vector<double>());
  EXPECT_EQ(pad(x.t(), {1, 0}).to_vector<double>(), (Doubles{0, 1, 3, 0, 2, 4}));
  EXPECT_EQ(pad(zeros({0}), {1, 1}, 2).to_vector<double>(), (Doubles{2, 2}));
  EXPECT_EQ(pad(x.to(u8), {1, 0}, 3).dtype(), u8);
  const Tensor image = zeros({1, 4, 5, 3}).permute({0, 3, 1, 2});
  EXPECT_EQ(pad(image, {1, 1, 2, 2}).strides(), (Strides{168, 1, 21, 3}));
}

TEST(Pad, ErrorsNameWhatWasGiven) {
  EXPECT_EQ(text_of<ShapeError>([] {
              pad(zeros({2, 2}), {1, 2, 3});
            }),
            "pad: needs (before, after) for the last dimensions; got (2, 2) f32, numbers 3");
  EXPECT_THROW(pad(zeros({2}), {1, 1, 1, 1}), ShapeError);
  EXPECT_EQ(text_of<ShapeError>([] {
              pad(zeros({2, 2}), {-2, -1});
            }),
            "pad: negative pads crop more than there is; got (2, 2) f32, dim 1, before -2, after -1");
  EXPECT_THROW(pad(zeros({2}, i64), {1, 1}, 0.5), DtypeError);
}

TEST(Pad, Gradients) {
  for (const Tensor& x : matrices()) {
    EXPECT_GRADIENTS([](In in) { return pad(in[0] * in[0], {1, 2, 0, 1}, 3); }, {x});
    EXPECT_GRADIENTS([](In in) { return pad(in[0], {-1, 1, 2, -1}) * in[1]; }, {x, randn({3, 3}, f64)});
  }
}

TEST(Pad, RefusesPadsWhoseSumOverflows) {
  EXPECT_EQ(text_of<ValueError>([] {
              pad(ones({1002}), {INT64_MAX - 998, INT64_MAX});
            }),
            "pad: a pad is out of range; got (1002,) f32, dim 0, pad 9223372036854774809");
  EXPECT_THROW(pad(ones({2}), {INT64_MIN, 0}), ValueError);
  EXPECT_EQ(pad(ones({2, 2}), {max_numel, -max_numel}).to_vector<double>(), (Doubles{0, 0, 0, 0}));
}

}  // namespace
