#pragma once
// Learning rates that change during a run. A schedule is a pure function of the base rate and the number of steps done,
// so a run is resumed by its step count alone:
//
//   optim::LRScheduler scheduler(optimizer, optim::schedule::cosine({.t_max = steps}));
//   for (…) { …; optimizer.step(); scheduler.step(); }
//
// A step is whatever the program counts: one of the optimiser, or an epoch.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "cairn/optim/optimizer.h"

namespace cairn::optim {

/// The learning rate after `step` steps of a run that starts from `base_lr`; also made from one's own function:
/// `Schedule([](double base_lr, int64_t step) { return base_lr / std::sqrt(1.0 + step); })`.
class Schedule {
 public:
  using Function = std::function<double(double base_lr, int64_t step)>;
  explicit Schedule(Function f);
  /// throws  ValueError for a negative step
  double operator()(double base_lr, int64_t step) const;

 private:
  Function f_;
};

/// The schedules, named as those of torch.optim.lr_scheduler and with their formulas (base b, step t). Each throws
/// ValueError for options out of range.
namespace schedule {

/// b.
Schedule constant();

struct StepOptions {
  int64_t step_size = 0;  ///< ≥ 1, must be given
  double gamma = 0.1;
};
/// b γ^⌊t / step_size⌋.
Schedule step(StepOptions options);

struct MultiStepOptions {
  std::vector<int64_t> milestones;
  double gamma = 0.1;
};
/// b γᵏ where k milestones are ≤ t.
Schedule multistep(MultiStepOptions options);

struct ExponentialOptions {
  double gamma = 0.9;
};
/// b γᵗ.
Schedule exponential(ExponentialOptions options);

struct CosineOptions {
  int64_t t_max = 0;  ///< ≥ 1, must be given
  double eta_min = 0;
};
/// eta_min + (b − eta_min) (1 + cos(π t / t_max)) / 2, which rises again after t_max.
/// Source: Loshchilov & Hutter 2017.
Schedule cosine(CosineOptions options);

enum class Anneal { cos, linear };
struct OneCycleOptions {
  std::optional<double> max_lr = {};  ///< the base rate, unless given
  int64_t total_steps = 0;            ///< ≥ 1, must be given
  double pct_start = 0.3;
  double div_factor = 25;
  double final_div_factor = 1e4;
  Anneal anneal = Anneal::cos;
};
/// Rises from max_lr / div_factor to max_lr during the share pct_start of all steps, then falls to
/// max_lr / div_factor / final_div_factor, where it stays. Momentum is not cycled.
/// Source: Smith & Topin 2019.
Schedule one_cycle(OneCycleOptions options);

struct LinearWarmupOptions {
  double start_factor = 1.0 / 3;
  int64_t total_iters = 5;
};
/// In a line from b · start_factor to b, where it stays from total_iters on: torch's LinearLR.
Schedule linear_warmup(LinearWarmupOptions options);

struct LinearOptions {
  int64_t total_steps = 0;  ///< ≥ 1, must be given
};
/// b max(1 − t / total_steps, 0).
Schedule linear(LinearOptions options);

/// Schedule i + 1 takes over at milestone i, and counts its steps from there. A warm-up before another schedule is
/// `sequential({linear_warmup({.total_iters = 100}), cosine({.t_max = 900})}, {100})`.
///   milestones  one fewer than schedules, rising
Schedule sequential(std::vector<Schedule> schedules, std::vector<int64_t> milestones);

}  // namespace schedule

/// The names schedule_by_name knows.
std::vector<std::string> schedule_names();
/// A schedule for a run of total_steps steps: "constant"; "step", to a tenth after each third; "multistep", to a tenth
/// at half and at three quarters; "exponential", to a hundredth in all; "cosine" and "linear", to 0; "one_cycle", with
/// the base rate as its largest; "linear_warmup", over a twentieth of the steps from almost 0; "warmup_cosine", the
/// same and then to 0.
///   throws  NameError for another name, ValueError unless total_steps ≥ 1
Schedule schedule_by_name(const std::string& name, int64_t total_steps);

/// Sets the learning rate of every group of an optimiser from the group's base rate. The rate of the first step is set
/// when it is made. The optimiser must outlive it.
class LRScheduler {
 public:
  LRScheduler(Optimizer& optimizer, Schedule schedule);
  /// Counts one step, after optimizer.step(), and sets the rates of the next.
  void step() { set_step(last_step_ + 1); }
  /// Steps counted so far: all there is to save.
  int64_t last_step() const { return last_step_; }
  /// Goes on as after `step` steps.
  ///   throws  ValueError for a negative step, or when the schedule gives a rate that is not finite and ≥ 0: nothing is
  ///           changed then
  void set_step(int64_t step);

 private:
  Optimizer& optimizer_;
  Schedule schedule_;
  int64_t last_step_ = 0;
};

}  // namespace cairn::optim
