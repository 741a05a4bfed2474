#include "cairn/nn/sequential.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "cairn/nn/flatten.h"
#include "cairn/nn/linear.h"
#include "cairn/ops/arithmetic.h"
#include "cairn/ops/compare.h"
#include "cairn/tensor/create.h"

namespace cairn {
namespace {

struct Double : nn::Layer {
  Tensor forward(const Tensor& x) override { return x * 2.0; }
};

nn::Sequential make() { return nn::Sequential(nn::Flatten(), nn::Linear(4, 3), Double(), nn::Linear(3, 2)); }

TEST(Sequential, AppliesItsLayersInOrder) {
  nn::Sequential m = make();
  ASSERT_EQ(m.size(), 4);
  const Tensor x = ones({2, 1, 2, 2});
  EXPECT_TRUE(equal(m(x), m[3](m[2](m[1](m[0](x))))));
  EXPECT_EQ(m.parameters()[2].name, "3.weight");
  EXPECT_EQ(m[1].path(), "1");
  EXPECT_THROW(m[4], IndexError);
  EXPECT_THROW(m[-1], IndexError);
}

TEST(Sequential, MovesAndNests) {
  nn::Sequential inner = make();
  const Tensor x = ones({2, 1, 2, 2}), y = inner(x);
  nn::Sequential outer(std::move(inner));  // one Sequential is moved, not wrapped
  EXPECT_EQ(outer.size(), 4);
  EXPECT_TRUE(equal(outer(x), y));
  nn::Sequential nested;
  nested.push_back(std::move(outer));
  nested.push_back(std::unique_ptr<nn::Layer>(new Double));
  EXPECT_TRUE(equal(nested(x), y * 2.0));
  EXPECT_EQ(nested.parameters()[0].name, "0.1.weight");
  EXPECT_EQ(dynamic_cast<nn::Sequential&>(nested[0])[3].path(), "0.3");
}

TEST(Sequential, WithoutLayersIsTheIdentity) {
  nn::Sequential m;
  EXPECT_TRUE(equal(m(ones({2})), ones({2})));
  EXPECT_EQ(m.num_parameters(), 0);
  EXPECT_THROW(m.push_back(std::unique_ptr<nn::Layer>()), ValueError);
}

TEST(Sequential, TakesNames) {
  nn::Sequential m;
  m.push_back("flatten", nn::Flatten());
  EXPECT_EQ(m.push_back("hidden", nn::Linear(4, 3)).in, 4);
  m.push_back(Double());  // by its number
  m.push_back("head", std::unique_ptr<nn::Layer>(new nn::Linear(3, 2)));
  const Tensor x = ones({2, 1, 2, 2});
  EXPECT_TRUE(equal(m(x), m[3](m[2](m[1](m[0](x))))));
  EXPECT_EQ(m.parameters()[0].name, "hidden.weight");
  EXPECT_EQ(m.parameters()[2].name, "head.weight");
  EXPECT_EQ(m[2].path(), "2");
}

TEST(Sequential, RefusesNamesThatAreNone) {
  nn::Sequential m;
  m.push_back(Double());
  m.push_back(Double());
  m.push_back("head", Double());
  for (const char* name : {"head", "1", "", "a.b"}) EXPECT_THROW(m.push_back(name, Double()), NameError) << name;
  nn::Sequential early;
  early.push_back("1", Double());
  EXPECT_THROW(early.push_back(Double()), NameError);  // its number is taken
  EXPECT_EQ(m.size(), 3);
  EXPECT_EQ(early.size(), 1);
}

TEST(Sequential, DescribesItsNames) {
  nn::Sequential m;
  m.push_back("hidden", nn::Linear(4, 3));
  m.push_back(nn::Flatten());
  EXPECT_EQ(m.options()["names"].dump(), R"(["hidden","1"])");
  const nn::Sequential made = nn::Sequential::from_options(m.options());
  EXPECT_EQ(made.options(), m.options());
  EXPECT_EQ(made.named_parameters()[0].name, "hidden.weight");
  EXPECT_FALSE(nn::Sequential(nn::Flatten()).options().contains("names"));  // nothing but numbers
  for (const char* names : {R"(["a"])", R"(["a",1])", R"("ab")", R"({"a":"b"})"}) {
    Json wrong = m.options();
    wrong["names"] = Json::parse(names);
    EXPECT_THROW(nn::Sequential::from_options(wrong), ValueError) << names;
  }
  Json twice = m.options();
  twice["names"] = {"a", "a"};
  EXPECT_THROW(nn::Sequential::from_options(twice), NameError);
}

TEST(Flatten, KeepsTheSamples) {
  EXPECT_EQ(nn::Flatten()(ones({5, 1, 2, 3})).shape(), Shape({5, 6}));
  EXPECT_EQ(nn::Flatten(0, 1)(ones({5, 2, 3})).shape(), Shape({10, 3}));
  EXPECT_THROW(nn::Flatten()(ones({5})), IndexError);
}

}  // namespace
}  // namespace cairn
