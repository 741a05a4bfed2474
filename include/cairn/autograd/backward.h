#pragma once
// Reverse-mode differentiation: what reads the graph. Tensor::backward() and the other autograd members of Tensor are
// defined in this stem too.

#include <vector>

#include "cairn/graph/record.h"

namespace cairn {

/// Adds to every leaf's grad() the gradient of sum over i of ⟨grad_outputs[i], outputs[i]⟩.
///   grad_outputs  of the shapes and dtypes of the outputs; may be empty (or hold undefined tensors) for outputs of one
///                 element, which are seeded with 1
///   retain_graph  keeps what was saved, so that backward can run again; always so with create_graph
///   create_graph  records the backward itself: the gradients can be differentiated in turn
///   throws        GraphError for outputs without a graph, a freed graph, a non-scalar without gradient, an input
///                 modified in place since it was recorded; ShapeError and DtypeError for a gradient that does not fit
void backward(const std::vector<Tensor>& outputs, const std::vector<Tensor>& grad_outputs = {},
              bool retain_graph = false, bool create_graph = false);

/// The same gradients with respect to `inputs` alone (leaves or not), returned instead of added to grad(). Only paths
/// that lead to an input are walked.
///   allow_unused  an input that the outputs do not depend on gives an undefined tensor instead of an error
///   throws        as backward; GraphError for an input that wants no gradient or is unused
std::vector<Tensor> grad(const std::vector<Tensor>& outputs, const std::vector<Tensor>& inputs,
                         const std::vector<Tensor>& grad_outputs = {}, bool retain_graph = false,
                         bool create_graph = false, bool allow_unused = false);

}  // namespace cairn
