#pragma once
// What fit() and evaluate() share: running means over samples, and the mode of a model put back.

#include <vector>

#include "cairn/train/evaluate.h"

namespace cairn::train {

/// The loss of a batch: options.loss, or cross entropy.
///   throws  ShapeError when it has more than one element
Tensor batch_loss(const Loss& loss, const Tensor& outputs, const Tensor& targets);

/// Means over the samples added so far.
class Tally {
 public:
  void add(double loss, const Tensor& outputs, const Tensor& targets);
  int64_t samples() const { return samples_; }
  Evaluation means() const;

 private:
  double loss_ = 0;  // sums
  int64_t correct_ = 0, labelled_ = 0, samples_ = 0;
};

/// Puts the mode of every module back at the end of the block, however that is reached: parts of a model may be kept in
/// evaluation mode on purpose.
class KeepMode {
 public:
  explicit KeepMode(nn::Module& model) { remember(model); }
  ~KeepMode() {
    for (const auto& [module, mode] : modes_) module->train(mode);  // outer ones first: train() reaches all below
  }
  KeepMode(const KeepMode&) = delete;
  KeepMode& operator=(const KeepMode&) = delete;

 private:
  void remember(nn::Module& module) {
    modes_.emplace_back(&module, module.training());
    for (const auto& [name, child] : module.children()) remember(*child);
  }
  std::vector<std::pair<nn::Module*, bool>> modes_;
};

}  // namespace cairn::train
