#include "cairn/nn/activation.h"

#include <Eigen/Cholesky>
#include <cmath>
#include <nlohmann/json.hpp>

#include "cairn/math/program.h"
#include "cairn/nn/registry.h"
#include "cairn/tensor/create.h"
#include "cairn/tensor/random.h"

namespace cairn::nn {

Activation::Activation(cairn::Activation function, ActivationOptions options)
    : function_(std::move(function)), channels_(options.channels) {
  const ActivationInfo& info = function_.info();
  require<ValueError>(channels_ >= 1, "Activation", "channels must be at least 1", given("channels", channels_));
  require<ValueError>(channels_ == 1 || info.learnable, "Activation", "it has no parameter to learn for each channel",
                      given("function", function_.text()), given("channels", channels_));
  if (!info.learnable) return;
  for (size_t i = 0; i < info.parameters.size(); ++i)
    learned_.push_back(&parameter(info.parameters[i].name, full({channels_}, function_.parameters()[i]),
                                  {.decay = false, .lr_scale = info.lr_scale}));
}

Tensor Activation::forward(const Tensor& x) {
  if (learned_.empty()) return function_(x);
  std::vector<Tensor> parameters;
  for (const Tensor* p : learned_) parameters.push_back(*p);
  return function_(x, parameters);
}

Json Activation::options() const {
  Json options = {{"function", function_.text()}};
  if (channels_ != 1) options["channels"] = channels_;
  return options;
}

Activation Activation::from_options(const Json& options) {
  const OptionReader read("Activation", options, {"function", "channels"});
  return Activation(read.text("function"), {.channels = read.integer("channels", 1)});
}

Activation PReLU(int64_t num_parameters, double init) {
  return Activation(cairn::Activation(activation("prelu").info(), {init}), {.channels = num_parameters});
}

// ---- rational functions ----------------------------------------------------------------------------------------------

namespace {

// What the fit moves: a0 … a5, and p, q, r of the denominator 1 + (p x + q x²)² + r² x² + least x⁴. It has
// no kink to begin with, and the function grows no faster than x.
constexpr double least = 1e-4;
using Coefficients = Eigen::VectorXd;  // of 9: with fixed sizes Eigen unrolls its loops, which takes long to compile

double power(double x, int k) { return k == 0 ? 1 : x * power(x, k - 1); }

// The function, and its derivative with respect to every coefficient.
double rational_value(const Coefficients& c, double x, Coefficients* slopes) {
  double above = 0;
  for (int k = 0; k < 6; ++k) above += c[k] * power(x, k);
  const double root = c[6] * x + c[7] * x * x, below = 1 + square(root) + square(c[8] * x) + least * power(x, 4),
               y = above / below;
  if (slopes) {
    for (int k = 0; k < 6; ++k) (*slopes)[k] = power(x, k) / below;
    (*slopes)[6] = -y / below * 2 * root * x;
    (*slopes)[7] = -y / below * 2 * root * x * x;
    (*slopes)[8] = -y / below * 2 * c[8] * x * x;
  }
  return y;
}

// Levenberg–Marquardt, from the even denominator that a linear fit finds: P − f (b2 x² + b4 x⁴) = f.
std::vector<double> fit(const std::vector<double>& x, const std::vector<double>& f) {
  Eigen::MatrixXd linear = Eigen::MatrixXd::Identity(8, 8) * 1e-12;
  Eigen::VectorXd right = Eigen::VectorXd::Zero(8), line(8);
  for (size_t i = 0; i < x.size(); ++i) {
    for (int k = 0; k < 6; ++k) line[k] = power(x[i], k);
    line[6] = -f[i] * power(x[i], 2);
    line[7] = -f[i] * power(x[i], 4);
    linear += line * line.transpose();
    right += line * f[i];
  }
  const Eigen::VectorXd first = linear.ldlt().solve(right);
  Coefficients c(9);
  c << first.head(6), 0, std::sqrt(std::max(first[7], 0.005)), std::sqrt(std::max(first[6], 0.05));

  const auto error = [&](const Coefficients& v) {
    double total = 0;
    for (size_t i = 0; i < x.size(); ++i) total += square(rational_value(v, x[i], nullptr) - f[i]);
    return total;
  };
  double damping = 1e-3, best = error(c);
  for (int step = 0; step < 1000 && damping < 1e12; ++step) {
    Eigen::MatrixXd normal = Eigen::MatrixXd::Zero(9, 9);
    Coefficients gradient = Coefficients::Zero(9), slopes(9);
    for (size_t i = 0; i < x.size(); ++i) {
      const double r = rational_value(c, x[i], &slopes) - f[i];
      normal += slopes * slopes.transpose();
      gradient += slopes * r;
    }
    normal.diagonal() *= 1 + damping;
    normal.diagonal().array() += 1e-12;
    const Coefficients next = c - normal.ldlt().solve(gradient);
    const double now = error(next);
    damping = now < best ? damping / 3 : damping * 5;
    if (now < best) {
      best = now;
      c = next;
    }
  }
  return {c[0], c[1], c[2], c[3], c[4], c[5], 0, square(c[6]) + square(c[8]), 2 * c[6] * c[7], square(c[7]) + least};
}

}  // namespace

Activation Rational(std::string_view like, double low, double high) {
  require<ValueError>(low < high && std::isfinite(high - low), "Rational", "the interval must have low < high",
                      given("low", low), given("high", high));
  const Program f({activation(like).expression()}, {"x"});
  constexpr int steps = 400;
  std::vector<double> x, y;
  for (int i = 0; i <= steps; ++i) {
    x.push_back(low + (high - low) * i / steps);
    y.push_back(f.on({x.back()})[0]);
  }
  return cairn::Activation(activation("rational").info(), fit(x, y));
}

// ---- RReLU -----------------------------------------------------------------------------------------------------------

RReLU::RReLU(double lower, double upper) : lower_(lower), upper_(upper) {
  require<ValueError>(lower >= 0 && lower <= upper && std::isfinite(upper), "RReLU", "needs 0 ≤ lower ≤ upper",
                      given("lower", lower), given("upper", upper));
}

Tensor RReLU::forward(const Tensor& x) {
  if (!training()) return rrelu(x, lower_, upper_);
  Tensor slopes = empty_like(x);
  uniform_(slopes, lower_, upper_);
  return where(x > 0.0, x, slopes * x);
}

Json RReLU::options() const { return {{"lower", lower_}, {"upper", upper_}}; }
RReLU RReLU::from_options(const Json& options) {
  const OptionReader read("RReLU", options, {"lower", "upper"});
  return RReLU(read.number("lower"), read.number("upper"));
}

}  // namespace cairn::nn
