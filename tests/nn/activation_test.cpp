#include "cairn/nn/activation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <sstream>

#include "cairn/nn/linear.h"
#include "cairn/nn/sequential.h"
#include "cairn/ops/compare.h"
#include "cairn/ops/loss.h"
#include "cairn/ops/reduce.h"
#include "cairn/optim/adam.h"
#include "cairn/tensor/create.h"
#include "cairn/tensor/random.h"

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

TEST(ActivationLayer, LearnsItsParameters) {
  nn::Activation swish("x * sigmoid(beta * x); beta = 1");
  ASSERT_EQ(swish.parameters().size(), 1u);
  EXPECT_EQ(swish.parameters()[0].name, "beta");
  EXPECT_FALSE(swish.parameters()[0].decay);
  const Tensor x = randn({64, 4}), y = x * sigmoid(x * 2.5);
  optim::Adam adam(swish.parameters(), {.lr = 0.05});
  for (int i = 0; i < 300; ++i) {
    adam.zero_grad();
    mse_loss(swish(x), y).backward();
    adam.step();
  }
  EXPECT_NEAR(swish.parameters()[0].tensor.item<float>(), 2.5, 0.01);
  EXPECT_THROW(nn::Activation("gelu", {.channels = 4}), ValueError);
  EXPECT_THROW(nn::Activation("prelu", {.channels = 0}), ValueError);
}

TEST(ActivationLayer, PReLUHasAWeightForEachChannel) {
  nn::Activation layer = nn::PReLU(3, 0.1);
  EXPECT_EQ(layer.state_dict().at("weight").shape(), Shape{3});
  const Tensor x = randn({2, 3, 4, 4});
  EXPECT_TRUE(equal(layer(x), leaky_relu(x, 0.1)));
  layer.load_state_dict({{"weight", tensor({0., 1., 2.})}});
  const Tensor y = layer(x);
  EXPECT_TRUE(equal(y.select(1, 0), relu(x.select(1, 0))));
  EXPECT_TRUE(equal(y.select(1, 1), x.select(1, 1)));
}

// The largest error of the fit on its interval, a rational function of this degree being what it is.
TEST(ActivationLayer, RationalBeginsNearAnActivation) {
  const Tensor x = linspace(-3, 3, 301);
  for (const auto& [name, room] :
       std::map<std::string, double>{{"gelu", 0.01}, {"relu", 0.05}, {"tanh", 1e-4}, {"silu", 1e-4}}) {
    nn::Activation layer = nn::Rational(name);
    const NoGrad no_grad;
    EXPECT_LT(max(abs(layer(x) - activation(name)(x))).item<float>(), room) << name;
    EXPECT_EQ(layer.num_parameters(), 10);
  }
  EXPECT_LT(max(abs(activation("rational")(x) - gelu(x))).item<float>(), 0.01);
  EXPECT_THROW(nn::Rational("softmax"), ValueError);
  EXPECT_THROW(nn::Rational("gelu", 1, 1), ValueError);
}

TEST(ActivationLayer, RReLUDrawsSlopesWhileTraining) {
  nn::RReLU layer(0.1, 0.3);
  const Tensor x = -ones({10000}), y = -layer(x);
  EXPECT_GE(min(y).item<float>(), 0.1F);
  EXPECT_LE(max(y).item<float>(), 0.3F);
  EXPECT_NEAR(mean(y).item<float>(), 0.2, 0.003);  // five deviations of the mean
  layer.eval();
  EXPECT_TRUE(allclose(layer(x), x * 0.2));
  EXPECT_THROW(nn::RReLU(0.3, 0.1), ValueError);
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
