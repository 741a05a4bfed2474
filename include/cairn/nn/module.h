#pragma once
// Modules own parameters, buffers and other modules under names. Declaring a member is registering it:
//
//   struct Mlp : nn::Layer {
//     nn::Linear& hidden = add("hidden", nn::Linear(784, 256));
//     nn::Linear& out = add("out", nn::Linear(256, 10));
//     Tensor& scale = parameter("scale", ones({1}));
//     Tensor forward(const Tensor& x) override { return out(gelu(hidden(x))) * scale; }
//   };
//
// Children and parameters live on the heap, so such references survive a move: modules can be returned by value and
// kept in a std::vector. They cannot be copied or assigned, because references cannot be made to follow.

#include <concepts>
#include <deque>
#include <map>
#include <memory>
#include <ostream>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "cairn/base/json.h"
#include "cairn/graph/scope.h"
#include "cairn/tensor/tensor.h"

namespace cairn::nn {

/// What an optimiser shall do with a parameter.
struct ParameterOptions {
  bool decay = true;    ///< whether weight decay applies
  double lr_scale = 1;  ///< factor on the learning rate
};

/// A parameter as an optimiser sees it. A bare tensor is one too: `optim::SGD({w, b}, {.lr = 0.1})`.
struct Parameter {
  Tensor tensor;
  std::string name;  ///< dotted, as "blocks.0.conv1.weight"
  bool decay = true;
  double lr_scale = 1;

  Parameter(Tensor tensor, std::string name = {}, ParameterOptions options = {})
      : tensor(std::move(tensor)), name(std::move(name)), decay(options.decay), lr_scale(options.lr_scale) {}
};

struct Buffer {
  Tensor tensor;
  std::string name;  ///< dotted
};

/// Parameters and buffers by dotted name.
using StateDict = std::map<std::string, Tensor>;

/// What load_state_dict found not to fit. Empty lists mean that all is well.
struct LoadReport {
  std::vector<std::string> missing;     ///< names of the module that the state lacks
  std::vector<std::string> unexpected;  ///< names in the state that the module lacks
  std::vector<std::string> misfits;     ///< "hidden.weight: has (256, 784) f32, the state holds (512, 784) f32"
  bool ok() const { return missing.empty() && unexpected.empty() && misfits.empty(); }
};
std::string to_string(const LoadReport& report);
std::ostream& operator<<(std::ostream& out, const LoadReport& report);

/// Names, parameters, buffers, children and mode, but no forward of its own: see Layer.
class Module {
 public:
  Module() = default;
  virtual ~Module() = default;
  Module(Module&&) = default;
  Module(const Module&) = delete;
  Module& operator=(const Module&) = delete;
  Module& operator=(Module&&) = delete;

  /// Every parameter of this module and of those below it, in the order of declaration, own ones first. A tensor that
  /// stands under two names is listed twice.
  std::vector<Parameter> named_parameters() const;
  /// The same, but a tensor that stands under several names (tied weights) once, under the first: what an optimiser
  /// takes.
  std::vector<Parameter> parameters() const;
  std::vector<Buffer> named_buffers() const;
  /// Children of this module itself, by name, in the order of declaration.
  std::vector<std::pair<std::string, Module*>> children() const;
  /// Numbers in parameters(), tied ones counted once.
  int64_t num_parameters() const;

  /// Sets the mode of this module and of all below it. A new module is in training mode.
  Module& train(bool on = true);
  Module& eval() { return train(false); }
  bool training() const { return training_; }
  /// Drops the gradients of all parameters.
  void zero_grad();
  /// Converts all floating parameters and buffers; ties stay ties. Make the optimiser afterwards: the old tensors are
  /// gone.
  ///   throws  DtypeError unless f32 or f64
  Module& to(Dtype dtype);

  /// Parameters and buffers by dotted name. The tensors share their elements with the module: clone() what must not
  /// change.
  StateDict state_dict() const;
  /// Names under which the module has a tensor once more, each with the first name of that tensor.
  std::map<std::string, std::string> tied_names() const;
  /// state_dict() without the names of tied_names(): what a file needs to hold.
  StateDict untied_state_dict() const;
  /// Copies elements into the parameters and buffers of those names, converting the dtype where it differs. What is
  /// tied stays tied: the state may have it under one of its names, or under several with the same elements.
  ///   strict  throws NameError, or ShapeError when only tensors differ, with the whole report; nothing is changed then.
  ///           Otherwise what fits is loaded.
  ///   assign  puts the tensors of the state in the place of the module's own, sharing their elements: their dtype
  ///           comes along, and names under which the state has one and the same tensor are tied. Floats do not take
  ///           the place of other dtypes, nor others that of floats. Make the optimiser afterwards.
  LoadReport load_state_dict(const StateDict& state, bool strict = true, bool assign = false);

  /// Dotted name below the outermost module, which is "".
  const std::string& path() const { return path_; }
  /// Name of its type, as the printed model shows it.
  virtual std::string type_name() const;
  /// What makes the module again: {"in": 784, "out": 512, "bias": true}. The printed model shows it, a saved one holds
  /// it, and nn::build (nn/registry.h) reads it. By default null: a module that cannot be made from a description.
  virtual Json options() const;

 protected:
  /// Takes a child in and returns it in its lasting place.
  ///   throws  NameError when the name is empty, has a dot, or is taken
  template <std::derived_from<Module> M>
  M& add(const std::string& name, M child) {
    return add(name, std::make_unique<M>(std::move(child)));
  }
  template <std::derived_from<Module> M>
  M& add(const std::string& name, std::unique_ptr<M> child) {
    M* kept = child.get();
    adopt(name, std::move(child));
    return *kept;
  }
  /// Takes in a child of which only the base type is known.
  class Layer& add_layer(const std::string& name, std::unique_ptr<Layer> child);
  /// Declares a parameter; it will require a gradient. An undefined tensor makes an empty place, which is listed once
  /// it has been assigned to. Assigning another tensor keeps requires_grad as it was; do it before the optimiser is
  /// made.
  ///   throws  NameError as add, DtypeError unless f32 or f64
  Tensor& parameter(std::string name, const Tensor& tensor, ParameterOptions options = {});
  /// Declares a tensor that belongs to the state but is not trained.
  Tensor& buffer(std::string name, const Tensor& tensor);
  /// Sees to it that tensors assigned to parameters since the last call require gradients as those before them did.
  void refresh() const {
    for (const Slot& slot : parameters_)
      if (slot.tensor.body().get() != slot.seen.body().get()) [[unlikely]]
        slot.refresh();
  }

 private:
  struct Slot {
    std::string name;
    mutable Tensor tensor;
    mutable Tensor seen;  // what was there before: another body means that somebody assigned
    ParameterOptions options;
    mutable bool trained = true;
    void refresh() const;
  };
  struct Child {
    std::string name;
    std::unique_ptr<Module> module;
  };

  friend class KeepState;  // puts back what was assigned to buffers

  void adopt(std::string name, std::unique_ptr<Module> child);
  void check_name(const char* what, const std::string& name) const;
  void prefix(const std::string& name);
  template <class F>
  void each(const F& f);  // this module, then all below it
  template <class F>
  void each(const F& f) const;

  std::deque<Slot> parameters_;  // a deque moves without moving its elements
  std::deque<Buffer> buffers_;
  std::vector<Child> children_;
  std::string path_;
  bool training_ = true;
};

/// A module with the usual forward: one tensor in, one out.
class Layer : public Module {
 public:
  virtual Tensor forward(const Tensor& x) = 0;
  /// forward, under the layer's name as current_scope().
  Tensor operator()(const Tensor& x) {
    refresh();
    const Scope scope(path());
    return forward(x);
  }
};

/// Children "0", "1", … of one kind, for a forward that loops over them:
///   nn::ModuleList<Block>& blocks = add("blocks", nn::ModuleList<Block>());
template <class M = Layer>
class ModuleList : public Module {
 public:
  ModuleList() = default;
  /// Appends a child: an M, or something derived from it.
  template <std::derived_from<M> D>
  D& push_back(D child) {
    D& kept = add(std::to_string(list_.size()), std::move(child));
    list_.push_back(&kept);
    return kept;
  }
  int64_t size() const { return static_cast<int64_t>(list_.size()); }
  /// throws  IndexError
  M& operator[](int64_t i) const {
    require<IndexError>(i >= 0 && i < size(), "ModuleList", "no such child", given("index", i), given("size", size()));
    return *list_[static_cast<size_t>(i)];
  }
  auto begin() const { return Iterator{list_.data()}; }
  auto end() const { return Iterator{list_.data() + list_.size()}; }
  std::string type_name() const override { return "ModuleList"; }

 private:
  struct Iterator {
    M* const* at;
    M& operator*() const { return **at; }
    Iterator& operator++() { return ++at, *this; }
    bool operator==(const Iterator&) const = default;
  };
  std::vector<M*> list_;
};

/// The tree of modules, one a line, with the options of those that have no children; a text that is the only option
/// stands without its name.
///   Sequential(
///     (0): Linear(in=784, out=512, bias=true)
///     (1): Activation(relu)
///   )
std::ostream& operator<<(std::ostream& out, const Module& module);
/// The same with the number of parameters behind each line that has some of its own, and their sum.
std::string summary(const Module& module);

/// A fingerprint of all parameters and buffers, names, sizes, dtypes and bits: equal models have equal fingerprints;
/// different ones differ but for a chance of 2^-64.
uint64_t checksum(const Module& module);
/// The same as 16 hexadecimal digits: not every reader of JSON takes numbers of 64 bits.
std::string checksum_text(const Module& module);

}  // namespace cairn::nn
