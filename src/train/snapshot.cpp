#include "train/snapshot.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>

#include "cairn/graph/node.h"
#include "cairn/graph/record.h"
#include "cairn/nn/meter.h"
#include "train/tally.h"

namespace cairn::train {
namespace {

// Counts of the finite numbers in bins of equal width between the least and the largest.
Json histogram(const std::string& name, const Tensor& tensor) {
  const NoGrad no_grad;
  const Tensor values = tensor.contiguous();
  std::array<int64_t, 32> counts{};
  double low = std::numeric_limits<double>::infinity(), high = -low;
  visit_float("histogram", values.dtype(), [&]<class S>() {
    const S* x = values.pointer<S>();
    for (int64_t i = 0; i < values.numel(); ++i) {
      if (!std::isfinite(x[i])) continue;
      low = std::min(low, static_cast<double>(x[i]));
      high = std::max(high, static_cast<double>(x[i]));
    }
    const double scale = high > low ? counts.size() / (high - low) : 0;
    for (int64_t i = 0; i < values.numel(); ++i)
      if (std::isfinite(x[i]))
        ++counts[std::min(static_cast<size_t>((static_cast<double>(x[i]) - low) * scale), counts.size() - 1)];
  });
  return {{"name", name}, {"low", low}, {"high", high}, {"counts", counts}};
}

}  // namespace

void log_snapshot(Run& run, nn::Module& model, const Step& step, const data::Batch& batch, int64_t epoch,
                  int64_t steps) {
  std::map<std::string, Tensor> outputs;  // of each layer, the last
  nn::Meter meter(model);
  {
    const Observer observer([&, own = std::this_thread::get_id()](const Operation& op) {
      if (std::this_thread::get_id() != own) return;  // a loader prepares its next batch, say
      if (is_float(op.output.dtype())) outputs[std::string(op.scope)] = op.output.detach();
    });
    StepOutput output;
    meter.add(
        batch.x.dim() > 0 ? batch.x.size(0) : 1,
        [&] {
          output = run_step(step, batch);
          return output.outputs.defined() ? output.outputs : output.loss;
        },
        [&](const Tensor&) { return output.loss; });
  }
  Json layers = Json::array(), activations = Json::array(), weights = Json::array();
  for (const nn::ActivationMeter& a : meter.report().activations) {
    const std::string name = a.layer + (a.layer.empty() ? "" : " ") + a.function;
    layers.push_back({{"name", name},
                      {"dead", a.dead},
                      {"saturated", a.saturated},
                      {"zero", a.sparsity},
                      {"gradient_norm", a.gradient_norm}});
    if (const auto at = outputs.find(a.layer); at != outputs.end() && !a.layer.empty() && a.call == 1)
      activations.push_back(histogram(name, at->second));
  }
  for (const nn::Parameter& p : model.parameters()) weights.push_back(histogram(p.name, p.tensor.detach()));
  run.log("meters", {{"epoch", epoch}, {"layers", layers}}, steps);
  run.log("histograms", {{"epoch", epoch}, {"weights", weights}, {"activations", activations}}, steps);
}

}  // namespace cairn::train
