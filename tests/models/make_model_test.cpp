// Models by name: what each is by default, and which options and images it takes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <sstream>

#include "cairn/graph/node.h"
#include "cairn/models/models.h"
#include "cairn/tensor/create.h"
#include "cairn/tensor/random.h"
#include "support.h"

namespace cairn {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

std::string printed(const nn::Module& model) {
  std::ostringstream out;
  out << model;
  return out.str();
}

Shape batch_of(int64_t n, const Shape& image) { return {n, image[0], image[1], image[2]}; }

// One of every kind.
const std::vector<std::string> small_models = {"mlp", "lenet5", "lenet5_1998", "cnn", "alexnet64", "resnet20"};

// From papers and torchvision; those of cnn and alexnet64 from the networks of the benchmark.
TEST(MakeModel, MakesWhatIsPublished) {
  const std::map<std::string, int64_t> parameters = {
      {"mlp", 535'818},         {"lenet5", 61'706},      {"lenet5_1998", 61'706},  {"cnn", 1'199'882},
      {"alexnet64", 4'579'146}, {"alexnet", 61'100'840}, {"resnet20", 272'474},    {"resnet32", 466'906},
      {"resnet44", 661'338},    {"resnet56", 855'770},   {"resnet110", 1'730'714}, {"resnet18", 11'689'512},
      {"resnet34", 21'797'672}, {"resnet50", 25'557'032}};
  const NoGrad no_grad;
  EXPECT_EQ(models::model_names().size(), parameters.size());
  for (const std::string& name : models::model_names()) {
    SCOPED_TRACE(name);
    // A sanitizer learns nothing more from the large ones, which take minutes there.
    if (under_sanitizer() && parameters.at(name) > 5'000'000) continue;
    const models::ModelOptions usual = models::usual_options(name);
    const auto model = models::make_model(name, usual);
    EXPECT_EQ(model->num_parameters(), parameters.at(name));
    model->eval();
    EXPECT_EQ((*model)(zeros(batch_of(2, usual.input))).shape(), (Shape{2, usual.classes}));
  }
}

TEST(MakeModel, TakesOtherClassesAndChannels) {
  const NoGrad no_grad;
  for (const std::string& name : small_models) {
    SCOPED_TRACE(name);
    Shape input = models::usual_options(name).input;
    input[0] = 4;
    const auto model = models::make_model(name, {.classes = 7, .input = input});
    EXPECT_EQ((*model)(zeros(batch_of(2, input))).shape(), (Shape{2, 7}));
  }
}

TEST(MakeModel, TakesAnyActivation) {
  for (const std::string& name : small_models) {
    SCOPED_TRACE(name);
    const auto input = models::usual_options(name).input;
    const std::string text = printed(*models::make_model(name, {.activation = "elu(0.5)", .input = input}));
    EXPECT_THAT(text, AllOf(HasSubstr("elu(0.5)"), Not(HasSubstr("relu")), Not(HasSubstr("tanh"))));
    EXPECT_THAT(text_of<NameError>([&] { models::make_model(name, {.activation = "gleu", .input = input}); }),
                HasSubstr("did you mean 'gelu'?"));
  }
}

TEST(MakeModel, TakesAnyNormAndNone) {
  const NoGrad no_grad;
  for (const std::string& name : small_models) {
    if (name == "mlp") continue;
    const auto input = models::usual_options(name).input;
    for (const auto& [norm, type] : {std::pair{"batch", "BatchNorm2d("}, std::pair{"group", "GroupNorm("}}) {
      SCOPED_TRACE(name + " " + norm);
      const auto model = models::make_model(name, {.norm = norm, .input = input});
      EXPECT_THAT(printed(*model), HasSubstr(type));
      EXPECT_EQ((*model)(randn(batch_of(2, input))).shape(), (Shape{2, 10}));
    }
    const auto model = models::make_model(name, {.norm = "none", .input = input});
    EXPECT_THAT(printed(*model), Not(HasSubstr("Norm")));
    EXPECT_EQ((*model)(randn(batch_of(2, input))).shape(), (Shape{2, 10}));
    EXPECT_THAT(text_of<NameError>([&] { models::make_model(name, {.norm = "btach", .input = input}); }),
                HasSubstr("did you mean 'batch'?"));
  }
}

TEST(MakeModel, KnowsBothFormsOfLenet) {
  EXPECT_THAT(printed(*models::make_model("lenet5")), AllOf(HasSubstr("Activation(relu)"), HasSubstr("MaxPool2d(")));
  const std::string of_1998 = printed(*models::make_model("lenet5_1998"));
  EXPECT_THAT(of_1998, AllOf(HasSubstr("Activation(tanh)"), HasSubstr("AvgPool2d("), Not(HasSubstr("MaxPool2d"))));
  EXPECT_EQ(of_1998, printed(models::lenet5()));
}

TEST(MakeModel, EqualSeedsGiveEqualModels) {
  const auto sum_of = [](const std::string& name, uint64_t seed) {
    manual_seed(seed);
    return nn::checksum(*models::make_model(name, models::usual_options(name)));
  };
  for (const std::string& name : small_models) {
    EXPECT_EQ(sum_of(name, 3), sum_of(name, 3)) << name;
    EXPECT_NE(sum_of(name, 3), sum_of(name, 4)) << name;
  }
}

TEST(MakeModel, RefusesWhatAModelDoesNotTake) {
  EXPECT_THAT(text_of<NameError>([] { models::make_model("resnet21"); }),
              AllOf(HasSubstr("unknown name 'resnet21'; did you mean 'resnet20'?"), HasSubstr("lenet5_1998")));
  EXPECT_THROW(models::usual_options("resnet"), NameError);
  const auto refusal = [](const std::string& name, const models::ModelOptions& options) {
    return text_of<ValueError>([&] { models::make_model(name, options); });
  };
  EXPECT_THAT(refusal("lenet5", {.input = {1, 32, 32}}),
              HasSubstr("one size only; got model 'lenet5', input (1, 32, 32), needed (1, 28, 28)"));
  EXPECT_THAT(refusal("alexnet", {.input = {3, 62, 224}}),
              HasSubstr("the image is too small for this model; got model 'alexnet', input (3, 62, 224)"));
  EXPECT_THAT(refusal("resnet20", {.input = {0, 32, 32}}), HasSubstr("too small"));
  EXPECT_THAT(refusal("resnet20", {.input = {3, 0, 32}}), HasSubstr("too small"));
  EXPECT_THAT(refusal("cnn", {.input = {28, 28}}), HasSubstr("c, h, w"));
  EXPECT_THAT(refusal("cnn", {.classes = 0}), HasSubstr("at least one class"));
  EXPECT_THAT(refusal("mlp", {.norm = "batch"}), HasSubstr("no norm"));
  EXPECT_NO_THROW(models::make_model("mlp", {.norm = "none"}));
}

// The smallest image that alexnet is said to take.
TEST(MakeModel, AlexnetTakesSixtyThreePixels) {
  const NoGrad no_grad;
  const auto model = models::make_model("alexnet", {.classes = 2, .input = {1, 63, 63}});
  EXPECT_EQ((*model)(zeros({1, 1, 63, 63})).shape(), (Shape{1, 2}));
}

}  // namespace
}  // namespace cairn
