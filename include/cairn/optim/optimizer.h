#pragma once
// What all optimisers share: the list of parameters with their state, the learning rate, one step over all of them.

#include <array>
#include <initializer_list>
#include <utility>
#include <vector>

#include "cairn/nn/module.h"

namespace cairn::optim {

/// What an optimiser is made for: `model.parameters()`, that list with changes, or tensors: `{w, b}`.
struct ParameterList : std::vector<nn::Parameter> {
  ParameterList(std::vector<nn::Parameter> list) : vector(std::move(list)) {}
  ParameterList(std::initializer_list<nn::Parameter> list) : vector(list) {}
  ParameterList(const std::vector<Tensor>& tensors) : vector(tensors.begin(), tensors.end()) {}
};

/// Updates parameters from their gradients. A parameter's `decay` and `lr_scale` hold for every optimiser.
class Optimizer {
 public:
  virtual ~Optimizer() = default;
  Optimizer(const Optimizer&) = delete;
  Optimizer& operator=(const Optimizer&) = delete;

  /// One update of every parameter that has a gradient, in place: what was recorded before cannot run backward
  /// any more.
  void step();
  /// Drops all gradients, so that the next backward starts anew.
  void zero_grad();

  /// Learning rate: step length per step().
  double lr() const { return lr_; }
  /// throws  ValueError unless finite and ≥ 0
  void set_lr(double lr);

  const std::vector<nn::Parameter>& parameters() const { return parameters_; }

 protected:
  /// name        of the optimiser, for messages
  /// parameters  a tensor listed twice is updated once
  ///   throws  ValueError for an empty list, a rate that is not finite and ≥ 0, or a parameter that is no leaf
  ///           or overlaps itself in memory; DtypeError unless f32 or f64
  Optimizer(const char* name, ParameterList parameters, double lr);

  /// What is known of one parameter: how often it was updated, and up to three tensors of its size.
  struct State {
    int64_t steps = 0;
    std::array<Tensor, 3> tensors;
  };
  /// A parameter and its gradient as plain memory of the same order.
  struct Update {
    Tensor& parameter;
    const Tensor& gradient;
    State& state;
    bool decay;
    double lr;  ///< with lr_scale
  };
  /// Updates one parameter; state.steps counts this update already.
  virtual void update(const Update& u) = 0;
  /// throws  ValueError unless 0 ≤ value < below
  void check(const char* option, double value, double below) const;

 private:
  const char* name_;
  std::vector<nn::Parameter> parameters_;
  std::vector<State> states_;
  double lr_;
};

}  // namespace cairn::optim
