#pragma once
// Optimisers by name, for command lines and tables.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cairn/optim/optimizer.h"

namespace cairn::optim {

/// What is left out keeps the optimiser's own default.
struct CommonOptions {
  std::optional<double> lr = {};
  std::optional<double> weight_decay = {};
  std::optional<double> momentum = {};
};

/// The names make_optimizer knows: "sgd", "adam", "adamw", …
std::vector<std::string> optimizer_names();

/// An optimiser by its name: `make_optimizer("adamw", model.parameters(), {.lr = 1e-3})`.
///   throws  NameError for an unknown name; ValueError for momentum where the optimiser takes none, and as its
///           constructor
std::unique_ptr<Optimizer> make_optimizer(const std::string& name, ParameterList parameters,
                                          CommonOptions options = {});

}  // namespace cairn::optim
