#pragma once
// What all optimisers share: parameters in groups, their state, learning rates, one step over all of them, and the
// state as named tensors.

#include <array>
#include <cmath>
#include <initializer_list>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "cairn/nn/module.h"

namespace cairn::optim {

/// What an optimiser is made for: `model.parameters()`, that list with changes, or tensors: `{w, b}`. A tensor listed
/// twice counts once.
struct ParameterList : std::vector<nn::Parameter> {
  ParameterList(std::vector<nn::Parameter> list);
  ParameterList(std::initializer_list<nn::Parameter> list);
  ParameterList(const std::vector<Tensor>& tensors);
};

/// Updates parameters from their gradients. A parameter's `decay` and `lr_scale` hold for every optimiser. A parameter
/// that has no gradient is left alone, and its count of steps does not go on; one that requires none never has one, and
/// may be listed all the same.
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

  /// As the messages say it: "SGD".
  const char* name() const { return name_; }
  /// Of all groups, in order.
  const std::vector<nn::Parameter>& parameters() const { return parameters_; }

  /// Parameters that share their options.
  struct Group {
    std::span<const nn::Parameter> parameters;  ///< valid until a group is added
    double lr;                                  ///< learning rate: step length per step()
    double base_lr;                             ///< what a schedule starts from: lr, but for the schedule's factor
  };
  std::vector<Group> groups() const;
  /// Learning rate of a group.
  ///   throws  IndexError
  double lr(int64_t group = 0) const;
  /// Sets the rate, and the base rate with it, of all groups or of one.
  ///   throws  ValueError unless finite and ≥ 0, IndexError
  void set_lr(double lr);
  void set_lr(double lr, int64_t group);

  /// All that the next steps depend on besides parameters, gradients and options: "lr.<group>", "base_lr.<group>" and,
  /// of each parameter updated so far, "step.<parameter>" and what the optimiser keeps of it under PyTorch's names, as
  /// "exp_avg.<parameter>". <parameter> is its name where all have one of their own, else its index in parameters().
  /// The tensors share their elements with the optimiser: clone() what must not change.
  nn::StateDict state_dict() const;
  /// Copies the state of an optimiser of the same kind and options over the same parameters: from there a run goes on
  /// with the same bits.
  ///   throws  NameError, or ShapeError when only sizes differ, with everything that does not fit; ValueError for rates
  ///           or counts out of range. Nothing is changed then.
  void load_state_dict(const nn::StateDict& state);

  // ---- for those who write an optimiser: see OptimizerOf --------------------------------------------------------------

  /// What is kept of one parameter: how often it was updated, a number, and up to three tensors of its size, which are
  /// 0 before the first update.
  struct State {
    int64_t steps = 0;
    double number = 1;
    std::array<Tensor, 3> tensors;
  };
  /// The names under which a State is saved; null for what is not used.
  struct StateNames {
    std::array<const char*, 3> tensors{};
    const char* number = nullptr;
  };
  /// A parameter and its gradient as plain memory of the same order.
  struct Update {
    Tensor& parameter;
    const Tensor& gradient;
    State& state;  ///< steps counts this update already
    size_t group;
    double lr;  ///< with lr_scale
    bool decay;
    double decayed(double weight_decay) const { return decay ? weight_decay : 0; }
  };

 protected:
  explicit Optimizer(const char* name) : name_(name) {}
  /// throws  ValueError for an empty list, a rate out of range, or a parameter that is no leaf, overlaps itself in
  ///         memory or is in another group; DtypeError unless f32 or f64. Nothing is changed then.
  void add_group(ParameterList parameters, double lr);
  virtual void update(const Update& u) = 0;
  virtual StateNames state_names(size_t group) const = 0;
  /// throws  ValueError unless 0 ≤ value < below: "SGD: momentum must be in [0, 1); got 1.5"
  static void check(const char* optimizer, const char* option, double value, double below = INFINITY);

 private:
  friend class LRScheduler;
  struct Rates {
    double lr, base_lr;
    size_t end;  // of the group's parameters in the list of all
  };
  size_t group_at(int64_t group) const;
  std::vector<std::string> keys() const;
  void make_state(size_t i, size_t group);

  const char* name_;
  std::vector<nn::Parameter> parameters_;
  std::vector<State> states_;
  std::vector<Rates> groups_;
};

/// The base of an optimiser with options of type O, one set a group:
///
///   struct SignOptions { double lr = 1e-3; };
///   struct Sign : optim::OptimizerOf<Sign, SignOptions> {
///     using OptimizerOf::OptimizerOf;
///     static constexpr const char* type_name = "Sign";
///     static void check_options(const SignOptions&) {}                // lr is checked already
///     StateNames state_names(size_t) const override { return {}; }
///     void update(const Update& u) override { u.parameter.add_(sign(u.gradient), -u.lr); }
///   };
template <class Derived, class O>
class OptimizerOf : public Optimizer {
 public:
  using Options = O;
  struct ParamGroup {
    ParameterList parameters;
    Options options = {};
  };

  /// One group; others may be added.
  explicit OptimizerOf(ParameterList parameters, Options options = {}) : Optimizer(Derived::type_name) {
    add_param_group(std::move(parameters), options);
  }
  /// Several: `optim::SGD({{body.parameters(), {.lr = 1e-3}}, {head.parameters(), {.lr = 1e-2}}})`. A group's options
  /// are whole: what is left out has its default and not the value of another group.
  explicit OptimizerOf(std::initializer_list<ParamGroup> groups) : Optimizer(Derived::type_name) {
    require<ValueError>(groups.size() > 0, Derived::type_name, "there are no parameters to optimise");
    for (const ParamGroup& g : groups) add_param_group(g.parameters, g.options);
  }

  /// throws  ValueError for options out of range, an empty list, or a parameter that is no leaf, overlaps itself in
  ///         memory or is in another group; DtypeError unless f32 or f64. Nothing is changed then.
  void add_param_group(ParameterList parameters, Options options = {}) {
    Derived::check_options(options);
    options_.reserve(options_.size() + 1);
    add_group(std::move(parameters), options.lr);
    options_.push_back(options);
  }

 protected:
  const Options& options(size_t group) const { return options_[group]; }

 private:
  std::vector<Options> options_;
};

}  // namespace cairn::optim
