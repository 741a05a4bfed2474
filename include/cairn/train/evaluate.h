#pragma once
// What a model makes of a data set.

#include <functional>

#include "cairn/data/loader.h"
#include "cairn/nn/module.h"

namespace cairn::train {

/// What is to become small: (outputs, targets) of a batch → a tensor of one element, the mean over the batch's samples.
///   [](const Tensor& y, const Tensor& t) { return mse_loss(y, t); }
/// An empty one stands for cross_entropy(outputs, targets), the loss of a classifier.
using Loss = std::function<Tensor(const Tensor& outputs, const Tensor& targets)>;

/// Means over samples.
struct Evaluation {
  double loss = 0;
  double accuracy = 0;  ///< in [0, 1]; NaN unless outputs are (n, classes) and targets (n,) i64 labels
};

/// Loss and accuracy over a loader's epoch 0, in evaluation mode and without recording. The mode of the model and of
/// all below it is put back, also when it throws.
///   throws  ShapeError when the loss has more than one element
Evaluation evaluate(nn::Layer& model, const data::DataLoader& loader, const Loss& loss = {});

/// The outputs for a loader's epoch 0, of all batches one after the other; mode and recording as evaluate. Without
/// shuffling they stand in the order of the data set.
///   shape   (samples, …)
Tensor predict(nn::Layer& model, const data::DataLoader& loader);

}  // namespace cairn::train
