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

/// The factor by which a layer in front of an activation stretches its weights, so that the size of signals is kept.
///   nonlinearity  any activation of the catalogue, with its parameters: "gelu", "leaky_relu(0.2)"; or "linear"
///   slope         of a "leaky_relu" without parameters
/// Where PyTorch publishes a value, it is that one: 1 for linear and sigmoid, 5/3 for tanh, √2 for relu,
/// √(2 / (1 + slope²)) for leaky_relu, 3/4 for selu (which lets self-normalising networks settle). For every other
/// activation f it is 1/√E[f(z)²], z standard normal: the choice that keeps the mean square from layer to layer, of
/// which the values for linear, relu and leaky_relu are instances.
///   throws  NameError for an unknown name, ValueError for a function without such a mean
/// Sources: PyTorch, torch.nn.init.calculate_gain; He et al. 2015, arXiv:1502.01852, equations 5 to 10.
double calculate_gain(std::string_view nonlinearity, double slope = 0.01);

struct KaimingOptions {
  double a = 0;  ///< slope of a "leaky_relu" behind the layer; 0 is relu
  FanMode mode = FanMode::in;
  std::string_view nonlinearity = "leaky_relu";  ///< as calculate_gain takes it
};

/// Uniform in ±√3·gain/√fan, normal with deviation gain/√fan.
///   throws  ShapeError below two dimensions, DtypeError unless f32 or f64, as calculate_gain
/// Source: He et al. 2015, "Delving deep into rectifiers".
Tensor& kaiming_uniform_(Tensor& weight, KaimingOptions options = {}, Generator& generator = default_generator());
Tensor& kaiming_normal_(Tensor& weight, KaimingOptions options = {}, Generator& generator = default_generator());

/// Uniform in ±gain·√(6/(in + out)), normal with deviation gain·√(2/(in + out)). Source: Glorot & Bengio 2010.
///   throws  ShapeError below two dimensions, DtypeError unless f32 or f64
Tensor& xavier_uniform_(Tensor& weight, double gain = 1, Generator& generator = default_generator());
Tensor& xavier_normal_(Tensor& weight, double gain = 1, Generator& generator = default_generator());

/// Uniform in ±√(3/in), normal with deviation √(1/in): what selu wants. Sources: LeCun et al. 1998, "Efficient
/// BackProp"; Klambauer et al. 2017.
///   throws  as xavier_uniform_
Tensor& lecun_uniform_(Tensor& weight, Generator& generator = default_generator());
Tensor& lecun_normal_(Tensor& weight, Generator& generator = default_generator());

/// gain times a matrix with orthonormal columns, or rows where there are fewer of these; every such matrix is equally
/// likely. All dimensions but the first count as one. Computed in f64.
///   throws  as xavier_uniform_
/// Sources: Saxe et al. 2013, arXiv:1312.6120; Mezzadri 2007, arXiv:math-ph/0609050 (the signs).
Tensor& orthogonal_(Tensor& weight, double gain = 1, Generator& generator = default_generator());

struct TruncatedOptions {
  double mean = 0, std = 1;
  double a = -2, b = 2;  ///< bounds of the values, whatever mean and std are
};

/// Normal, on condition that the value lies in [a, b].
///   throws  ValueError unless std > 0, a < b, all are finite and the normal distribution reaches into [a, b];
///           DtypeError unless f32 or f64
Tensor& trunc_normal_(Tensor& weight, TruncatedOptions options = {}, Generator& generator = default_generator());

/// The same value everywhere.
Tensor& constant_(Tensor& weight, double value);
Tensor& zeros_(Tensor& weight);
Tensor& ones_(Tensor& weight);
/// Ones on the diagonal of a matrix, zeros elsewhere.
///   throws  ShapeError unless there are two dimensions
Tensor& eye_(Tensor& weight);

}  // namespace cairn::nn::init
