#include "cairn/graph/record.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "cairn/autograd/backward.h"
#include "cairn/autograd/gradcheck.h"
#include "cairn/ops/arithmetic.h"
#include "cairn/ops/elementwise.h"
#include "cairn/ops/reduce.h"
#include "cairn/tensor/create.h"
#include "support.h"

using namespace cairn;
using ::testing::HasSubstr;

namespace {

// A user's own operation: the values in any way, the backward in public operations.
Tensor cube(const Tensor& x) {
  Tensor y = empty(x.shape(), x.dtype());
  const Tensor c = x.contiguous();
  for (int64_t i = 0; i < x.numel(); ++i) y.pointer<double>()[i] = std::pow(c.pointer<double>()[i], 3);
  return record("cube", y, {x}, Keep::inputs(),
                [](const Backward& s) -> Grads { return {s.grad * 3.0 * s.input(0) * s.input(0)}; });
}

// The same with a backward that writes its own loop, and a twin for gradients of gradients.
Tensor fused_cube(const Tensor& x, double factor_of_twin = 1) {
  Tensor y = empty(x.shape(), x.dtype());
  const Tensor c = x.contiguous();
  for (int64_t i = 0; i < x.numel(); ++i) y.pointer<double>()[i] = std::pow(c.pointer<double>()[i], 3);
  return record_fused(
      "fused_cube", y, {x}, Keep::nothing(),
      [](const Backward& s) -> Grads {
        const Tensor in = s.input(0).contiguous(), g = s.grad.contiguous();
        Tensor dx = empty(in.shape(), in.dtype());
        for (int64_t i = 0; i < in.numel(); ++i) {
          const double v = in.pointer<double>()[i];
          dx.pointer<double>()[i] = 3 * v * v * g.pointer<double>()[i];
        }
        return {dx};
      },
      [factor_of_twin](std::span<const Tensor> in) { return in[0] * in[0] * in[0] * factor_of_twin; });
}

TEST(Record, AUsersOperation) {
  Tensor x = tensor({1., -2., 3.}, f64).requires_grad_();
  cube(x).backward(ones({3}, f64));
  EXPECT_EQ(x.grad().to_vector<double>(), (std::vector<double>{3, 12, 27}));
  const auto f = [](const std::vector<Tensor>& in) { return cube(in[0]); };
  EXPECT_TRUE(gradcheck(TensorFunction(f), {x}));
  EXPECT_TRUE(gradgradcheck(TensorFunction(f), {x}));
}

TEST(Record, AFusedOperationAndItsTwin) {
  Tensor x = tensor({{1., -2.}, {3., 0.5}}, f64).requires_grad_();
  const TensorFunction f = [](const std::vector<Tensor>& in) { return fused_cube(in[0]); };
  EXPECT_TRUE(gradcheck(f, {x}));
  EXPECT_TRUE(gradgradcheck(f, {x}));
  const TensorFunction wrong = [](const std::vector<Tensor>& in) { return fused_cube(in[0], 1.5); };
  sum(wrong({x})).backward();
  EXPECT_EQ(x.grad().to_vector<double>(), (std::vector<double>{3, 12, 27, 0.75}))
      << "first gradients do not use the twin";
  EXPECT_THAT(gradcheck(wrong, {x}).text,
              HasSubstr("fused_cube: its twin gives other values; got (2, 2) f64, of the twin (2, 2) f64"));
  const GradReport report = gradgradcheck(wrong, {x});
  EXPECT_FALSE(report);
  EXPECT_THAT(report.text, HasSubstr("gradient 0 at (0, 0) is"));
  EXPECT_THAT(report.text, HasSubstr("when recorded for gradients of gradients"));
}

TEST(Record, TheSameTensorTwiceInAFusedOperation) {
  const TensorFunction f = [](const std::vector<Tensor>& in) {
    Tensor y = empty(in[0].shape(), f64);
    for (int64_t i = 0; i < y.numel(); ++i)
      y.pointer<double>()[i] = in[0].pointer<double>()[i] * in[0].pointer<double>()[i];
    return record_fused(
        "product", y, {in[0], in[0]}, Keep::inputs(),
        [](const Backward& s) -> Grads {
          return {s.grad * s.input(1), s.grad * s.input(0)};
        },
        [](std::span<const Tensor> both) { return both[0] * both[1]; });
  };
  Tensor x = tensor({1., 2., 3.}, f64).requires_grad_();
  EXPECT_TRUE(gradcheck(f, {x}));
  EXPECT_TRUE(gradgradcheck(f, {x}));
}

TEST(Record, NothingIsKeptWithoutAReason) {
  const Tensor plain = ones({2});
  EXPECT_FALSE((plain + plain).requires_grad());
  const Tensor x = ones({2}).requires_grad_();
  {
    const NoGrad off;
    EXPECT_FALSE((x + x).requires_grad());
  }
  const Tensor y = x + x;
  EXPECT_TRUE(y.requires_grad());
  EXPECT_FALSE(y.is_leaf());
  EXPECT_EQ(gradient_node(y)->inputs[0].saved.get(), nullptr) << "addition reads nothing in backward";
}

TEST(Record, SkipsInputsThatWantNothing) {
  const Tensor x = ones({2}).requires_grad_(), plain = ones({2});
  bool needs0 = false, needs1 = true;
  const Tensor y = record("probe", zeros({2}), {x, plain}, Keep::nothing(), [&](const Backward& s) -> Grads {
    needs0 = s.needs(0), needs1 = s.needs(1);
    EXPECT_EQ(s.input_count(), 2);
    EXPECT_EQ(s.shape(0), (Shape{2}));
    EXPECT_FALSE(s.create_graph());
    return {s.grad, none};
  });
  y.backward(ones({2}));
  EXPECT_TRUE(needs0);
  EXPECT_FALSE(needs1);
}

TEST(Record, ManyInputs) {
  std::vector<Tensor> inputs;
  for (int i = 0; i < 70; ++i) inputs.push_back(full({2}, i).requires_grad_());
  const Tensor y =
      record("total", zeros({2}), std::span<const Tensor>(inputs), Keep::inputs(), [](const Backward& s) -> Grads {
        std::vector<Tensor> grads;
        for (int i = 0; i < s.input_count(); ++i) grads.push_back(s.grad * s.input(i));
        return grads;
      });
  EXPECT_EQ(grad({y}, {inputs[69]}, {ones({2})}, true)[0].to_vector<double>(), (std::vector<double>{69, 69}));
  y.backward(ones({2}));
  for (int i = 0; i < 70; ++i) EXPECT_EQ(inputs[static_cast<size_t>(i)].grad().to_vector<double>()[0], i);
}

TEST(Record, AnIntegerOutputHasNoGraph) {
  const Tensor x = ones({2}).requires_grad_();
  const Tensor y =
      record("round", zeros({2}, i64), {x}, Keep::nothing(), [](const Backward&) -> Grads { return {none}; });
  EXPECT_FALSE(y.requires_grad());
}

TEST(Record, Misuse) {
  const Tensor x = ones({2}).requires_grad_();
  const auto nothing = [](const Backward&) -> Grads { return {none}; };
  EXPECT_THAT(text_of<GraphError>([&] { record("same", x, {x}, Keep::nothing(), nothing); }),
              HasSubstr("same: record was given an input itself as the output"));

  const auto backward_of = [&](auto f, Keep keep = Keep::nothing()) {
    return text_of<GraphError>([&] { record("odd", zeros({2}), {x}, keep, f).backward(ones({2})); });
  };
  EXPECT_THAT(backward_of([](const Backward& s) -> Grads { return {s.input(0)}; }),
              HasSubstr("backward of odd: input 0 was not kept; say so in record(…, Keep, …)"));
  EXPECT_THAT(backward_of([](const Backward& s) -> Grads { return {s.output()}; }, Keep::inputs()),
              HasSubstr("backward of odd: the output was not kept"));
  EXPECT_THAT(backward_of([](const Backward& s) -> Grads {
                return {s.grad, s.grad};
              }),
              HasSubstr("backward of odd: returned 2 gradients for 1 inputs"));
  EXPECT_THAT(backward_of([](const Backward&) -> Grads { return {ones({3})}; }),
              HasSubstr("backward of odd: the gradient of input 0 does not fit; got (3,) f32 for an input (2,) f32"));
  EXPECT_THAT(backward_of([](const Backward&) -> Grads { return {ones({2}, f64)}; }),
              HasSubstr("does not fit; got (2,) f64 for an input (2,) f32"));
}

TEST(Record, AnOutputKeptIsNoCycle) {
  const int64_t before = memory::stats().in_use;
  {
    const Tensor x = ones({100}).requires_grad_();
    const Tensor y = record("copy", x.detach().clone(), {x}, Keep::output(),
                            [](const Backward& s) -> Grads { return {s.grad * s.output()}; });
    EXPECT_TRUE(y.requires_grad());
  }
  EXPECT_EQ(memory::stats().in_use, before);
}

}  // namespace
