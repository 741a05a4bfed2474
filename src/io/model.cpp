#include "cairn/io/model.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>
#include <string_view>
#include <utility>

#include "cairn/activation/activation.h"
#include "cairn/base/random.h"
#include "cairn/io/safetensors.h"
#include "cairn/nn/registry.h"

namespace cairn::io {
namespace {

constexpr int64_t format = 1;

// ---- what stands in the metadata -----------------------------------------------------------------------------------------

// The formula of every activation that the options of a description name.
void collect_formulas(const Json& value, std::map<std::string, std::string>& formulas) {
  if (value.is_string()) {
    const auto& text = value.get_ref<const std::string&>();
    try {
      formulas[text] = activation(text).formula();
    } catch (const Error&) {  // a text that names none
    }
  }
  if (value.is_structured())
    for (const auto& item : value.items())
      if (item.key() != "type") collect_formulas(item.value(), formulas);
}

// What files written before say of activations whose formula is written in another way now.
constexpr std::pair<std::string_view, std::string_view> rewritten[] = {{"mish", "x * tanh(softplus(x))"}};

// An activation that has changed since would make another model of the same weights.
void check_formulas(const Json& formulas) {
  for (const auto& item : formulas.items()) {
    const std::string here = activation(item.key()).formula(), there = item.value().get<std::string>();
    if (here == there || std::ranges::find(rewritten, std::pair<std::string_view, std::string_view>(
                                                          item.key(), there)) != std::end(rewritten))
      continue;
    std::string problem = "the activation '" + item.key() + "' was another function when the file was written: ";
    throw ValueError(problem.append(there).append(", and is now ").append(here));
  }
}

Json to_json(const ModelInfo& info) {
  for (const auto* list : {&info.normalization.mean, &info.normalization.deviation})
    for (const double v : *list)
      require<ValueError>(std::isfinite(v), "save", "the normalisation must be finite", given("value", v));
  return {{"normalization", {{"mean", info.normalization.mean}, {"deviation", info.normalization.deviation}}},
          {"classes", info.classes},
          {"input", std::vector<int64_t>(info.input.begin(), info.input.end())}};
}

ModelInfo info_from(const Json& json) {
  ModelInfo info;
  json.at("normalization").at("mean").get_to(info.normalization.mean);
  json.at("normalization").at("deviation").get_to(info.normalization.deviation);
  json.at("classes").get_to(info.classes);
  info.input = Shape(json.at("input").get<std::vector<int64_t>>());
  for (const int64_t n : info.input)
    require<ValueError>(n >= 0, "load", "a size is negative", given("input", info.input));
  return info;
}

// JSON without duplicate members, and of a size that is fit to be kept as a tree.
Json parse(const std::string& name, const std::string& text) {
  constexpr size_t longest = 4 << 20, members = 10'000;
  constexpr int deepest = 500;
  const auto check = [&](bool ok, const std::string& problem) {
    if (!ok) throw ValueError("the metadata '" + name + "' " + problem);
  };
  check(text.size() <= longest, "is longer than " + std::to_string(longest) + " bytes");
  check(text.find('\0') == text.npos, "has a zero byte");  // the end, to the parser
  std::vector<std::set<std::string>> open;                 // the names in each object around the current place
  return Json::parse(text, [&](int depth, Json::parse_event_t event, Json& value) {
    check(depth < deepest, "is nested too deep");
    if (event == Json::parse_event_t::object_start) open.emplace_back();
    if (event == Json::parse_event_t::object_end) open.pop_back();
    if (event == Json::parse_event_t::key) {
      check(open.back().insert(value.get<std::string>()).second, "has '" + value.get<std::string>() + "' twice");
      check(open.back().size() <= members, "has an object of too many members");
    }
    return true;
  });
}

Json metadata(const SafeTensors& file, const std::string& name) {
  const auto at = file.metadata.find(name);
  if (at == file.metadata.end()) throw ValueError("the metadata '" + name + "' is missing");
  return parse(name, at->second);
}

// Puts the tensors that were written once under all of their names.
void tie(SafeTensors& file) {
  if (!file.metadata.contains("tied")) return;
  const Json tied = metadata(file, "tied");
  for (const auto& item : tied.items()) {
    const auto at = file.tensors.find(item.value().get<std::string>());
    const bool fits = at != file.tensors.end() && !file.tensors.contains(item.key());
    if (!fits) throw ValueError("the metadata 'tied' do not fit the tensors: '" + item.key() + "'");
    file.tensors[item.key()] = at->second;
  }
}

// Puts the default generator back where it was: building a model draws first weights.
class KeepRandomness {
 public:
  KeepRandomness() = default;
  ~KeepRandomness() { default_generator() = before_; }
  KeepRandomness(const KeepRandomness&) = delete;
  KeepRandomness& operator=(const KeepRandomness&) = delete;

 private:
  Generator before_ = default_generator();
};

// What the file's tensors can fill, with room for what builders need beside: weights in f32 where the file has fewer
// bytes, numbers that are only passed through, buffers that are no part of the state. A tied name takes a few bytes of a
// file but a whole tensor while building, so ties count once each, and at most 64 times all there is.
size_t storage_limit(const SafeTensors& file) {
  std::set<const Body*> seen;
  size_t own = 0, tied = 0;
  for (const auto& [name, tensor] : file.tensors)
    (seen.insert(tensor.body().get()).second ? own : tied) +=
        static_cast<size_t>(tensor.numel()) * size_of(tensor.dtype());
  return (size_t{16} << 20) + 8 * own + std::min(tied, 64 * own);
}

// What stands before every name of the model in the state; empty when nothing does.
std::string prefix_of(const nn::Module& model, const nn::StateDict& state) {
  const nn::StateDict own = model.state_dict();
  for (const auto& [name, tensor] : state) {
    if (own.empty() || !name.ends_with("." + own.begin()->first)) continue;
    std::string prefix = name.substr(0, name.size() - own.begin()->first.size());
    if (std::all_of(own.begin(), own.end(), [&](const auto& named) { return state.contains(prefix + named.first); }))
      return prefix;
  }
  return "";
}

// Runs f; whatever it finds wrong is the file's fault.
template <class F>
auto read_from(const char* operation, const std::string& file, F f) {
  std::string problem;
  try {
    return f();
  } catch (const FileError&) {
    throw;
  } catch (const Error& e) {
    problem = e.what();
  } catch (const Json::exception& e) {
    problem = std::string("the metadata are damaged (") + e.what() + ")";
  }
  throw FileError(std::string(operation) + ": " + problem + "; got '" + file + "'");
}

}  // namespace

void save(const nn::Layer& model, const std::string& file, const ModelInfo& info) {
  const Json description = nn::describe(model);
  std::map<std::string, std::string> formulas;
  collect_formulas(description, formulas);

  const auto tied = model.tied_names();  // to the names under which the tensors are written
  try {
    std::map<std::string, std::string> texts = {
        {"cairn",
         Json({{"format", format}, {"version", CAIRN_VERSION}, {"checksum", nn::checksum_text(model)}}).dump()},
        {"model", description.dump()},
        {"formulas", Json(formulas).dump()},
        {"info", to_json(info).dump()}};
    if (!tied.empty()) texts["tied"] = Json(tied).dump();
    save_safetensors(file, model.untied_state_dict(), texts);
  } catch (const Json::exception& e) {
    throw ValueError("save: options or info are not UTF-8 (" + std::string(e.what()) + ")");
  }
}

SavedModel load(const std::string& file) {
  SafeTensors content = load_safetensors(file);
  return read_from("load", file, [&] {
    if (!content.metadata.contains("cairn"))
      throw ValueError("these are tensors without a model; load_into(model, file) takes them by name");
    const Json head = metadata(content, "cairn");
    const auto written = head.at("format").get<int64_t>();
    if (written != format)
      throw ValueError("the file is of format " + std::to_string(written) + ", written by version " +
                       head.at("version").get<std::string>() + "; this version reads format " + std::to_string(format));
    check_formulas(metadata(content, "formulas"));
    tie(content);

    const KeepRandomness keep;
    const Json description = metadata(content, "model");
    SavedModel saved{nullptr, info_from(metadata(content, "info"))};
    {
      const StorageLimit limit(storage_limit(content));
      saved.model = nn::build(description);
    }
    saved.model->load_state_dict(content.tensors, true, true);
    if (nn::checksum_text(*saved.model) != head.at("checksum").get<std::string>())
      throw ValueError(
          "the weights are damaged: their checksum is another than when the file was written; "
          "load_into(model, file) takes them as they are");
    saved.model->eval();
    return saved;
  });
}

nn::LoadReport load_into(nn::Module& model, const std::string& file, const LoadIntoOptions& options) {
  SafeTensors content = load_safetensors(file);
  return read_from("load_into", file, [&] {
    if (content.metadata.contains("cairn")) tie(content);
    nn::StateDict state;
    for (const auto& [name, tensor] : content.tensors)
      if (name.starts_with(options.prefix)) state[name.substr(options.prefix.size())] = tensor;
    try {
      return model.load_state_dict(state, options.strict);
    } catch (const NameError& e) {
      const std::string prefix = prefix_of(model, state);
      if (prefix.empty()) throw;
      throw NameError(std::string(e.what()) + "; the file has all of them behind '" + prefix +
                      "': load_into(model, file, {.prefix = \"" + options.prefix + prefix + "\"})");
    }
  });
}

}  // namespace cairn::io
