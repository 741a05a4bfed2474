#include "cairn/autograd/gradcheck.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>

#include "autograd/leaf.h"
#include "cairn/autograd/backward.h"
#include "cairn/graph/branches.h"
#include "cairn/ops/arithmetic.h"
#include "cairn/ops/compare.h"
#include "cairn/ops/elementwise.h"
#include "cairn/ops/matmul.h"
#include "cairn/ops/reduce.h"
#include "cairn/tensor/create.h"
#include "cairn/testing.h"
#include "support.h"

using namespace cairn;
using ::testing::HasSubstr;

namespace {

using Inputs = std::vector<Tensor>;

GradReport first(const TensorFunction& f, const Inputs& inputs) { return gradcheck(f, inputs); }
GradReport second(const TensorFunction& f, const Inputs& inputs) { return gradgradcheck(f, inputs); }

template <class E>
std::string refusal(const TensorFunction& f, const Inputs& inputs) {
  return text_of<E>([&] { gradcheck(f, inputs); });
}

// y = a² b with a backward of one's choice: the tester is tested with these.
Tensor with_backward(const Tensor& a, const Tensor& b, std::function<Grads(const Backward&)> backward) {
  return record("tested", a.detach() * a.detach() * b.detach(), {a, b}, Keep::inputs(), std::move(backward));
}

Tensor tested_a(const Backward& s) { return s.grad * 2.0 * s.input(0) * s.input(1); }
Tensor tested_b(const Backward& s) { return s.grad * s.input(0) * s.input(0); }

struct Wrong {
  const char* what;
  std::function<Grads(const Backward&)> backward;
};

std::ostream& operator<<(std::ostream& out, const Wrong& w) { return out << w.what; }

// ---- right gradients pass ------------------------------------------------------------------------------------------------

TEST(Gradcheck, RightGradientsPass) {
  const Inputs inputs = {leaf({{1., -2.}, {0.5, 3.}}), leaf({{2., 1.}, {-1., 0.3}})};
  const TensorFunction f = [](const Inputs& in) {
    return with_backward(in[0], in[1], [](const Backward& s) -> Grads { return {tested_a(s), tested_b(s)}; });
  };
  const GradReport report = first(f, inputs);
  EXPECT_TRUE(report) << report.text;
  EXPECT_EQ(report.checked, 8);
  EXPECT_EQ(report.stepped_around, 0);
  EXPECT_LT(report.worst, 1e-8);
  EXPECT_THAT(report.text, HasSubstr("gradcheck: 8 elements agree to"));
  const GradReport next = second(f, inputs);
  EXPECT_TRUE(next) << next.text;
  EXPECT_EQ(next.checked, 12) << "the weights of the output are inputs too";
}

TEST(Gradcheck, LeavesTheInputsAlone) {
  const Tensor x = leaf({1., 2.});
  EXPECT_TRUE(first([](const Inputs& in) { return in[0] * in[0]; }, {x}));
  EXPECT_EQ(x.to_vector<double>(), (std::vector<double>{1, 2}));
  EXPECT_FALSE(x.grad().defined());
  EXPECT_EQ(x.body()->storage->version, 0u);
}

TEST(Gradcheck, SteepAndLargeFunctions) {
  const TensorFunction f = [](const Inputs& in) { return exp(in[0] * 3.0) + log(in[0]) / in[0] + sin(in[0] * 20.0); };
  const Inputs inputs = {leaf({0.05, 0.3, 1., 3., 5.})};
  EXPECT_TRUE(first(f, inputs)) << first(f, inputs).text;
  EXPECT_TRUE(second(f, inputs)) << second(f, inputs).text;
}

TEST(Gradcheck, ManyOutputsAreProjected) {
  const Tensor x = (arange(0, 100, 1, f64) / 50.0).requires_grad_();
  const auto f = [](bool wrong) {
    return [wrong](const Inputs& in) {
      return record("squares", in[0].detach() * in[0].detach(), {in[0]}, Keep::inputs(),
                    [wrong](const Backward& s) -> Grads {
                      Tensor g = s.grad * s.input(0) * 2.0;
                      if (wrong) g[77].add_(1e-4);
                      return {g};
                    });
    };
  };
  EXPECT_TRUE(first(f(false), {x}));
  const GradReport report = first(f(true), {x});
  EXPECT_FALSE(report);
  EXPECT_THAT(report.text, HasSubstr("input 0 at (77,): analytic "));
  EXPECT_THAT(report.text, HasSubstr("(weighted sum of all outputs)"));
}

TEST(Gradcheck, SeveralOutputs) {
  const TensorsFunction f = [](const Inputs& in) { return std::vector<Tensor>{in[0] * in[1], sum(in[0])}; };
  const Inputs inputs = {leaf({1., 2.}), leaf({3., 4.})};
  EXPECT_TRUE(gradcheck(f, inputs));
  EXPECT_TRUE(gradgradcheck(f, inputs));
}

TEST(Gradcheck, InputsOfOtherKindsAreHandedThrough) {
  const TensorFunction f = [](const Inputs& in) {
    return where(in[1], in[0] * in[2], in[0]) * static_cast<double>(in[3].numel());
  };
  const Inputs inputs = {leaf({1., 2.}), tensor({true, false}), tensor({5., 6.}, f64), tensor({1, 2, 3})};
  const GradReport report = first(f, inputs);
  EXPECT_TRUE(report) << report.text;
  EXPECT_EQ(report.checked, 2);
  EXPECT_TRUE(second(f, inputs));
}

TEST(Gradcheck, StridedInputsKeepTheirStrides) {
  const Tensor block = tensor({{1., 2., 3., 4.}, {5., 6., 7., 8.}, {9., 10., 11., 12.}}, f64);
  const std::vector<std::pair<Tensor, int64_t>> views = {
      {block.t(), 12},
      {block.slice(1, 1, 4, 2), 6},
      {block[0].expand({5, 4}), 4},
      {block.select(1, 2), 3},
      {tensor(2., f64).expand({3, 3}), 1},
      {as_strided(block, {3, 2}, {1, 1}, 0), 4},  // overlapping windows
      {block.slice(0, 3), 0},
  };
  for (const auto& [view, elements] : views) {
    Tensor x = view.detach();
    x.requires_grad_();
    Strides seen;
    const TensorFunction f = [&](const Inputs& in) {
      seen = in[0].strides();
      return in[0] * in[0] * in[0];
    };
    const GradReport report = first(f, {x});
    EXPECT_TRUE(report) << report.text;
    EXPECT_EQ(report.checked, elements);
    EXPECT_EQ(seen, x.strides());
    EXPECT_TRUE(second(f, {x}));
  }
}

TEST(Gradcheck, AConstantHasZeroGradients) {
  const TensorFunction constant = [](const Inputs&) { return tensor({1., 2.}, f64); };
  EXPECT_TRUE(first(constant, {leaf({1.})}));
  EXPECT_TRUE(second(constant, {leaf({1.})}));
  const TensorFunction cut = [](const Inputs& in) { return in[0].detach() * 2.0; };
  EXPECT_THAT(first(cut, {leaf({1.})}).text, HasSubstr("input 0 at (0,): analytic 0, numeric 2"));
}

// ---- wrong gradients are refused -------------------------------------------------------------------------------------------

class WrongGradient : public ::testing::TestWithParam<Wrong> {};

TEST_P(WrongGradient, IsRefused) {
  const Inputs inputs = {leaf({{1., -2.}, {0.5, 3.}}), leaf({{2., 1.}, {-1., 0.3}})};
  const GradReport report =
      first([](const Inputs& in) { return with_backward(in[0], in[1], GetParam().backward); }, inputs);
  EXPECT_FALSE(report);
  EXPECT_THAT(report.text, HasSubstr("analytic"));
  EXPECT_FALSE(cairn::testing::gradients_hold(
      [](const Inputs& in) { return with_backward(in[0], in[1], GetParam().backward); }, inputs));
}

INSTANTIATE_TEST_SUITE_P(
    Gradcheck, WrongGradient,
    ::testing::Values(Wrong{"sign",
                            [](const Backward& s) -> Grads {
                              return {-tested_a(s), tested_b(s)};
                            }},
                      Wrong{"factor",
                            [](const Backward& s) -> Grads {
                              return {tested_a(s) * 2.0, tested_b(s)};
                            }},
                      Wrong{"factor a little off",
                            [](const Backward& s) -> Grads {
                              return {tested_a(s) * (1 + 5e-6), tested_b(s)};
                            }},
                      Wrong{"missing term",
                            [](const Backward& s) -> Grads {
                              return {s.grad * s.input(0) * s.input(1), tested_b(s)};
                            }},
                      Wrong{"missing gradient",
                            [](const Backward& s) -> Grads {
                              return {tested_a(s), none};
                            }},
                      Wrong{"transposed",
                            [](const Backward& s) -> Grads {
                              return {tested_a(s).t(), tested_b(s)};
                            }},
                      Wrong{"swapped",
                            [](const Backward& s) -> Grads {
                              return {tested_b(s), tested_a(s)};
                            }},
                      Wrong{"without the incoming gradient",
                            [](const Backward& s) -> Grads {
                              return {s.input(0) * s.input(1) * 2.0, tested_b(s)};
                            }},
                      Wrong{"summed and stretched again",
                            [](const Backward& s) -> Grads {
                              return {mean(tested_a(s)).expand({2, 2}), tested_b(s)};
                            }},
                      Wrong{"one entry",
                            [](const Backward& s) -> Grads {
                              return {tested_a(s) + tensor({{0., 0.}, {0., 3e-5}}, f64), tested_b(s)};
                            }},
                      Wrong{"not a number",
                            [](const Backward& s) -> Grads {
                              return {tested_a(s), tested_b(s) * std::nan("")};
                            }}),
    [](const auto& param_info) {
      std::string name = param_info.param.what;
      std::replace(name.begin(), name.end(), ' ', '_');
      return name;
    });

TEST(Gradcheck, AScalarIsSeededByMoreThanOne) {
  const TensorFunction f = [](const Inputs& in) {
    return record("half", sum(in[0].detach()), {in[0]}, Keep::nothing(),
                  [](const Backward&) -> Grads { return {ones({3}, f64)}; });  // forgets the incoming gradient
  };
  EXPECT_FALSE(first(f, {leaf({1., 2., 3.})}));
}

TEST(Gradcheck, SumOverTheWrongDimension) {
  const TensorFunction f = [](const Inputs& in) {
    return record("rows", sum(in[0].detach(), {1}), {in[0]}, Keep::nothing(), [](const Backward& s) -> Grads {
      return {s.grad.unsqueeze(0).expand({2, 2})};
    });
  };
  EXPECT_FALSE(first(f, {leaf({{1., 2.}, {3., 4.}})}));
}

TEST(Gradgradcheck, OnlyTheSecondDerivativeIsWrong) {
  // The first gradient is right as a number; what it records of itself is not.
  const auto cubes = [](auto backward) {
    return [backward](const Inputs& in) {
      return record("cubes", in[0].detach() * in[0].detach() * in[0].detach(), {in[0]}, Keep::inputs(), backward);
    };
  };
  const auto half_detached =
      cubes([](const Backward& s) -> Grads { return {s.grad * 3.0 * s.input(0) * s.input(0).detach()}; });
  const auto weight_detached =
      cubes([](const Backward& s) -> Grads { return {s.grad.detach() * 3.0 * s.input(0) * s.input(0)}; });
  const auto right = cubes([](const Backward& s) -> Grads { return {s.grad * 3.0 * s.input(0) * s.input(0)}; });
  const Inputs inputs = {leaf({1., -2., 0.5})};
  EXPECT_TRUE(first(half_detached, inputs));
  EXPECT_TRUE(first(weight_detached, inputs));
  EXPECT_TRUE(second(right, inputs));
  EXPECT_THAT(second(half_detached, inputs).text, HasSubstr("gradgradcheck: input 0 at (0,): analytic "));
  EXPECT_THAT(second(weight_detached, inputs).text,
              HasSubstr("gradgradcheck: weight of output 0 at (0,): analytic 0, numeric 3"));
}

TEST(Gradcheck, TheReportNamesInputIndexAndNumbers) {
  const GradReport report = first(
      [](const Inputs& in) {
        return with_backward(in[0], in[1], [](const Backward& s) -> Grads { return {tested_a(s), tested_b(s) * 2.0}; });
      },
      {leaf({{1., 2.}, {3., 4.}}), leaf({{1., 1.}, {1., 1.}})});
  EXPECT_THAT(report.text, HasSubstr("gradcheck: input 1 at (0, 0): analytic 2, numeric 1 (output 0 at (0, 0))"));
  EXPECT_THAT(report.text, HasSubstr("\ngradcheck: input 1 at (1, 1): analytic 32, numeric 16"));
  EXPECT_NEAR(report.worst, 0.5, 1e-6);
}

TEST(Gradcheck, LongReportsAreShortened) {
  const GradReport report =
      first([](const Inputs& in) { return in[0].detach() * 2.0; }, {full({9}, 1, f64).requires_grad_()});
  EXPECT_THAT(report.text, HasSubstr("\n… and 4 more"));
}

// ---- kinks -------------------------------------------------------------------------------------------------------------------

// x where x > 0, else 0, which tells its branches or keeps them to itself.
Tensor bent(const Tensor& x, bool tells, double slope_at_zero) {
  const Tensor mask = x.detach() > 0.0;
  if (tells && branches_wanted()) report_branches(mask);
  const BranchTrace own;  // the operations it is made of would tell as well
  return record("bent", where(mask, x.detach(), 0.0), {x}, Keep::inputs(), [slope_at_zero](const Backward& s) -> Grads {
    const Tensor v = s.input(0).detach();
    return {s.grad * where(v > 0.0, 1.0, where(v == 0.0, slope_at_zero, v * 0.0))};
  });
}

Inputs hundred_with_one(double value) {
  Tensor x = arange(0, 100, 1, f64) + 0.5;
  x[7].fill_(value);
  return {x.requires_grad_()};
}

TEST(Kinks, OneElementOfAHundredMayLieOnOne) {
  const GradReport on = first([](const Inputs& in) { return bent(in[0], true, 0); }, hundred_with_one(0));
  EXPECT_TRUE(on) << on.text;
  EXPECT_EQ(on.stepped_around, 1);
  const GradReport beside = first([](const Inputs& in) { return bent(in[0], true, 0); }, hundred_with_one(1e-6));
  EXPECT_TRUE(beside) << beside.text;
  EXPECT_EQ(beside.stepped_around, 1);
  const GradReport just = first([](const Inputs& in) { return bent(in[0], true, 0); }, hundred_with_one(-1e-12));
  EXPECT_TRUE(just) << just.text;
  EXPECT_EQ(just.stepped_around, 1);
}

TEST(Kinks, TheSlopeMustBeThatOfTheSideThePointBelongsTo) {
  EXPECT_FALSE(first([](const Inputs& in) { return bent(in[0], true, 1); }, hundred_with_one(0)));
  EXPECT_FALSE(first([](const Inputs& in) { return bent(in[0], true, 0.5); }, hundred_with_one(0)));
}

TEST(Kinks, AreNotSteppedAroundUnlessReported) {
  const GradReport report = first([](const Inputs& in) { return bent(in[0], false, 0); }, hundred_with_one(0));
  EXPECT_FALSE(report);
  EXPECT_EQ(report.stepped_around, 0);
  EXPECT_THAT(report.text, HasSubstr("input 0 at (7,): analytic 0, numeric -0.5"));
}

TEST(Kinks, MoreThanOnePercentFail) {
  const GradReport report = first([](const Inputs& in) { return bent(in[0], true, 0); }, {leaf({0., 1., 2.})});
  EXPECT_FALSE(report);
  EXPECT_EQ(report.stepped_around, 1);
  EXPECT_THAT(report.text, HasSubstr("1 of 3 elements lie on a kink, more than 1 %; choose inputs away from kinks"));
}

TEST(Kinks, APointOfNeitherSideMayHaveAnySlopeBetween) {
  const auto vee = [](double slope_at_zero) {
    return [slope_at_zero](const Inputs& in) {
      const Tensor x = in[0].detach();
      if (branches_wanted()) report_branches(sign(x));
      return record("vee", abs(x), {in[0]}, Keep::inputs(), [slope_at_zero](const Backward& s) -> Grads {
        const Tensor v = s.input(0).detach();
        return {s.grad * where(v == 0.0, slope_at_zero, sign(v))};
      });
    };
  };
  EXPECT_TRUE(first(vee(0), hundred_with_one(0)));
  EXPECT_TRUE(first(vee(0.7), hundred_with_one(0)));
  EXPECT_FALSE(first(vee(1.1), hundred_with_one(0)));
}

TEST(Kinks, AJumpIsNoKink) {
  const TensorFunction step = [](const Inputs& in) {
    const Tensor f = floor(in[0].detach());
    if (branches_wanted()) report_branches(f);
    return record("step", f, {in[0]}, Keep::nothing(), [](const Backward& s) -> Grads { return {s.grad * 0.0}; });
  };
  EXPECT_TRUE(first(step, hundred_with_one(3.3)));
  EXPECT_TRUE(first(step, hundred_with_one(3))) << "the side above belongs to the point";
}

// ---- misuse ------------------------------------------------------------------------------------------------------------------

TEST(Gradcheck, Misuse) {
  const TensorFunction twice = [](const Inputs& in) { return in[0] * 2.0; };
  EXPECT_THAT(
      refusal<DtypeError>(twice, {ones({2}).requires_grad_()}),
      HasSubstr(
          "gradcheck: differences need f64; give inputs that require a gradient as to(f64); got index 0, (2,) f32"));
  EXPECT_THAT(refusal<ValueError>(twice, {ones({2}, f64)}), HasSubstr("no input requires a gradient"));
  EXPECT_THAT(refusal<ValueError>(twice, {}), HasSubstr("no input requires a gradient"));
  EXPECT_THAT(refusal<ValueError>(twice, {Tensor()}), HasSubstr("an input is undefined"));
  EXPECT_THAT(refusal<ValueError>([](const Inputs&) { return Tensor(); }, {leaf({1.})}),
              HasSubstr("returned an undefined tensor"));
  EXPECT_THAT(refusal<DtypeError>([](const Inputs& in) { return in[0].to(f32); }, {leaf({1.})}),
              HasSubstr("outputs must be f64; got (1,) f32"));
  EXPECT_THAT(refusal<DtypeError>([](const Inputs& in) { return in[0] > 0.0; }, {leaf({1.})}),
              HasSubstr("outputs must be f64; got (1,) bool"));
  int calls = 0;
  EXPECT_THAT(refusal<ValueError>([&](const Inputs& in) { return in[0] * ++calls; }, {leaf({1.})}),
              HasSubstr("returned other numbers when it was called again"));
  EXPECT_THAT(refusal<ValueError>(
                  [](const Inputs& in) {
                    in[0].detach().add_(1.0);
                    return in[0] * 2.0;
                  },
                  {leaf({1.})}),
              HasSubstr("the function modified an input in place; let it work on a clone(); got index 0, (1,) f64"));
  EXPECT_THROW(gradcheck(TensorsFunction([](const Inputs&) { return std::vector<Tensor>(); }), {leaf({1.})}),
               ValueError);
}

TEST(ExpectGradients, TakesInputsAsTheyAre) {
  EXPECT_GRADIENTS([](const Inputs& in) { return matmul(in[0], in[1]); }, {ones({2, 3}, f64), ones({3, 2}, f64)});
  ASSERT_GRADIENTS([](const Inputs& in) { return in[0] * in[1]; }, {leaf({1., 2.}), tensor({3., 4.}, f64)},
                   {.tolerance = 1e-7});
}

}  // namespace
