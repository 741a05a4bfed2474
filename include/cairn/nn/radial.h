#pragma once
// A layer of radial basis functions.

#include <string_view>

#include "cairn/activation/radial.h"
#include "cairn/base/random.h"
#include "cairn/nn/module.h"
#include "cairn/ops/kmeans.h"

namespace cairn::nn {

struct RadialBasisOptions {
  bool learn_centres = true;  ///< else they are buffers: part of the state, but not trained; as the widths
  bool learn_widths = true;
  double width = 1;     ///< of every centre at first
  double lr_scale = 1;  ///< factor on the learning rate of centres and widths, which weight decay never touches
  Dtype dtype = f32;
};

struct RadialInitOptions {
  int64_t neighbours = 2;    ///< nearest other centres that a width is the mean distance to
  double overlap = 1;        ///< factor on the widths
  int64_t iterations = 100;  ///< of k-means
};

/// y_j = φ(‖x − c_j‖ / σ_j) with a radial function φ, as "gaussian", "polyharmonic(3)" (activation/radial.h). Before a
/// Linear layer it makes a radial basis function network (Broomhead & Lowe 1988; Moody & Darken 1989).
///   shape   x (…, in) → (…, out); centres c (out, in), log_width (out), whose exponentials are the widths σ: they stay
///           positive whatever a step of an optimiser does
///   init    centres standard normal from the default generator, widths as the options say; see initialise_from
///   throws  ValueError for sizes below 1 and unless the width is positive; NameError for an unknown function;
///           ShapeError when the last size of x is not `in`
///   grad    any order; at a centre as RadialFunction has it
class RadialBasis : public Layer {
 public:
  int64_t in, out;
  RadialFunction function;
  RadialBasisOptions settings;
  Tensor& centres;
  Tensor& log_width;

  RadialBasis(int64_t in, int64_t out, std::string_view function = "gaussian", const RadialBasisOptions& options = {});
  Tensor forward(const Tensor& x) override;
  Tensor widths() const;

  /// Puts the centres where the data are, by k-means, and sets each width to the mean distance to the nearest other
  /// centres (Moody & Darken 1989). Where these coincide with the centre it gets the mean of the other widths; a single
  /// centre gets the root mean square distance of the data.
  ///   shape   data (n, in), n ≥ out
  ///   throws  as kmeans; ShapeError for other sizes; ValueError unless neighbours ≥ 1 and overlap is positive. Nothing
  ///           is changed then
  KMeans initialise_from(const Tensor& data, const RadialInitOptions& options = {},
                         Generator& generator = default_generator());

  Json options() const override;
  static RadialBasis from_options(const Json& options);
};

}  // namespace cairn::nn
