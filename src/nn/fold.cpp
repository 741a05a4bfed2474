#include "cairn/nn/fold.h"

#include <nlohmann/json.hpp>

#include "cairn/nn/registry.h"

namespace cairn::nn {

Json detail::HasDim::options() const { return {{"dim", dim}}; }

void detail::HasDim::read(const Json& options) { dim = OptionReader(type_name(), options, {"dim"}).integer("dim"); }

Maxout::Maxout(int64_t pieces, int64_t dim) : pieces(pieces), dim(dim) {
  require<ValueError>(pieces >= 1, "Maxout", "needs at least one piece", given("pieces", pieces));
}

Json Maxout::options() const { return {{"pieces", pieces}, {"dim", dim}}; }

Maxout Maxout::from_options(const Json& options) {
  const OptionReader o("Maxout", options, {"pieces", "dim"});
  return Maxout(o.integer("pieces"), o.integer("dim"));
}

}  // namespace cairn::nn
