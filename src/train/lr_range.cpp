#include "cairn/train/lr_range.h"

#include <algorithm>

#include "nn/keep_state.h"
#include "train/tally.h"

namespace cairn::train {
namespace {

// Puts weights, gradients and the optimiser back at the end of the block.
class KeepTraining {
 public:
  KeepTraining(nn::Module& model, optim::Optimizer& optimizer) : model_(model), optimizer_(optimizer) {
    const NoGrad no_grad;
    std::vector<nn::Parameter> all = model.parameters();
    all.insert(all.end(), optimizer.parameters().begin(), optimizer.parameters().end());
    for (const nn::Parameter& p : optim::ParameterList(all))
      weights_.push_back({p.tensor, p.tensor.detach().clone(), p.tensor.grad()});
    for (const auto& [name, tensor] : optimizer.state_dict()) state_[name] = tensor.clone();
  }
  ~KeepTraining() {
    const NoGrad no_grad;
    for (Weight& w : weights_) {
      w.own.copy_(w.before);
      w.own.set_grad(w.gradient);  // a backward after zero_grad() has not added to it
    }
    optimizer_.load_state_dict(state_);
  }
  KeepTraining(const KeepTraining&) = delete;
  KeepTraining& operator=(const KeepTraining&) = delete;

 private:
  struct Weight {
    Tensor own, before, gradient;
  };
  const nn::KeepState model_;
  optim::Optimizer& optimizer_;
  std::vector<Weight> weights_;
  nn::StateDict state_;
};

double steepest_fall(const std::vector<LRPoint>& points) {
  const auto smaller = [](const LRPoint& a, const LRPoint& b) { return a.smoothed < b.smoothed; };
  const auto lowest = std::min_element(points.begin(), points.end(), smaller) - points.begin();
  double suggestion = NAN, steepest = 0;
  for (auto i = lowest > 1 ? 1 : 0; i < lowest; ++i) {  // slopes over two steps, all of the same length
    const auto at = static_cast<size_t>(i);
    const double fall = points[at > 0 ? at - 1 : 0].smoothed - points[at + 1].smoothed;
    if (fall > steepest) steepest = fall, suggestion = points[at].lr;
  }
  return suggestion;
}

}  // namespace

LRRange lr_range_test(nn::Layer& model, optim::Optimizer& optimizer, const data::DataLoader& loader, const Loss& loss,
                      const LRRangeOptions& options) {
  const auto& [start, end, steps, smoothing, diverge] = options;
  const auto check = [](bool ok, const char* must, const char* name, double value) {
    require<ValueError>(ok, "lr_range_test", must, given(name, value));
  };
  check(start > 0 && std::isfinite(start), "start must be positive", "start", start);
  check(end > start && std::isfinite(end), "end must be larger than start", "end", end);
  check(steps >= 2, "needs at least two steps", "steps", static_cast<double>(steps));
  check(smoothing >= 0 && smoothing < 1, "smoothing must be in [0, 1)", "smoothing", smoothing);
  check(diverge > 1, "diverge must be larger than 1", "diverge", diverge);
  check(loader.batches() > 0, "the loader has no batches", "batches", static_cast<double>(loader.batches()));

  const KeepTraining keep(model, optimizer);
  const GradMode recording(true);
  model.train();
  std::vector<double> ratios;  // of the groups' rates to the first one's
  for (const optim::Optimizer::Group& g : optimizer.groups())
    ratios.push_back(optimizer.lr() > 0 ? g.lr / optimizer.lr() : 1);
  LRRange range;
  double mean = 0, lowest = INFINITY;
  bool diverged = false;
  for (int64_t epoch = 0, step = 0; step < steps && !diverged; ++epoch)
    for (const auto& [x, y] : loader.epoch(epoch)) {
      const double lr = start * std::pow(end / start, static_cast<double>(step) / static_cast<double>(steps - 1));
      const Tensor value = batch_loss(loss, model(x), y);
      const double now = value.item<double>();
      if ((diverged = !std::isfinite(now))) break;
      mean = smoothing * mean + (1 - smoothing) * now;
      const double smoothed = mean / (1 - std::pow(smoothing, static_cast<double>(step + 1)));
      range.points.push_back({lr, now, smoothed});
      lowest = std::min(lowest, smoothed);
      diverged = smoothed - lowest > (diverge - 1) * std::abs(lowest);
      if (++step == steps || diverged) break;
      for (size_t g = 0; g < ratios.size(); ++g) optimizer.set_lr(lr * ratios[g], static_cast<int64_t>(g));
      optimizer.zero_grad();
      value.backward();
      optimizer.step();
    }
  range.suggestion = steepest_fall(range.points);
  return range;
}

}  // namespace cairn::train
