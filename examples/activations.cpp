// The activations that there are, and what is to be known of one, also of a formula: `activations --help` lists the
// options.
#include <cairn/cairn.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cxxopts.hpp>

#include "support/options.h"
#include "support/output.h"

using namespace cairn;

namespace {

struct Options {
  std::vector<std::string> texts;
  std::string family, plot;
  bool check;
  double low, high;
};

Options read_options(int argc, char** argv) {
  cxxopts::Options all("activations", "Lists the activations; with names or formulas, what there is to know of each.");
  all.positional_help("[NAME|FORMULA ...]");
  const auto text = [](const char* otherwise) { return cxxopts::value<std::string>()->default_value(otherwise); };
  // clang-format off
  all.add_options()
    ("family", "only these of the list: ridge, radial, learnable or fold", text(""), "NAME")
    ("check", "test those that are named, or else all, as activations: derivatives, rounding, limits, kinks, cost")
    ("plot", "SVG file of those that are named, with their derivatives", text(""), "FILE")
    ("from", "where plots begin", text("-5"), "X")
    ("to", "where they end", text("5"), "X")
    ("h,help", "this text");
  // clang-format on
  const cxxopts::ParseResult found = all.parse(argc, argv);
  if (found.count("help") > 0) {
    std::printf("%s", all.help().c_str());
    std::exit(0);
  }
  const auto word = [&](const char* name) { return found[name].as<std::string>(); };
  Options o{.texts = {},
            .family = word("family"),
            .plot = word("plot"),
            .check = found.count("check") > 0,
            .low = support::number("from", word("from"), -1e6, 1e6),
            .high = support::number("to", word("to"), -1e6, 1e6)};
  o.texts = found.unmatched();  // as a list of cxxopts it would be cut at the commas of formulas
  if (!o.family.empty()) support::require_known("family", o.family, {"ridge", "radial", "learnable", "fold"});
  require<ValueError>(o.low < o.high, "options", "--from must be below --to", given("from", o.low),
                      given("to", o.high));
  require<ValueError>(o.plot.empty() || !o.texts.empty(), "options", "--plot needs the names of what to plot");
  for (const std::string& t : o.texts) activation(t);  // a wrong one shall not wait for those before it
  return o;
}

std::string with_parameters(const ActivationInfo& info) {
  std::string list;
  for (const auto& p : info.parameters)
    if (list.size() < 30)
      list += (list.empty() ? "" : ", ") + p.name + "=" + support::short_text(p.value);
    else if (!list.ends_with("…"))
      list += ", …";
  return list.empty() ? info.name : info.name + "(" + list + ")";
}

void list_all(const std::string& family) {
  std::printf("%-36s %-10s %-64s %s\n", "activation", "family", "formula", "source");
  int count = 0;
  for (const ActivationInfo& info : activations()) {
    if (!family.empty() && info.family != family) continue;
    // Columns are counted in characters, and "…" has three bytes.
    const std::string name = with_parameters(info);
    const int extra = name.find("…") == name.npos ? 0 : 2;
    std::printf("%-*s %-10s %-64s %s\n", 36 + extra, name.c_str(), info.family.c_str(), info.formula.c_str(),
                info.source.c_str());
    ++count;
  }
  std::printf(
      "\n%d activations. `activations NAME` shows one, `activations \"x * tanh(x)\"` any formula; nn::Activation and "
      "--activation take both.\n",
      count);
}

// f and its slope as characters, for a first look.
void sketch(const Activation& f, double low, double high) {
  constexpr int columns = 73, rows = 19;
  const Tensor x = linspace(low, high, columns, f64).requires_grad_();
  const Tensor y = f(x);
  Tensor slope = y.requires_grad() ? grad({y}, {x}, {ones_like(y)}, false, false, true)[0] : Tensor();
  if (!slope.defined()) slope = zeros_like(x);
  std::vector<double> values = y.to_vector<double>(), slopes = slope.to_vector<double>(), sorted;
  for (const std::vector<double>* list : {&values, &slopes})
    for (const double v : *list)
      if (std::isfinite(v)) sorted.push_back(v);
  if (sorted.empty()) return;
  std::sort(sorted.begin(), sorted.end());
  const double bottom = std::max(sorted.front(), -(high - low) / 2),
               top = std::min(sorted.back(), (high - low) / 2 + 0.1);
  if (!(top > bottom)) return;
  std::vector<std::string> picture(rows, std::string(columns, ' '));
  const auto row_of = [&](double v) { return static_cast<int>(std::lround((top - v) / (top - bottom) * (rows - 1))); };
  const auto draw = [&](const std::vector<double>& list, char ink) {
    for (size_t i = 0; i < list.size(); ++i)
      if (std::isfinite(list[i]) && list[i] >= bottom && list[i] <= top)
        picture[static_cast<size_t>(row_of(list[i]))][i] = ink;
  };
  if (bottom <= 0 && top >= 0) picture[static_cast<size_t>(row_of(0))] = std::string(columns, '-');
  draw(slopes, '.');
  draw(values, '#');
  for (int r = 0; r < rows; ++r) {
    const double v = top - (top - bottom) * r / (rows - 1);
    std::printf("%8s %s\n", r % 6 == 0 ? support::short_text(std::round(v * 100) / 100).c_str() : "",
                picture[static_cast<size_t>(r)].c_str());
  }
  std::printf("%8s %-*s%s\n%8s # f   . its slope\n\n", "", columns - 2, support::short_text(low).c_str(),
              support::short_text(high).c_str(), "");
}

void show(const std::string& text, const Options& o) {
  const Activation f = activation(text);
  const ActivationInfo& info = f.info();
  std::printf("%s\n\n", f.text().c_str());
  std::printf("  family      %s\n  formula     %s\n  source      %s\n", info.family.c_str(), info.formula.c_str(),
              info.source.c_str());
  for (size_t i = 0; i < info.parameters.size(); ++i)
    std::printf("  %-11s %s = %s\n", i == 0 ? (info.learnable ? "learns" : "parameters") : "",
                info.parameters[i].name.c_str(), support::short_text(f.parameters()[i]).c_str());
  if (!info.elementwise()) {
    std::printf("\n");
    return;
  }
  std::string kinks;
  for (const double kink : f.kinks()) kinks += (kinks.empty() ? "" : ", ") + support::short_text(kink);
  std::printf("  kinks       %s\n", kinks.empty() ? "none" : kinks.c_str());
  try {
    std::printf("  gain        %.6g\n", nn::init::calculate_gain(f.text()));
  } catch (const ValueError&) {
    std::printf("  gain        none: no finite mean square\n");
  }
  std::printf("\n");
  sketch(f, o.low, o.high);
}

std::vector<std::string> elementwise_names(const std::string& family) {
  std::vector<std::string> names;
  for (const ActivationInfo& info : activations())
    if (info.elementwise() && (family.empty() || info.family == family)) names.push_back(info.name);
  return names;
}

// Whether all passed.
bool check(const std::vector<std::string>& texts) {
  size_t failed = 0;
  for (const std::string& text : texts) {
    const ConformanceReport report = conformance(activation(text));
    std::printf("%s\n", report.text().c_str());
    std::fflush(stdout);
    failed += !report.ok();
  }
  if (texts.size() > 1)
    std::printf("%s of %zu activations passed\n", failed == 0 ? "all" : std::to_string(texts.size() - failed).c_str(),
                texts.size());
  return failed == 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const Options o = read_options(argc, argv);
    if (o.check) {
      const bool sound = check(o.texts.empty() ? elementwise_names(o.family) : o.texts);
      support::finish_output();
      return sound ? 0 : 1;
    }
    if (!o.plot.empty()) const io::AtomicFile writable(o.plot);
    if (o.texts.empty()) list_all(o.family);
    for (const std::string& text : o.texts) show(text, o);
    if (!o.plot.empty()) {
      std::vector<Activation> functions;
      for (const std::string& text : o.texts) functions.push_back(activation(text));
      io::write_text(o.plot, svg_plot(functions, {.low = o.low, .high = o.high}));
      std::printf("picture: %s\n", o.plot.c_str());
    }
    support::finish_output();
    return 0;
  } catch (const std::exception& e) {
    std::fflush(stdout);
    std::fprintf(stderr, "activations: %s\n", e.what());
    return 2;
  }
}
