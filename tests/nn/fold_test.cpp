#include "cairn/nn/fold.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "cairn/nn/linear.h"
#include "cairn/nn/registry.h"
#include "cairn/nn/sequential.h"
#include "cairn/nn/summary.h"
#include "cairn/ops/compare.h"
#include "cairn/tensor/random.h"
#include "nn/modules.h"
#include "support.h"

using namespace cairn;
using cairn::testing::text;
using ::testing::HasSubstr;

namespace {

TEST(FoldLayers, ComputeWhatTheirOptionsSay) {
  const Tensor x = randn({4, 6, 8});
  EXPECT_TRUE(equal(nn::Softmax(1)(x), softmax(x, 1)));
  EXPECT_TRUE(equal(nn::LogSoftmax(0)(x), log_softmax(x, 0)));
  EXPECT_TRUE(equal(nn::Softmin(-1)(x), softmin(x, -1)));
  EXPECT_TRUE(equal(nn::Sparsemax(1)(x), sparsemax(x, 1)));
  EXPECT_TRUE(equal(nn::GLU()(x), glu(x, 2)));
  EXPECT_TRUE(equal(nn::ReGLU(1)(x), reglu(x, 1)));
  EXPECT_TRUE(equal(nn::GeGLU(0)(x), geglu(x, 0)));
  EXPECT_TRUE(equal(nn::SwiGLU()(x), swiglu(x, 2)));
  EXPECT_TRUE(equal(nn::BilinearGLU(1)(x), bilinear(x, 1)));
  EXPECT_TRUE(equal(nn::CReLU()(x), crelu(x, 1)));
  EXPECT_TRUE(equal(nn::Maxout(3)(x), maxout(x, 3, 1)));
  EXPECT_TRUE(equal(nn::Maxout(4, -1)(x), maxout(x, 4, 2)));
}

TEST(FoldLayers, PrintTheirOptions) {
  EXPECT_EQ(text(nn::LogSoftmax(-1)), "LogSoftmax(dim=-1)");
  EXPECT_EQ(text(nn::SwiGLU()), "SwiGLU(dim=-1)");
  EXPECT_EQ(text(nn::Maxout(3)), "Maxout(pieces=3, dim=1)");
}

TEST(FoldLayers, ShapesInASummary) {
  nn::Sequential m(nn::Linear(5, 12), nn::Maxout(3), nn::CReLU(), nn::SwiGLU(), nn::Softmax(1));
  const auto rows = nn::costs(m, {2, 5});
  const Shape expected[] = {{2, 12}, {2, 4}, {2, 8}, {2, 4}, {2, 4}, {2, 4}};
  ASSERT_EQ(rows.size(), std::size(expected));
  for (size_t i = 0; i < rows.size(); ++i) EXPECT_EQ(rows[i].output, expected[i]) << rows[i].type;
}

TEST(FoldLayers, SayWhatIsWrong) {
  const auto build = [](const char* description) { nn::build(Json::parse(description)); };
  EXPECT_THAT(text_of<ValueError>([] { nn::Maxout(0); }), HasSubstr("Maxout: needs at least one piece"));
  EXPECT_THAT(text_of<ValueError>([&] { build(R"({"type": "GLU", "options": {}})"); }),
              HasSubstr("GLU: the option 'dim' is missing"));
  EXPECT_THAT(text_of<ValueError>([&] { build(R"({"type": "Softmax", "options": {"dim": 1, "axis": 1}})"); }),
              HasSubstr("Softmax: unknown option 'axis'"));
  EXPECT_THAT(text_of<ValueError>([&] { build(R"({"type": "Maxout", "options": {"pieces": -2, "dim": 1}})"); }),
              HasSubstr("Maxout: needs at least one piece"));
  EXPECT_THAT(text_of<ShapeError>([] { nn::Maxout(4)(randn({2, 6})); }), HasSubstr("maxout: the pieces must divide"));
}

}  // namespace
