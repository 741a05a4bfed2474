#pragma once
// What a model does to an input of a given size, layer by layer.

#include <string>
#include <vector>

#include "cairn/nn/module.h"

namespace cairn::nn {

/// What a layer without children, or a whole model, costs for one forward pass.
struct LayerCost {
  std::string name, type;     ///< dotted path; "Linear", "Activation(gelu)"
  Shape output;               ///< of the last operation in it; where it has none, as Identity, that of the layer before
  int64_t parameters = 0;     ///< of its own, tied ones counted where they first stand
  int64_t multiply_adds = 0;  ///< of products and convolutions
  int64_t bytes = 0;          ///< results of all its operations together: what training keeps, roughly
};

/// Runs the model once on zeros of that size (batch included) in evaluation mode without recording, and puts its mode back.
///   returns  a cost for each layer without children, in the order of declaration, and at the end the whole, named ""
///   throws   what the model throws for such an input
std::vector<LayerCost> costs(Layer& model, const Shape& input);

/// The same as a table, with the memory of parameters and results below it.
std::string summary(Layer& model, const Shape& input);

/// A number as tables show it: 535818 is "535,818".
std::string with_commas(int64_t n);

}  // namespace cairn::nn
