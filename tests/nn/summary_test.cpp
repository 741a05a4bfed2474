#include "cairn/nn/summary.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "cairn/graph/node.h"
#include "cairn/graph/record.h"
#include "cairn/nn/activation.h"
#include "cairn/nn/conv.h"
#include "cairn/nn/dropout.h"
#include "cairn/nn/flatten.h"
#include "cairn/nn/identity.h"
#include "cairn/nn/linear.h"
#include "cairn/nn/norm.h"
#include "cairn/nn/pool.h"
#include "cairn/nn/residual.h"
#include "cairn/nn/sequential.h"
#include "cairn/ops/arithmetic.h"
#include "cairn/ops/matmul.h"
#include "cairn/tensor/create.h"
#include "cairn/tensor/random.h"
#include "support.h"

namespace cairn {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

nn::Sequential small_network() {
  nn::Sequential m;
  m.push_back("conv1", nn::Conv2d(3, 8, 3, {.padding = 1}));
  m.push_back("act", nn::Activation("elu(0.5)"));
  m.push_back("pool", nn::MaxPool2d(2));
  m.push_back("flatten", nn::Flatten());
  m.push_back("dropout", nn::Dropout(0.5));
  m.push_back("fc", nn::Linear(128, 10));
  return m;
}

// The costs of the layer of that name.
nn::LayerCost cost(nn::Layer& m, const Shape& input, const std::string& name) {
  for (const nn::LayerCost& row : nn::costs(m, input))
    if (row.name == name) return row;
  ADD_FAILURE() << "no layer " << name;
  return {};
}

TEST(Summary, IsATableOfTheLayers) {
  nn::Sequential m = small_network();
  EXPECT_EQ(nn::summary(m, {2, 3, 8, 8}),
            "layer    type                  output        parameters  multiply-adds\n"
            "----------------------------------------------------------------------\n"
            "input                          (2, 3, 8, 8)\n"
            "conv1    Conv2d                (2, 8, 8, 8)         224         27,648\n"
            "act      Activation(elu(0.5))  (2, 8, 8, 8)\n"
            "pool     MaxPool2d             (2, 8, 4, 4)\n"
            "flatten  Flatten               (2, 128)\n"
            "dropout  Dropout               (2, 128)\n"
            "fc       Linear                (2, 10)            1,290          2,560\n"
            "----------------------------------------------------------------------\n"
            "total                          (2, 10)            1,514         30,208\n"
            "memory: 0.01 MiB of parameters, 0.01 MiB of results of a forward pass\n");
}

// By hand: outputs times what each is summed from.
TEST(Costs, CountsMultiplyAdds) {
  const auto count = [](auto layer, const Shape& input) { return nn::costs(layer, input).back().multiply_adds; };
  EXPECT_EQ(count(nn::Conv2d(4, 6, {3, 2}, {.stride = 2}), {5, 4, 7, 8}), 5 * 6 * (3 * 4) * (4 * 3 * 2));
  EXPECT_EQ(count(nn::Conv2d(4, 8, 3, {.groups = 4}), {1, 4, 5, 5}), 8 * 9 * 9);  // a channel sees one channel
  EXPECT_EQ(count(nn::Conv1d(4, 6, 3), {5, 4, 7}), 5 * 6 * 5 * (4 * 3));
  EXPECT_EQ(count(nn::ConvTranspose2d(4, 6, 3, {.stride = 2}), {2, 4, 5, 5}), 2 * 4 * 25 * (6 * 9));
  EXPECT_EQ(count(nn::Linear(7, 3), {2, 5, 7}), 2 * 5 * 7 * 3);
  EXPECT_EQ(count(nn::BatchNorm2d(4), {2, 4, 5, 5}), 0);
}

struct Attention : nn::Layer {  // a product that is no layer of its own
  nn::Linear& q = add("q", nn::Linear(4, 4));
  Tensor& scale = parameter("scale", ones({1}));
  Tensor forward(const Tensor& x) override { return matmul(q(x), x.t()) * scale; }
};

TEST(Costs, CountsWhatALayerDoesBesideItsChildren) {
  Attention m;
  const auto rows = nn::costs(m, {3, 4});
  ASSERT_EQ(rows.size(), 3U);
  EXPECT_EQ(rows[0].type, "Attention");
  EXPECT_EQ(rows[0].parameters, 1);
  EXPECT_EQ(rows[0].multiply_adds, 3 * 3 * 4);
  EXPECT_EQ(rows[1].name, "q");
  EXPECT_EQ(rows[1].multiply_adds, 3 * 4 * 4);
  EXPECT_EQ(rows[2].multiply_adds, 3 * 3 * 4 + 3 * 4 * 4);
  EXPECT_EQ(rows[2].parameters, m.num_parameters());
}

TEST(Costs, CountsResultsButNotViews) {
  nn::Sequential m = small_network();
  const Shape input{2, 3, 8, 8};
  EXPECT_EQ(cost(m, input, "conv1").bytes, 4 * 2 * 8 * 64);
  EXPECT_EQ(cost(m, input, "pool").bytes, 4 * 2 * 8 * 16);
  EXPECT_EQ(cost(m, input, "dropout").bytes, 0);
  nn::Sequential flat;
  flat.push_back(nn::Flatten());
  EXPECT_EQ(nn::costs(flat, input).back().bytes, 0);
  m.to(f64);
  EXPECT_EQ(cost(m, input, "conv1").bytes, 8 * 2 * 8 * 64);
}

TEST(Costs, OfBlocks) {
  nn::Sequential m(nn::BasicBlock(4, 6, {.stride = 2, .norm = "none"}));
  std::vector<std::string> names;
  for (const nn::LayerCost& row : nn::costs(m, {1, 4, 6, 6})) {
    names.push_back(row.name);
    EXPECT_EQ(row.output, (Shape{1, 6, 3, 3})) << row.name;  // of the norms that are none, too
  }
  EXPECT_THAT(names, ElementsAre("0.conv1", "0.bn1", "0.activation1", "0.conv2", "0.bn2", "0.activation2",
                                 "0.downsample.0", "0.downsample.1", ""));
}

TEST(Costs, TiedWeightsCountOnce) {
  nn::Sequential m(nn::Linear(4, 4, {.bias = false}), nn::Linear(4, 4, {.bias = false}));
  dynamic_cast<nn::Linear&>(m[1]).weight = dynamic_cast<nn::Linear&>(m[0]).weight;
  const auto rows = nn::costs(m, {1, 4});
  EXPECT_EQ(rows[0].parameters, 16);
  EXPECT_EQ(rows[1].parameters, 0);
  EXPECT_EQ(rows[2].parameters, 16);
  EXPECT_EQ(rows[2].multiply_adds, 32);
}

TEST(Costs, OfALayerInsideALargerModel) {
  nn::Sequential m(nn::Sequential(nn::Linear(4, 3), nn::Identity()), nn::Linear(3, 2));
  const auto rows = nn::costs(m[0], {5, 4});
  ASSERT_EQ(rows.size(), 3U);
  EXPECT_EQ(rows[0].name, "0.0");
  EXPECT_EQ(rows[0].multiply_adds, 5 * 12);
  EXPECT_EQ(rows[1].output, (Shape{5, 3}));
}

TEST(Costs, LeavesNoTrace) {
  nn::Sequential m(nn::Conv2d(1, 2, 1), nn::BatchNorm2d(2), nn::Dropout(0.5));
  m[1].eval();
  const uint64_t before = nn::checksum(m), position = default_generator().position();
  nn::summary(m, {4, 1, 3, 3});
  EXPECT_TRUE(m.training());
  EXPECT_FALSE(m[1].training());  // was frozen on purpose, and stays
  EXPECT_TRUE(m[2].training());
  EXPECT_EQ(nn::checksum(m), before);  // no running statistics moved
  EXPECT_EQ(default_generator().position(), position);
  EXPECT_TRUE(grad_enabled());
}

TEST(Costs, AnInputThatDoesNotFitThrowsAndLeavesNoTrace) {
  nn::Sequential m = small_network();
  EXPECT_THAT(text_of<ShapeError>([&] { nn::summary(m, {2, 4, 8, 8}); }), HasSubstr("conv2d"));
  EXPECT_TRUE(m.training());
  int seen = 0;
  const Observer observer([&](const Operation&) { ++seen; });
  ones({2}) + ones({2});
  EXPECT_EQ(seen, 1);
}

struct Busy : nn::Layer {  // waits for a thread that computes something else
  Tensor forward(const Tensor& x) override {
    std::thread([] { matmul(ones({20, 20}), ones({20, 20})); }).join();
    return x * 2.0;
  }
};

TEST(Costs, OfItsOwnThreadAlone) {
  Busy m;
  const nn::LayerCost whole = nn::costs(m, {3}).back();
  EXPECT_EQ(whole.multiply_adds, 0);
  EXPECT_EQ(whole.bytes, 12);
}

}  // namespace
}  // namespace cairn
