#include "cairn/optim/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>

namespace cairn::optim {

Schedule::Schedule(Function f) : f_(std::move(f)) {
  require<ValueError>(static_cast<bool>(f_), "Schedule", "the function is empty");
}

double Schedule::operator()(double base_lr, int64_t step) const {
  require<ValueError>(step >= 0, "Schedule", "a step must not be negative", given("step", step));
  return f_(base_lr, step);
}

// ---- the schedules -----------------------------------------------------------------------------------------------------

namespace schedule {

static void need_steps(const char* name, const char* option, int64_t steps) {
  require<ValueError>(steps >= 1, name, "a number of steps must be given, and be positive", given(option, steps));
}

static void need_gamma(const char* name, double gamma) {
  require<ValueError>(gamma >= 0 && std::isfinite(gamma), name, "gamma must be finite and not negative", gamma);
}

// From a to b in a quarter turn of the cosine and another: slow, fast, slow.
static double half_wave(double a, double b, double share) {
  return b + (a - b) * (1 + std::cos(std::numbers::pi * share)) / 2;
}

Schedule constant() {
  return Schedule([](double base, int64_t) { return base; });
}

Schedule step(StepOptions o) {
  need_steps("schedule step", "step_size", o.step_size);
  need_gamma("schedule step", o.gamma);
  return Schedule([o](double base, int64_t t) {
    const int64_t falls = t / o.step_size;
    return base * std::pow(o.gamma, static_cast<double>(falls));
  });
}

Schedule multistep(MultiStepOptions options) {
  need_gamma("schedule multistep", options.gamma);
  for (const int64_t milestone : options.milestones)
    require<ValueError>(milestone >= 0, "schedule multistep", "a milestone must not be negative", milestone);
  return Schedule([o = std::move(options)](double base, int64_t t) {
    const auto passed =
        std::count_if(o.milestones.begin(), o.milestones.end(), [t](int64_t milestone) { return milestone <= t; });
    return base * std::pow(o.gamma, static_cast<double>(passed));
  });
}

Schedule exponential(ExponentialOptions o) {
  need_gamma("schedule exponential", o.gamma);
  return Schedule([o](double base, int64_t t) { return base * std::pow(o.gamma, static_cast<double>(t)); });
}

Schedule cosine(CosineOptions o) {
  need_steps("schedule cosine", "t_max", o.t_max);
  require<ValueError>(o.eta_min >= 0 && std::isfinite(o.eta_min), "schedule cosine",
                      "eta_min must be finite and not negative", o.eta_min);
  return Schedule([o](double base, int64_t t) {
    return half_wave(base, o.eta_min, static_cast<double>(t) / static_cast<double>(o.t_max));
  });
}

Schedule one_cycle(OneCycleOptions o) {
  const char* name = "schedule one_cycle";
  need_steps(name, "total_steps", o.total_steps);
  require<ValueError>(!o.max_lr || (*o.max_lr >= 0 && std::isfinite(*o.max_lr)), name,
                      "max_lr must be finite and not negative", o.max_lr.value_or(0));
  require<ValueError>(o.pct_start >= 0 && o.pct_start <= 1, name, "pct_start must be in [0, 1]", o.pct_start);
  require<ValueError>(o.div_factor > 0 && o.final_div_factor > 0, name, "the factors must be positive",
                      given("div_factor", o.div_factor), given("final_div_factor", o.final_div_factor));
  return Schedule([o](double base, int64_t step) {
    const double top = o.max_lr.value_or(base), start = top / o.div_factor, bottom = start / o.final_div_factor;
    // The last steps of the two phases, as PyTorch counts them.
    const double end = static_cast<double>(o.total_steps - 1);
    const double peak = o.pct_start * static_cast<double>(o.total_steps) - 1;
    const double t = std::min(static_cast<double>(step), end);
    const auto between = [&](double a, double b, double share) {
      return o.anneal == Anneal::cos ? half_wave(a, b, share) : a + (b - a) * share;
    };
    if (t < peak) return between(start, top, t / peak);
    return peak < end ? between(top, bottom, (t - peak) / (end - peak)) : top;
  });
}

Schedule linear_warmup(LinearWarmupOptions o) {
  const char* name = "schedule linear_warmup";
  require<ValueError>(o.start_factor >= 0 && o.start_factor <= 1, name, "start_factor must be in [0, 1]",
                      o.start_factor);
  require<ValueError>(o.total_iters >= 0, name, "total_iters must not be negative", o.total_iters);
  return Schedule([o](double base, int64_t t) {
    if (t >= o.total_iters) return base;
    return base * (o.start_factor + (1 - o.start_factor) * static_cast<double>(t) / static_cast<double>(o.total_iters));
  });
}

Schedule linear(LinearOptions o) {
  need_steps("schedule linear", "total_steps", o.total_steps);
  return Schedule([o](double base, int64_t t) {
    return base * std::max(0.0, 1 - static_cast<double>(t) / static_cast<double>(o.total_steps));
  });
}

Schedule sequential(std::vector<Schedule> schedules, std::vector<int64_t> milestones) {
  const char* name = "schedule sequential";
  require<ValueError>(schedules.size() == milestones.size() + 1, name, "needs one milestone fewer than schedules",
                      given("schedules", schedules.size()), given("milestones", milestones.size()));
  for (size_t i = 0; i < milestones.size(); ++i)
    require<ValueError>(milestones[i] >= 0 && (i == 0 || milestones[i] > milestones[i - 1]), name,
                        "milestones must not be negative, and rise", given("milestone", milestones[i]));
  return Schedule([schedules = std::move(schedules), milestones = std::move(milestones)](double base, int64_t t) {
    const auto next = std::upper_bound(milestones.begin(), milestones.end(), t);
    const auto i = static_cast<size_t>(next - milestones.begin());
    return schedules[i](base, i == 0 ? t : t - milestones[i - 1]);
  });
}

}  // namespace schedule

// ---- by name -----------------------------------------------------------------------------------------------------------

namespace {

int64_t warmup_steps(int64_t n) { return std::max<int64_t>(1, n / 20); }

Schedule warmup(int64_t n) {
  return schedule::linear_warmup(
      {.start_factor = 1 / static_cast<double>(warmup_steps(n)), .total_iters = warmup_steps(n)});
}

struct Named {
  const char* name;
  Schedule (*make)(int64_t total_steps);
};
// clang-format off
constexpr Named schedules[] = {
    {"constant", [](int64_t) { return schedule::constant(); }},
    {"step", [](int64_t n) { return schedule::step({.step_size = (n + 2) / 3}); }},
    {"multistep", [](int64_t n) { return schedule::multistep({.milestones = {(n + 1) / 2, n - n / 4}}); }},
    {"exponential", [](int64_t n) { return schedule::exponential({.gamma = std::pow(0.01, 1 / static_cast<double>(n))}); }},
    {"cosine", [](int64_t n) { return schedule::cosine({.t_max = n}); }},
    {"linear", [](int64_t n) { return schedule::linear({.total_steps = n}); }},
    {"one_cycle", [](int64_t n) { return schedule::one_cycle({.total_steps = n}); }},
    {"linear_warmup", warmup},
    {"warmup_cosine", [](int64_t n) {
       const int64_t first = warmup_steps(n);
       return schedule::sequential({warmup(n), schedule::cosine({.t_max = std::max<int64_t>(1, n - first)})}, {first});
     }},
};
// clang-format on

}  // namespace

std::vector<std::string> schedule_names() {
  std::vector<std::string> names;
  for (const Named& row : schedules) names.emplace_back(row.name);
  return names;
}

Schedule schedule_by_name(const std::string& name, int64_t total_steps) {
  require<ValueError>(total_steps >= 1, "schedule_by_name", "a run has at least one step",
                      given("total_steps", total_steps));
  for (const Named& row : schedules)
    if (name == row.name) return row.make(total_steps);
  fail_unknown("schedule", name, schedule_names());
}

// ---- on an optimiser -----------------------------------------------------------------------------------------------------

LRScheduler::LRScheduler(Optimizer& optimizer, Schedule schedule)
    : optimizer_(optimizer), schedule_(std::move(schedule)) {
  set_step(0);
}

void LRScheduler::set_step(int64_t step) {
  std::vector<double> rates;
  for (const Optimizer::Rates& g : optimizer_.groups_) {
    rates.push_back(schedule_(g.base_lr, step));
    Optimizer::check("LRScheduler", "lr", rates.back());
  }
  for (size_t i = 0; i < rates.size(); ++i) optimizer_.groups_[i].lr = rates[i];
  last_step_ = step;
}

}  // namespace cairn::optim
