#include "cairn/nn/dropout.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "cairn/nn/identity.h"
#include "cairn/ops/compare.h"
#include "cairn/ops/dropout.h"
#include "cairn/tensor/create.h"

namespace cairn {
namespace {

TEST(DropoutLayer, DropsInTrainingModeAlone) {
  nn::Dropout layer(0.25);
  const Tensor x = ones({40, 50});
  Generator same(11);
  manual_seed(11);
  EXPECT_TRUE(equal(layer(x), dropout(x, 0.25, true, same)));
  EXPECT_FALSE(equal(layer(x), layer(x)));  // each call draws its own
  layer.eval();
  const uint64_t position = default_generator().position();
  EXPECT_TRUE(equal(layer(x), x));
  EXPECT_EQ(default_generator().position(), position);
}

TEST(DropoutLayer, SaysWhatItIs) {
  std::ostringstream out;
  out << nn::Dropout(0.1) << " " << nn::Identity();
  EXPECT_EQ(out.str(), "Dropout(p=0.1) Identity()");
  EXPECT_EQ(nn::Dropout(0.1).options().dump(), R"({"p":0.1})");
}

TEST(DropoutLayer, Misuse) {
  EXPECT_THROW(nn::Dropout(-0.1), ValueError);
  EXPECT_THROW(nn::Dropout(1.1), ValueError);
  EXPECT_THROW(nn::Dropout(0.0 / 0.0), ValueError);
  EXPECT_NO_THROW(nn::Dropout(0));
  EXPECT_NO_THROW(nn::Dropout(1));
}

TEST(Identity, HandsOn) {
  const Tensor x = ones({2, 3});
  EXPECT_EQ(nn::Identity()(x).body().get(), x.body().get());
}

}  // namespace
}  // namespace cairn
