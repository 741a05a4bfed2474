// Every operation with a kink, a tie or an arg-max says which branch it took: gradcheck steps around an input that lies
// on one, and around one beside it, and finds all others right.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include "cairn/activation/activation.h"
#include "cairn/autograd/gradcheck.h"
#include "cairn/ops/arithmetic.h"
#include "cairn/ops/compare.h"
#include "cairn/ops/elementwise.h"
#include "cairn/ops/index.h"
#include "cairn/ops/loss.h"
#include "cairn/ops/reduce.h"
#include "cairn/ops/sort.h"
#include "cairn/tensor/create.h"

using namespace cairn;

namespace {

constexpr int64_t count = 240;

// Numbers from −3 to 3 in rows of four, none near a whole or half number, but two: one on the kink and one beside it.
Tensor with_kink(double kink) {
  Tensor x = arange(0, count, 1, f64) * 7.0;
  x = x - floor(x / static_cast<double>(count)) * static_cast<double>(count);  // 0 … 239 in another order
  x = (x + 0.5) * (6.0 / static_cast<double>(count)) - 3.0 + 0.001;
  const double beside[] = {kink, kink - 1e-7};
  for (int64_t i = 0; i < 2; ++i) x[17 + 80 * i].fill_(beside[i]);
  return x.reshape({-1, 4}).requires_grad_();
}

// Rows of four of which two have their two largest and two smallest elements equal, or nearly so.
Tensor with_ties(double gap) {
  Tensor x = with_kink(10.25).detach().clone();
  const double row[] = {5.25, -5.25, 5.25 + gap, -5.25 - gap};
  for (int64_t i = 0; i < 4; ++i) x[3][i].fill_(row[i]);
  x[4][1].fill_(1.3), x[24][1].fill_(1.4);
  return x.requires_grad_();
}

struct Kinked {
  const char* name;
  std::function<Tensor(const Tensor&)> f;
  double kink = 0;
};

TEST(Kinks, OfFunctionsAreReported) {
  const std::vector<Kinked> all = {
      {"abs", [](const Tensor& x) { return abs(x); }},
      {"floor", [](const Tensor& x) { return floor(x * 0.1) + x; }},
      {"clamp", [](const Tensor& x) { return clamp(x, -0.75, 1.25); }, 1.25},
      {"clamp, lower", [](const Tensor& x) { return clamp(x, -0.75); }, -0.75},
      {"where", [](const Tensor& x) { return where(x > 0.25, x, 0.25); }, 0.25},
      {"maximum", [](const Tensor& x) { return maximum(x, x.detach() * 0.0 + 0.25); }, 0.25},
      {"minimum", [](const Tensor& x) { return minimum(x * 2.0, x); }},
      {"maximum number", [](const Tensor& x) { return maximum(x, 0.25); }, 0.25},
      {"minimum number", [](const Tensor& x) { return minimum(0.25, x); }, 0.25},
      {"l1_loss", [](const Tensor& x) { return l1_loss(x, x.detach() * 0.0, Reduction::none); }},
      {"formula",
       [](const Tensor& x) {
         return elementwise(
             "bent", [](auto v) { return abs(v) + maximum(v, 0.25); }, x);
       },
       0.25},
  };
  for (const auto& [name, f, kink] : all) {
    SCOPED_TRACE(name);
    const GradReport report =
        gradcheck([&f = f](const std::vector<Tensor>& in) { return f(in[0]); }, {with_kink(kink)});
    EXPECT_TRUE(report) << report.text;
    EXPECT_EQ(report.checked, count);
    EXPECT_EQ(report.stepped_around, 2);
  }
}

TEST(Kinks, OfActivationsAreReported) {
  int kinked = 0;
  for (const ActivationInfo& info : activations()) {
    const Activation f = activation(info.name);
    for (const double kink : f.kinks()) {
      SCOPED_TRACE(info.name);
      const GradReport report = gradcheck([&](const std::vector<Tensor>& in) { return f(in[0]); }, {with_kink(kink)});
      EXPECT_TRUE(report) << report.text;
      EXPECT_EQ(report.stepped_around, 2);
      ++kinked;
    }
  }
  EXPECT_GE(kinked, 4);
}

TEST(Kinks, OfSecondDerivativesAreReported) {
  const std::vector<Kinked> all = {
      {"smooth_l1_loss",
       [](const Tensor& x) {
         return smooth_l1_loss(x, x.detach() * 0.0, {.beta = 0.75, .reduction = Reduction::none});
       },
       0.75},
      {"huber_loss",
       [](const Tensor& x) { return huber_loss(x, x.detach() * 0.0, {.delta = 0.75, .reduction = Reduction::none}); },
       0.75},
      {"relu of a square", [](const Tensor& x) { return relu(x) * x; }},
  };
  for (const auto& [name, f, kink] : all) {
    SCOPED_TRACE(name);
    const GradReport report =
        gradgradcheck([&f = f](const std::vector<Tensor>& in) { return f(in[0]); }, {with_kink(kink)});
    EXPECT_TRUE(report) << report.text;
    EXPECT_EQ(report.stepped_around, 2);
  }
}

TEST(Kinks, TiesAreReported) {
  const std::vector<Kinked> all = {
      {"amax", [](const Tensor& x) { return amax(x, {1}); }},
      {"amin", [](const Tensor& x) { return amin(x, {1}); }},
      {"max", [](const Tensor& x) { return max(x, 1).values; }},
      {"min", [](const Tensor& x) { return min(x, 1).values; }},
      {"max of all", [](const Tensor& x) { return max(x) * 1.0; }},
      {"sort", [](const Tensor& x) { return sort(x.slice(1, 0, 3, 2), 1).values; }},
      {"topk", [](const Tensor& x) { return topk(x, 1, 1).values; }},
      {"norm", [](const Tensor& x) { return norm(x.slice(1, 0, 3, 2), INFINITY, {1}); }},
      {"gather at argmax", [](const Tensor& x) { return gather(x, 1, argmax(x, 1, true)); }},
  };
  for (const auto& [name, f, kink] : all)
    for (const double gap : {0.0, 1e-7}) {
      SCOPED_TRACE(std::string(name) + (gap == 0 ? ", equal" : ", nearly equal"));
      const GradReport report =
          gradcheck([&f = f](const std::vector<Tensor>& in) { return f(in[0]); }, {with_ties(gap)});
      EXPECT_TRUE(report) << report.text;
      EXPECT_EQ(report.stepped_around, 2);
    }
}

}  // namespace
