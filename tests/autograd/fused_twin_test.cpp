// A fused operation has two descriptions, its kernels and its twin. Here they are held to each other, for all of them:
// values, gradients, gradients of gradients.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <string>

#include "cairn/autograd/backward.h"
#include "cairn/autograd/gradcheck.h"
#include "cairn/graph/branches.h"
#include "cairn/ops/arithmetic.h"
#include "cairn/ops/reduce.h"
#include "cairn/tensor/create.h"
#include "operations.h"

using namespace cairn;

namespace {

// Inputs at which kernels branch: many rows, tails of vectors, large and small numbers.
std::vector<cases::Inputs> variants(const cases::Case& c) {
  std::vector<cases::Inputs> all;
  for (const double scale : {1.0, 1e-3, 5.0}) {
    cases::Inputs inputs;
    for (const Tensor& x : c.inputs) inputs.push_back(is_float(x.dtype()) ? x * scale : x);
    all.push_back(cases::leaves(inputs));
  }
  return all;
}

std::vector<Tensor> gradients(const cases::Case& c, const cases::Inputs& inputs, bool create_graph) {
  std::vector<Tensor> wanted;
  for (const Tensor& x : inputs)
    if (x.requires_grad()) wanted.push_back(x);
  const Tensor y = c.f(inputs);
  const Tensor weights = (arange(0, y.numel(), 1, f64) * 0.37 - 0.8).reshape(y.shape());
  return grad({y}, wanted, {weights}, false, create_graph, true);
}

TEST(FusedTwin, AgreesInValueGradientAndGradientOfGradient) {
  std::set<std::string> held;
  for (const cases::Case& c : cases::all()) {
    {
      const BranchTrace trace;
      c.f(cases::leaves(c.inputs));
      if (trace.fused().empty()) continue;
      held.insert(trace.fused().begin(), trace.fused().end());
    }
    for (const cases::Inputs& inputs : variants(c)) {
      SCOPED_TRACE(c.name);
      const BranchTrace trace;
      c.f(inputs);
      EXPECT_EQ(trace.disagreement(), "");
      const std::vector<Tensor> fused = gradients(c, inputs, false), twin = gradients(c, inputs, true);
      ASSERT_EQ(fused.size(), twin.size());
      for (size_t i = 0; i < fused.size(); ++i) {
        ASSERT_EQ(fused[i].defined(), twin[i].defined());
        if (!fused[i].defined()) continue;
        ASSERT_EQ(fused[i].shape(), twin[i].shape());
        const std::vector<double> a = fused[i].to_vector<double>(), b = twin[i].to_vector<double>();
        for (size_t k = 0; k < a.size(); ++k) EXPECT_NEAR(a[k], b[k], 1e-11 * std::max(1.0, std::abs(b[k])));
      }
    }
    // Differences of the fused gradient against the recorded gradient of the twin.
    const GradReport report = gradgradcheck(c.f, cases::leaves(c.inputs));
    EXPECT_TRUE(report) << c.name << ": " << report.text;
  }
  for (const char* name : {"cross_entropy", "gelu", "layer_norm", "packed_attention", "prod", "relu", "rms_norm",
                           "scaled_dot_product_attention"})
    EXPECT_TRUE(held.contains(name)) << name;
}

TEST(FusedTwin, AWrongOneIsSeen) {
  const auto twice = [](double of_twin) {
    return [of_twin](const std::vector<Tensor>& in) {
      return record_fused(
          "twice", in[0].detach() * 2.0, {in[0]}, Keep::inputs(),
          [](const Backward& s) -> Grads { return {s.grad * 2.0}; },
          [of_twin](std::span<const Tensor> x) { return x[0] * of_twin; });
    };
  };
  const Tensor x = tensor({1., 2.}, f64).requires_grad_();
  EXPECT_TRUE(gradcheck(TensorFunction(twice(2)), {x}));
  EXPECT_FALSE(gradcheck(TensorFunction(twice(2.001)), {x}));
  EXPECT_FALSE(gradgradcheck(TensorFunction(twice(2.001)), {x}));
}

}  // namespace
