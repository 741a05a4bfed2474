#pragma once
// How optimisers and averages read a state.

#include <set>
#include <string>

#include "cairn/nn/module.h"
#include "cairn/tensor/create.h"

namespace cairn::optim {

/// Takes tensors out of a state one by one and notes what does not fit.
class StateReader {
 public:
  explicit StateReader(const nn::StateDict& state) : state_(state) {}

  bool contains(const std::string& name) const { return state_.contains(name); }
  /// A copy in the layout and dtype of `like`; undefined when it does not fit.
  Tensor tensor(const std::string& name, const Tensor& like) {
    used_.insert(name);
    const auto at = state_.find(name);
    if (at == state_.end() || !at->second.defined()) {
      report_.missing.push_back(name);
      return {};
    }
    if (at->second.shape() != like.shape()) {
      report_.misfits.push_back(name + " is " + describe(like) + ", the state holds " + describe(at->second));
      return {};
    }
    return empty_like(like).copy_(at->second.detach().to(like.dtype()));
  }
  double number(const std::string& name) {
    const Tensor t = tensor(name, full({}, 0, f64));
    return t.defined() ? t.item<double>() : 0;
  }
  /// A whole number from 0 on; −1 when it is none.
  int64_t count(const std::string& name) {
    const double n = number(name);
    return n >= 0 && n < 0x1p53 ? static_cast<int64_t>(n) : -1;
  }
  /// throws  NameError, or ShapeError when only sizes differ, unless all has fitted and been taken
  void finish(const char* reader) {
    for (const auto& [name, tensor] : state_)
      if (!used_.contains(name)) report_.unexpected.push_back(name);
    if (report_.ok()) return;
    const std::string text = std::string(reader) + ": the state does not fit: " + nn::to_string(report_);
    if (report_.missing.empty() && report_.unexpected.empty()) throw ShapeError(text);
    throw NameError(text);
  }

 private:
  const nn::StateDict& state_;
  std::set<std::string> used_;
  nn::LoadReport report_;
};

}  // namespace cairn::optim
