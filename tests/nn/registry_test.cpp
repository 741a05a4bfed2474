#include "cairn/nn/registry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "cairn/nn/activation.h"
#include "cairn/nn/dropout.h"
#include "cairn/nn/flatten.h"
#include "cairn/nn/linear.h"
#include "cairn/nn/sequential.h"
#include "cairn/ops/arithmetic.h"
#include "support.h"

namespace cairn {
namespace {

using ::testing::HasSubstr;
using ::testing::IsSupersetOf;

struct Scale : nn::Layer {
  double factor;
  explicit Scale(double factor) : factor(factor) {}
  Tensor forward(const Tensor& x) override { return x * factor; }
  Json options() const override { return {{"factor", factor}}; }
  static Scale from_options(const Json& options) {
    return Scale(nn::OptionReader("Scale", options, {"factor"}).number("factor"));
  }
};

struct Unknown : nn::Layer {
  Tensor forward(const Tensor& x) override { return x; }
};

// Not the name of its C++ type, made through a pointer, and careless with its options.
struct Careless : nn::Layer {
  Tensor forward(const Tensor& x) override { return x; }
  static std::unique_ptr<nn::Layer> from_options(const Json& options) {
    options.at("missing").get<int>();
    return std::make_unique<Careless>();
  }
};

TEST(Registry, DescribesAndBuildsAgain) {
  const nn::Sequential model(nn::Flatten(), nn::Linear(784, 512), nn::Activation("elu(0.5)"),
                             nn::Sequential(nn::Dropout(0.1), nn::Linear(512, 10, {.bias = false})));
  const Json description = nn::describe(model);
  const Json expected = Json::parse(R"json(
    {"type": "Sequential", "options": {"layers": [
      {"type": "Flatten", "options": {"start": 1, "end": -1}},
      {"type": "Linear", "options": {"in": 784, "out": 512, "bias": true}},
      {"type": "Activation", "options": {"function": "elu(0.5)"}},
      {"type": "Sequential", "options": {"layers": [
        {"type": "Dropout", "options": {"p": 0.1}},
        {"type": "Linear", "options": {"in": 512, "out": 10, "bias": false}}]}}]}})json");
  EXPECT_EQ(description, expected);
  const std::unique_ptr<nn::Layer> made = nn::build(description);
  EXPECT_EQ(nn::describe(*made), description);
  EXPECT_EQ(nn::summary(*made), nn::summary(model));
  EXPECT_TRUE(made->training());
}

TEST(Registry, TakesLayersOfItsUsers) {
  nn::register_layer<Scale>("Scale");
  nn::register_layer<Scale>("Scale");  // again: nothing
  EXPECT_THAT(nn::registered_layers(), IsSupersetOf({"Linear", "Scale", "Sequential"}));
  const nn::Sequential model(Scale(2.5), nn::Linear(1, 1));
  const auto made = nn::build(nn::describe(model));
  const auto& again = dynamic_cast<const Scale&>(dynamic_cast<nn::Sequential&>(*made)[0]);
  EXPECT_EQ(again.factor, 2.5);

  EXPECT_THAT(text_of<NameError>([] { nn::register_layer<Scale>("Other"); }), HasSubstr("registered as 'Scale'"));
  EXPECT_THAT(text_of<NameError>([] { nn::register_layer<Scale>("Linear"); }), HasSubstr("another type"));
  EXPECT_THROW(nn::register_layer<Scale>(""), NameError);
}

TEST(Registry, SaysHowToRegister) {
  nn::Sequential model;
  model.push_back(nn::Sequential(Unknown()));
  const std::string text = text_of<NameError>([&] { nn::describe(model); });
  EXPECT_THAT(text, HasSubstr("the layer '0.0' of type Unknown is not registered"));
  EXPECT_THAT(text, HasSubstr("nn::register_layer<Unknown>(\"Unknown\")"));
  EXPECT_THAT(text, HasSubstr("model.state_dict()"));

  nn::register_layer<Careless>("careless");
  EXPECT_THAT(text_of<NameError>([] { nn::describe(Careless()); }), HasSubstr("override options()"));
}

TEST(Registry, ALayerDerivedFromARegisteredOneIsAnother) {
  struct Mine : nn::Linear {
    Mine() : Linear(2, 2) {}
  };
  EXPECT_THAT(text_of<NameError>([] { nn::describe(Mine()); }), HasSubstr("of type Mine is not registered"));
}

TEST(Registry, NestingHasALimitBothWays) {
  const auto nested = [](int levels) {
    auto model = std::make_unique<nn::Sequential>();
    for (int i = 1; i < levels; ++i) {
      auto outer = std::make_unique<nn::Sequential>();
      outer->push_back(std::move(model));
      model = std::move(outer);
    }
    return model;
  };
  const Json deep = nn::describe(*nested(100));
  EXPECT_EQ(nn::describe(*nn::build(deep)), deep);
  EXPECT_THAT(text_of<ValueError>([&] { nn::describe(*nested(101)); }),
              HasSubstr("describe: layers are nested too deep"));
  const Json deeper = {{"type", "Sequential"}, {"options", {{"layers", {deep}}}}};
  EXPECT_THAT(text_of<ValueError>([&] { nn::build(deeper); }), HasSubstr("build: layers are nested too deep"));
  EXPECT_EQ(nn::describe(*nn::build(deep)), deep);  // the count is back where it was
}

// To print it would take more stack than there is.
TEST(Registry, JsonThatIsNestedDeeperThanAStackIsRefused) {
  Json deep = Json::parse(std::string(200'000, '[') + std::string(200'000, ']'));
  const auto refused = [](const Json& description) {
    EXPECT_THAT(text_of<ValueError>([&] { nn::build(description); }), HasSubstr("nested too deep to be shown"));
  };
  refused(deep);
  Json linear = {{"type", "Linear"}, {"options", {{"in", 2}, {"out", 3}}}};
  linear["options"]["in"] = std::move(deep);
  refused(linear);
  deep = std::move(linear["options"]["in"]);
  linear["options"] = std::move(deep);
  refused(linear);
}

TEST(Registry, MalformedDescriptions) {
  nn::register_layer<Careless>("careless");
  const std::string linear = R"({"type": "Linear", "options": )", activation = R"({"type": "Activation", "options": )";
  const struct {
    std::string json, text;
  } cases[] = {
      {"null", "a layer is described as"},
      {"[]", "a layer is described as"},
      {"{}", "a layer is described as"},
      {R"({"type": "Linear"})", "a layer is described as"},
      {R"({"type": 1, "options": {}})", "a layer is described as"},
      {R"({"type": "Linear", "options": {}, "more": 1})", "a layer is described as"},
      {linear + "null}", "Linear: its options must be a JSON object; got null"},
      {linear + "[3, 4]}", "Linear: its options must be a JSON object; got [3,4]"},
      {linear + "{}}", "Linear: the option 'in' is missing"},
      {linear + R"({"in": 3}})", "Linear: the option 'out' is missing"},
      {linear + R"({"in": 3, "out": 2, "size": 1}})", "Linear: unknown option 'size'; it has in, out, bias"},
      {linear + R"({"in": "3", "out": 2}})", "Linear: the option 'in' must be a whole number; got \"3\""},
      {linear + R"({"in": 3.0, "out": 2}})", "Linear: the option 'in' must be a whole number; got 3.0"},
      {linear + R"({"in": true, "out": 2}})", "Linear: the option 'in' must be a whole number; got true"},
      {linear + R"({"in": 18446744073709551615, "out": 2}})", "must be a whole number; got 18446744073709551615"},
      {linear + R"({"in": 3, "out": 2, "bias": 1}})", "Linear: the option 'bias' must be true or false; got 1"},
      {linear + R"({"in": 0, "out": 2}})", "Linear: sizes must be at least 1"},
      {activation + R"({"function": 3}})", "Activation: the option 'function' must be a text; got 3"},
      {R"({"type": "Dropout", "options": {"p": "half"}})", "Dropout: the option 'p' must be a number; got \"half\""},
      {R"({"type": "Dropout", "options": {"p": 2}})", "Dropout: the probability must be from 0 to 1"},
      {R"({"type": "Identity", "options": {"p": 2}})", "Identity: unknown option 'p'; it has none"},
      {R"({"type": "Flatten", "options": {"start": null, "end": 1}})", "Flatten: the option 'start' must be"},
      {R"({"type": "Sequential", "options": {"layers": {}}})", "Sequential: the option 'layers' must be a list"},
      {R"({"type": "Sequential", "options": {"layers": [3]}})", "a layer is described as"},
      {R"({"type": "careless", "options": {}})", "careless: its options cannot be read"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.json);
    EXPECT_THAT(text_of<ValueError>([&] { nn::build(Json::parse(c.json)); }), HasSubstr(c.text));
  }
  const std::string text = text_of<NameError>([] { nn::build(Json::parse(R"({"type": "Linaer", "options": {}})")); });
  EXPECT_THAT(text, HasSubstr("unknown name 'Linaer'; did you mean 'Linear'? Known: "));
  EXPECT_THAT(text, HasSubstr("Sequential"));
  EXPECT_THAT(text_of<NameError>([&] { nn::build(Json::parse(activation + R"({"function": "gleu"}})")); }),
              HasSubstr("did you mean 'gelu'?"));
}

TEST(OptionReader, ReadsEachKind) {
  const Json json = Json::parse(R"({"i": -3, "x": 2, "b": true, "t": "text", "l": [1, 2], "bad": [1, 2.5]})");
  const nn::OptionReader o("Layer", json, {"i", "x", "b", "t", "l", "bad", "none"});
  EXPECT_EQ(o.integer("i"), -3);
  EXPECT_EQ(o.number("x"), 2.0);
  EXPECT_TRUE(o.boolean("b"));
  EXPECT_EQ(o.text("t"), "text");
  EXPECT_EQ(o.integers("l"), (std::vector<int64_t>{1, 2}));
  EXPECT_EQ(o.integer("none", 7), 7);
  EXPECT_EQ(o.text("none", "otherwise"), "otherwise");
  EXPECT_EQ(o.integer("i", 7), -3);
  EXPECT_FALSE(o.has("none"));
  EXPECT_THAT(text_of<ValueError>([&] { o.integers("bad"); }), HasSubstr("'bad' must be a list of whole numbers"));
  EXPECT_THAT(text_of<ValueError>([&] { o.integer("none"); }), HasSubstr("the option 'none' is missing"));
  EXPECT_THROW(o.integer("t", 7), ValueError);  // there, but wrong
}

}  // namespace
}  // namespace cairn
