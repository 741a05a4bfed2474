#include "cairn/nn/activation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "cairn/nn/linear.h"
#include "cairn/nn/sequential.h"
#include "cairn/ops/compare.h"
#include "cairn/tensor/create.h"

namespace cairn {
namespace {

TEST(ActivationLayer, IsChosenByName) {
  const Tensor x = tensor({-2., 0., 3.});
  EXPECT_TRUE(equal(nn::Activation("relu")(x), tensor({0., 0., 3.})));
  EXPECT_TRUE(equal(nn::Activation("elu(0.5)")(x), elu(x, 0.5)));
  EXPECT_TRUE(equal(nn::Activation(activation("gelu"))(x), gelu(x)));
  const std::string name = "tanh";  // as it comes from a command line
  EXPECT_TRUE(equal(nn::Activation(name)(x), tanh(x)));
  EXPECT_EQ(nn::Activation("silu").num_parameters(), 0);
}

TEST(ActivationLayer, SaysWhatItIs) {
  std::ostringstream out;
  out << nn::Sequential(nn::Linear(784, 512), nn::Activation("elu(0.5)"));
  EXPECT_EQ(out.str(), "Sequential(\n  (0): Linear(in=784, out=512, bias=true)\n  (1): Activation(elu(0.5))\n)");
}

TEST(ActivationLayer, AnUnknownNameListsTheKnownOnes) {
  try {
    nn::Activation layer("gleu");
    FAIL();
  } catch (const NameError& e) {
    EXPECT_THAT(e.what(), ::testing::HasSubstr("gleu"));
    EXPECT_THAT(e.what(), ::testing::HasSubstr("did you mean 'gelu'?"));
    EXPECT_THAT(e.what(), ::testing::HasSubstr("mish"));
  }
}

}  // namespace
}  // namespace cairn
