// Layers of images: what they hold, how they begin, their modes, and what they say when misused.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>

#include "cairn/nn/conv.h"
#include "cairn/nn/dropout.h"
#include "cairn/nn/norm.h"
#include "cairn/nn/pool.h"
#include "cairn/ops/arithmetic.h"
#include "cairn/ops/compare.h"
#include "cairn/ops/elementwise.h"
#include "cairn/ops/reduce.h"
#include "cairn/tensor/create.h"
#include "cairn/tensor/random.h"
#include "support.h"

using namespace cairn;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

namespace {

std::vector<std::string> names(const nn::Module& m) {
  std::vector<std::string> all;
  for (const auto& [name, value] : m.state_dict()) all.push_back(name);
  return all;
}

TEST(ConvLayers, BeginAsInPyTorch) {
  manual_seed(1);
  const nn::Conv2d conv(8, 64, 3, {.groups = 2});
  EXPECT_EQ(conv.weight.shape(), Shape({64, 4, 3, 3}));
  const double bound = 1 / std::sqrt(4.0 * 9);
  for (const Tensor& t : {conv.weight, conv.bias}) {
    EXPECT_LE(amax(abs(t)).item<double>(), bound);
    EXPECT_GE(amax(abs(t)).item<double>(), 0.9 * bound);
  }
  const nn::ConvTranspose2d up(8, 6, {2, 3}, {.groups = 2});
  EXPECT_EQ(up.weight.shape(), Shape({8, 3, 2, 3}));
  EXPECT_LE(amax(abs(up.weight)).item<double>(), 1 / std::sqrt(3.0 * 6));
  EXPECT_THAT(names(nn::Conv1d(2, 3, 5)), ElementsAre("bias", "weight"));
  EXPECT_THAT(names(nn::Conv2d(2, 3, 5, {.bias = false})), ElementsAre("weight"));
}

TEST(ConvLayers, SayWhatIsWrong) {
  EXPECT_THAT(text_of<ValueError>([] { nn::Conv2d(3, 4, 3, {.groups = 2}); }), HasSubstr("groups must divide"));
  EXPECT_THAT(text_of<ValueError>([] { nn::Conv2d(3, 4, 0); }), HasSubstr("kernel_size"));
  EXPECT_THAT(text_of<ValueError>([] { nn::Conv1d(3, 4, 3, {.stride = {1, 2}}); }), HasSubstr("one dimension"));
  EXPECT_THAT(text_of<ShapeError>([] { nn::Conv2d(3, 4, 3)(ones({1, 4, 8, 8})); }), HasSubstr("channels"));
}

TEST(ConvLayers, PrintWhatIsNotUsual) {
  std::ostringstream text;
  text << nn::Conv2d(3, 4, {3, 1}, {.stride = 2, .padding = "same", .bias = false});
  EXPECT_EQ(text.str(), "Conv2d(in_channels=3, out_channels=4, kernel_size=[3,1], stride=2, padding=same, bias=false)");
}

TEST(BatchNormLayers, KeepStatisticsInTrainingAndUseThemInEvaluation) {
  manual_seed(2);
  nn::BatchNorm2d norm(3);
  EXPECT_THAT(names(norm), ElementsAre("bias", "num_batches_tracked", "running_mean", "running_var", "weight"));
  const Tensor x = randn({8, 3, 4, 4}) * 2.0 + 5.0;
  for (int i = 0; i < 100; ++i) norm(x);
  EXPECT_EQ(norm.num_batches_tracked.item<int64_t>(), 100);
  const Tensor y = norm(x);
  norm.eval();
  EXPECT_LE(amax(abs(norm(x) - y)).item<double>(),
            0.02);  // the unbiased variance is larger by 1/127, and 0.9^100 is left
  EXPECT_EQ(norm.num_batches_tracked.item<int64_t>(), 101);

  nn::BatchNorm1d mean_of_all(2, {.momentum = std::nullopt});
  mean_of_all(tensor({{0., 0.}, {2., 4.}}));
  mean_of_all(tensor({{4., 4.}, {6., 8.}}));
  EXPECT_EQ(mean_of_all.running_mean.to_vector<double>(), (std::vector<double>{3, 4}));

  nn::BatchNorm2d own(3, {.track_running_stats = false});
  own.eval();
  EXPECT_LE(std::abs(mean(own(x)).item<double>()), 1e-6);
}

TEST(BatchNormLayers, OfSequencesAreThoseOfNarrowImages) {
  manual_seed(5);
  nn::BatchNorm1d sequences(5);
  nn::BatchNorm2d images(5);
  const Tensor x = randn({4, 5, 7});
  EXPECT_TRUE(equal(sequences(x), images(x.reshape({4, 5, 7, 1})).reshape({4, 5, 7})));
  EXPECT_TRUE(equal(sequences.running_var, images.running_var));
}

TEST(BatchNormLayers, AreMadeFromTheirOptions) {
  for (const std::optional<double> momentum : {std::optional<double>(), std::optional<double>(0.25)}) {
    const nn::BatchNorm2d norm(3, {.eps = 1e-3, .momentum = momentum, .affine = false});
    const auto same = nn::BatchNorm2d::from_options(norm.options());
    EXPECT_EQ(same.settings.momentum, momentum);
    EXPECT_EQ(same.settings.eps, 1e-3);
    EXPECT_FALSE(same.weight.defined());
  }
  EXPECT_THAT(text_of<ValueError>([] {
                nn::BatchNorm2d::from_options({{"num_features", 3}, {"momentum", "nine"}});
              }),
              HasSubstr("momentum"));
}

TEST(BatchNormLayers, SayWhatIsWrong) {
  nn::BatchNorm2d norm(3);
  EXPECT_THAT(text_of<ShapeError>([&] { norm(ones({2, 4, 3, 3})); }), HasSubstr("num_features 3"));
  EXPECT_THAT(text_of<ShapeError>([&] { norm(ones({2, 3})); }), HasSubstr("(n, c, h, w)"));
  EXPECT_THAT(text_of<ShapeError>([] { nn::BatchNorm1d(3)(ones({2, 3, 4, 4})); }), HasSubstr("(n, c) or (n, c, l)"));
  EXPECT_THAT(text_of<ValueError>([&] { norm(ones({1, 3, 1, 1})); }), HasSubstr("more than one value"));
  EXPECT_EQ(norm.num_batches_tracked.item<int64_t>(), 0);
  EXPECT_THAT(text_of<ValueError>([] { nn::GroupNorm(2, 3); }), HasSubstr("divide"));
}

TEST(MakeNorm, KnowsItsNames) {
  for (const std::string& name : nn::norm_names())
    EXPECT_EQ(nn::make_norm(name, 12)->num_parameters(), name == "none" ? 0 : 24);
  EXPECT_EQ(dynamic_cast<nn::GroupNorm&>(*nn::make_norm("group", 48)).num_groups, 24);
  EXPECT_EQ(dynamic_cast<nn::GroupNorm&>(*nn::make_norm("group(6)", 48)).num_groups, 6);
  EXPECT_THAT(text_of<NameError>([] { nn::make_norm("bach", 4); }), HasSubstr("batch"));
  EXPECT_THROW(nn::make_norm("group(5)", 48), ValueError);
  EXPECT_THROW(nn::make_norm("group(x)", 48), NameError);
}

TEST(Dropout2d, DropsWholeChannels) {
  manual_seed(3);
  const Tensor y = dropout2d(ones({40, 25, 3, 3}), 0.25);
  const Tensor sums = sum(y, {2, 3});
  int64_t dropped = 0;
  for (const double v : sums.to_vector<double>()) {
    EXPECT_TRUE(v == 0 || std::abs(v - 12) < 1e-5) << v;
    dropped += v == 0;
  }
  EXPECT_NEAR(static_cast<double>(dropped), 250, 60);  // four deviations
  const Tensor x = ones({2, 3, 4, 4});
  EXPECT_TRUE(equal(dropout2d(x, 0.5, false), x));
  EXPECT_THROW(dropout2d(ones({2, 3}), 0.5), ShapeError);
  EXPECT_THROW(nn::Dropout2d(1.5), ValueError);
}

TEST(StochasticDepth, DropsSamplesOrAll) {
  manual_seed(4);
  const Tensor rows = stochastic_depth(ones({200, 2, 2, 2}), 0.5);
  int64_t dropped = 0;
  for (int64_t i = 0; i < 200; ++i) {
    const double total = sum(rows[i]).item<double>();
    EXPECT_TRUE(total == 0 || total == 16) << total;
    dropped += total == 0;
  }
  EXPECT_NEAR(static_cast<double>(dropped), 100, 30);
  const double all = sum(stochastic_depth(ones({10, 3}), 0.5, Drop::batch)).item<double>();
  EXPECT_TRUE(all == 0 || all == 60) << all;
  nn::StochasticDepth layer(0.9);
  layer.eval();
  EXPECT_EQ(sum(layer(ones({10, 3}))).item<double>(), 30);
}

}  // namespace
