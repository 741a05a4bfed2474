#include "cairn/train/evaluate.h"

#include <limits>

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

// How many rows of outputs are largest where their label says, and there alone or first, as argmax has it. Not written
// with operations: on a small model they would take half as long as the training step itself.
template <class S>
static int64_t count_correct(const Tensor& outputs, const Tensor& labels) {
  const Tensor rows = outputs.contiguous(), numbers = labels.contiguous();
  const int64_t n = rows.size(0), classes = rows.size(1), *label = numbers.pointer<int64_t>();
  int64_t correct = 0;
  for (int64_t i = 0; i < n; ++i) {
    if (label[i] < 0 || label[i] >= classes) continue;  // such as what a loss ignores
    const S* row = rows.pointer<S>() + i * classes;
    const S own = row[label[i]];
    bool beaten = false;
    for (int64_t c = 0; c < label[i]; ++c) beaten |= !(row[c] < own);
    for (int64_t c = label[i] + 1; c < classes; ++c) beaten |= !(row[c] <= own);
    correct += !beaten;
  }
  return correct;
}

void Tally::add(double loss, const Tensor& outputs, const Tensor& targets) {
  const NoGrad no_grad;
  const int64_t n = outputs.dim() > 0 ? outputs.size(0) : 1;
  samples_ += n;
  loss_ += loss * static_cast<double>(n);
  const bool classes = outputs.dim() == 2 && targets.dim() == 1 && targets.dtype() == i64 && targets.size(0) == n &&
                       is_float(outputs.dtype());
  if (!classes) return;
  correct_ += visit_float("train", outputs.dtype(), [&]<class S>() { return count_correct<S>(outputs, targets); });
  labelled_ += n;
}

Evaluation Tally::means() const {
  return {.loss = loss_ / static_cast<double>(samples_),
          .accuracy = labelled_ == 0 ? std::numeric_limits<double>::quiet_NaN()
                                     : static_cast<double>(correct_) / static_cast<double>(labelled_)};
}

Evaluation evaluate(nn::Layer& model, const data::DataLoader& loader, const Loss& loss) {
  const NoGrad no_grad;
  const nn::KeepMode keep_mode(model);
  model.eval();
  Tally tally;
  for (const auto& [x, y] : loader.epoch(0)) {
    const Tensor outputs = model(x);
    tally.add(batch_loss(loss, outputs, y).item<double>(), outputs, y);
  }
  return tally.means();
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
