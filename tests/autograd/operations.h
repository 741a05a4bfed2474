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

/// The part of it that holds what layers of images are made of (operations_layers.cpp).
std::vector<Case> image_layers();
/// And what transformers are made of (operations_attention.cpp).
std::vector<Case> attention();

/// Distinct values in random order, from low to high, none within a hundredth of another or of zero.
Tensor spread(const Shape& shape, double low = -2, double high = 2);

/// How the elements of an input lie in memory; channels_last moves dimension 1 to the end of memory.
enum class Layout { contiguous, transposed, sliced, channels_last, expanded };
inline constexpr Layout layouts[] = {Layout::contiguous, Layout::transposed, Layout::sliced, Layout::channels_last,
                                     Layout::expanded};
const char* name_of(Layout layout);

/// The same values in another layout; but for `expanded`, where the first slice stands for all along dimension 0.
/// Inputs that are not f64 are laid out too, but never expanded.
Tensor laid_out(const Tensor& x, Layout layout);
Inputs laid_out(const Inputs& inputs, Layout layout);

/// The f64 inputs as leaves that require gradients, the others as they are.
Inputs leaves(const Inputs& inputs);

}  // namespace cairn::cases
