#include "cairn/train/evaluate.h"

#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

#include "cairn/graph/node.h"
#include "cairn/ops/join.h"
#include "cairn/ops/loss.h"
#include "nn/keep_mode.h"
#include "train/tally.h"

namespace cairn::train {

Tensor batch_loss(const Loss& loss, const Tensor& outputs, const Tensor& targets) {
  if (!loss) {
    require(outputs.dim() >= 2 && outputs.size(1) >= 2, "train",
            "cross entropy needs outputs (n, classes), at least two; for anything else set the option loss",
            given("outputs", outputs), given("targets", targets));
    return cross_entropy(outputs, targets);
  }
  Tensor value = loss(outputs, targets);
  require(value.numel() == 1, "train", "the loss must be a tensor of one element, such as a mean over the batch",
          given("loss", value));
  return value;
}

StepOutput run_step(const Step& step, const data::Batch& batch) {
  StepOutput output = step(batch);
  require(output.loss.defined() && output.loss.numel() == 1, "train",
          "the loss must be a tensor of one element, such as a mean over the batch", given("loss", output.loss));
  if (!output.targets.defined()) output.targets = batch.y;
  return output;
}

Step step_of(nn::Layer& model, Loss loss) {
  return [&model, loss = std::move(loss)](const data::Batch& batch) -> StepOutput {
    Tensor outputs = model(batch.x);
    Tensor value = batch_loss(loss, outputs, batch.y);
    return {std::move(value), std::move(outputs), {}};
  };
}

// How many labels are ≥ 0, and how many rows of outputs are largest where their label says, and there alone or first, as argmax has it. Not written
// with operations: on a small model they would take half as long as the training step itself.
struct Counts {
  int64_t labelled = 0, correct = 0;
};
template <class S>
static Counts count_correct(const Tensor& outputs, const Tensor& labels) {
  const Tensor rows = outputs.contiguous(), numbers = labels.contiguous();
  const int64_t n = rows.size(0), classes = rows.size(1), *label = numbers.pointer<int64_t>();
  Counts counts;
  for (int64_t i = 0; i < n; ++i) {
    if (label[i] < 0) continue;  // what a loss ignores
    ++counts.labelled;
    if (label[i] >= classes) continue;
    const S* row = rows.pointer<S>() + i * classes;
    const S own = row[label[i]];
    bool beaten = false;
    for (int64_t c = 0; c < label[i]; ++c) beaten |= !(row[c] < own);
    for (int64_t c = label[i] + 1; c < classes; ++c) beaten |= !(row[c] <= own);
    counts.correct += !beaten;
  }
  return counts;
}

void Tally::add(double loss, const data::Batch& batch, const StepOutput& output) {
  const NoGrad no_grad;
  const int64_t n = batch.x.dim() > 0 ? batch.x.size(0) : 1;
  samples_ += n;
  loss_ += loss * static_cast<double>(n);
  const Tensor &outputs = output.outputs, &targets = output.targets;
  const bool classes = outputs.defined() && outputs.dim() == 2 && targets.dim() == 1 && targets.dtype() == i64 &&
                       targets.size(0) == outputs.size(0) && is_float(outputs.dtype());
  if (!classes) return;
  const Counts counts =
      visit_float("train", outputs.dtype(), [&]<class S>() { return count_correct<S>(outputs, targets); });
  correct_ += counts.correct;
  labelled_ += counts.labelled;
}

Json Tally::state() const {
  return {{"loss", loss_}, {"correct", correct_}, {"labelled", labelled_}, {"samples", samples_}};
}

void Tally::set_state(const Json& state) {
  state.at("loss").get_to(loss_);
  state.at("correct").get_to(correct_);
  state.at("labelled").get_to(labelled_);
  state.at("samples").get_to(samples_);
}

Evaluation Tally::means() const {
  return {.loss = loss_ / static_cast<double>(samples_),
          .accuracy = labelled_ == 0 ? std::numeric_limits<double>::quiet_NaN()
                                     : static_cast<double>(correct_) / static_cast<double>(labelled_)};
}

Evaluation evaluate(nn::Module& model, const data::DataLoader& loader, const Step& step,
                    const std::vector<NamedMetric>& metrics) {
  const NoGrad no_grad;
  const nn::KeepMode keep_mode(model);
  model.eval();
  Tally tally;
  for (const NamedMetric& m : metrics) m.metric->reset();
  for (const data::Batch& batch : loader.epoch(0)) {
    const StepOutput output = run_step(step, batch);
    tally.add(output.loss.item<double>(), batch, output);
    for (const NamedMetric& m : metrics) {
      require<ValueError>(output.outputs.defined(), "evaluate", "a metric needs the outputs, which the step leaves out",
                          given("metric", m.name));
      m.metric->add(output.outputs, output.targets);
    }
  }
  Evaluation means = tally.means();
  for (const NamedMetric& m : metrics) means.metrics[m.name] = m.metric->value();
  return means;
}

Evaluation evaluate(nn::Layer& model, const data::DataLoader& loader, const Loss& loss,
                    const std::vector<NamedMetric>& metrics) {
  return evaluate(model, loader, step_of(model, loss), metrics);
}

Tensor predict(nn::Layer& model, const data::DataLoader& loader) {
  const NoGrad no_grad;
  const nn::KeepMode keep_mode(model);
  model.eval();
  std::vector<Tensor> outputs;
  for (const auto& [x, y] : loader.epoch(0)) outputs.push_back(model(x));
  return cat(outputs);
}

}  // namespace cairn::train
