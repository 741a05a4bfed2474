#include "cairn/nn/init.h"

#include <cmath>
#include <string>

#include "cairn/graph/node.h"
#include "cairn/tensor/random.h"

namespace cairn::nn::init {

Fans fans(const Tensor& weight) {
  require(weight.dim() >= 2, "fans", "a weight needs at least two dimensions (out, in)", given("weight", weight));
  int64_t field = 1;
  for (int d = 2; d < weight.dim(); ++d) field *= weight.shape()[d];
  return {weight.shape()[1] * field, weight.shape()[0] * field};
}

double calculate_gain(std::string_view nonlinearity, double slope) {
  if (nonlinearity == "linear" || nonlinearity == "identity" || nonlinearity == "sigmoid") return 1;
  if (nonlinearity == "tanh") return 5.0 / 3;
  if (nonlinearity == "relu") return std::sqrt(2.0);
  if (nonlinearity == "leaky_relu") return std::sqrt(2 / (1 + slope * slope));
  if (nonlinearity == "selu") return 0.75;
  fail_unknown("calculate_gain", nonlinearity, {"linear", "identity", "sigmoid", "tanh", "relu", "leaky_relu", "selu"});
}

static double kaiming_deviation(const Tensor& weight, const KaimingOptions& options) {
  const Fans f = fans(weight);
  const int64_t fan = options.mode == FanMode::in ? f.in : f.out;
  return calculate_gain(options.nonlinearity, options.a) / std::sqrt(static_cast<double>(fan));
}

static double xavier_deviation(const Tensor& weight, double gain) {
  const Fans f = fans(weight);
  return gain * std::sqrt(2 / static_cast<double>(f.in + f.out));
}

static Tensor& uniform_of(Tensor& weight, double deviation, Generator& generator) {
  const NoGrad no_grad;
  const double bound = std::sqrt(3.0) * deviation;
  if (weight.numel() == 0) return weight;  // fans of 0 have no deviation
  return uniform_(weight, -bound, bound, generator);
}

static Tensor& normal_of(Tensor& weight, double deviation, Generator& generator) {
  const NoGrad no_grad;
  if (weight.numel() == 0) return weight;
  return normal_(weight, 0, deviation, generator);
}

Tensor& kaiming_uniform_(Tensor& weight, KaimingOptions options, Generator& generator) {
  return uniform_of(weight, kaiming_deviation(weight, options), generator);
}
Tensor& kaiming_normal_(Tensor& weight, KaimingOptions options, Generator& generator) {
  return normal_of(weight, kaiming_deviation(weight, options), generator);
}
Tensor& xavier_uniform_(Tensor& weight, double gain, Generator& generator) {
  return uniform_of(weight, xavier_deviation(weight, gain), generator);
}
Tensor& xavier_normal_(Tensor& weight, double gain, Generator& generator) {
  return normal_of(weight, xavier_deviation(weight, gain), generator);
}

}  // namespace cairn::nn::init
