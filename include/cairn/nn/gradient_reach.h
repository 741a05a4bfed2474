#pragma once
// Which parameters a gradient does not reach, and where it ended:
//
//   std::cout << nn::gradient_reach(model, [&] { return cross_entropy(model(x), y); });
//
//   gradient reach: 2 of 6 parameters have no gradient, or one of zeros alone
//     head.weight    none   argmax in head: its result has no gradient
//     hidden.weight  zero   relu in activation: what it passes back is all 0

#include <cstdint>
#include <functional>
#include <ostream>
#include <string>
#include <vector>

#include "cairn/nn/module.h"

namespace cairn::nn {

/// What a backward brings a parameter.
struct ParameterReach {
  enum Gradient {
    some,  ///< an element that is not 0
    zero,  ///< a gradient whose elements are all exactly 0
    none,  ///< no gradient at all
  };
  std::string name;  ///< dotted; of tied ones the first
  Gradient gradient = some;
  std::string ended;  ///< of zero and none: at which operation, in which layer, and why
};

struct GradientReach {
  std::vector<ParameterReach> parameters;  ///< all of the model, in the order of declaration
  /// Whether every one has a gradient that is not all 0.
  bool ok() const;
};

/// The parameters without a gradient or with an all-zero one, a line each.
std::ostream& operator<<(std::ostream& out, const GradientReach& reach);

/// Runs `forward`, which gives a loss, watches every operation of it, and follows the gradients back. The model runs in
/// the mode it is in; afterwards its mode, buffers, grad() of its parameters, and default_generator() are as they were.
///
/// Where it ended is, for `zero`, each operation whose result has a gradient that is not 0 while its input on the way
/// to the parameter has none or all 0 (a dead relu, a where that takes the other side, a weight that is 0); for `none`,
/// an operation run under NoGrad, one whose result has no gradient (argmax, a comparison), a detach(), or the last
/// operation that used the parameter where the loss depends on none of them. Not seen is what leaves the tensors:
/// item() and data().
///   throws  ShapeError when the loss has more than one element; what forward throws
GradientReach gradient_reach(Module& model, const std::function<Tensor()>& forward);

/// The same for a loss that has been computed already, before its backward (or after one with retain_graph). Its graph
/// knows nothing of layers, nor of what did not get into it: `ended` then names the operation alone, or only says that
/// the parameter is not in the graph.
///   throws  ShapeError as above, GraphError when the graph was freed
GradientReach gradient_reach(Module& model, const Tensor& loss);

/// What a first backward tells of all parameters, at the cost of a look at grad(): for each that requires a gradient and
/// has none, or one that is all 0, "head.weight has no gradient" or "hidden.bias has a gradient of zeros alone". Zeros may
/// be meant, such as behind a weight that begins at 0; gradient_reach(model, forward) tells where a gradient ended.
std::vector<std::string> gradient_warnings(const Module& model);

}  // namespace cairn::nn
