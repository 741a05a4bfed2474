#pragma once
// What a model makes of a data set.

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "cairn/data/loader.h"
#include "cairn/nn/module.h"
#include "cairn/train/metrics.h"

namespace cairn::train {

/// What is to become small: (outputs, targets) of a batch → a tensor of one element, the mean over the batch's samples.
///   [](const Tensor& y, const Tensor& t) { return mse_loss(y, t); }
/// An empty one stands for cross_entropy(outputs, targets), the loss of a classifier.
using Loss = std::function<Tensor(const Tensor& outputs, const Tensor& targets)>;

/// What a batch comes to, where model(x) and a loss do not say it: a model with a forward of its own shape, several
/// losses, masked tokens.
///   [&](const data::Batch& b) -> train::StepOutput {
///     const Tensor logits = bert(b.x).reshape({-1, vocabulary}), labels = b.y.reshape({-1});
///     return {cross_entropy(logits, labels), logits, labels};
///   }
struct StepOutput {
  Tensor loss;          ///< of one element, the mean over the batch
  Tensor outputs = {};  ///< what accuracy and metrics are taken of; left out, there are none
  Tensor targets = {};  ///< what they are compared with; left out, the batch's y
};
using Step = std::function<StepOutput(const data::Batch& batch)>;

/// Means over samples.
struct Evaluation {
  double loss = 0;
  /// In [0, 1], of the labels that are ≥ 0; NaN unless outputs are (n, classes) and targets (n,) i64 labels.
  double accuracy = 0;
  std::map<std::string, double> metrics = {};  ///< those that were asked for, by name
};

/// Loss and accuracy over a loader's epoch 0, in evaluation mode and without recording. The mode of the model and of
/// all below it is put back, also when it throws.
///   metrics  taken beside them; what they gathered before is forgotten
///   throws   ShapeError when the loss has more than one element; what a metric throws
Evaluation evaluate(nn::Layer& model, const data::DataLoader& loader, const Loss& loss = {},
                    const std::vector<NamedMetric>& metrics = {});
/// The same with a step of one's own.
Evaluation evaluate(nn::Module& model, const data::DataLoader& loader, const Step& step,
                    const std::vector<NamedMetric>& metrics = {});
/// The step of a model and a loss.
Step step_of(nn::Layer& model, Loss loss = {});

/// The outputs for a loader's epoch 0, of all batches one after the other; mode and recording as evaluate. Without
/// shuffling they stand in the order of the data set.
///   shape   (samples, …)
Tensor predict(nn::Layer& model, const data::DataLoader& loader);

}  // namespace cairn::train
