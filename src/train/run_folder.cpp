#include "train/run_folder.h"

#include <sys/stat.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>

#include "cairn/base/error.h"
#include "train/parse_object.h"

namespace cairn::train {

namespace fs = std::filesystem;

namespace {

// What is wrong with a value; who catches it knows the place.
struct Damage {
  std::string text;
};

bool is_number(const Json& j) { return j.is_number() || j.is_null(); }
double as_number(const Json& j) { return j.is_null() ? missing : j.get<double>(); }

const Json* find(const Json& object, const char* key) {
  const auto at = object.find(key);
  return at == object.end() ? nullptr : &*at;
}

double number(const Json& object, const char* key, double otherwise) {
  const Json* j = find(object, key);
  if (j == nullptr) return otherwise;
  if (!is_number(*j)) throw Damage{"'" + std::string(key) + "' must be a number"};
  return as_number(*j);
}

std::string text(const Json& object, const char* key) {
  const Json* j = find(object, key);
  if (j == nullptr || j->is_null()) return "";
  if (!j->is_string()) throw Damage{"'" + std::string(key) + "' must be a text"};
  return j->get<std::string>();
}

const Json& list(const Json& object, const char* key) {
  static const Json none = Json::array();
  const Json* j = find(object, key);
  if (j == nullptr || j->is_null()) return none;
  if (!j->is_array()) throw Damage{"'" + std::string(key) + "' must be a list"};
  return *j;
}

const Json& an_object(const Json& j, const char* where) {
  if (!j.is_object()) throw Damage{"'" + std::string(where) + "' must hold objects"};
  return j;
}

std::vector<double> numbers(const Json& items, const char* key) {
  if (!items.is_array() || !std::all_of(items.begin(), items.end(), is_number))
    throw Damage{"'" + std::string(key) + "' must hold numbers"};
  std::vector<double> values;
  std::transform(items.begin(), items.end(), std::back_inserter(values), as_number);
  return values;
}

// Where an event stands. It has to be a whole number that others can be compared with.
double place(const Json& event, const char* key) {
  const double v = number(event, key, missing);
  if (!(v >= 0 && v < 1e15 && v == std::floor(v))) throw Damage{"'" + std::string(key) + "' must be a count"};
  return v;
}

// All numbers of an object but these.
Values values_of(const Json& object, const std::vector<std::string>& others) {
  Values found;
  for (const auto& [key, j] : object.items())
    if (is_number(j) && std::find(others.begin(), others.end(), key) == others.end())
      found.emplace_back(key, as_number(j));
  return found;
}

// Those of these that are there.
Values members(const Json& object, const std::vector<const char*>& keys) {
  Values found;
  for (const char* key : keys)
    if (object.contains(key)) found.emplace_back(key, number(object, key, missing));
  return found;
}

std::vector<Histogram> histograms_of(const Json& event, const char* key) {
  std::vector<Histogram> found;
  for (const Json& j : list(event, key)) {
    an_object(j, key);
    Histogram h{.name = text(j, "name"),
                .low = number(j, "low", missing),
                .high = number(j, "high", missing),
                .counts = numbers(list(j, "counts"), "counts")};
    // A layer that has diverged has no range: it has no histogram at this epoch.
    if (std::isfinite(h.low) && std::isfinite(h.high) && !h.counts.empty()) found.push_back(std::move(h));
  }
  return found;
}

Confusion confusion_of(const Json& event) {
  Confusion c;
  for (const Json& row : list(event, "confusion")) c.counts.push_back(numbers(row, "confusion"));
  for (const auto& row : c.counts)
    if (row.size() != c.counts.size() || !std::all_of(row.begin(), row.end(), [](double v) { return v >= 0; }))
      throw Damage{"'confusion' must hold as many counts in every row as there are rows"};
  for (const Json& name : list(event, "classes")) {
    if (!name.is_string()) throw Damage{"'classes' must hold texts"};
    c.classes.push_back(name.get<std::string>());
  }
  if (c.classes.empty())
    for (size_t i = 0; i < c.counts.size(); ++i) c.classes.push_back(std::to_string(i));
  if (c.classes.size() != c.counts.size() && !c.counts.empty())
    throw Damage{"'classes' must have a name for every row of 'confusion'"};
  return c;
}

// "pixels 1 28 28 00ff…" of the shape and the bytes of a picture.
std::string pixels_of(const Json& j) {
  const Json shape = list(j, "shape");
  std::string text = "pixels";
  size_t count = 1;
  for (const Json& size : shape) {
    if (!size.is_number_unsigned() || size.get<uint64_t>() - 1 >= 1024)
      throw Damage{"'shape' must hold sizes up to 1024"};
    count *= size.get<size_t>();
    text += ' ' + size.dump();
  }
  const std::string bytes = train::text(j, "pixels");
  if (shape.size() != 3 || (shape[0] != 1 && shape[0] != 3) || bytes.size() != 2 * count ||
      bytes.find_first_not_of("0123456789abcdef") != bytes.npos)
    throw Damage{"'pixels' must hold c·h·w bytes in hexadecimal digits of the 'shape' [c, h, w], where c is 1 or 3"};
  return text + ' ' + bytes;
}

std::vector<Mistake> mistakes_of(const Json& event) {
  std::vector<Mistake> found;
  for (const Json& j : list(event, "items")) {
    an_object(j, "items");
    const bool pixels = j.contains("pixels");
    Mistake m{.image = pixels ? pixels_of(j) : text(j, "image"),
              .label = text(j, "label"),
              .prediction = text(j, "prediction"),
              .confidence = number(j, "confidence", missing)};
    if (!pixels && !m.image.starts_with("data:image/png;base64,"))
      throw Damage{"'image' must be data:image/png;base64,…"};
    found.push_back(std::move(m));
  }
  return found;
}

Json command_of(const Json& j) {
  Json words = Json::array();
  for (const Json& word : list(j, "command")) {
    if (!word.is_string()) throw Damage{"'command' must hold texts"};
    words.push_back(word);
  }
  return words;
}

// Of run.json what the page shows, of the types that it expects.
Json about_of(const Json& j) {
  Json about = Json::object();
  for (const char* key : {"name", "version", "started"}) about[key] = text(j, key);
  about["command"] = command_of(j);
  about["later"] = Json::array();  // commands that it went on with, where they are others
  for (const Json& told : list(j, "resumed")) {
    const Json command = command_of(an_object(told, "resumed"));
    if (command.empty()) continue;
    if (command != (about["later"].empty() ? about["command"] : about["later"].back()))
      about["later"].push_back(command);
  }
  const auto pairs = [&](const char* key) {  // whatever the values are, as text
    Json found = Json::array();
    if (const Json* object = find(j, key); object != nullptr && !object->is_null())
      for (const auto& [name, v] : an_object(*object, key).items())
        found.push_back({name, v.is_string() ? v.get<std::string>() : v.dump()});
    return found;
  };
  const auto count = [](const Json& object, const char* key) {  // or null
    const double v = number(object, key, missing);
    return std::isfinite(v) && std::abs(v) < 1e15 ? Json(static_cast<int64_t>(v)) : Json(nullptr);
  };
  about["options"] = pairs("options");
  about["machine"] = pairs("machine");
  if (const Json* seed = find(j, "seed"); seed != nullptr && seed->is_number()) about["seed"] = seed->dump();
  if (const Json* model = find(j, "model"); model != nullptr && !model->is_null()) {
    an_object(*model, "model");
    Json layers = Json::array();
    for (const Json& layer : list(*model, "layers")) {
      an_object(layer, "layers");
      layers.push_back({text(layer, "name"), text(layer, "type"), text(layer, "output"), count(layer, "parameters")});
    }
    about["model"] = {
        {"text", text(*model, "text")}, {"parameters", count(*model, "parameters")}, {"layers", std::move(layers)}};
  }
  return about;
}

[[noreturn]] void fail_in(const fs::path& file, const std::string& problem) {
  throw FileError("report: " + problem + "; got '" + file.string() + "'");
}

// Whether there is such a file; in its folder, as a page that is served must tell nothing of any other.
bool is_there(const fs::path& file) {
  std::error_code error;
  if (!fs::exists(file, error)) return false;
  if (fs::canonical(file, error).parent_path() != fs::canonical(file.parent_path(), error) || error)
    fail_in(file, "the file is a link out of the folder of its run");
  if (!fs::is_regular_file(file, error)) fail_in(file, "this is no plain file");
  return true;
}

}  // namespace

RunFolder::RunFolder(const std::string& given_folder)
    : folder(given_folder), about(std::make_shared<Json>(Json::object())) {
  std::error_code error;
  place_ = fs::canonical(folder, error);
  if (error || !fs::is_directory(place_, error)) fail_in(folder, "this is no folder of a run");
}

void RunFolder::forget() {
  epochs = batches = 0;
  steps.clear();
  results.clear();
  meters.clear();
  histograms.clear();
  test.clear();
  confusion = {};
  mistakes.clear();
  end.clear();
}

void RunFolder::resume(double step, double epoch) {
  for (auto* curves : {&steps, &results})
    for (auto& [name, series] : *curves) series.cut(step);
  const auto beyond = [&](auto& by_epoch) {
    by_epoch.erase(by_epoch.upper_bound(static_cast<int64_t>(epoch)), by_epoch.end());
  };
  beyond(meters);
  beyond(histograms);
  test.clear();
  confusion = {};
  mistakes.clear();
  end.clear();
}

void RunFolder::take(const Json& event) {
  const std::string kind = text(event, "event");
  if (kind == "start") {
    forget();
    epochs = number(event, "epochs", 0);
    batches = number(event, "batches", 0);
  } else if (kind == "resume") {
    resume(place(event, "step"), place(event, "epoch"));
    epochs = number(event, "epochs", epochs);
  } else if (kind == "step") {
    const double step = place(event, "step");
    for (const auto& [name, v] : members(event, {"loss", "accuracy", "lr", "grad_norm"}))
      steps[name].add(step, missing, v);
  } else if (kind == "epoch") {
    const double epoch = place(event, "epoch"), step = event.contains("step") ? place(event, "step") : epoch + 1;
    Values all = members(event, {"loss", "accuracy", "lr", "seconds", "samples_per_second", "peak_memory"});
    if (const Json* validation = find(event, "validation"); validation != nullptr && !validation->is_null())
      for (const auto& [name, v] : values_of(an_object(*validation, "validation"), {"epoch", "step"}))
        all.emplace_back("validation " + name, v);
    for (const auto& [name, v] : all) results[name].add(step, epoch, v);
  } else if (kind == "meters") {
    std::vector<std::pair<std::string, Values>> layers;
    for (const Json& layer : list(event, "layers"))
      layers.emplace_back(text(an_object(layer, "layers"), "name"), values_of(layer, {}));
    meters[static_cast<int64_t>(place(event, "epoch"))] = std::move(layers);
  } else if (kind == "histograms") {
    histograms[static_cast<int64_t>(place(event, "epoch"))] = {.weights = histograms_of(event, "weights"),
                                                               .activations = histograms_of(event, "activations")};
  } else if (kind == "test") {
    confusion = confusion_of(event);
    test = values_of(event, {"epoch", "step"});
  } else if (kind == "mistakes") {
    mistakes = mistakes_of(event);
  } else if (kind == "end") {
    end = text(event, "reason");
    if (end.empty()) end = "done";
  }
}

bool RunFolder::update_about(const fs::path& file) {
  const auto time = fs::last_write_time(file);
  if (time == about_time_) return false;
  std::ifstream stream(file, std::ios::binary);
  const std::string content{std::istreambuf_iterator<char>(stream), {}};
  const auto json = parse_object(content);
  if (!json) fail_in(file, "this is no JSON object");
  try {
    about = std::make_shared<Json>(about_of(*json));
  } catch (const Damage& damage) {
    fail_in(file, damage.text);
  }
  about_time_ = time;
  return true;
}

bool RunFolder::update_metrics(const fs::path& file) {
  struct stat status {};
  if (::stat(file.c_str(), &status) != 0) fail_in(file, "the file cannot be read");
  const auto length = static_cast<uint64_t>(status.st_size), number = static_cast<uint64_t>(status.st_ino);
  if (length < read_ || number != inode_) {  // it was begun anew, or cut back for a resume
    forget();
    inode_ = number;
    read_ = 0;
    lines_ = 0;
  }
  std::ifstream stream(file, std::ios::binary);
  stream.seekg(static_cast<std::streamoff>(read_));
  if (!stream) fail_in(file, "the file cannot be read");
  bool changed = false;
  for (std::string line; std::getline(stream, line);) {
    const bool whole = !stream.eof();  // up to its end of line
    const bool blank = line.find_first_not_of(" \t\r") == std::string::npos;
    const auto event = blank ? std::nullopt : parse_object(line);
    if (!whole && !event) break;
    if (!blank) {
      const auto here = [&](const std::string& problem) {
        return FileError("report: line " + std::to_string(lines_ + 1) + ": " + problem + "; got '" + file.string() +
                         "'");
      };
      if (!event) throw here("this is no JSON object");
      try {
        take(*event);
      } catch (const Damage& damage) {
        throw here(damage.text);
      }
      changed = true;
    }
    read_ += line.size() + (whole ? 1 : 0);
    lines_ += whole ? 1 : 0;
  }
  return changed;
}

bool RunFolder::update() {
  const fs::path run = place_ / "run.json", metrics = place_ / "metrics.jsonl";
  const bool has_run = is_there(run), has_metrics = is_there(metrics);
  if (!has_run && !has_metrics) fail_in(folder, "the folder has neither a run.json nor a metrics.jsonl");
  const bool new_about = has_run && update_about(run);
  const bool new_metrics = has_metrics && update_metrics(metrics);
  return new_about || new_metrics;
}

History RunFolder::history() const {
  std::map<double, EpochResult> epochs_of_run;
  const auto read = [&](const char* name, const auto& place_of) {
    const auto found = results.find(name);
    if (found == results.end()) return;
    const Series& s = found->second;
    for (size_t i = 0; i < s.value.size(); ++i) {
      EpochResult nothing{.loss = missing, .accuracy = missing, .validation = {}};
      nothing.epoch = static_cast<int64_t>(s.epoch[i]);
      place_of(epochs_of_run.try_emplace(s.epoch[i], nothing).first->second) = s.value[i];
    }
  };
  const auto validation = [](EpochResult& r) -> Evaluation& {
    if (!r.validation) r.validation = Evaluation{.loss = missing, .accuracy = missing};
    return *r.validation;
  };
  read("loss", [](EpochResult& r) -> double& { return r.loss; });
  read("accuracy", [](EpochResult& r) -> double& { return r.accuracy; });
  read("lr", [](EpochResult& r) -> double& { return r.lr; });
  read("seconds", [](EpochResult& r) -> double& { return r.seconds; });
  read("samples_per_second", [](EpochResult& r) -> double& { return r.samples_per_second; });
  read("validation loss", [&](EpochResult& r) -> double& { return validation(r).loss; });
  read("validation accuracy", [&](EpochResult& r) -> double& { return validation(r).accuracy; });
  History history;
  for (const auto& [epoch, result] : epochs_of_run) history.push_back(result);
  return history;
}

void recall_times(const std::string& folder, History& history) {
  RunFolder run(folder);
  try {
    run.update();
  } catch (const FileError&) {
    return;
  }
  for (const EpochResult& told : run.history())
    if (told.epoch < static_cast<int64_t>(history.size()) && told.seconds > 0) {
      history[static_cast<size_t>(told.epoch)].seconds = told.seconds;
      history[static_cast<size_t>(told.epoch)].samples_per_second = told.samples_per_second;
    }
}

}  // namespace cairn::train
