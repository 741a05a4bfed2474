#include "cairn/nn/pool.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "cairn/nn/registry.h"
#include "cairn/ops/compare.h"
#include "cairn/tensor/create.h"
#include "nn/modules.h"
#include "support.h"

using namespace cairn;
using cairn::testing::text;
using ::testing::HasSubstr;

namespace {

TEST(PoolLayers, ComputeWhatTheirOptionsSay) {
  const Tensor x = arange(1, 37, 1, f64).reshape({1, 1, 6, 6});
  const MaxPool2dOptions most{.stride = 2, .padding = 1, .dilation = 2, .ceil_mode = true};
  EXPECT_TRUE(equal(nn::MaxPool2d(3, most)(x), max_pool2d(x, 3, most)));
  const AvgPool2dOptions mean{.stride = {1, 2}, .padding = 1, .ceil_mode = true, .count_include_pad = false};
  EXPECT_TRUE(equal(nn::AvgPool2d({2, 3}, mean)(x), avg_pool2d(x, {2, 3}, mean)));
  EXPECT_TRUE(equal(nn::AdaptiveAvgPool2d({4, 5})(x), adaptive_avg_pool2d(x, {4, 5})));
  EXPECT_TRUE(equal(nn::AdaptiveMaxPool2d(4)(x), adaptive_max_pool2d(x, 4)));
  const Tensor row = x.reshape({2, 2, 9});
  const MaxPool1dOptions most1{.stride = 2, .padding = 1, .dilation = 2, .ceil_mode = true};
  EXPECT_TRUE(equal(nn::MaxPool1d(3, most1)(row), max_pool1d(row, 3, most1)));
  const AvgPool1dOptions mean1{.stride = 2, .padding = 1, .ceil_mode = true, .count_include_pad = false};
  EXPECT_TRUE(equal(nn::AvgPool1d(3, mean1)(row), avg_pool1d(row, 3, mean1)));
  EXPECT_TRUE(equal(nn::AdaptiveAvgPool1d(4)(row), adaptive_avg_pool1d(row, 4)));
  EXPECT_TRUE(equal(nn::AdaptiveMaxPool1d(4)(row), adaptive_max_pool1d(row, 4)));
  EXPECT_TRUE(equal(nn::LPPool2d(3, 2, {.stride = 1})(x), lp_pool2d(x, 3, 2, {.stride = 1})));
}

TEST(PoolLayers, PrintWhatIsNotUsual) {
  EXPECT_EQ(text(nn::MaxPool2d(2)), "MaxPool2d(kernel_size=2)");
  EXPECT_EQ(text(nn::MaxPool2d({3, 2}, {.stride = 2, .padding = {1, 0}, .ceil_mode = true})),
            "MaxPool2d(kernel_size=[3,2], stride=2, padding=[1,0], ceil_mode=true)");
  EXPECT_EQ(text(nn::AvgPool2d(2, {.count_include_pad = false, .divisor_override = 3})),
            "AvgPool2d(kernel_size=2, count_include_pad=false, divisor_override=3)");
  EXPECT_EQ(text(nn::AdaptiveAvgPool2d(1)), "AdaptiveAvgPool2d(output_size=1)");
  EXPECT_EQ(text(nn::MaxPool1d(3, {.stride = 2, .padding = 1, .dilation = 2, .ceil_mode = true})),
            "MaxPool1d(kernel_size=3, stride=2, padding=1, dilation=2, ceil_mode=true)");
  EXPECT_EQ(text(nn::AvgPool1d(3, {.stride = 1, .count_include_pad = false})),
            "AvgPool1d(kernel_size=3, stride=1, count_include_pad=false)");
  EXPECT_EQ(text(nn::AdaptiveMaxPool1d(4)), "AdaptiveMaxPool1d(output_size=4)");
}

TEST(PoolLayers, SayWhatADescriptionLacks) {
  const auto build = [](const char* description) { nn::build(Json::parse(description)); };
  EXPECT_THAT(text_of<ValueError>([&] { build(R"({"type": "MaxPool2d", "options": {}})"); }), HasSubstr("kernel_size"));
  EXPECT_THAT(
      text_of<ValueError>([&] { build(R"({"type": "AvgPool2d", "options": {"kernel_size": 2, "dilation": 1}})"); }),
      AllOf(HasSubstr("unknown option 'dilation'"), HasSubstr("divisor_override")));
  EXPECT_THAT(
      text_of<ValueError>([&] { build(R"({"type": "AdaptiveAvgPool2d", "options": {"output_size": [1, 2, 3]}})"); }),
      HasSubstr("output_size"));
}

}  // namespace
