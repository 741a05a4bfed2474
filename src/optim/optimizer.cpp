#include "cairn/optim/optimizer.h"

#include <algorithm>
#include <set>
#include <unordered_set>

#include "cairn/graph/node.h"
#include "cairn/tensor/create.h"
#include "optim/state_reader.h"

namespace cairn::optim {

// ---- parameters and groups -------------------------------------------------------------------------------------------

static std::vector<nn::Parameter> without_repeats(std::vector<nn::Parameter> list) {
  std::unordered_set<const Body*> seen;
  std::erase_if(list, [&](const nn::Parameter& p) { return !seen.insert(p.tensor.body().get()).second; });
  return list;
}

ParameterList::ParameterList(std::vector<nn::Parameter> list) : vector(without_repeats(std::move(list))) {}
ParameterList::ParameterList(std::initializer_list<nn::Parameter> list) : vector(without_repeats(list)) {}
ParameterList::ParameterList(const std::vector<Tensor>& tensors)
    : vector(without_repeats({tensors.begin(), tensors.end()})) {}

void Optimizer::check(const char* optimizer, const char* option, double value, double below) {
  if (value >= 0 && value < below) return;
  const std::string range = std::isinf(below) ? "finite and not negative" : "in [0, " + describe(below) + ")";
  fail<ValueError>(optimizer, std::string(option) + " must be " + range, value);
}

void Optimizer::add_group(ParameterList parameters, double lr) {
  check(name_, "lr", lr);
  require<ValueError>(!parameters.empty(), name_, "there are no parameters to optimise");
  std::unordered_set<const Body*> taken;
  for (const nn::Parameter& p : parameters_) taken.insert(p.tensor.body().get());
  for (const nn::Parameter& p : parameters) {
    const auto name = given("name", p.name);
    require<ValueError>(p.tensor.defined(), name_, "a parameter is undefined", name);
    require<DtypeError>(is_float(p.tensor.dtype()), name_, "a parameter must be f32 or f64", name, p.tensor);
    require<ValueError>(p.tensor.is_leaf(), name_, "a parameter must be a leaf, not the result of an operation", name,
                        p.tensor);
    require<ValueError>(p.tensor.is_dense(), name_, "a parameter must fill its memory without gaps; clone() it", name,
                        p.tensor);
    require<ValueError>(!taken.contains(p.tensor.body().get()), name_, "a parameter is in another group already", name,
                        p.tensor);
    require<ValueError>(p.lr_scale >= 0 && std::isfinite(p.lr_scale), name_,
                        "a parameter's lr_scale must be finite and not negative", name, given("lr_scale", p.lr_scale));
  }
  const size_t count = parameters_.size() + parameters.size();
  parameters_.reserve(count);
  groups_.reserve(groups_.size() + 1);
  states_.resize(count);  // from here on nothing throws
  std::move(parameters.begin(), parameters.end(), std::back_inserter(parameters_));
  groups_.push_back({lr, lr, count});
}

std::vector<Optimizer::Group> Optimizer::groups() const {
  std::vector<Group> found;
  size_t begin = 0;
  for (const Rates& g : groups_) {
    found.push_back({std::span(parameters_).subspan(begin, g.end - begin), g.lr, g.base_lr});
    begin = g.end;
  }
  return found;
}

size_t Optimizer::group_at(int64_t group) const {
  require<IndexError>(group >= 0 && group < static_cast<int64_t>(groups_.size()), name_, "no such group",
                      given("group", group), given("groups", groups_.size()));
  return static_cast<size_t>(group);
}

double Optimizer::lr(int64_t group) const { return groups_[group_at(group)].lr; }

void Optimizer::set_lr(double lr) {
  check(name_, "lr", lr);
  for (Rates& g : groups_) g.lr = g.base_lr = lr;
}

void Optimizer::set_lr(double lr, int64_t group) {
  check(name_, "lr", lr);
  Rates& g = groups_[group_at(group)];
  g.lr = g.base_lr = lr;
}

// ---- a step ------------------------------------------------------------------------------------------------------------

void Optimizer::zero_grad() {
  for (nn::Parameter& p : parameters_) p.tensor.body()->grad = nullptr;
}

void Optimizer::make_state(size_t i, size_t group) {
  const StateNames names = state_names(group);
  State fresh;
  for (size_t k = 0; k < names.tensors.size(); ++k)
    if (names.tensors[k]) fresh.tensors[k] = zeros_like(parameters_[i].tensor);
  states_[i] = std::move(fresh);
}

void Optimizer::step() {
  const NoGrad no_grad;
  size_t i = 0;
  for (size_t group = 0; group < groups_.size(); ++group)
    for (; i < groups_[group].end; ++i) {
      Tensor& w = parameters_[i].tensor;
      if (!w.body()->grad) continue;
      Tensor g = w.grad();
      if (!(w.is_contiguous() && g.is_contiguous()) && !(w.strides() == g.strides() && g.is_dense()))
        g = empty_like(w).copy_(g);
      if (states_[i].steps == 0) make_state(i, group);
      ++states_[i].steps;
      update({w, g, states_[i], group, groups_[group].lr * parameters_[i].lr_scale, parameters_[i].decay});
      w.bump_version();
    }
}

// ---- state -------------------------------------------------------------------------------------------------------------

// How each parameter is called in a state.
std::vector<std::string> Optimizer::keys() const {
  std::set<std::string> names;
  for (const nn::Parameter& p : parameters_) names.insert(p.name);
  const bool named = names.size() == parameters_.size() && !names.contains("");
  std::vector<std::string> keys;
  for (size_t i = 0; i < parameters_.size(); ++i) keys.push_back(named ? parameters_[i].name : std::to_string(i));
  return keys;
}

nn::StateDict Optimizer::state_dict() const {
  nn::StateDict state;
  const std::vector<std::string> key = keys();
  size_t i = 0;
  for (size_t group = 0; group < groups_.size(); ++group) {
    state["lr." + std::to_string(group)] = full({}, groups_[group].lr, f64);
    state["base_lr." + std::to_string(group)] = full({}, groups_[group].base_lr, f64);
    const StateNames names = state_names(group);
    for (; i < groups_[group].end; ++i) {
      const State& s = states_[i];
      if (s.steps == 0) continue;
      state["step." + key[i]] = full({}, static_cast<double>(s.steps), i64);
      if (names.number) state[std::string(names.number) + "." + key[i]] = full({}, s.number, f64);
      for (size_t k = 0; k < s.tensors.size(); ++k)
        if (names.tensors[k]) state[std::string(names.tensors[k]) + "." + key[i]] = s.tensors[k];
    }
  }
  return state;
}

void Optimizer::load_state_dict(const nn::StateDict& state) {
  const NoGrad no_grad;
  const std::vector<std::string> key = keys();
  StateReader read(state);
  std::vector<Rates> groups = groups_;
  std::vector<State> states(states_.size());
  size_t i = 0;
  for (size_t group = 0; group < groups.size(); ++group) {
    groups[group].lr = read.number("lr." + std::to_string(group));
    groups[group].base_lr = read.number("base_lr." + std::to_string(group));
    const StateNames names = state_names(group);
    for (; i < groups[group].end; ++i) {
      State& s = states[i];
      if (!read.contains("step." + key[i])) continue;  // never updated
      s.steps = read.count("step." + key[i]);
      if (names.number) s.number = read.number(std::string(names.number) + "." + key[i]);
      for (size_t k = 0; k < s.tensors.size(); ++k)
        if (names.tensors[k])
          s.tensors[k] = read.tensor(std::string(names.tensors[k]) + "." + key[i], parameters_[i].tensor);
    }
  }
  read.finish(name_);
  for (const Rates& g : groups) {
    check(name_, "lr", g.lr);
    check(name_, "base_lr", g.base_lr);
  }
  for (const State& s : states)
    require<ValueError>(s.steps >= 0, name_, "a step count in the state is not a whole number from 0 on");
  groups_ = std::move(groups);
  states_ = std::move(states);
}

}  // namespace cairn::optim
