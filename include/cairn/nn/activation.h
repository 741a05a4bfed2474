#pragma once
// Activation functions as layers, so that a name or a formula reaches every model.

#include <string_view>
#include <utility>

#include "cairn/activation/activation.h"
#include "cairn/nn/module.h"

namespace cairn::nn {

struct ActivationOptions {
  int64_t channels = 1;  ///< of learnable parameters: one number for all, or one for each channel of the input
};

/// Applies an activation of the catalogue, a registered one, or a formula: `nn::Activation("gelu")`,
/// `nn::Activation("elu(0.5)")`, `nn::Activation("x * sigmoid(beta * x); beta = 1")`.
///   shape       that of the input; folds of the catalogue, such as "softmax(1)", give their own
///   parameters  those of learnable activations and of formulas, under their names, each (channels,); without weight
///               decay, with the learning-rate factor of the catalogue
///   throws      as cairn::activation for a text that is none; ValueError for channels below 1, or above 1 where there
///               is nothing to learn
class Activation : public Layer {
 public:
  Activation(std::string_view text, ActivationOptions options = {}) : Activation(activation(text), options) {}
  Activation(const char* text, ActivationOptions options = {}) : Activation(std::string_view(text), options) {}
  Activation(const std::string& text, ActivationOptions options = {}) : Activation(std::string_view(text), options) {}
  Activation(cairn::Activation function, ActivationOptions options = {});

  Tensor forward(const Tensor& x) override;
  /// With the parameters it began with.
  const cairn::Activation& function() const { return function_; }
  Json options() const override;
  static Activation from_options(const Json& options);

 private:
  cairn::Activation function_;
  int64_t channels_;
  std::vector<Tensor*> learned_;
};

/// nn::Activation("prelu(init)"), with one weight or one for each channel. Source: He et al. 2015, arXiv:1502.01852.
Activation PReLU(int64_t num_parameters = 1, double init = 0.25);

/// A learnable rational function, safe Padé [5/4], that begins near an activation: its coefficients are fitted to it on
/// [low, high] by least squares.
///   throws  as cairn::activation; ValueError for a fold and unless low < high
/// Source: Molina et al. 2019, arXiv:1907.06732.
Activation Rational(std::string_view like = "gelu", double low = -3, double high = 3);

/// Leaky ReLU whose negative slopes are drawn anew for every element, uniformly from [lower, upper], while training; in
/// evaluation their mean.
///   shape   that of the input
///   throws  ValueError unless 0 ≤ lower ≤ upper
/// Source: Xu et al. 2015, arXiv:1505.00853.
class RReLU : public Layer {
 public:
  explicit RReLU(double lower = 0.125, double upper = 1.0 / 3);
  Tensor forward(const Tensor& x) override;
  double lower() const { return lower_; }
  double upper() const { return upper_; }
  Json options() const override;
  static RReLU from_options(const Json& options);

 private:
  double lower_, upper_;
};

}  // namespace cairn::nn
