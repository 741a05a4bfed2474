#include "cairn/nn/dropout.h"

#include <nlohmann/json.hpp>

#include "cairn/nn/registry.h"

namespace cairn::nn {

static double probability(const char* layer, double p) {
  require<ValueError>(p >= 0 && p <= 1, layer, "the probability must be from 0 to 1", given("p", p));
  return p;
}

Dropout::Dropout(double p) : p_(probability("Dropout", p)) {}

Tensor Dropout::forward(const Tensor& x) { return dropout(x, p_, training()); }

Json Dropout::options() const { return {{"p", p_}}; }

Dropout Dropout::from_options(const Json& options) {
  return Dropout(OptionReader("Dropout", options, {"p"}).number("p"));
}

Dropout2d::Dropout2d(double p) : p_(probability("Dropout2d", p)) {}

Tensor Dropout2d::forward(const Tensor& x) { return dropout2d(x, p_, training()); }

Json Dropout2d::options() const { return {{"p", p_}}; }

Dropout2d Dropout2d::from_options(const Json& options) {
  return Dropout2d(OptionReader("Dropout2d", options, {"p"}).number("p"));
}

StochasticDepth::StochasticDepth(double p, Drop mode) : p_(probability("StochasticDepth", p)), mode_(mode) {}

Tensor StochasticDepth::forward(const Tensor& x) { return stochastic_depth(x, p_, mode_, training()); }

Json StochasticDepth::options() const { return {{"p", p_}, {"mode", mode_ == Drop::row ? "row" : "batch"}}; }

StochasticDepth StochasticDepth::from_options(const Json& options) {
  const OptionReader o("StochasticDepth", options, {"p", "mode"});
  const std::string mode = o.text("mode", "row");
  require<ValueError>(mode == "row" || mode == "batch", "StochasticDepth", "the mode must be row or batch",
                      given("mode", mode));
  return StochasticDepth(o.number("p"), mode == "row" ? Drop::row : Drop::batch);
}

}  // namespace cairn::nn
