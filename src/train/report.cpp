#include "cairn/train/report.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <system_error>

#include "cairn/base/error.h"
#include "cairn/base/file.h"
#include "cairn/train/curves.h"
#include "train/report_assets.h"
#include "train/run_folder.h"

namespace cairn::train {

namespace {

constexpr size_t most_points = 1000;  // of a curve
constexpr size_t mean_points = 80;
constexpr size_t most_measured = 100;   // epochs whose meters are shown
constexpr double most_counts = 60'000;  // of all histograms of a run: some 300 KB
constexpr size_t most_mistakes = 60;    // pictures
constexpr size_t most_classes = 64;     // of a confusion matrix; of more, its pairs are shown
constexpr size_t most_pairs = 12;       // of classes that are taken for each other

// Six digits are more than a chart shows. null for what is not finite.
Json short_number(double v) {
  if (!std::isfinite(v)) return nullptr;
  if (v == std::floor(v) && std::abs(v) < 1e15) return static_cast<int64_t>(v);
  char digits[32];
  const auto written = std::to_chars(std::begin(digits), std::end(digits), v, std::chars_format::general, 6);
  std::from_chars(digits, written.ptr, v);
  return v;
}

Json short_numbers(const std::vector<double>& values) {
  Json list = Json::array();
  for (const double v : values) list.push_back(short_number(v));
  return list;
}

Json short_values(const Values& values) {
  Json object = Json::object();
  for (const auto& [name, v] : values) object[name] = short_number(v);
  return object;
}

// Those of the epochs, from the first to the last, that are so few.
template <class T>
std::vector<std::pair<int64_t, const T*>> some_of(const std::map<int64_t, T>& by_epoch, size_t most) {
  std::vector<std::pair<int64_t, const T*>> all, some;
  for (const auto& [epoch, v] : by_epoch) all.emplace_back(epoch, &v);
  if (all.size() <= most) return all;
  for (size_t i = 0; i < most; ++i) some.push_back(all[i * (all.size() - 1) / (most - 1)]);
  return some;
}

// A curve without a single number is none.
Json curves_of(const std::map<std::string, Series>& curves, size_t points) {
  Json object = Json::object();
  for (const auto& [name, all] : curves) {
    const Series s = all.thinned(points);
    if (std::none_of(s.value.begin(), s.value.end(), [](double v) { return std::isfinite(v); })) continue;
    object[name] = {{"step", short_numbers(s.step)}, {"value", short_numbers(s.value)}};
    if (!s.epoch.empty()) object[name]["epoch"] = short_numbers(s.epoch);
    if (s.epoch.empty() && all.value.size() >= 2 * mean_points) {
      const Series mean = all.means(mean_points);
      object[name]["mean"] = {{"step", short_numbers(mean.step)}, {"value", short_numbers(mean.value)}};
    }
  }
  return object;
}

Json meters_of(const RunFolder& run) {
  Json list = Json::array();
  for (const auto& [epoch, layers] : some_of(run.meters, most_measured)) {
    Json rows = Json::array();
    for (const auto& [name, values] : *layers) rows.push_back({name, short_values(values)});
    list.push_back({{"epoch", epoch}, {"layers", std::move(rows)}});
  }
  return list;
}

Json histograms_of(const std::vector<Histogram>& histograms) {
  Json list = Json::array();
  for (const Histogram& h : histograms)
    list.push_back({h.name, short_number(h.low), short_number(h.high), short_numbers(h.counts)});
  return list;
}

Json histograms_of(const RunFolder& run) {
  double largest = 1;
  for (const auto& [epoch, all] : run.histograms) {
    double counts = 0;
    for (const auto* part : {&all.weights, &all.activations})
      for (const Histogram& h : *part) counts += static_cast<double>(h.counts.size());
    largest = std::max(largest, counts);
  }
  Json list = Json::array();
  for (const auto& [epoch, all] :
       some_of(run.histograms, static_cast<size_t>(std::clamp(most_counts / largest, 2.0, 50.0))))
    list.push_back(
        {{"epoch", epoch}, {"weights", histograms_of(all->weights)}, {"activations", histograms_of(all->activations)}});
  return list;
}

Json confusion_of(const Confusion& c) {
  struct Pair {
    size_t label, prediction;
    double count, share;
  };
  std::vector<Pair> pairs;
  Json right = Json::array(), rows = Json::array();
  for (size_t i = 0; i < c.counts.size(); ++i) {
    double total = 0;
    for (const double v : c.counts[i]) total += v;
    right.push_back(short_number(c.counts[i][i] / total));  // null for a class without samples
    for (size_t j = 0; j < c.counts.size(); ++j)
      if (i != j && c.counts[i][j] > 0) pairs.push_back({i, j, c.counts[i][j], c.counts[i][j] / total});
    rows.push_back(short_numbers(c.counts[i]));
  }
  std::stable_sort(pairs.begin(), pairs.end(), [](const Pair& a, const Pair& b) { return a.count > b.count; });
  Json most = Json::array();
  for (size_t i = 0; i < std::min(pairs.size(), most_pairs); ++i)
    most.push_back({pairs[i].label, pairs[i].prediction, short_number(pairs[i].count), short_number(pairs[i].share)});
  Json json = {{"classes", c.classes}, {"right", std::move(right)}, {"pairs", std::move(most)}};
  if (c.counts.size() <= most_classes) json["counts"] = std::move(rows);
  return json;
}

Json mistakes_of(const std::vector<Mistake>& mistakes) {
  Json list = Json::array();
  for (size_t i = 0; i < std::min(mistakes.size(), most_mistakes); ++i) {
    const Mistake& m = mistakes[i];
    list.push_back({m.image, m.label, m.prediction, short_number(m.confidence)});
  }
  return list;
}

Json run_of(const RunFolder& run, const std::string& name, size_t points) {
  Json json = {{"name", name},
               {"about", *run.about},
               {"epochs", short_number(run.epochs)},
               {"end", run.end},
               {"steps", curves_of(run.steps, points)},
               {"results", curves_of(run.results, points)},
               {"meters", meters_of(run)},
               {"histograms", histograms_of(run)},
               {"test", short_values(run.test)}};
  if (!run.confusion.counts.empty()) json["confusion"] = confusion_of(run.confusion);
  if (!run.mistakes.empty()) json["mistakes"] = mistakes_of(run.mistakes);
  return json;
}

// What tells the runs apart: the name that a run has or else that of its folder, and the folder where two are equal.
std::vector<std::string> names_of(const std::vector<RunFolder>& runs) {
  std::vector<std::string> names;
  for (const RunFolder& run : runs) {
    std::string name = run.about->value("name", "");
    if (name.empty()) name = std::filesystem::canonical(run.folder).filename().string();
    names.push_back(name);
  }
  std::vector<std::string> apart = names;
  for (size_t i = 0; i < names.size(); ++i)
    if (std::count(names.begin(), names.end(), names[i]) > 1) apart[i] += " (" + runs[i].folder + ")";
  return apart;
}

// The curves of the first eight runs, for a page without Chart.js.
std::string picture_of(const std::vector<RunFolder>& runs, const std::vector<std::string>& names) {
  std::vector<NamedHistory> histories;
  bool any = false;
  for (size_t i = 0; i < std::min<size_t>(runs.size(), 8); ++i) {
    histories.push_back({.name = names[i], .history = runs[i].history()});
    any |= !histories.back().history.empty();
  }
  return any ? svg_curves(histories) : "";
}

// As it may stand within a <script>.
std::string ascii(const Json& json) {
  std::string text;
  for (const char c : json.dump(-1, ' ', true, Json::error_handler_t::replace))
    if (c == '<')
      text += "\\u003c";
    else
      text += c;
  return text;
}

std::string filled(std::string text, const std::string& mark, const std::string& with) {
  const size_t at = text.find(mark);
  return text.replace(at, mark.size(), with);
}

// The trainings within the folder of several, by name; of any other folder itself. A program that makes several keeps its
// run.json above them, with a metrics.jsonl in which nothing is told.
std::vector<std::string> trainings_in(const std::string& folder) {
  namespace fs = std::filesystem;
  std::error_code error;
  const fs::path place = folder;
  const bool tells = fs::file_size(place / "metrics.jsonl", error) > 0 && !error;
  if (tells || !fs::exists(place / "run.json", error)) return {folder};
  std::vector<std::string> found;
  for (fs::directory_iterator at(place, error), end; !error && at != end; at.increment(error)) {
    std::error_code unseen;
    if (!at->is_symlink(unseen) && fs::exists(at->path() / "metrics.jsonl", unseen))
      found.push_back(at->path().string());
  }
  std::sort(found.begin(), found.end());
  return found.empty() ? std::vector{folder} : found;
}

}  // namespace

struct Report::Inside {
  std::vector<std::string> folders;
  std::vector<RunFolder> runs;

  // Whether there are others than before. New ones come behind those that there were: a page knows them by their place.
  bool find() {
    std::vector<std::string> now;
    for (const std::string& folder : folders)
      for (const std::string& training : trainings_in(folder)) now.push_back(training);
    const auto gone = [&](const RunFolder& r) { return std::find(now.begin(), now.end(), r.folder) == now.end(); };
    bool changed = std::erase_if(runs, gone) > 0;
    for (const std::string& training : now) {
      const auto same = [&](const RunFolder& r) { return r.folder == training; };
      if (std::any_of(runs.begin(), runs.end(), same)) continue;
      runs.emplace_back(training);
      changed = true;
    }
    return changed;
  }
};

Report::Report(const std::vector<std::string>& folders) : inside_(std::make_unique<Inside>()) {
  require<ValueError>(!folders.empty(), "report", "needs the folder of a run");
  inside_->folders = folders;
  inside_->find();
}
Report::~Report() = default;
Report::Report(Report&&) noexcept = default;
Report& Report::operator=(Report&&) noexcept = default;

bool Report::update() {
  bool changed = inside_->find();
  for (RunFolder& run : inside_->runs) changed |= run.update();
  return changed;
}

std::string Report::data() const {
  const auto& runs = inside_->runs;
  const std::vector<std::string> names = names_of(runs);
  const size_t points = std::max<size_t>(most_points * 3 / std::max<size_t>(runs.size(), 3), 100);
  Json json = {{"runs", Json::array()}};
  for (size_t i = 0; i < runs.size(); ++i) json["runs"].push_back(run_of(runs[i], names[i], points));
  if (!report_assets::has_charts) json["picture"] = picture_of(runs, names);
  return ascii(json);
}

std::string Report::page(bool live) const {
  const std::string head = filled(report_assets::page, "@CONNECT@", live ? "'self'" : "'none'");
  return filled(filled(head, "@LIVE@", live ? "live" : "no"), "@DATA@", data());
}

void write_report(const std::string& file, const std::vector<std::string>& folders) {
  Report report(folders);
  report.update();
  io::write_text(file, report.page());
}

}  // namespace cairn::train
