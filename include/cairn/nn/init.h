#pragma once
// Initial values of weights. All of these fill a tensor in place, without recording, and return it. (uniform_ and
// normal_ stand in tensor/random.h.)

#include <string_view>

#include "cairn/base/random.h"
#include "cairn/tensor/tensor.h"

namespace cairn::nn::init {

/// Numbers that feed one output, and outputs that one number feeds.
struct Fans {
  int64_t in, out;
};
/// Of a weight (out, in) or (out, in, k…): the receptive field counts.
///   throws  ShapeError below two dimensions
Fans fans(const Tensor& weight);

enum class FanMode { in, out };

/// The factor by which a layer in front of that activation shall stretch its weights, so that the size of signals is
/// kept: 1 for linear and sigmoid, 5/3 for tanh, √2 for relu, √(2 / (1 + slope²)) for leaky_relu, 3/4 for selu.
///   throws  NameError for a name without a gain
/// Source: PyTorch, torch.nn.init.calculate_gain.
double calculate_gain(std::string_view nonlinearity, double slope = 0.01);

struct KaimingOptions {
  double a = 0;  ///< slope of a leaky_relu behind the layer; 0 is relu
  FanMode mode = FanMode::in;
  std::string_view nonlinearity = "leaky_relu";
};

/// Uniform in ±√3·gain/√fan, normal with deviation gain/√fan. Source: He et al. 2015, "Delving deep into rectifiers".
///   throws  ShapeError below two dimensions, DtypeError unless f32 or f64
Tensor& kaiming_uniform_(Tensor& weight, KaimingOptions options = {}, Generator& generator = default_generator());
Tensor& kaiming_normal_(Tensor& weight, KaimingOptions options = {}, Generator& generator = default_generator());

/// Uniform in ±gain·√(6/(in + out)), normal with deviation gain·√(2/(in + out)). Source: Glorot & Bengio 2010.
///   throws  as kaiming_uniform_
Tensor& xavier_uniform_(Tensor& weight, double gain = 1, Generator& generator = default_generator());
Tensor& xavier_normal_(Tensor& weight, double gain = 1, Generator& generator = default_generator());

}  // namespace cairn::nn::init
