#include "cairn/nn/module.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "cairn/graph/record.h"
#include "cairn/nn/linear.h"
#include "cairn/nn/sequential.h"
#include "cairn/ops/arithmetic.h"
#include "cairn/ops/compare.h"
#include "cairn/ops/elementwise.h"
#include "cairn/ops/matmul.h"
#include "cairn/ops/reduce.h"
#include "cairn/tensor/create.h"
#include "cairn/tensor/random.h"
#include "support.h"

namespace cairn {

// Outside the unnamed namespace, to see its name printed without namespaces.
struct Mlp : nn::Layer {
  nn::Linear& hidden = add("hidden", nn::Linear(3, 4));
  nn::Linear& out = add("out", nn::Linear(4, 2));
  Tensor& scale = parameter("scale", full({1}, 2.0), {.decay = false, .lr_scale = 0.1});
  Tensor& seen = buffer("seen", zeros({2}));
  Tensor forward(const Tensor& x) override { return out(tanh(hidden(x))) * scale; }
};

namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<std::string> names(const std::vector<nn::Parameter>& list) {
  std::vector<std::string> found;
  for (const auto& p : list) found.push_back(p.name);
  return found;
}

Tensor input() { return tensor({{1., -2., 0.5}, {0., 3., -1.}}); }

TEST(Module, NamesAreDottedAndInOrder) {
  const Mlp m;
  EXPECT_THAT(names(m.named_parameters()),
              ElementsAre("scale", "hidden.weight", "hidden.bias", "out.weight", "out.bias"));
  EXPECT_EQ(m.num_parameters(), 1 + 4 * 3 + 4 + 2 * 4 + 2);
  ASSERT_EQ(m.named_buffers().size(), 1U);
  EXPECT_EQ(m.named_buffers()[0].name, "seen");
  ASSERT_EQ(m.children().size(), 2U);
  EXPECT_EQ(m.children()[0].first, "hidden");
  EXPECT_EQ(m.children()[0].second, &m.hidden);
  EXPECT_EQ(m.hidden.path(), "hidden");
  EXPECT_THAT(names(m.hidden.named_parameters()), ElementsAre("weight", "bias"));  // seen from the child itself
}

TEST(Module, ParametersCarryTheirOptionsAndRequireGradients) {
  const Mlp m;
  for (const nn::Parameter& p : m.parameters()) EXPECT_TRUE(p.tensor.requires_grad()) << p.name;
  const nn::Parameter scale = m.parameters()[0];
  EXPECT_FALSE(scale.decay);
  EXPECT_EQ(scale.lr_scale, 0.1);
  EXPECT_TRUE(m.parameters()[1].decay);
  EXPECT_EQ(m.parameters()[1].lr_scale, 1);
  EXPECT_FALSE(m.seen.requires_grad());
}

Mlp made_elsewhere() {
  Mlp m;
  m.seen.fill_(7);
  return m;
}

TEST(Module, ReferencesSurviveMoves) {
  const Tensor x = input();
  Mlp first;
  const Tensor before = first(x);
  Mlp moved(std::move(first));
  EXPECT_TRUE(equal(moved(x), before));
  moved.scale.detach().fill_(4.0);  // the member and the list are the same tensor
  EXPECT_EQ(moved.parameters()[0].tensor.item<float>(), 4);
  EXPECT_TRUE(equal(moved(x), before * 2.0));

  Mlp returned = made_elsewhere();
  EXPECT_EQ(returned.named_buffers()[0].tensor.to_vector<float>()[0], 7);

  std::vector<Mlp> many;
  std::vector<Tensor> expected;
  for (int i = 0; i < 9; ++i) {  // grows, and so moves, several times
    Mlp m;
    expected.push_back(m(x));
    many.push_back(std::move(m));
  }
  for (size_t i = 0; i < many.size(); ++i) {
    EXPECT_TRUE(equal(many[i](x), expected[i]));
    EXPECT_EQ(many[i].hidden.weight.body().get(), many[i].named_parameters()[1].tensor.body().get());
  }
  static_assert(!std::is_copy_constructible_v<Mlp> && std::is_move_constructible_v<Mlp>);
  static_assert(!std::is_copy_assignable_v<Mlp> && !std::is_move_assignable_v<Mlp>);
}

TEST(Module, AMovedChildIsFoundUnderItsNewParent) {
  struct Outer : nn::Layer {
    Mlp& inner;
    explicit Outer(Mlp m) : inner(add("inner", std::move(m))) {}
    Tensor forward(const Tensor& x) override { return inner(x); }
  };
  Outer outer{Mlp()};
  EXPECT_EQ(outer.inner.hidden.path(), "inner.hidden");
  EXPECT_THAT(names(outer.parameters()), ElementsAre("inner.scale", "inner.hidden.weight", "inner.hidden.bias",
                                                     "inner.out.weight", "inner.out.bias"));
  EXPECT_THAT(names(outer.inner.parameters()),
              ElementsAre("scale", "hidden.weight", "hidden.bias", "out.weight", "out.bias"));
}

TEST(Module, NamesAreUniqueAndPlain) {
  struct Twice : nn::Module {
    Twice(const std::string& a, const std::string& b) {
      parameter(a, ones({1}));
      add(b, nn::Linear(1, 1));
    }
  };
  EXPECT_THAT(text_of<NameError>([] { Twice("x", "x"); }), HasSubstr("'x'"));
  EXPECT_THAT(text_of<NameError>([] { Twice("x", "a.b"); }), HasSubstr("'a.b'"));
  EXPECT_THAT(text_of<NameError>([] { Twice("", "y"); }), HasSubstr("empty"));
  struct TwoBuffers : nn::Module {
    TwoBuffers() {
      buffer("b", ones({1}));
      buffer("b", ones({1}));
    }
  };
  EXPECT_THROW(TwoBuffers(), NameError);
  struct Integers : nn::Module {
    Integers() { parameter("count", ones({2}, i64)); }
  };
  EXPECT_THROW(Integers(), DtypeError);
  struct NoChild : nn::Module {
    NoChild() { add_layer("skip", nullptr); }
  };
  EXPECT_THAT(text_of<ValueError>([] { NoChild(); }), HasSubstr("skip"));
}

struct Tied : nn::Module {
  nn::Linear& a = add("a", nn::Linear(3, 3, {.bias = false}));
  nn::Linear& b = add("b", nn::Linear(3, 3, {.bias = false}));
  Tied() { b.weight = a.weight; }
};

TEST(Module, TiedTensorsCountOnce) {
  Tied m;
  EXPECT_THAT(names(m.parameters()), ElementsAre("a.weight"));
  EXPECT_THAT(names(m.named_parameters()), ElementsAre("a.weight", "b.weight"));
  EXPECT_EQ(m.num_parameters(), 9);
  EXPECT_EQ(m.state_dict().size(), 2U);
  m.to(f64);
  EXPECT_THAT(names(m.parameters()), ElementsAre("a.weight"));
  EXPECT_EQ(m.b.weight.dtype(), f64);
  EXPECT_TRUE(m.b.weight.requires_grad());
}

TEST(Module, AssignedParametersKeepRequiringGradients) {
  nn::Linear layer(3, 2);
  layer.weight = ones({2, 3});
  EXPECT_FALSE(layer.weight.requires_grad());
  sum(layer(input())).backward();  // a call sees to it
  EXPECT_TRUE(layer.weight.grad().defined());
  layer.weight = zeros({2, 3});
  EXPECT_TRUE(layer.parameters()[0].tensor.requires_grad());

  layer.weight = layer.weight * 2.0;  // computed from a parameter: taken as a value
  EXPECT_TRUE(layer.parameters()[0].tensor.is_leaf());
  EXPECT_TRUE(layer.weight.requires_grad());

  layer.weight.requires_grad_(false);  // frozen, and stays so
  layer.weight = ones({2, 3});
  EXPECT_FALSE(layer.parameters()[0].tensor.requires_grad());
  EXPECT_TRUE(layer.parameters()[1].tensor.requires_grad());
}

TEST(Module, AnUndefinedParameterIsAPlaceToFill) {
  nn::Linear layer(3, 2, {.bias = false});
  EXPECT_FALSE(layer.bias.defined());
  EXPECT_THAT(names(layer.parameters()), ElementsAre("weight"));
  layer.bias = ones({2});
  EXPECT_THAT(names(layer.parameters()), ElementsAre("weight", "bias"));
  EXPECT_TRUE(layer.bias.requires_grad());
}

TEST(Module, ModeReachesAll) {
  Mlp m;
  EXPECT_TRUE(m.training());
  m.eval();
  EXPECT_FALSE(m.training());
  EXPECT_FALSE(m.out.training());
  m.train();
  EXPECT_TRUE(m.out.training());
}

TEST(Module, GradientsAreDropped) {
  Mlp m;
  sum(m(input())).backward();
  for (const auto& p : m.parameters()) EXPECT_TRUE(p.tensor.grad().defined()) << p.name;
  m.zero_grad();
  for (const auto& p : m.parameters()) EXPECT_FALSE(p.tensor.grad().defined()) << p.name;
}

TEST(Module, ConvertsItsFloats) {
  Mlp m;
  const Tensor y = m(input());
  m.to(f64);
  for (const auto& p : m.parameters()) EXPECT_EQ(p.tensor.dtype(), f64) << p.name;
  for (const auto& p : m.parameters()) EXPECT_TRUE(p.tensor.requires_grad()) << p.name;
  EXPECT_EQ(m.seen.dtype(), f64);
  EXPECT_TRUE(allclose(m(input().to(f64)).to(f32), y, 1e-5, 1e-6));
  EXPECT_THROW(m.to(i64), DtypeError);
}

TEST(Module, StateGoesFromOneModelToAnother) {
  Mlp a, b;
  ASSERT_FALSE(equal(a.hidden.weight, b.hidden.weight));
  EXPECT_NE(nn::checksum(a), nn::checksum(b));
  const nn::LoadReport report = b.load_state_dict(a.state_dict());
  EXPECT_TRUE(report.ok());
  EXPECT_EQ(to_string(report), "everything fits");
  EXPECT_TRUE(equal(a(input()), b(input())));
  EXPECT_EQ(nn::checksum(a), nn::checksum(b));
  EXPECT_TRUE(b.hidden.weight.requires_grad());
  b.hidden.weight.detach().fill_(0);  // the state was copied
  EXPECT_FALSE(equal(a.hidden.weight, b.hidden.weight));

  Mlp c;
  c.to(f64);
  c.load_state_dict(a.state_dict());  // converts
  EXPECT_TRUE(equal(c.hidden.weight.to(f32), a.hidden.weight));
}

TEST(Module, TheChecksumKnowsSizesAndDtypes) {
  struct Holder : nn::Module {
    explicit Holder(const Tensor& t) { buffer("t", t); }
  };
  const uint64_t sum = nn::checksum(Holder(zeros({2, 3})));
  EXPECT_EQ(nn::checksum(Holder(zeros({2, 3}))), sum);
  EXPECT_NE(nn::checksum(Holder(zeros({3, 2}))), sum);
  EXPECT_NE(nn::checksum(Holder(zeros({3}, f64))), sum);
  EXPECT_NE(nn::checksum(Holder(zeros({3}, i64))), nn::checksum(Holder(zeros({3}, f64))));
}

TEST(Module, AStateThatDoesNotFitIsReportedWholeAndChangesNothing) {
  Mlp m;
  nn::StateDict state = m.state_dict();
  for (auto& [name, tensor] : state) tensor = zeros_like(tensor);
  state.erase("out.bias");
  state["extra"] = state["more"] = ones({1});
  state["scale"] = ones({2});
  state["hidden.weight"] = ones({5, 3});
  const uint64_t before = nn::checksum(m);
  const std::string text = text_of<NameError>([&] { m.load_state_dict(state); });
  EXPECT_EQ(text,
            "load_state_dict: the state does not fit Mlp: missing out.bias; unexpected extra, more; "
            "hidden.weight is (4, 3) f32, the state holds (5, 3) f32; "
            "scale is (1,) f32, the state holds (2,) f32");
  EXPECT_EQ(nn::checksum(m), before);

  const nn::LoadReport report = m.load_state_dict(state, false);  // what fits
  EXPECT_THAT(report.missing, ElementsAre("out.bias"));
  EXPECT_THAT(report.unexpected, ElementsAre("extra", "more"));
  EXPECT_EQ(report.misfits.size(), 2U);
  EXPECT_EQ(m.scale.item<float>(), 2);
  EXPECT_EQ(max(abs(m.out.weight.detach())).item<float>(), 0);
  EXPECT_NE(nn::checksum(m), before);

  state = m.state_dict();
  state["scale"] = ones({2});
  EXPECT_THROW(m.load_state_dict(state), ShapeError);
}

TEST(Module, WhatIsTiedStaysTied) {
  const std::map<std::string, std::string> ties = {{"b.weight", "a.weight"}};
  EXPECT_EQ(Tied().tied_names(), ties);
  EXPECT_EQ(Tied().untied_state_dict().size(), 1U);
  const auto all = [](double value) { return full({3, 3}, value); };
  for (const bool assign : {false, true}) {
    Tied m;
    const auto weight = [&] {
      EXPECT_EQ(m.tied_names(), ties);
      EXPECT_TRUE(equal(m.a.weight, m.b.weight));
      return m.b.weight[0][0].item<float>();
    };
    EXPECT_TRUE(m.load_state_dict({{"a.weight", all(1)}}, true, assign).ok());  // either name will do
    EXPECT_EQ(weight(), 1);
    EXPECT_TRUE(m.load_state_dict({{"b.weight", all(2)}}, true, assign).ok());
    EXPECT_EQ(weight(), 2);
    EXPECT_TRUE(m.load_state_dict({{"a.weight", all(3)}, {"b.weight", all(3)}}, true, assign).ok());
    EXPECT_EQ(weight(), 3);
    const nn::StateDict two = {{"a.weight", all(4)}, {"b.weight", all(5)}};
    EXPECT_EQ(text_of<ShapeError>([&] { m.load_state_dict(two, true, assign); }),
              "load_state_dict: the state does not fit Tied: b.weight is tied to a.weight, the state holds two tensors "
              "that differ");
    EXPECT_EQ(weight(), 3);
    EXPECT_EQ(m.load_state_dict(two, false, assign).misfits.size(), 1U);
    EXPECT_EQ(weight(), 4);
    EXPECT_EQ(m.load_state_dict({}, false, assign).missing.size(), 2U);
  }
}

TEST(Module, AnAssignedStateBringsItsDtypeAndItsTies) {
  Mlp a, b;
  a.to(f64);
  b.out.weight.requires_grad_(false);
  nn::StateDict state = a.state_dict();
  EXPECT_TRUE(b.load_state_dict(state, true, true).ok());
  EXPECT_EQ(nn::checksum(a), nn::checksum(b));
  EXPECT_EQ(b.hidden.weight.dtype(), f64);
  EXPECT_EQ(b.seen.dtype(), f64);
  EXPECT_TRUE(b.hidden.weight.requires_grad());
  EXPECT_FALSE(b.out.weight.requires_grad());  // frozen, and stays so
  EXPECT_FALSE(state["hidden.weight"].requires_grad());
  EXPECT_EQ(b.hidden.weight.pointer<double>(), a.hidden.weight.pointer<double>());

  nn::Sequential c(nn::Linear(3, 3), nn::Linear(3, 3));
  state = c.state_dict();
  state["1.weight"] = state["0.weight"];
  c.load_state_dict(state, true, true);
  EXPECT_EQ(c.parameters().size(), 3U);
  EXPECT_EQ(c.named_parameters().size(), 4U);

  const uint64_t before = nn::checksum(c);
  state["1.bias"] = ones({3}, i64);
  EXPECT_THAT(text_of<ShapeError>([&] { c.load_state_dict(state, true, true); }),
              HasSubstr("1.bias is (3,) f32, the state holds (3,) i64"));
  EXPECT_EQ(nn::checksum(c), before);
  EXPECT_EQ(c.load_state_dict(state, false, true).misfits.size(), 1U);
}

TEST(Module, PrintsAsATree) {
  const Mlp m;
  std::ostringstream out;
  out << m;
  EXPECT_EQ(out.str(), "Mlp(\n  (hidden): Linear(in=3, out=4, bias=true)\n  (out): Linear(in=4, out=2, bias=true)\n)");
  EXPECT_EQ(nn::summary(m),
            "Mlp(                                                  1\n"
            "  (hidden): Linear(in=3, out=4, bias=true)           16\n"
            "  (out): Linear(in=4, out=2, bias=true)              10\n"
            ")\n"
            "27 parameters\n");
  EXPECT_THAT(nn::summary(nn::Linear(1000, 2000)), HasSubstr("2,002,000 parameters"));
}

TEST(Module, PrintsOptionsAsTheyAre) {
  struct Odd : nn::Module {
    Json shown;
    explicit Odd(Json shown) : shown(std::move(shown)) {}
    Json options() const override { return shown; }
  };
  const auto print = [](Json options) {
    std::ostringstream out;
    out << Odd(std::move(options));
    return out.str();
  };
  EXPECT_EQ(print(nullptr), "Odd()");
  EXPECT_EQ(print(Json::object()), "Odd()");
  EXPECT_EQ(print({{"name", "gelu"}}), "Odd(gelu)");
  EXPECT_EQ(print({{"name", "gelu"}, {"p", 0.25}, {"sizes", {3, 4}}}), "Odd(name=gelu, p=0.25, sizes=[3,4])");
  EXPECT_EQ(print({{"n", 1}, {"inner", {{"deep", 1}}}, {"list", {Json::object()}}}), "Odd(n=1)");
}

TEST(ModuleList, NamesItsChildrenByNumber) {
  struct Deep : nn::Layer {
    nn::ModuleList<nn::Linear>& blocks = add("blocks", nn::ModuleList<nn::Linear>());
    Deep() {
      for (int i = 0; i < 3; ++i) blocks.push_back(nn::Linear(2, 2));
    }
    Tensor forward(const Tensor& x) override {
      Tensor y = x;
      for (nn::Linear& block : blocks) y = block(y);
      return y;
    }
  };
  Deep m;
  EXPECT_EQ(m.blocks.size(), 3);
  EXPECT_THAT(names(m.parameters()), ElementsAre("blocks.0.weight", "blocks.0.bias", "blocks.1.weight", "blocks.1.bias",
                                                 "blocks.2.weight", "blocks.2.bias"));
  Deep moved(std::move(m));
  EXPECT_EQ(moved(ones({1, 2})).shape(), Shape({1, 2}));
  EXPECT_THAT(text_of<IndexError>([&] { moved.blocks[3]; }), HasSubstr("3"));
  EXPECT_EQ(moved.blocks[2].path(), "blocks.2");
}

TEST(Layer, ObserversSeeWhereAnOperationRan) {
  struct Deep : nn::Layer {
    nn::ModuleList<Mlp>& blocks = add("blocks", nn::ModuleList<Mlp>());
    Deep() { blocks.push_back(Mlp()); }
    Tensor forward(const Tensor& x) override { return blocks[0](x) * 2.0; }
  };
  Deep m;
  std::vector<std::string> seen;
  {
    const Observer observer([&](const Operation& o) { seen.push_back(std::string(o.scope) + ":" + o.name); });
    m(input());
  }
  EXPECT_THAT(seen, ElementsAre("blocks.0.hidden:linear", "blocks.0:tanh", "blocks.0.out:linear", "blocks.0:mul",
                                ":mul_scalar"));
  EXPECT_EQ(current_scope(), "");
}

TEST(Layer, TheScopeIsLeftWhenForwardThrows) {
  struct Thrower : nn::Layer {
    Tensor forward(const Tensor&) override { throw ValueError("no"); }
  };
  nn::Sequential m{Thrower()};
  EXPECT_THROW(m(input()), ValueError);
  EXPECT_EQ(current_scope(), "");
}

}  // namespace
}  // namespace cairn
