#include "cairn/nn/radial.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "cairn/nn/registry.h"
#include "cairn/ops/arithmetic.h"
#include "cairn/ops/compare.h"
#include "cairn/ops/distance.h"
#include "cairn/ops/elementwise.h"
#include "cairn/ops/reduce.h"
#include "cairn/ops/sort.h"
#include "cairn/tensor/create.h"
#include "cairn/tensor/random.h"

namespace cairn::nn {

static bool positive(double x) { return x > 0 && std::isfinite(x); }

static Tensor first_centres(int64_t in, int64_t out, const RadialBasisOptions& o) {
  require<ValueError>(in >= 1 && out >= 1, "RadialBasis", "sizes must be at least 1", given("in", in),
                      given("out", out));
  require<ValueError>(positive(o.width), "RadialBasis", "width must be positive", given("width", o.width));
  require<ValueError>(o.lr_scale >= 0 && std::isfinite(o.lr_scale), "RadialBasis", "lr_scale must not be negative",
                      given("lr_scale", o.lr_scale));
  require<DtypeError>(is_float(o.dtype), "RadialBasis", "needs f32 or f64", given("dtype", o.dtype));
  return randn({out, in}, o.dtype);
}

RadialBasis::RadialBasis(int64_t in, int64_t out, std::string_view function, const RadialBasisOptions& o)
    : in(in),
      out(out),
      function(radial_function(function)),
      settings(o),
      centres(o.learn_centres
                  ? parameter("centres", first_centres(in, out, o), {.decay = false, .lr_scale = o.lr_scale})
                  : buffer("centres", first_centres(in, out, o))),
      log_width(o.learn_widths ? parameter("log_width", full({out}, std::log(o.width), o.dtype),
                                           {.decay = false, .lr_scale = o.lr_scale})
                               : buffer("log_width", full({out}, std::log(o.width), o.dtype))) {}

Tensor RadialBasis::forward(const Tensor& x) {
  require(x.dim() > 0 && x.size(-1) == in, "RadialBasis", "the last size of x must be `in`", given("x", x),
          given("in", in));
  return function(squared_distances(x, centres, widths()));
}

Tensor RadialBasis::widths() const { return exp(log_width); }

KMeans RadialBasis::initialise_from(const Tensor& data, const RadialInitOptions& o, Generator& generator) {
  require(data.dim() == 2 && data.size(1) == in, "RadialBasis", "data must be (n, in)", given("data", data),
          given("in", in));
  require<ValueError>(o.neighbours >= 1, "RadialBasis", "needs at least one neighbour",
                      given("neighbours", o.neighbours));
  require<ValueError>(positive(o.overlap), "RadialBasis", "overlap must be positive", given("overlap", o.overlap));
  const NoGrad off;
  KMeans found = kmeans(data, out, {.iterations = o.iterations}, generator);
  const Tensor c = found.centres.to(f64);
  Tensor width;
  if (out == 1) {
    width = full({1}, std::sqrt(found.inertia / static_cast<double>(data.size(0))), f64);
  } else {
    // The nearest of all is the centre itself.
    const int64_t others = std::min(o.neighbours, out - 1);
    width = mean(sqrt(topk(squared_distances(c, c), others + 1, 1, false).values.narrow(1, 1, others)), {1});
  }
  const Tensor apart = width > 0.0;
  const double count = sum(apart).item<double>();
  const double usual = count > 0 ? sum(width).item<double>() / count : settings.width / o.overlap;
  log_width.copy_(log(where(apart, width, usual) * o.overlap).to(log_width.dtype()));
  centres.copy_(c.to(centres.dtype()));
  return found;
}

Json RadialBasis::options() const {
  Json json = {{"in", in}, {"out", out}, {"function", function.text()}};
  if (!settings.learn_centres) json["learn_centres"] = false;
  if (!settings.learn_widths) json["learn_widths"] = false;
  if (settings.width != 1) json["width"] = settings.width;
  if (settings.lr_scale != 1) json["lr_scale"] = settings.lr_scale;
  return json;
}

RadialBasis RadialBasis::from_options(const Json& options) {
  const OptionReader o("RadialBasis", options,
                       {"in", "out", "function", "learn_centres", "learn_widths", "width", "lr_scale"});
  return RadialBasis(o.integer("in"), o.integer("out"), o.text("function", "gaussian"),
                     {.learn_centres = o.boolean("learn_centres", true),
                      .learn_widths = o.boolean("learn_widths", true),
                      .width = o.number("width", 1),
                      .lr_scale = o.number("lr_scale", 1)});
}

}  // namespace cairn::nn
