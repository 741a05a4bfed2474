#pragma once
// Layers as descriptions, and layers made from descriptions: what saved models are built on.
//
//   nn::describe(nn::Linear(784, 10))  →  {"type": "Linear", "options": {"in": 784, "out": 10, "bias": true}}
//
// A layer of your own takes part with two functions and one call:
//
//   struct Scale : nn::Layer {
//     double factor;
//     explicit Scale(double factor) : factor(factor) {}
//     Tensor forward(const Tensor& x) override { return x * factor; }
//     Json options() const override { return {{"factor", factor}}; }        // needs <nlohmann/json.hpp>
//     static Scale from_options(const Json& options) {
//       return Scale(nn::OptionReader("Scale", options, {"factor"}).number("factor"));
//     }
//   };
//   nn::register_layer<Scale>("Scale");

#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <typeindex>
#include <typeinfo>
#include <utility>
#include <vector>

#include "cairn/nn/module.h"

namespace cairn::nn {

/// Reads the options of a layer out of JSON, for from_options. Without `otherwise` an option must be there.
///   throws  ValueError for options that are no object, an unknown one, a missing one and one of another kind, naming
///           layer and option
class OptionReader {
 public:
  /// `options` must outlive the reader.
  ///   known  every option that the layer has
  OptionReader(std::string layer, const Json& options, std::initializer_list<const char*> known);

  bool has(const char* name) const;
  int64_t integer(const char* name, std::optional<int64_t> otherwise = {}) const;
  double number(const char* name, std::optional<double> otherwise = {}) const;
  bool boolean(const char* name, std::optional<bool> otherwise = {}) const;
  std::string text(const char* name, std::optional<std::string> otherwise = {}) const;
  std::vector<int64_t> integers(const char* name, std::optional<std::vector<int64_t>> otherwise = {}) const;
  /// An option that is a list of anything, or the description of a layer (for build).
  ///   throws  ValueError when it is missing
  const Json& value(const char* name) const;

 private:
  template <class T>
  T read(const char* name, std::optional<T> otherwise, const char* kind) const;
  [[noreturn]] void fail_kind(const char* name, const char* kind, const Json& found) const;

  std::string layer_;
  const Json& options_;
};

namespace detail {
using LayerBuilder = std::unique_ptr<Layer> (*)(const Json& options);
void register_layer(const std::string& type, std::type_index layer, LayerBuilder builder);

template <class L>
std::unique_ptr<Layer> build_layer(const Json& options) {
  if constexpr (std::is_convertible_v<decltype(L::from_options(options)), std::unique_ptr<Layer>>)
    return L::from_options(options);
  else
    return std::make_unique<L>(L::from_options(options));
}
}  // namespace detail

/// Makes a type of layer known under a name, so that it can be saved and loaded. L has `Json options() const` and
/// `static L from_options(const Json&)` (or one that returns std::unique_ptr<Layer>), which takes what options() gave.
/// Doing it again changes nothing. Safe to call from several threads.
///   throws  NameError when the name stands for another type, or the type has another name
template <std::derived_from<Layer> L>
void register_layer(const std::string& type) {
  detail::register_layer(type, typeid(L), detail::build_layer<L>);
}

/// The names of all registered layers, sorted.
std::vector<std::string> registered_layers();

/// {"type": "Linear", "options": {…}}: the name under which a layer is registered, and its options.
///   throws  NameError for a layer that is not registered, or gives no options: the text says how to register it;
///           ValueError for layers nested deeper than 100
Json describe(const Layer& layer);

/// Makes a layer from its description, with fresh weights.
///   throws  ValueError for a description of another form, for options that are missing, unknown or wrong, and for
///           layers nested deeper than 100; NameError for an unknown type, listing the known ones
std::unique_ptr<Layer> build(const Json& description);

}  // namespace cairn::nn
