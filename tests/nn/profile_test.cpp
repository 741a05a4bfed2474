#include "cairn/nn/profile.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <sstream>
#include <thread>

#include "cairn/nn/conv.h"
#include "cairn/nn/linear.h"
#include "cairn/nn/sequential.h"
#include "cairn/ops/elementwise.h"
#include "cairn/ops/loss.h"
#include "cairn/ops/reduce.h"
#include "cairn/tensor/create.h"
#include "cairn/tensor/random.h"

namespace cairn {
namespace {

const nn::OperationTime* find(const std::vector<nn::OperationTime>& rows, const std::string& operation, bool backward,
                              const std::string& layer = "") {
  for (const auto& r : rows)
    if (r.operation == operation && r.backward == backward && r.layer == layer) return &r;
  return nullptr;
}

TEST(Profile, CountsOperationsOfAStep) {
  nn::Sequential model(nn::Linear(6, 5), nn::Linear(5, 4));
  const Tensor x = randn({3, 6});
  nn::Profile profile;
  for (int i = 0; i < 2; ++i) {
    sum(tanh(model(x))).backward();
    profile.mark("backward");
    profile.mark("step");
  }
  const auto rows = profile.rows();
  const auto* forward = find(rows, "linear", false);
  ASSERT_TRUE(forward);
  EXPECT_EQ(forward->calls, 4);
  EXPECT_EQ(forward->flop, 2 * 2 * 3 * (6 * 5 + 5 * 4));  // twice, two for each multiplication
  EXPECT_EQ(forward->bytes, 2 * 4 * (3 * 6 + 6 * 5 + 5 + 3 * 5 + 3 * 5 + 5 * 4 + 4 + 3 * 4));
  const auto* backward = find(rows, "linear", true);
  ASSERT_TRUE(backward);
  EXPECT_EQ(backward->calls, 4);
  // The first layer's input wants no gradient, and the product that gives it is not taken.
  EXPECT_EQ(backward->flop, 2 * 2 * 3 * (6 * 5 + 2 * 5 * 4));
  ASSERT_TRUE(find(rows, "tanh", true));
  EXPECT_EQ(find(rows, "tanh", true)->flop, 0);
  ASSERT_TRUE(find(rows, "step", false));
  EXPECT_EQ(find(rows, "step", false)->calls, 2);
  EXPECT_FALSE(find(rows, "backward", false));  // the mark ended the last operation's backward
  double total = 0;
  for (const auto& r : rows) {
    EXPECT_GE(r.seconds, 0);
    total += r.seconds;
  }
  EXPECT_GT(total, 0);
  EXPECT_TRUE(
      std::is_sorted(rows.begin(), rows.end(), [](const auto& a, const auto& b) { return a.seconds > b.seconds; }));
}

TEST(Profile, TellsLayersApart) {
  nn::Sequential model;
  model.push_back("first", nn::Linear(6, 5));
  model.push_back("second", nn::Linear(5, 4));
  nn::Profile profile;
  sum(model(randn({3, 6}))).backward();
  const auto rows = profile.rows(true);
  ASSERT_TRUE(find(rows, "linear", false, "first"));
  ASSERT_TRUE(find(rows, "linear", true, "second"));
  EXPECT_EQ(find(rows, "linear", false, "first")->flop, 2 * 3 * 6 * 5);
}

TEST(Profile, GivesTimeToWhoeverTakesIt) {
  nn::Profile profile;
  Tensor x = ones({2}).requires_grad_();
  const Tensor y = x * 2.0;
  std::this_thread::sleep_for(std::chrono::milliseconds(30));
  profile.mark("idle");
  sum(y).backward();
  const auto rows = profile.rows();
  EXPECT_EQ(rows[0].operation, "idle");
  EXPECT_GE(rows[0].seconds, 0.03);
}

TEST(Profile, CountsConvolutionsAsTheDefinitionDoes) {
  nn::Conv2d conv(3, 8, 3, {.padding = 1});
  nn::Profile profile;
  conv(randn({2, 3, 7, 9}));
  EXPECT_EQ(find(profile.rows(), "conv2d", false)->flop, 2.0 * 2 * 8 * 7 * 9 * 3 * 9);
}

TEST(Profile, EndsBeforeTheGraphDoes) {
  Tensor x = ones({2}).requires_grad_(), y;
  {
    nn::Profile profile;
    y = sum(tanh(x));
  }
  nn::Profile next;
  y.backward();
  EXPECT_TRUE(x.grad().defined());
  EXPECT_FALSE(find(next.rows(), "tanh", true));
}

TEST(Profile, Text) {
  nn::Profile profile;
  EXPECT_THROW(nn::Profile(), GraphError);
  nn::Linear layer(40, 50);
  sum(layer(randn({30, 40}))).backward();
  profile.mark("backward");
  std::ostringstream out;
  out << profile;
  for (const char* part : {"operation", "GFLOP/s", "GB/s", "\nlinear ", "\nlinear backward ", "\nall ", "100.0 %"})
    EXPECT_NE(out.str().find(part), std::string::npos) << part << "\n" << out.str();
  EXPECT_NE(to_string(profile, true).find("layer"), std::string::npos);
}

}  // namespace
}  // namespace cairn
