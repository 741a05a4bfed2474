#include "cairn/optim/optimizer.h"

#include <cmath>
#include <unordered_set>

#include "cairn/graph/node.h"

namespace cairn::optim {

Optimizer::Optimizer(const char* name, ParameterList parameters, double lr)
    : name_(name), parameters_(std::move(parameters)), lr_(0) {
  set_lr(lr);
  std::unordered_set<const Body*> seen;
  std::erase_if(parameters_, [&](const nn::Parameter& p) { return !seen.insert(p.tensor.body().get()).second; });
  require<ValueError>(!parameters_.empty(), name, "there are no parameters to optimise");
  for (const nn::Parameter& p : parameters_) {
    require<ValueError>(p.tensor.defined(), name, "a parameter is undefined", given("name", p.name));
    require<DtypeError>(is_float(p.tensor.dtype()), name, "a parameter must be f32 or f64", given("name", p.name),
                        p.tensor);
    require<ValueError>(p.tensor.is_leaf(), name, "a parameter must be a leaf, not the result of an operation",
                        given("name", p.name), p.tensor);
    require<ValueError>(p.tensor.is_dense(), name, "a parameter must fill its memory without gaps; clone() it",
                        given("name", p.name), p.tensor);
  }
  states_.resize(parameters_.size());
}

void Optimizer::check(const char* option, double value, double below) const {
  require<ValueError>(value >= 0 && value < below, name_, "an option is out of range", given(option, value));
}

void Optimizer::set_lr(double lr) {
  check("lr", lr, INFINITY);
  lr_ = lr;
}

void Optimizer::zero_grad() {
  for (nn::Parameter& p : parameters_) p.tensor.body()->grad = nullptr;
}

void Optimizer::step() {
  const NoGrad no_grad;
  for (size_t i = 0; i < parameters_.size(); ++i) {
    Tensor& w = parameters_[i].tensor;
    if (!w.body()->grad) continue;
    Tensor g = w.grad();
    if (!(w.is_contiguous() && g.is_contiguous()) && !(w.strides() == g.strides() && g.is_dense()))
      g = empty_like(w).copy_(g);
    ++states_[i].steps;
    update({w, g, states_[i], parameters_[i].decay, lr_ * parameters_[i].lr_scale});
    w.bump_version();
  }
}

}  // namespace cairn::optim
