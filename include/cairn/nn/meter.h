#pragma once
// What activations do to a network, measured on any model as it stands:
//
//   std::cout << nn::measure(model, x);                                     // one batch, forward only
//   nn::Meter meter(model);                                                 // several, with gradients
//   for (const auto& [x, y] : loader.epoch(0))
//     meter.add(x, [&](const Tensor& outputs) { return cross_entropy(outputs, y); });
//   std::cout << meter.report();
//
// train::measure (train/meters.h) does the latter for a whole loader.

#include <cstdint>
#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "cairn/nn/module.h"

namespace cairn::nn {

/// What one activation of a model gave. Shares are in [0, 1]; NaN stands for what was not measured.
///
/// A unit is a feature: dimension 1 of the output (n, c, …), so that a channel of an image counts as one unit over all
/// its pixels; but the last dimension where a layer that works on that one, as Linear and LayerNorm do, made the input:
/// of tokens (n, t, d) the units are the d features, over all tokens.
struct ActivationMeter {
  std::string layer;     ///< dotted name of the layer in whose forward it ran; "" for the outermost
  std::string function;  ///< "relu"; of an nn::Activation its text, "elu(0.5)"
  int call = 1;          ///< 1, 2, … when a layer's forward calls it several times
  int64_t units = 0;
  /// Units that were off for every sample: with an output ≤ 0 where the function is ReLU-like (0 left of 0, rising
  /// right of it: relu, relu6, squared_relu), else with a slope |f′| < 1e-3. With its parameters, that is; where these
  /// are not known, because they are trained or a functional call was given them, the slope decides.
  double dead = 0;
  double saturated = 0;           ///< of the outputs, those with |f′| < 1e-3 that are not 0: where tanh is flat, say
  double sparsity = 0;            ///< of the outputs, those that are exactly 0
  double mean = 0, variance = 0;  ///< of all outputs; the variance divides by their number
  /// Norm of d(loss of a sample) / d(outputs for that sample), root mean square over the samples of the batches with a
  /// loss in which the activation ran: it does not depend on the size of the batches. 0 where no gradient arrived.
  double gradient_norm = 0;
  double gradient_zeros = 0;  ///< of the elements of that gradient, those that are exactly 0
};

/// What a model's activations gave over some samples, in the order in which they ran.
struct MeterReport {
  std::vector<ActivationMeter> activations;
  int64_t samples = 0;
  /// The first activation in the layer of that name.
  ///   throws  NameError, listing those there are
  const ActivationMeter& operator[](std::string_view layer) const;
};

/// The report as a table, with a legend of its columns below.
std::string to_string(const MeterReport& report, bool legend = true);
std::ostream& operator<<(std::ostream& out, const MeterReport& report);

/// Looks at every activation that runs in a model's forward: layers (nn::Activation) and functional calls such as
/// `gelu(hidden(x))` alike, of the catalogue (but for identity, which computes nothing), registered ones, formulas and
/// Taylor polynomials. Folds, which are no functions of one number, are not among them, nor is what is done to a
/// parameter itself. Only sums are kept, a few numbers a unit: a data set may be of any length.
///
/// The model runs in evaluation mode. Afterwards its mode, its buffers, its gradients and default_generator() are as
/// they were. Whatever the model's floats are, f32 or f64, sums are taken in f64. The model must outlive the meter.
class Meter {
 public:
  /// The loss of a model's outputs: a tensor of one element, the mean over the batch's samples.
  using Loss = std::function<Tensor(const Tensor& outputs)>;

  explicit Meter(Module& model);
  ~Meter();
  Meter(Meter&&) noexcept;

  /// A batch of samples, x (n, …); with a loss, the gradients too.
  ///   throws  ValueError when the model is no Layer; ShapeError when the loss has more than one element, or an
  ///           activation another number of units than before; what model and loss throw. Nothing is added then.
  void add(const Tensor& x, const Loss& loss = {});
  /// The same for a model with a forward of its own shape: `forward` calls it on `samples` samples and gives the
  /// outputs.
  ///   throws  ValueError for samples < 1; as above
  void add(int64_t samples, const std::function<Tensor()>& forward, const Loss& loss = {});

  /// What was seen so far.
  MeterReport report() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// What a Meter says of one batch.
MeterReport measure(Layer& model, const Tensor& x, const Meter::Loss& loss = {});

}  // namespace cairn::nn
