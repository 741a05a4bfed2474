#pragma once
// A model's mode, put back after a look at it.

#include <utility>
#include <vector>

#include "cairn/nn/module.h"

namespace cairn::nn {

/// Puts the mode of every module back at the end of the block, however that is reached: parts of a model may be kept in
/// evaluation mode on purpose.
class KeepMode {
 public:
  explicit KeepMode(Module& model) { remember(model); }
  ~KeepMode() {
    for (const auto& [module, mode] : modes_) module->train(mode);  // outer ones first: train() reaches all below
  }
  KeepMode(const KeepMode&) = delete;
  KeepMode& operator=(const KeepMode&) = delete;

 private:
  void remember(Module& module) {
    modes_.emplace_back(&module, module.training());
    for (const auto& [name, child] : module.children()) remember(*child);
  }
  std::vector<std::pair<Module*, bool>> modes_;
};

}  // namespace cairn::nn
