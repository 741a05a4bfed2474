#include "cairn/optim/ema.h"

#include <algorithm>
#include <unordered_map>

#include "cairn/graph/node.h"
#include "cairn/tensor/create.h"
#include "kernels/sweep.h"
#include "optim/state_reader.h"

namespace cairn::optim {

EMA::EMA(const nn::Module& model, EMAOptions options) : options_(options) {
  require<ValueError>(options.decay >= 0 && options.decay < 1, "EMA", "decay must be in [0, 1)",
                      given("decay", options.decay));
  require<ValueError>(options.start >= 0, "EMA", "start must not be negative", given("start", options.start));
  const NoGrad no_grad;
  std::unordered_map<const Body*, size_t> seen;
  const auto keep = [&](const std::string& name, const Tensor& own, bool buffer) {
    const auto [at, fresh] = seen.emplace(own.body().get(), kept_.size());
    if (fresh)
      kept_.push_back({{name}, own, own.detach().clone(), buffer});
    else
      kept_[at->second].names.push_back(name);
  };
  for (const nn::Parameter& p : model.named_parameters()) keep(p.name, p.tensor, false);
  for (const nn::Buffer& b : model.named_buffers()) keep(b.name, b.tensor, true);
}

double EMA::decay() const {
  const auto t = static_cast<double>(updates_ - options_.start);
  if (t < 0) return 0;
  return options_.warmup ? std::min(options_.decay, (1 + t) / (10 + t)) : options_.decay;
}

void EMA::update() {
  require<ValueError>(!swapped_, "EMA", "the model holds the averages; swap() them back before update()");
  const NoGrad no_grad;
  const double rest = 1 - decay();
  for (Kept& k : kept_) {
    if (k.buffer || rest == 1) {
      k.average.copy_(k.own.detach());
      continue;
    }
    const Tensor own = k.own.is_dense() ? k.own : k.own.contiguous();
    visit_float("EMA", own.dtype(), [&]<class S>() {
      kernels::sweep(
          own.numel(), [rest](auto w, auto& average) { average += rest * (w - average); }, own.pointer<S>(),
          k.average.pointer<S>());
    });
    k.average.bump_version();
  }
  ++updates_;
}

void EMA::swap() {
  const NoGrad no_grad;
  for (Kept& k : kept_) {
    const Tensor before = k.own.detach().clone();
    k.own.copy_(k.average);
    k.average.copy_(before);
  }
  swapped_ = !swapped_;
}

EMA::Swapped::Swapped(EMA& ema) : ema_(ema) {
  require<ValueError>(!ema.swapped(), "EMA", "the model holds the averages already");
  ema.swap();
}

// ---- state ----------------------------------------------------------------------------------------------------------

nn::StateDict EMA::average() const {
  nn::StateDict state;
  for (const Kept& k : kept_)
    for (const std::string& name : k.names) state[name] = swapped_ ? k.own.detach() : k.average;
  return state;
}

nn::StateDict EMA::state_dict() const {
  nn::StateDict state;
  state["updates"] = full({}, static_cast<double>(updates_), i64);
  for (const Kept& k : kept_) state["average." + k.names[0]] = swapped_ ? k.own.detach() : k.average;
  return state;
}

void EMA::load_state_dict(const nn::StateDict& state) {
  require<ValueError>(!swapped_, "EMA", "the model holds the averages; swap() them back before load_state_dict()");
  const NoGrad no_grad;
  StateReader read(state);
  const int64_t updates = read.count("updates");
  std::vector<Tensor> averages;
  for (const Kept& k : kept_) averages.push_back(read.tensor("average." + k.names[0], k.average));
  read.finish("EMA");
  require<ValueError>(updates >= 0, "EMA", "the count of updates in the state is not a whole number from 0 on");
  updates_ = updates;
  for (size_t i = 0; i < kept_.size(); ++i) kept_[i].average = averages[i];
}

}  // namespace cairn::optim
