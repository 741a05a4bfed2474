#include "cairn/optim/schedule.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "cairn/optim/sgd.h"
#include "cairn/tensor/create.h"
#include "optim/variants.h"
#include "support.h"

namespace cairn {
namespace {

using ::testing::HasSubstr;
namespace schedule = optim::schedule;
using optim::LRScheduler;
using optim::Schedule;

std::vector<double> rates(const Schedule& s, double base, int64_t steps) {
  std::vector<double> found;
  for (int64_t t = 0; t < steps; ++t) found.push_back(s(base, t));
  return found;
}

void expect_rates(const Schedule& s, double base, const std::vector<double>& expected) {
  for (size_t t = 0; t < expected.size(); ++t)
    EXPECT_NEAR(s(base, static_cast<int64_t>(t)), expected[t], 1e-15) << "step " << t;
}

TEST(Schedule, ByHand) {
  expect_rates(schedule::constant(), 2, {2, 2, 2});
  expect_rates(schedule::step({.step_size = 2, .gamma = 0.5}), 4, {4, 4, 2, 2, 1});
  expect_rates(schedule::multistep({.milestones = {3, 1, 3}, .gamma = 0.5}), 4, {4, 2, 2, 0.5});
  expect_rates(schedule::exponential({.gamma = 0.5}), 4, {4, 2, 1});
  expect_rates(schedule::cosine({.t_max = 2, .eta_min = 1}), 3, {3, 2, 1, 2, 3});
  expect_rates(schedule::linear({.total_steps = 4}), 4, {4, 3, 2, 1, 0, 0});
  expect_rates(schedule::linear_warmup({.start_factor = 0.5, .total_iters = 2}), 4, {2, 3, 4, 4});
  expect_rates(schedule::linear_warmup({.start_factor = 0.5, .total_iters = 0}), 4, {4, 4});
}

TEST(Schedule, OneCycle) {
  // Three steps up, to the peak in step 2, and four down, after which the last rate stays.
  const optim::schedule::OneCycleOptions o{
      .total_steps = 6, .pct_start = 0.5, .div_factor = 4, .final_div_factor = 2, .anneal = schedule::Anneal::linear};
  expect_rates(schedule::one_cycle(o), 8, {2, 5, 8, 8 - 7.0 / 3, 8 - 14.0 / 3, 1, 1, 1});
  optim::schedule::OneCycleOptions other = o;
  other.max_lr = 16;
  expect_rates(schedule::one_cycle(other), 8, {4, 10, 16});
  other.anneal = schedule::Anneal::cos;
  expect_rates(schedule::one_cycle(other), 8, {4, 10, 16});
  // Without a rise, without a fall, and in one step.
  const auto edge = [](int64_t steps, double pct) {
    return rates(schedule::one_cycle({.total_steps = steps, .pct_start = pct}), 1, steps + 1);
  };
  for (const double pct : {0.0, 0.3, 1.0})
    for (const int64_t steps : {1, 2, 3, 10})
      for (const double lr : edge(steps, pct)) {
        EXPECT_GT(lr, 0) << steps << " " << pct;
        EXPECT_LE(lr, 1) << steps << " " << pct;
      }
  EXPECT_EQ(edge(10, 1)[9], 1);
}

TEST(Schedule, InSequence) {
  const Schedule s = schedule::sequential({schedule::linear_warmup({.start_factor = 0.25, .total_iters = 3}),
                                           schedule::linear({.total_steps = 4}), schedule::constant()},
                                          {3, 5});
  expect_rates(s, 4, {1, 2, 3, 4, 3, 4, 4});
}

TEST(Schedule, OfOnesOwn) {
  const Schedule s([](double base, int64_t t) { return base / (1 + static_cast<double>(t)); });
  expect_rates(s, 6, {6, 3, 2});
}

TEST(Schedule, ByNameForARun) {
  for (const int64_t n : {1, 2, 3, 7, 100})
    for (const std::string& name : optim::schedule_names())
      for (const double lr : rates(optim::schedule_by_name(name, n), 0.5, n + 1)) {
        EXPECT_GE(lr, 0) << name << n;
        EXPECT_LE(lr, 0.5) << name << n;
      }
  const auto at = [](const char* name, int64_t t) { return optim::schedule_by_name(name, 100)(1, t); };
  EXPECT_EQ(at("constant", 99), 1);
  EXPECT_NEAR(at("step", 34), 0.1, 1e-15);
  EXPECT_NEAR(at("step", 99), 0.01, 1e-15);
  EXPECT_EQ(at("multistep", 49), 1);
  EXPECT_NEAR(at("multistep", 50), 0.1, 1e-15);
  EXPECT_NEAR(at("multistep", 75), 0.01, 1e-15);
  EXPECT_NEAR(at("exponential", 100), 0.01, 1e-14);
  EXPECT_NEAR(at("cosine", 50), 0.5, 1e-15);
  EXPECT_NEAR(at("cosine", 100), 0, 1e-15);
  EXPECT_NEAR(at("linear", 99), 0.01, 1e-15);
  EXPECT_EQ(at("one_cycle", 29), 1);
  EXPECT_NEAR(at("linear_warmup", 0), 0.2, 1e-15);
  EXPECT_EQ(at("linear_warmup", 5), 1);
  EXPECT_NEAR(at("warmup_cosine", 0), 0.2, 1e-15);
  EXPECT_EQ(at("warmup_cosine", 5), 1);
  EXPECT_NEAR(at("warmup_cosine", 100), 0, 1e-15);
}

TEST(Schedule, Misuse) {
  EXPECT_EQ(text_of<ValueError>([] { schedule::cosine({}); }),
            "schedule cosine: a number of steps must be given, and be positive; got t_max 0");
  EXPECT_THROW(schedule::step({.step_size = -1}), ValueError);
  EXPECT_THROW(schedule::step({.step_size = 1, .gamma = -1}), ValueError);
  EXPECT_THROW(schedule::multistep({.milestones = {-1}}), ValueError);
  EXPECT_THROW(schedule::exponential({.gamma = NAN}), ValueError);
  EXPECT_THROW(schedule::cosine({.t_max = 1, .eta_min = -1}), ValueError);
  EXPECT_THROW(schedule::one_cycle({}), ValueError);
  EXPECT_THROW(schedule::one_cycle({.max_lr = -1, .total_steps = 2}), ValueError);
  EXPECT_THROW(schedule::one_cycle({.total_steps = 2, .pct_start = 2}), ValueError);
  EXPECT_THROW(schedule::one_cycle({.total_steps = 2, .div_factor = 0}), ValueError);
  EXPECT_THROW(schedule::linear_warmup({.start_factor = 2}), ValueError);
  EXPECT_THROW(schedule::linear_warmup({.total_iters = -1}), ValueError);
  EXPECT_THROW(schedule::linear({}), ValueError);
  EXPECT_THROW(schedule::sequential({schedule::constant()}, {3}), ValueError);
  EXPECT_THROW(schedule::sequential({schedule::constant(), schedule::constant(), schedule::constant()}, {3, 3}),
               ValueError);
  EXPECT_THROW(Schedule(Schedule::Function{}), ValueError);
  EXPECT_THROW(schedule::constant()(1, -1), ValueError);
  EXPECT_THAT(text_of<NameError>([] { optim::schedule_by_name("cosinus", 10); }),
              HasSubstr("schedule: unknown name 'cosinus'; did you mean 'cosine'? Known: constant, step"));
  EXPECT_EQ(text_of<ValueError>([] { optim::schedule_by_name("cosine", 0); }),
            "schedule_by_name: a run has at least one step; got total_steps 0");
}

TEST(LRScheduler, SetsTheRateOfEveryGroupFromItsOwn) {
  optim::SGD o({{{leaf(ones({1}))}, {.lr = 4}}, {{leaf(ones({1}))}, {.lr = 1}}});
  LRScheduler scheduler(o, schedule::linear_warmup({.start_factor = 0.5, .total_iters = 2}));
  EXPECT_EQ(scheduler.last_step(), 0);
  EXPECT_EQ(o.lr(0), 2);  // the first step's already
  EXPECT_EQ(o.lr(1), 0.5);
  EXPECT_EQ(o.groups()[0].base_lr, 4);
  scheduler.step();
  EXPECT_EQ(scheduler.last_step(), 1);
  EXPECT_EQ(o.lr(0), 3);
  EXPECT_EQ(o.lr(1), 0.75);
  o.add_param_group({leaf(ones({1}))}, {.lr = 8});
  scheduler.step();
  for (const auto& g : o.groups()) EXPECT_EQ(g.lr, g.base_lr);
  scheduler.set_step(0);
  EXPECT_EQ(o.lr(2), 4);
  o.set_lr(6, 0);  // the rates that follow start from here
  EXPECT_EQ(o.lr(0), 6);
  scheduler.step();
  EXPECT_EQ(o.lr(0), 4.5);
}

// In whichever order an optimiser's state and the step count are put back.
TEST(LRScheduler, GoesOnFromItsStepCount) {
  const Schedule s = schedule::exponential({.gamma = 0.5});
  optim::SGD o({leaf(ones({1}))}, {.lr = 1});
  LRScheduler scheduler(o, s);
  scheduler.step();
  scheduler.step();
  const nn::StateDict state = o.state_dict();
  for (const bool first : {false, true}) {
    optim::SGD fresh({leaf(ones({1}))}, {.lr = 0.5});
    if (first) fresh.load_state_dict(state);
    LRScheduler again(fresh, s);
    again.set_step(scheduler.last_step());
    if (!first) fresh.load_state_dict(state);
    EXPECT_EQ(fresh.lr(), 0.25);
    again.step();
    EXPECT_EQ(fresh.lr(), 0.125);
  }
}

TEST(LRScheduler, Misuse) {
  optim::SGD o({leaf(ones({1}))}, {.lr = 1});
  LRScheduler scheduler(o, Schedule([](double base, int64_t t) { return t < 2 ? base : -base; }));
  scheduler.step();
  EXPECT_EQ(text_of<ValueError>([&] { scheduler.step(); }), "LRScheduler: lr must be finite and not negative; got -1");
  EXPECT_EQ(scheduler.last_step(), 1);
  EXPECT_EQ(o.lr(), 1);
  EXPECT_THROW(scheduler.set_step(-1), ValueError);
}

}  // namespace
}  // namespace cairn
