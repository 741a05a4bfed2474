#pragma once
// For GoogleTest users: include <gtest/gtest.h>, link GTest::gtest, and write
//
//   TEST(Mine, Gradients) {
//     EXPECT_GRADIENTS([](const std::vector<Tensor>& in) { return mine(in[0]); }, {randn({3, 4}, f64)});
//   }

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "cairn/autograd/gradcheck.h"

namespace cairn::testing {

/// Runs gradcheck and gradgradcheck. When no input requires a gradient, all that are f64 are taken to.
inline ::testing::AssertionResult gradients_hold(const TensorFunction& f, std::vector<Tensor> inputs,
                                                 const GradcheckOptions& options = {}) {
  bool wanted = false;
  for (const Tensor& x : inputs) wanted |= x.requires_grad();
  for (Tensor& x : inputs)
    if (!wanted && x.dtype() == f64) x = x.detach().requires_grad_();
  const GradReport first = gradcheck(f, inputs, options);
  if (!first) return ::testing::AssertionFailure() << first.text;
  const GradReport second = gradgradcheck(f, inputs, options);
  if (!second) return ::testing::AssertionFailure() << second.text;
  return ::testing::AssertionSuccess() << first.text << "\n" << second.text;
}

}  // namespace cairn::testing

/// First and second gradients of a function (const std::vector<Tensor>&) → Tensor agree with differences.
///   EXPECT_GRADIENTS(f, inputs)  or  EXPECT_GRADIENTS(f, inputs, options); inputs may be a braced list
#define EXPECT_GRADIENTS(...) EXPECT_TRUE(::cairn::testing::gradients_hold(__VA_ARGS__))
#define ASSERT_GRADIENTS(...) ASSERT_TRUE(::cairn::testing::gradients_hold(__VA_ARGS__))
