// What holds for every optimiser alike.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "cairn/nn/linear.h"
#include "cairn/ops/arithmetic.h"
#include "cairn/ops/compare.h"
#include "cairn/ops/elementwise.h"
#include "cairn/ops/reduce.h"
#include "cairn/optim/make_optimizer.h"
#include "cairn/tensor/create.h"
#include "cairn/tensor/random.h"
#include "optim/variants.h"
#include "support.h"

namespace cairn {
namespace {

using ::testing::HasSubstr;

nn::StateDict copy_of(const nn::StateDict& state) {
  nn::StateDict copy;
  for (const auto& [name, tensor] : state) copy[name] = tensor.detach().clone();
  return copy;
}

TEST(EveryOptimizer, StandsInTheTable) {
  std::set<std::string> here;
  for (const Variant& v : variants()) here.insert(v.make({leaf(ones({1}))})->name());
  for (const std::string& name : optim::optimizer_names())
    EXPECT_TRUE(here.contains(optim::make_optimizer(name, {leaf(ones({1}))})->name())) << name;
  EXPECT_EQ(here.size(), optim::optimizer_names().size());
}

// Five steps, saved, and five more: the same bits as in a fresh optimiser over fresh weights that load what was saved.
TEST(EveryOptimizer, GoesOnFromItsStateWithTheSameBits) {
  for (const Dtype dtype : {f32, f64})
    for (const Variant& v : variants()) {
      const Tensor x = randn({8, 3}, dtype), y = randn({8, 2}, dtype);
      const auto train = [&](nn::Linear& model, optim::Optimizer& o) {
        for (int i = 0; i < 5; ++i) {
          o.zero_grad();
          mean(square(model(x) - y)).backward();
          o.step();
        }
      };
      nn::Linear model(3, 2);
      model.to(dtype);
      const auto o = v.make(model.parameters());
      train(model, *o);
      o->set_lr(0.75 * o->lr());
      const nn::StateDict weights = copy_of(model.state_dict()), state = copy_of(o->state_dict());
      train(model, *o);

      nn::Linear other(3, 2);
      other.to(dtype);
      const auto fresh = v.make(other.parameters());
      train(other, *fresh);  // its own past must leave no trace
      other.load_state_dict(weights);
      fresh->load_state_dict(state);
      train(other, *fresh);
      for (const auto& [name, tensor] : model.state_dict()) {
        EXPECT_TRUE(equal(tensor, other.state_dict()[name])) << v.name << " " << dtype << " " << name;
        EXPECT_FALSE(equal(tensor, weights.at(name))) << v.name;
      }
      const nn::StateDict here = o->state_dict(), there = fresh->state_dict();
      EXPECT_EQ(here.size(), there.size()) << v.name;
      for (const auto& [name, tensor] : here) EXPECT_TRUE(equal(tensor, there.at(name))) << v.name << " " << name;
      EXPECT_EQ(here.at("step.weight").item<int64_t>(), 10) << v.name;
    }
}

// Between the steps the weights are kept as the product reads them.
TEST(EveryOptimizer, IsSeenAtOnceWhereNothingIsRecorded) {
  const Tensor x = randn({64, 300});
  for (const Variant& v : variants()) {
    nn::Linear model(300, 40), same(300, 40);
    const auto o = v.make(model.parameters());
    for (int i = 0; i < 3; ++i) {
      mean(square(model(x))).backward();
      o->step();
      same.load_state_dict(model.state_dict());
      const Tensor recorded = model(x);
      const NoGrad off;
      EXPECT_TRUE(equal(model(x), recorded.detach())) << v.name;
      EXPECT_TRUE(equal(same(x), recorded.detach())) << v.name;
    }
  }
}

TEST(EveryOptimizer, GoesDownhill) {
  for (const Variant& v : variants()) {
    Tensor w = leaf(tensor({1., -1.}, f64));
    const auto o = v.make({w});
    for (int i = 0; i < 300; ++i) {
      w.set_grad(2.0 * w.detach());
      o->step();
    }
    EXPECT_LT(max(abs(w.detach())).item<double>(), 0.5) << v.name;
  }
}

TEST(EveryOptimizer, GivesTheSameBitsOnAnyNumberOfThreads) {
  const int64_t n = 100003;
  const Tensor w0 = randn({n}), g = randn({n});
  for (const Variant& v : variants()) {
    const auto run = [&](int64_t begin, int64_t end, int threads) {
      const WithThreads with(threads);
      Tensor w = leaf(w0.slice(0, begin, end), g.slice(0, begin, end).contiguous());
      const auto o = v.make({w});
      for (int i = 0; i < 6; ++i) o->step();
      return w.detach();
    };
    const Tensor all = run(0, n, 1);
    EXPECT_TRUE(equal(run(0, n, 2), all)) << v.name;
    EXPECT_TRUE(equal(run(0, n, 3), all)) << v.name;
    // Nor does an element depend on its place.
    EXPECT_TRUE(equal(run(5, 18, 1), all.slice(0, 5, 18))) << v.name;
    EXPECT_TRUE(equal(run(n - 3, n, 1), all.slice(0, n - 3))) << v.name;
  }
}

// f32 follows f64 within rounding. Six steps of size 0.1 or less, each a few roundings of 6e-8 of numbers near 1; the
// quotients m / √v multiply those by at most some ten.
TEST(EveryOptimizer, FollowsDoublePrecisionInSingle) {
  const Tensor w0 = randn({50}, f64), g = randn({50}, f64);
  for (const Variant& v : variants()) {
    Tensor w64 = leaf(w0, g), w32 = leaf(w0.to(f32), g.to(f32));
    const auto a = v.make({w64}), b = v.make({w32});
    for (int i = 0; i < 6; ++i) a->step(), b->step();
    EXPECT_TRUE(allclose(w32.detach().to(f64), w64.detach(), 1e-5, 1e-5)) << v.name;
  }
}

TEST(EveryOptimizer, ReadsGradientsInAnyLayout) {
  const Tensor w0 = randn({4, 3}), g = randn({4, 3});
  for (const Variant& v : variants()) {
    Tensor rows = leaf(w0, g), mixed = leaf(w0, g.t().contiguous().t()), columns = leaf(w0.t().contiguous().t(), g);
    Tensor both = leaf(w0.t().contiguous().t(), g.t().contiguous().t());
    ASSERT_FALSE(columns.is_contiguous());
    const auto o = v.make({rows, mixed, columns, both});
    for (int i = 0; i < 3; ++i) o->step();
    for (const Tensor& w : {mixed, columns, both}) EXPECT_TRUE(equal(w.detach(), rows.detach())) << v.name;
    EXPECT_FALSE(equal(rows.detach(), w0)) << v.name;

    // A state saved row by row is read into another layout.
    const auto fresh = v.make({leaf(w0.t().contiguous().t()), leaf(w0), leaf(w0), leaf(w0)});
    fresh->load_state_dict(o->state_dict());
    for (const auto& [name, tensor] : fresh->state_dict()) EXPECT_TRUE(equal(tensor, o->state_dict()[name])) << name;
  }
}

TEST(EveryOptimizer, KnowsDecayAndRateOfEachParameter) {
  const Tensor w0 = full({1}, 2, f64), g = ones({1}, f64);
  for (const Variant& v : variants()) {
    const auto run = [&](bool decay, double lr_scale, int steps) {
      Tensor w = leaf(w0, g);
      const auto o = v.make({nn::Parameter(w, "w", {.decay = decay, .lr_scale = lr_scale})});
      for (int i = 0; i < steps; ++i) o->step();
      return w.item<double>();
    };
    EXPECT_NE(run(true, 1, 2), run(false, 1, 2)) << v.name;
    EXPECT_NEAR(2 - run(false, 0.25, 1), 0.25 * (2 - run(false, 1, 1)), 1e-14) << v.name;
    EXPECT_EQ(run(true, 0, 3), 2) << v.name;
  }
}

TEST(EveryOptimizer, LeavesAloneWhatHasNoGradient) {
  for (const Variant& v : variants()) {
    Tensor a = leaf(ones({2}), ones({2})), b = leaf(ones({2}));
    const Tensor frozen = ones({2});  // requires no gradient
    const auto o = v.make({a, b, frozen});
    o->step();
    EXPECT_TRUE(equal(b.detach(), ones({2}))) << v.name;
    EXPECT_TRUE(equal(frozen, ones({2}))) << v.name;
    EXPECT_FALSE(o->state_dict().contains("step.1")) << v.name;
    const Tensor after = a.detach().clone();
    b.set_grad(ones({2}));
    a.set_grad(Tensor());
    o->step();
    EXPECT_TRUE(equal(a.detach(), after)) << v.name;
    EXPECT_TRUE(equal(b.detach(), after)) << v.name;  // its first step is what a's was
  }
}

TEST(EveryOptimizer, TakesParametersWithoutElements) {
  for (const Variant& v : variants()) {
    Tensor w = leaf(ones({2, 0}), ones({2, 0}));
    const auto o = v.make({w});
    o->step();
    const auto fresh = v.make({leaf(ones({2, 0}))});
    fresh->load_state_dict(o->state_dict());
    EXPECT_EQ(fresh->state_dict()["step.0"].item<int64_t>(), 1) << v.name;
  }
}

TEST(EveryOptimizer, SaysWhatItsStateLacks) {
  for (const Variant& v : variants()) {
    Tensor w = leaf(ones({2}), ones({2}));
    const auto o = v.make({w});
    o->step();
    for (const auto& [name, tensor] : o->state_dict()) {
      nn::StateDict state = copy_of(o->state_dict());
      state.erase(name);
      if (state.size() == 2) continue;  // plain SGD keeps nothing but the count: that parameter was never updated
      EXPECT_THAT(text_of<NameError>([&] { o->load_state_dict(state); }),
                  HasSubstr(name == "step.0" ? "unexpected" : name))
          << v.name << " without " << name;
    }
  }
}

TEST(MakeOptimizer, LeavesTheOptionsThatAreNotGiven) {
  const Tensor w = leaf(ones({1}));
  EXPECT_EQ(optim::make_optimizer("sgd", {w})->lr(), 1e-3);
  EXPECT_EQ(optim::make_optimizer("adadelta", {w})->lr(), 1);
  EXPECT_EQ(optim::make_optimizer("nadam", {w}, {.lr = 0.5})->lr(), 0.5);

  Tensor decayed = leaf(full({1}, 2, f64), zeros({1}, f64));
  optim::make_optimizer("adamw", {decayed}, {.lr = 0.5, .weight_decay = 0.25})->step();
  EXPECT_NEAR(decayed.item<double>(), 2 * (1 - 0.5 * 0.25), 1e-14);
  Tensor own = leaf(full({1}, 2, f64), zeros({1}, f64));
  optim::make_optimizer("adamw", {own}, {.lr = 0.5})->step();
  EXPECT_NEAR(own.item<double>(), 2 * (1 - 0.5 * 0.01), 1e-14);

  Tensor heavy = leaf(ones({1}), ones({1}));
  const auto o = optim::make_optimizer("sgd", {heavy}, {.momentum = 0.9});
  o->step();
  EXPECT_TRUE(o->state_dict().contains("momentum_buffer.0"));
}

TEST(MakeOptimizer, Misuse) {
  const Tensor w = leaf(ones({1}));
  EXPECT_EQ(
      text_of<NameError>([&] { optim::make_optimizer("adamv", {w}); }),
      "optimizer: unknown name 'adamv'; did you mean 'adam'? Known: sgd, adam, adamw, rmsprop, adagrad, adadelta, "
      "nadam, radam");
  EXPECT_EQ(text_of<ValueError>([&] { optim::make_optimizer("adam", {w}, {.momentum = 0.9}); }),
            "Adam: has no option momentum; leave it out");
  EXPECT_EQ(text_of<ValueError>([&] { optim::make_optimizer("rmsprop", {w}, {.weight_decay = -1}); }),
            "RMSprop: weight_decay must be finite and not negative; got -1");
}

}  // namespace
}  // namespace cairn
