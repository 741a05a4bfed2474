#include <algorithm>
#include <functional>

#include "cairn/models/models.h"

namespace cairn::models {
namespace {

struct Entry {
  std::string name;
  ModelOptions usual;
  int64_t smallest;  // height and width that it takes; 0: those of `usual` alone
  std::function<nn::Sequential(const ModelOptions&)> make;
};

// The options that a model has beside its own.
template <class Options>
Options merged(Options own, const ModelOptions& o) {
  if (!o.activation.empty()) own.activation = o.activation;
  own.classes = o.classes;
  if constexpr (requires { own.norm; })
    if (!o.norm.empty()) own.norm = o.norm;
  if constexpr (requires { own.channels; }) own.channels = o.input[0];
  return own;
}

const std::vector<Entry>& table() {
  const auto cifar = [](int64_t depth) {
    return [depth](const ModelOptions& o) { return resnet_cifar(depth, merged(ResNetOptions{}, o)); };
  };
  const ModelOptions mnist{.classes = 10, .input = {1, 28, 28}}, cifar10{.classes = 10, .input = {3, 32, 32}},
      imagenet{.classes = 1000, .input = {3, 224, 224}};
  static const std::vector<Entry> all = {
      {"mlp", mnist, 1,
       [](const ModelOptions& o) {
         require<ValueError>(o.norm.empty() || o.norm == "none", "make_model", "an mlp has no norm",
                             given("norm", o.norm));
         return mlp(o.input.numel(), merged(MlpOptions{}, o));
       }},
      {"lenet5", mnist, 0,
       [](const ModelOptions& o) { return lenet5(merged(LeNetOptions{.activation = "relu", .max_pool = true}, o)); }},
      {"lenet5_1998", mnist, 0, [](const ModelOptions& o) { return lenet5(merged(LeNetOptions{}, o)); }},
      {"cnn", mnist, 0, [](const ModelOptions& o) { return cnn(merged(CnnOptions{.dropout = 0.5}, o)); }},
      {"alexnet64",
       {.classes = 10, .input = {3, 64, 64}},
       0,
       [](const ModelOptions& o) { return alexnet64(merged(AlexNetOptions{}, o)); }},
      {"alexnet", imagenet, 63, [](const ModelOptions& o) { return alexnet(merged(AlexNetOptions{}, o)); }},
      {"resnet20", cifar10, 1, cifar(20)},
      {"resnet32", cifar10, 1, cifar(32)},
      {"resnet44", cifar10, 1, cifar(44)},
      {"resnet56", cifar10, 1, cifar(56)},
      {"resnet110", cifar10, 1, cifar(110)},
      {"resnet18", imagenet, 1, [](const ModelOptions& o) { return resnet18(merged(ResNetOptions{}, o)); }},
      {"resnet34", imagenet, 1, [](const ModelOptions& o) { return resnet34(merged(ResNetOptions{}, o)); }},
      {"resnet50", imagenet, 1, [](const ModelOptions& o) { return resnet50(merged(ResNetOptions{}, o)); }},
  };
  return all;
}

const Entry& entry(const std::string& name) {
  for (const Entry& e : table())
    if (e.name == name) return e;
  fail_unknown("model", name, model_names());
}

}  // namespace

std::vector<std::string> model_names() {
  std::vector<std::string> names;
  for (const Entry& e : table()) names.push_back(e.name);
  return names;
}

ModelOptions usual_options(const std::string& name) { return entry(name).usual; }

std::unique_ptr<nn::Layer> make_model(const std::string& name, const ModelOptions& o) {
  const Entry& e = entry(name);
  require<ValueError>(o.input.size() == 3, "make_model", "the input size is c, h, w", given("input", o.input));
  require<ValueError>(e.smallest > 0 || (o.input[1] == e.usual.input[1] && o.input[2] == e.usual.input[2]),
                      "make_model", "this model takes images of one size only", given("model", name),
                      given("input", o.input), given("needed", e.usual.input));
  require<ValueError>(o.input[0] >= 1 && std::min(o.input[1], o.input[2]) >= e.smallest, "make_model",
                      "the image is too small for this model", given("model", name), given("input", o.input),
                      given("channels, height and width needed", Shape{1, e.smallest, e.smallest}));
  require<ValueError>(o.classes >= 1, "make_model", "there must be at least one class", given("classes", o.classes));
  return std::make_unique<nn::Sequential>(e.make(o));
}

}  // namespace cairn::models
