#pragma once
// Layers one after the other.

#include "cairn/nn/module.h"

namespace cairn::nn {

/// Layers applied in order, named "0", "1", …, or as one likes:
///   nn::Sequential model(nn::Flatten(), nn::Linear(784, 512), nn::Activation("gelu"), nn::Linear(512, 10));
///   model.push_back("head", nn::Linear(10, 2));
class Sequential : public Layer {
 public:
  Sequential() = default;
  template <std::derived_from<Layer>... L>
  requires(!(sizeof...(L) == 1 && (std::same_as<L, Sequential> && ...)))  // that is a move
      explicit Sequential(L... layers) {
    (push_back(std::move(layers)), ...);
  }

  /// Appends a layer and returns it in its lasting place. Without a name it gets its number.
  ///   throws  NameError when the name is empty, has a dot, or is taken
  template <std::derived_from<Layer> L>
  L& push_back(const std::string& name, L layer) {
    L& kept = add(name, std::move(layer));
    layers_.push_back(&kept);
    return kept;
  }
  template <std::derived_from<Layer> L>
  L& push_back(L layer) {
    return push_back(std::to_string(layers_.size()), std::move(layer));
  }
  /// Appends a layer of which only the base type is known.
  Layer& push_back(const std::string& name, std::unique_ptr<Layer> layer) {
    layers_.push_back(&add_layer(name, std::move(layer)));
    return *layers_.back();
  }
  Layer& push_back(std::unique_ptr<Layer> layer) { return push_back(std::to_string(layers_.size()), std::move(layer)); }

  int64_t size() const { return static_cast<int64_t>(layers_.size()); }
  /// throws  IndexError
  Layer& operator[](int64_t i) const {
    require<IndexError>(i >= 0 && i < size(), "Sequential", "no such layer", given("index", i), given("size", size()));
    return *layers_[static_cast<size_t>(i)];
  }

  /// The descriptions of its layers: {"layers": [{"type": "Linear", "options": {…}}, …]}, and "names" where they are not
  /// the numbers.
  ///   throws  as nn::describe for a layer that is not registered
  Json options() const override;
  static Sequential from_options(const Json& options);

  Tensor forward(const Tensor& x) override {
    Tensor y = x;
    for (Layer* layer : layers_) y = (*layer)(y);
    return y;
  }

 private:
  std::vector<Layer*> layers_;  // children, whose places outlast a move
};

}  // namespace cairn::nn
