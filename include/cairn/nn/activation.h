#pragma once
// Activation functions as layers, so that a name reaches every model.

#include <string_view>
#include <utility>

#include "cairn/activation/activation.h"
#include "cairn/nn/module.h"

namespace cairn::nn {

/// Applies an activation of the catalogue: `nn::Activation("gelu")`, `nn::Activation("elu(0.5)")`.
///   throws  as cairn::activation for a name that is none
class Activation : public Layer {
 public:
  Activation(std::string_view text) : function_(activation(text)) {}
  Activation(const char* text) : Activation(std::string_view(text)) {}
  Activation(const std::string& text) : Activation(std::string_view(text)) {}
  Activation(cairn::Activation function) : function_(std::move(function)) {}

  Tensor forward(const Tensor& x) override { return function_(x); }
  const cairn::Activation& function() const { return function_; }
  Json options() const override;
  static Activation from_options(const Json& options);

 private:
  cairn::Activation function_;
};

}  // namespace cairn::nn
