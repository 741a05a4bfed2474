#include "cairn/optim/optimizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "cairn/nn/linear.h"
#include "cairn/ops/arithmetic.h"
#include "cairn/ops/compare.h"
#include "cairn/ops/elementwise.h"
#include "cairn/ops/reduce.h"
#include "cairn/optim/adam.h"
#include "cairn/optim/adamw.h"
#include "cairn/optim/sgd.h"
#include "cairn/tensor/create.h"
#include "cairn/tensor/random.h"
#include "optim/variants.h"
#include "support.h"

namespace cairn {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

TEST(Optimizer, ZeroGradDrops) {
  Tensor a = leaf(ones({2}), ones({2}));
  optim::SGD o({a}, {.lr = 1});
  o.zero_grad();
  EXPECT_FALSE(a.grad().defined());
  o.step();
  EXPECT_TRUE(equal(a.detach(), ones({2})));
}

TEST(Optimizer, AStretchedGradientIsReadRight) {
  Tensor w = leaf(zeros({2, 3}), ones({1}).expand({2, 3}));
  optim::SGD o({w}, {.lr = 1});
  o.step();
  EXPECT_TRUE(equal(w.detach(), full({2, 3}, -1)));
}

TEST(Optimizer, ATensorListedTwiceIsUpdatedOnce) {
  Tensor w = leaf(ones({1}), ones({1}));
  optim::SGD o({w, w}, {.lr = 0.25});
  EXPECT_EQ(o.parameters().size(), 1U);
  o.step();
  EXPECT_EQ(w.item<float>(), 0.75F);
  EXPECT_EQ(optim::ParameterList(std::vector<Tensor>{w, w}).size(), 1U);
  EXPECT_EQ(optim::ParameterList(std::vector<nn::Parameter>{w, w}).size(), 1U);
}

TEST(Optimizer, AStepCountsAsAModification) {
  Tensor w = leaf(ones({2}));
  const Tensor loss = sum(w * w);
  loss.backward({}, true);
  optim::SGD o({w}, {.lr = 0.1});
  o.step();
  EXPECT_THROW(loss.backward(), GraphError);
}

TEST(Optimizer, TheRateCanBeSet) {
  Tensor w = leaf(ones({1}), ones({1}));
  optim::SGD o({w}, {.lr = 0.5});
  EXPECT_EQ(o.lr(), 0.5);
  o.set_lr(0.25);
  o.step();
  EXPECT_EQ(w.item<float>(), 0.75F);
  EXPECT_EQ(text_of<ValueError>([&] { o.set_lr(-1); }), "SGD: lr must be finite and not negative; got -1");
  EXPECT_THROW(o.set_lr(NAN), ValueError);
  EXPECT_THROW(o.set_lr(INFINITY, 0), ValueError);
  EXPECT_EQ(o.lr(), 0.25);
}

// ---- groups ------------------------------------------------------------------------------------------------------------

TEST(Groups, HaveOptionsOfTheirOwn) {
  Tensor a = leaf(ones({1}, f64), ones({1}, f64)), b = leaf(ones({1}, f64), ones({1}, f64));
  Tensor c = leaf(ones({1}, f64), ones({1}, f64));
  optim::SGD o({{{a}, {.lr = 0.5}}, {{b}, {.lr = 0.25, .weight_decay = 1}}});
  o.add_param_group({c}, {.lr = 0.125, .momentum = 0.5});
  ASSERT_EQ(o.groups().size(), 3U);
  EXPECT_EQ(o.parameters().size(), 3U);
  EXPECT_EQ(o.groups()[1].parameters.size(), 1U);
  EXPECT_EQ(o.groups()[1].parameters[0].tensor.body().get(), b.body().get());
  EXPECT_EQ(o.groups()[1].lr, 0.25);
  EXPECT_EQ(o.lr(2), 0.125);
  o.step();
  o.step();
  EXPECT_EQ(a.item<double>(), 0);
  EXPECT_EQ(b.item<double>(), 0.5 - 0.25 * 1.5);
  EXPECT_EQ(c.item<double>(), 1 - 0.125 - 0.125 * 1.5);

  o.set_lr(2, 1);
  EXPECT_EQ(o.lr(0), 0.5);
  EXPECT_EQ(o.lr(1), 2);
  o.set_lr(3);
  for (int64_t i = 0; i < 3; ++i) EXPECT_EQ(o.lr(i), 3);
}

TEST(Groups, OfModules) {
  const nn::Linear body(3, 2), head(2, 1);
  optim::AdamW o({{body.parameters(), {.lr = 1e-4}}, {head.parameters(), {.lr = 1e-2, .weight_decay = 0}}});
  EXPECT_EQ(o.groups()[0].parameters.size(), 2U);
  EXPECT_EQ(o.groups()[1].parameters[0].name, "weight");
  EXPECT_EQ(o.lr(1), 1e-2);
}

TEST(Groups, Misuse) {
  Tensor a = leaf(ones({1})), b = leaf(ones({1}));
  optim::SGD o({a}, {.lr = 0.5});
  EXPECT_THAT(text_of<ValueError>([&] {
                o.add_param_group({b, nn::Parameter(a, "weight")}, {.lr = 1});
              }),
              HasSubstr("SGD: a parameter is in another group already; got name 'weight', (1,) f32"));
  EXPECT_THROW(o.add_param_group({b}, {.lr = -1}), ValueError);
  EXPECT_THROW(o.add_param_group({b}, {.momentum = 2}), ValueError);
  EXPECT_THROW(o.add_param_group(std::vector<Tensor>{}), ValueError);
  EXPECT_EQ(o.groups().size(), 1U);  // nothing was half added
  EXPECT_EQ(o.parameters().size(), 1U);
  EXPECT_EQ(text_of<IndexError>([&] { o.lr(1); }), "SGD: no such group; got group 1, groups 1");
  EXPECT_THROW(o.lr(-1), IndexError);
  EXPECT_THROW(o.set_lr(1, 1), IndexError);
  o.add_param_group({b});
  EXPECT_EQ(o.lr(1), 1e-3);
  EXPECT_THROW(optim::SGD({{{a}, {.lr = 1}}, {{b, a}, {.lr = 2}}}), ValueError);
}

TEST(Optimizer, Misuse) {
  Tensor w = leaf(ones({2}));
  EXPECT_EQ(text_of<ValueError>([] { optim::SGD({}, {.lr = 1}); }), "SGD: there are no parameters to optimise");
  EXPECT_EQ(text_of<ValueError>([] { optim::AdamW({}); }), "AdamW: there are no parameters to optimise");
  EXPECT_THROW(optim::SGD({Tensor()}, {.lr = 1}), ValueError);
  EXPECT_THROW(optim::SGD({ones({2}, i64)}, {.lr = 1}), DtypeError);
  EXPECT_THROW(optim::SGD({w * 2.0}, {.lr = 1}), ValueError);
  EXPECT_THROW(optim::SGD({ones({1}).expand({3})}, {.lr = 1}), ValueError);
  EXPECT_EQ(text_of<ValueError>([&] { optim::SGD({nn::Parameter(w, "w", {.lr_scale = -2})}); }),
            "SGD: a parameter's lr_scale must be finite and not negative; got name 'w', lr_scale -2");
}

// ---- state -------------------------------------------------------------------------------------------------------------

TEST(OptimizerState, IsNamedAsInPyTorch) {
  nn::Linear model(3, 2);
  for (nn::Parameter& p : model.parameters()) p.tensor.set_grad(ones_like(p.tensor.detach()));
  optim::Adam o(model.parameters(), {.lr = 0.5, .amsgrad = true});
  EXPECT_EQ(o.state_dict().size(), 2U);  // the rates
  o.step();
  const nn::StateDict state = o.state_dict();
  std::vector<std::string> names;
  for (const auto& [name, tensor] : state) names.push_back(name);
  EXPECT_THAT(names, ::testing::ElementsAre("base_lr.0", "exp_avg.bias", "exp_avg.weight", "exp_avg_sq.bias",
                                            "exp_avg_sq.weight", "lr.0", "max_exp_avg_sq.bias", "max_exp_avg_sq.weight",
                                            "step.bias", "step.weight"));
  EXPECT_EQ(state.at("exp_avg.weight").shape(), Shape({2, 3}));
  EXPECT_EQ(state.at("step.bias").item<int64_t>(), 1);
  EXPECT_EQ(state.at("lr.0").item<double>(), 0.5);
}

// Names that do not tell the parameters apart give way to indices.
TEST(OptimizerState, CountsWhereNamesRepeat) {
  nn::Linear a(1, 1), b(1, 1);
  optim::SGD o({{a.parameters(), {.momentum = 0.5}}, {b.parameters(), {.lr = 0.25, .momentum = 0.5}}});
  for (const nn::Parameter& p : o.parameters()) Tensor(p.tensor).set_grad(ones_like(p.tensor.detach()));
  o.step();
  const nn::StateDict state = o.state_dict();
  for (const char* name : {"momentum_buffer.0", "momentum_buffer.3", "step.2", "lr.1", "base_lr.1"})
    EXPECT_TRUE(state.contains(name)) << name;
  EXPECT_EQ(state.at("lr.1").item<double>(), 0.25);
}

TEST(OptimizerState, ThatDoesNotFitIsReportedWholeAndChangesNothing) {
  nn::Linear model(3, 2);
  for (nn::Parameter& p : model.parameters()) p.tensor.set_grad(ones_like(p.tensor.detach()));
  optim::Adam o(model.parameters(), {.lr = 0.5}), other(model.parameters(), {.lr = 0.25});
  o.step();
  const nn::StateDict good = o.state_dict();
  nn::StateDict state = good;
  state.erase("exp_avg.bias");
  state["lr.1"] = full({}, 0.5, f64);
  state["exp_avg_sq.weight"] = ones({3, 2});
  EXPECT_THAT(
      text_of<NameError>([&] { other.load_state_dict(state); }),
      AllOf(HasSubstr("Adam: the state does not fit"), HasSubstr("missing exp_avg.bias"), HasSubstr("unexpected lr.1"),
            HasSubstr("exp_avg_sq.weight is (2, 3) f32, the state holds (3, 2) f32")));
  state = good;
  state["exp_avg_sq.weight"] = ones({3, 2});
  EXPECT_THROW(other.load_state_dict(state), ShapeError);
  for (const double bad : {-1.0, static_cast<double>(NAN), static_cast<double>(INFINITY)})
    for (const char* name : {"lr.0", "base_lr.0", "step.bias"}) {
      state = good;
      state[name] = full({}, bad, f64);
      EXPECT_THROW(other.load_state_dict(state), ValueError) << name << bad;
    }
  EXPECT_EQ(other.lr(), 0.25);
  EXPECT_EQ(other.state_dict().size(), 2U);
  optim::Adam amsgrad(model.parameters(), {.amsgrad = true});
  EXPECT_THAT(text_of<NameError>([&] { amsgrad.load_state_dict(good); }), HasSubstr("missing max_exp_avg_sq"));

  other.load_state_dict(good);
  EXPECT_EQ(other.lr(), 0.5);
  EXPECT_TRUE(equal(other.state_dict()["exp_avg.weight"], good.at("exp_avg.weight")));
  other.step();  // the state was copied
  EXPECT_FALSE(equal(other.state_dict()["exp_avg.weight"], good.at("exp_avg.weight")));
}

TEST(OptimizerState, IsConvertedToTheParametersDtype) {
  Tensor a = leaf(ones({2}), ones({2})), b = leaf(ones({2}, f64), ones({2}, f64));
  optim::Adam single({a}), twice({b});
  single.step();
  twice.load_state_dict(single.state_dict());
  EXPECT_EQ(twice.state_dict()["exp_avg.0"].dtype(), f64);
  EXPECT_TRUE(equal(twice.state_dict()["exp_avg.0"].to(f32), single.state_dict()["exp_avg.0"]));
}

// ---- one's own ---------------------------------------------------------------------------------------------------------

struct SignOptions {
  double lr = 1e-3;
};
struct Sign : optim::OptimizerOf<Sign, SignOptions> {
  using OptimizerOf::OptimizerOf;
  static constexpr const char* type_name = "Sign";
  static void check_options(const SignOptions&) {}
  StateNames state_names(size_t) const override { return {}; }
  void update(const Update& u) override { u.parameter.add_(sign(u.gradient), -u.lr); }
};

TEST(Optimizer, OnesOwnIsShort) {
  Tensor w = leaf(ones({2}), tensor({3., -3.}));
  Sign o({w}, {.lr = 0.25});
  o.step();
  EXPECT_TRUE(equal(w.detach(), tensor({0.75, 1.25})));
}

}  // namespace
}  // namespace cairn
