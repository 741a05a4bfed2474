#pragma once
// Every differentiable operation, as something that can be called: the tests that must leave none out walk this table.

#include <functional>
#include <string>
#include <vector>

#include "cairn/tensor/tensor.h"

namespace cairn::cases {

using Inputs = std::vector<Tensor>;

struct Case {
  std::string name;
  std::function<Tensor(const Inputs&)> f;
  /// Row-major, f64 where differentiable: none requires a gradient yet. No element lies within 0.01 of a kink or a tie.
  Inputs inputs;
};

/// The table.
const std::vector<Case>& all();

/// How the elements of an input lie in memory.
enum class Layout { contiguous, transposed, sliced, expanded };
inline constexpr Layout layouts[] = {Layout::contiguous, Layout::transposed, Layout::sliced, Layout::expanded};
const char* name_of(Layout layout);

/// The same values in another layout; but for `expanded`, where the first slice stands for all along dimension 0.
/// Inputs that are not f64 are laid out too, but never expanded.
Tensor laid_out(const Tensor& x, Layout layout);
Inputs laid_out(const Inputs& inputs, Layout layout);

/// The f64 inputs as leaves that require gradients, the others as they are.
Inputs leaves(const Inputs& inputs);

}  // namespace cairn::cases
