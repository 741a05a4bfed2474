#pragma once
// Taylor polynomials of activations as layers.

#include <string_view>
#include <vector>

#include "cairn/activation/taylor.h"
#include "cairn/nn/module.h"

namespace cairn::nn {

/// The power series of an activation at 0, cut behind a degree, in its place: `nn::Taylor("tanh", 7, 1.5)`. The polynomial
/// that it computes is that of nn::Activation("taylor(tanh, 7, 1.5)"); here it tells what there is to know of it.
///   function  of the catalogue, a registered one or a formula; one with parameters has those that it begins with, and
///             they are not trained
///   interval  [-interval, interval] is where the polynomial is meant to stand for the function. Beyond it the polynomial
///             goes on, and soon far away: who builds the network sees to it that inputs stay inside
///   shape     that of the input
///   dtype     f32 or f64
///   throws    as taylor_activation (activation/taylor.h)
///   grad      exact and fused; any order
/// Source: Maronese, Destri & Prati 2022, "Quantum activation functions for quantum neural networks", Quantum Information
/// Processing 21, 128.
class Taylor : public Layer {
 public:
  Taylor(std::string_view function, int64_t degree, double interval);
  Taylor(cairn::Activation function, int64_t degree, double interval);

  Tensor forward(const Tensor& x) override { return polynomial_(x); }
  Json options() const override;
  static Taylor from_options(const Json& options);

  /// What is approximated.
  const cairn::Activation& function() const { return function_; }
  /// The approximation.
  const cairn::Activation& polynomial() const { return polynomial_; }
  /// Of 1, x, …, x^degree.
  const std::vector<double>& coefficients() const { return series_.coefficients; }
  double interval() const { return interval_; }
  /// Of convergence, as TaylorSeries has it.
  double radius() const { return series_.radius; }
  /// The largest error on the interval, as taylor_error finds it.
  double max_error() const { return taylor_error(function_, series_.coefficients, interval_); }

 private:
  cairn::Activation function_;
  double interval_;
  TaylorSeries series_;
  cairn::Activation polynomial_;
};

}  // namespace cairn::nn
