#include "cairn/nn/init.h"

#include <Eigen/QR>
#include <algorithm>
#include <cmath>
#include <numbers>
#include <string>
#include <vector>

#include "cairn/activation/activation.h"
#include "cairn/graph/node.h"
#include "cairn/tensor/create.h"
#include "cairn/tensor/random.h"

namespace cairn::nn::init {

Fans fans(const Tensor& weight) {
  require(weight.dim() >= 2, "fans", "a weight needs at least two dimensions (out, in)", given("weight", weight));
  int64_t field = 1;
  for (int d = 2; d < weight.dim(); ++d) field *= weight.shape()[d];
  return {weight.shape()[1] * field, weight.shape()[0] * field};
}

// ---- gains -------------------------------------------------------------------------------------------------------------

// E[f(z)²] for a standard normal z: Simpson's rule between the kinks of f, where it is smooth, and out to ±12, beyond
// which a normal number has no weight that a double can show.
static double mean_square(const cairn::Activation& f) {
  const NoGrad no_grad;
  constexpr double end = 12;
  constexpr int64_t panels = 4000;              // even
  std::vector<double> bounds = {-end, 0, end};  // many formulas change there without a kink
  for (const double kink : f.kinks())
    if (std::abs(kink) < end && kink != 0) bounds.push_back(kink);
  std::sort(bounds.begin(), bounds.end());
  double total = 0;
  for (size_t i = 0; i + 1 < bounds.size(); ++i) {
    const double width = (bounds[i + 1] - bounds[i]) / panels;
    const auto z = linspace(bounds[i], bounds[i + 1], panels + 1, f64);
    const auto at = z.to_vector<double>(), y = f(z).to_vector<double>();
    double sum = 0;
    for (size_t k = 0; k <= panels; ++k) {
      const double weight = k == 0 || k == panels ? 1 : k % 2 == 1 ? 4 : 2;
      sum += weight * y[k] * y[k] * std::exp(-0.5 * at[k] * at[k]);
    }
    total += sum * width / 3;
  }
  return total / std::sqrt(2 * std::numbers::pi);
}

double calculate_gain(std::string_view nonlinearity, double slope) {
  if (nonlinearity == "linear") return 1;
  const cairn::Activation f = activation(nonlinearity);
  const std::string& name = f.info().name;
  if (name == "identity" || name == "sigmoid") return 1;
  if (name == "tanh") return 5.0 / 3;
  if (name == "relu") return std::sqrt(2.0);
  if (name == "selu") return 0.75;
  if (name == "leaky_relu") {
    const double s = nonlinearity.find('(') == nonlinearity.npos ? slope : f.parameters()[0];
    return std::sqrt(2 / (1 + s * s));
  }
  const double square = mean_square(f);
  require<ValueError>(std::isfinite(square) && square > 0, "calculate_gain",
                      "the function has no finite mean square above 0", given("nonlinearity", f.text()),
                      given("mean square", square));
  return 1 / std::sqrt(square);
}

// ---- random values of a given deviation ----------------------------------------------------------------------------------

static double kaiming_deviation(const Tensor& weight, const KaimingOptions& options) {
  const Fans f = fans(weight);
  const int64_t fan = options.mode == FanMode::in ? f.in : f.out;
  return calculate_gain(options.nonlinearity, options.a) / std::sqrt(static_cast<double>(fan));
}

static double xavier_deviation(const Tensor& weight, double gain) {
  const Fans f = fans(weight);
  return gain * std::sqrt(2 / static_cast<double>(f.in + f.out));
}

static double lecun_deviation(const Tensor& weight) { return std::sqrt(1 / static_cast<double>(fans(weight).in)); }

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
Tensor& lecun_uniform_(Tensor& weight, Generator& generator) {
  return uniform_of(weight, lecun_deviation(weight), generator);
}
Tensor& lecun_normal_(Tensor& weight, Generator& generator) {
  return normal_of(weight, lecun_deviation(weight), generator);
}

// ---- orthogonal matrices and cut-off tails -------------------------------------------------------------------------------

Tensor& orthogonal_(Tensor& weight, double gain, Generator& generator) {
  fans(weight);  // at least two dimensions
  require<DtypeError>(is_float(weight.dtype()), "orthogonal_", "needs f32 or f64", given("weight", weight));
  if (weight.numel() == 0) return weight;
  const NoGrad no_grad;
  const int64_t out = weight.size(0), in = weight.numel() / out, rows = std::max(out, in), columns = std::min(out, in);
  using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  const Tensor normal = randn({rows, columns}, f64, generator);
  const Eigen::HouseholderQR<Matrix> qr(Eigen::Map<const Matrix>(normal.pointer<double>(), rows, columns));
  // A factorisation is free to choose the signs; those of the diagonal of R make each matrix equally likely.
  const Eigen::VectorXd signs = qr.matrixQR().diagonal().unaryExpr([](double r) { return r < 0 ? -1.0 : 1.0; });
  const Matrix q = qr.householderQ() * Matrix::Identity(rows, columns) * signs.asDiagonal() * gain;
  const Tensor values = empty({out, in}, f64);
  Eigen::Map<Matrix> y(values.pointer<double>(), out, in);
  if (out >= in)
    y = q;
  else
    y = q.transpose();
  return weight.copy_(values.reshape(weight.shape()).to(weight.dtype()));
}

// The chance that a standard normal number is below z.
static double below(double z) { return 0.5 * std::erfc(-z * std::numbers::sqrt2 / 2); }

// The z ≤ 0 below which a standard normal number falls with probability p ≤ ½. Newton's method from 0: to the left of
// it the distribution function is convex, so every step stays to the right of the solution.
static double lower_quantile(double p) {
  double z = 0;
  for (int step = 0; step < 100; ++step) {
    const double density = std::exp(-0.5 * z * z) / std::sqrt(2 * std::numbers::pi),
                 next = z - (below(z) - p) / density;
    if (!(next < z)) break;
    z = next;
  }
  return z;
}

Tensor& trunc_normal_(Tensor& weight, TruncatedOptions options, Generator& generator) {
  const auto [mean, std, a, b] = options;
  require<ValueError>(
      std > 0 && a < b && std::isfinite(mean) && std::isfinite(std) && std::isfinite(a) && std::isfinite(b),
      "trunc_normal_", "needs finite numbers, std above 0 and a below b", given("mean", mean), given("std", std),
      given("a", a), given("b", b));
  // On the side where probabilities are small and have all their digits.
  const bool mirrored = a + b > 2 * mean;
  const double sign = mirrored ? -1 : 1, low = sign * ((mirrored ? b : a) - mean) / std,
               high = sign * ((mirrored ? a : b) - mean) / std;
  const double from = below(low), width = below(high) - from;
  require<ValueError>(width > 0, "trunc_normal_", "the normal distribution does not reach the bounds",
                      given("mean", mean), given("std", std), given("a", a), given("b", b));
  const NoGrad no_grad;
  visit_float("trunc_normal_", weight.dtype(), []<class>() {});
  const Tensor values = rand(weight.shape(), f64, generator);
  double* v = values.pointer<double>();
  for (int64_t i = 0; i < values.numel(); ++i) {
    const double p = from + width * v[i];
    const double z = p <= 0.5 ? lower_quantile(p) : -lower_quantile(1 - p);
    v[i] = std::clamp(mean + std * sign * z, a, b);
  }
  return weight.copy_(values.to(weight.dtype()));
}

// ---- fixed values --------------------------------------------------------------------------------------------------------

Tensor& constant_(Tensor& weight, double value) {
  const NoGrad no_grad;
  return weight.fill_(value);
}
Tensor& zeros_(Tensor& weight) { return constant_(weight, 0); }
Tensor& ones_(Tensor& weight) { return constant_(weight, 1); }

Tensor& eye_(Tensor& weight) {
  require(weight.dim() == 2, "eye_", "needs a matrix", given("weight", weight));
  const NoGrad no_grad;
  return weight.copy_(eye(weight.size(0), weight.size(1), weight.dtype()));
}

}  // namespace cairn::nn::init
