#pragma once
// Models made faster for evaluation.

#include <memory>

#include "cairn/nn/module.h"

namespace cairn::nn {

/// A copy of a model in which every BatchNorm2d that directly follows a Conv2d, in a Sequential, a Residual, a BasicBlock or a
/// Bottleneck at any depth, is folded into the weights and the bias of that convolution, with an Identity in its place:
///   w' = w · γ/√(σ² + ε),  b' = (b − μ) · γ/√(σ² + ε) + β
/// Its outputs are those of the model in evaluation mode but for rounding, and that is its mode. It can be saved and loaded
/// like any other. A norm without running statistics stays.
///   throws  as nn::describe for a layer that is not registered
std::unique_ptr<Layer> fuse(const Layer& model);

}  // namespace cairn::nn
