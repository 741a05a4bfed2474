#include "cairn/nn/registry.h"

#include <algorithm>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <shared_mutex>
#include <utility>

#include "cairn/nn/activation.h"
#include "cairn/nn/conv.h"
#include "cairn/nn/dropout.h"
#include "cairn/nn/embedding.h"
#include "cairn/nn/flatten.h"
#include "cairn/nn/fold.h"
#include "cairn/nn/identity.h"
#include "cairn/nn/linear.h"
#include "cairn/nn/norm.h"
#include "cairn/nn/pool.h"
#include "cairn/nn/radial.h"
#include "cairn/nn/residual.h"
#include "cairn/nn/sequential.h"
#include "cairn/nn/taylor.h"
#include "cairn/nn/transformer.h"

namespace cairn::nn {
namespace {

// The layers of the library: a table, and not objects that register themselves, which a linker drops.
template <class F>
void each_layer(F f) {
  f.template operator()<Activation>("Activation");
  f.template operator()<AdaptiveAvgPool1d>("AdaptiveAvgPool1d");
  f.template operator()<AdaptiveAvgPool2d>("AdaptiveAvgPool2d");
  f.template operator()<AdaptiveMaxPool1d>("AdaptiveMaxPool1d");
  f.template operator()<AdaptiveMaxPool2d>("AdaptiveMaxPool2d");
  f.template operator()<AvgPool1d>("AvgPool1d");
  f.template operator()<AvgPool2d>("AvgPool2d");
  f.template operator()<BasicBlock>("BasicBlock");
  f.template operator()<BatchNorm1d>("BatchNorm1d");
  f.template operator()<BatchNorm2d>("BatchNorm2d");
  f.template operator()<BilinearGLU>("BilinearGLU");
  f.template operator()<Bottleneck>("Bottleneck");
  f.template operator()<CReLU>("CReLU");
  f.template operator()<Conv1d>("Conv1d");
  f.template operator()<Conv2d>("Conv2d");
  f.template operator()<ConvTranspose2d>("ConvTranspose2d");
  f.template operator()<Dropout>("Dropout");
  f.template operator()<Dropout2d>("Dropout2d");
  f.template operator()<Embedding>("Embedding");
  f.template operator()<Flatten>("Flatten");
  f.template operator()<GLU>("GLU");
  f.template operator()<GeGLU>("GeGLU");
  f.template operator()<GroupNorm>("GroupNorm");
  f.template operator()<Identity>("Identity");
  f.template operator()<LPPool2d>("LPPool2d");
  f.template operator()<LayerNorm>("LayerNorm");
  f.template operator()<Linear>("Linear");
  f.template operator()<LogSoftmax>("LogSoftmax");
  f.template operator()<MaxPool1d>("MaxPool1d");
  f.template operator()<MaxPool2d>("MaxPool2d");
  f.template operator()<Maxout>("Maxout");
  f.template operator()<PositionalEmbedding>("PositionalEmbedding");
  f.template operator()<RMSNorm>("RMSNorm");
  f.template operator()<RReLU>("RReLU");
  f.template operator()<RadialBasis>("RadialBasis");
  f.template operator()<ReGLU>("ReGLU");
  f.template operator()<Residual>("Residual");
  f.template operator()<Sequential>("Sequential");
  f.template operator()<SinusoidalEncoding>("SinusoidalEncoding");
  f.template operator()<Softmax>("Softmax");
  f.template operator()<Softmin>("Softmin");
  f.template operator()<Sparsemax>("Sparsemax");
  f.template operator()<StochasticDepth>("StochasticDepth");
  f.template operator()<SwiGLU>("SwiGLU");
  f.template operator()<Taylor>("Taylor");
  f.template operator()<TransformerEncoder>("TransformerEncoder");
  f.template operator()<TransformerEncoderLayer>("TransformerEncoderLayer");
}

// Names and types; and what builds the layers that others registered. What builds those of the library stands apart, in
// builder_of: describing a model needs no more than names, and a program that builds none from a description links no
// layer that it does not use.
struct Registry {
  std::shared_mutex mutex;
  std::map<std::string, std::type_index> by_name;
  std::map<std::type_index, std::string> by_layer;
  std::map<std::string, detail::LayerBuilder> builders;

  Registry() {
    each_layer([&]<class L>(const char* type) {
      by_name.insert({type, typeid(L)});
      by_layer.insert({typeid(L), type});
    });
  }

  std::vector<std::string> names() {
    std::vector<std::string> found;
    for (const auto& [name, layer] : by_name) found.push_back(name);
    return found;
  }
};

Registry& registry() {
  static Registry r;
  return r;
}

detail::LayerBuilder builder_of(const std::string& type) {
  static const std::map<std::string, detail::LayerBuilder> table = [] {
    std::map<std::string, detail::LayerBuilder> builders;
    each_layer([&]<class L>(const char* name) { builders.insert({name, detail::build_layer<L>}); });
    return builders;
  }();
  const auto at = table.find(type);
  return at == table.end() ? nullptr : at->second;
}

// Descriptions are made and read by recursion, and a stack has an end.
constexpr int deepest = 100;
thread_local int depth = 0;

class Level {
 public:
  explicit Level(const char* operation) {
    require<ValueError>(depth < deepest, operation, "layers are nested too deep", given("levels allowed", deepest));
    ++depth;
  }
  ~Level() { --depth; }
  Level(const Level&) = delete;
  Level& operator=(const Level&) = delete;
};

bool deeper_than(const Json& value, int levels) {
  return value.is_structured() && (levels == 0 || std::any_of(value.begin(), value.end(), [&](const Json& inner) {
                                     return deeper_than(inner, levels - 1);
                                   }));
}

// JSON in an error text, cut where it would fill the screen.
std::string shown(const Json& value) {
  if (deeper_than(value, deepest)) return "JSON that is nested too deep to be shown";  // dump() recurses
  std::string text = value.dump(-1, ' ', false, Json::error_handler_t::replace);
  if (text.size() > 60) text = text.substr(0, 57) + "...";
  return text;
}

}  // namespace

// ---- reading options ---------------------------------------------------------------------------------------------------

OptionReader::OptionReader(std::string layer, const Json& options, std::initializer_list<const char*> known)
    : layer_(std::move(layer)), options_(options) {
  if (!options.is_object()) throw ValueError(layer_ + ": its options must be a JSON object; got " + shown(options));
  for (const auto& item : options.items()) {
    if (std::any_of(known.begin(), known.end(), [&](const char* name) { return item.key() == name; })) continue;
    std::string text = layer_ + ": unknown option '" + item.key() + "'; it has " + (known.size() == 0 ? "none" : "");
    for (const char* name : known) text += (name == *known.begin() ? "" : ", ") + std::string(name);
    throw ValueError(text);
  }
}

bool OptionReader::has(const char* name) const { return options_.contains(name); }

const Json& OptionReader::value(const char* name) const {
  const auto at = options_.find(name);
  if (at == options_.end()) throw ValueError(layer_ + ": the option '" + name + "' is missing");
  return *at;
}

void OptionReader::fail_kind(const char* name, const char* kind, const Json& found) const {
  throw ValueError(layer_ + ": the option '" + name + "' must be " + kind + "; got " + shown(found));
}

static bool holds(const Json& v, const int64_t*) {
  // Unsigned numbers from 2^63 would come out negative.
  return v.is_number_integer() && !(v.is_number_unsigned() && v.get<uint64_t>() > uint64_t{INT64_MAX});
}
static bool holds(const Json& v, const double*) { return v.is_number(); }
static bool holds(const Json& v, const bool*) { return v.is_boolean(); }
static bool holds(const Json& v, const std::string*) { return v.is_string(); }
static bool holds(const Json& v, const std::vector<int64_t>*) {
  return v.is_array() &&
         std::all_of(v.begin(), v.end(), [](const Json& i) { return holds(i, static_cast<const int64_t*>(nullptr)); });
}

template <class T>
T OptionReader::read(const char* name, std::optional<T> otherwise, const char* kind) const {
  if (otherwise && !has(name)) return *std::move(otherwise);
  const Json& found = value(name);
  if (!holds(found, static_cast<const T*>(nullptr))) fail_kind(name, kind, found);
  return found.get<T>();
}

int64_t OptionReader::integer(const char* name, std::optional<int64_t> otherwise) const {
  return read(name, otherwise, "a whole number");
}
double OptionReader::number(const char* name, std::optional<double> otherwise) const {
  return read(name, otherwise, "a number");
}
bool OptionReader::boolean(const char* name, std::optional<bool> otherwise) const {
  return read(name, otherwise, "true or false");
}
std::string OptionReader::text(const char* name, std::optional<std::string> otherwise) const {
  return read(name, std::move(otherwise), "a text");
}
std::vector<int64_t> OptionReader::integers(const char* name, std::optional<std::vector<int64_t>> otherwise) const {
  return read(name, std::move(otherwise), "a list of whole numbers");
}

// ---- names and layers ----------------------------------------------------------------------------------------------------

namespace detail {
void register_layer(const std::string& type, std::type_index layer, LayerBuilder builder) {
  Registry& r = registry();
  const std::unique_lock lock(r.mutex);
  require<NameError>(!type.empty(), "register_layer", "the name is empty");
  const auto named = r.by_name.find(type);
  require<NameError>(named == r.by_name.end() || named->second == layer, "register_layer",
                     "the name stands for another type of layer", given("type", type));
  const auto known = r.by_layer.find(layer);
  if (known != r.by_layer.end())
    require<NameError>(known->second == type, "register_layer", "the layer is registered under another name",
                       given("type", type), given("registered as", known->second));
  r.by_name.insert_or_assign(type, layer);
  r.builders.insert_or_assign(type, builder);
  r.by_layer.insert_or_assign(layer, type);
}
}  // namespace detail

std::vector<std::string> registered_layers() {
  Registry& r = registry();
  const std::shared_lock lock(r.mutex);
  return r.names();
}

Json describe(const Layer& layer) {
  const std::string name = layer.type_name();
  const auto fail_layer = [&](const std::string& problem) {
    throw NameError("describe: the layer " + (layer.path().empty() ? "" : "'" + layer.path() + "' ") + "of type " +
                    name + " " + problem +
                    ", or save its weights alone: io::save_safetensors(file, model.state_dict())");
  };
  std::string type;
  {
    Registry& r = registry();
    const std::shared_lock lock(r.mutex);
    if (const auto at = r.by_layer.find(typeid(layer)); at != r.by_layer.end()) type = at->second;
  }
  if (type.empty())
    fail_layer("is not registered; give it options() and from_options() and call nn::register_layer<" + name + ">(\"" +
               name + "\")");
  const Level level("describe");
  Json options = layer.options();
  if (!options.is_object()) fail_layer("is registered but gives no options; override options() with a JSON object");
  return {{"type", type}, {"options", std::move(options)}};
}

std::unique_ptr<Layer> build(const Json& description) {
  const auto well_formed = [&] {
    return description.is_object() && description.size() == 2 && description.contains("type") &&
           description["type"].is_string() && description.contains("options");
  };
  if (!well_formed())
    throw ValueError("build: a layer is described as {\"type\": \"...\", \"options\": {...}}; got " +
                     shown(description));
  const Level level("build");
  const std::string type = description["type"];
  detail::LayerBuilder builder = nullptr;
  std::vector<std::string> known;
  {
    Registry& r = registry();
    const std::shared_lock lock(r.mutex);
    const auto at = r.builders.find(type);
    builder = at != r.builders.end() ? at->second : builder_of(type);
    if (!builder) known = r.names();
  }
  if (!builder) {
    try {
      fail_unknown("type of layer", type, known);
    } catch (const NameError& e) {
      throw NameError(std::string(e.what()) + ". A layer of your own is made known by nn::register_layer<L>(\"" + type +
                      "\")");
    }
  }
  try {
    return builder(description["options"]);
  } catch (const Json::exception& e) {  // a from_options that reads without an OptionReader
    throw ValueError(type + ": its options cannot be read: " + e.what());
  }
}

}  // namespace cairn::nn
