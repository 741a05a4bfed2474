#pragma once
// Truncated power series of activations: polynomials in their place.
//
//   activation("taylor(tanh, 5, 1.5)")   →   x - x³/3 + 2/15 x⁵, and on [-1.5, 1.5] near tanh
//
// It is what a perceptron made of quantum gates can compute on its amplitudes, without measuring each neuron: Maronese,
// Destri & Prati 2022, "Quantum activation functions for quantum neural networks", Quantum Information Processing 21, 128.

#include <vector>

#include "cairn/activation/activation.h"

namespace cairn {

/// The power series of a function at 0, cut behind a degree, and how far from 0 it has to do with the function.
struct TaylorSeries {
  /// Of 1, x, …, x^degree. A definition that computes with a polynomial near 0 has those of that polynomial: of sinc, which
  /// does so to x^18 for the sake of its slope, the ones behind are 0 and not 1e-20.
  std::vector<double> coefficients;
  /// Of convergence; infinite for entire functions. Estimated from how the first 320 coefficients grow: within 0.2 %
  /// for the catalogue, but for serf, whose singularity is none of the usual kinds: 1 %. An entire function of an order
  /// above 16, as exp(x^20), gets a finite one.
  double radius;
  /// The distance to the nearest place, up to 100, where the function goes over into another one, as hardtanh does at 1;
  /// infinite where there is none.
  double reach;
};

/// The series of an activation, with its parameters as they are. Its coefficients come from the activation's expression by
/// arithmetic on power series (math/series.h), exact to rounding.
///   throws  ValueError for a fold, a degree outside 0 … 100, and a function that is no power series at 0: when it or one
///           of its derivatives jumps there, or is infinite. The text names the derivative
TaylorSeries taylor_series(const Activation& f, int64_t degree);

/// The polynomial as an activation, which goes wherever activations go: c₀ + c₁ x + … + c_degree x^degree by Horner's rule,
/// in x² where the function is odd or even; in x / interval where f32 cannot hold the coefficients. Beyond the interval the
/// polynomial goes on. Its text is "taylor(f, degree, interval)".
///   throws  as taylor_series; ValueError unless 0 < interval < radius and interval ≤ reach
Activation taylor_activation(const Activation& f, int64_t degree, double interval);
/// The same of a series that is known already.
Activation taylor_activation(const Activation& f, const TaylorSeries& series, double interval);

/// The largest |f(x) − polynomial(x)| on [-interval, interval], computed in f64: on a grid of 4,001 places, then around the
/// largest of them more closely. Places where f is NaN, as sin(x) / x is at 0, are left out; where the polynomial alone is
/// NaN the error is infinite.
///   throws  ValueError for a fold and unless the interval is positive and finite
double taylor_error(const Activation& f, const std::vector<double>& coefficients, double interval);

}  // namespace cairn
