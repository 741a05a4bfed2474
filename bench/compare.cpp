#include <cairn/base/error.h>

#include <algorithm>
#include <cstdio>
#include <map>
#include <nlohmann/json.hpp>

#include "bench.h"

namespace bench {
namespace {

using namespace cairn;

struct Figure {
  double value = 0;
  std::string unit;
};
using Figures = std::vector<std::pair<std::string, Figure>>;  // "workload metric", in the order printed

Figures run(const std::string& command) {
  std::FILE* pipe = popen(command.c_str(), "r");
  require<ValueError>(pipe != nullptr, "bench", "cannot start", given("command", command));
  std::string text;
  char buffer[4096];
  for (size_t n; (n = std::fread(buffer, 1, sizeof buffer, pipe)) > 0;) text.append(buffer, n);
  const int status = pclose(pipe);
  require<ValueError>(status == 0, "bench", "the program failed", given("command", command), given("status", status));
  Figures figures;
  for (size_t begin = 0, end; begin < text.size(); begin = end + 1) {
    end = std::min(text.find('\n', begin), text.size());
    const auto line = nlohmann::json::parse(text.substr(begin, end - begin), nullptr, false);
    if (!line.is_object() || !line.contains("workload") || !line.contains("value")) continue;
    figures.emplace_back(line["workload"].get<std::string>() + " " + line.value("metric", ""),
                         Figure{line["value"].get<double>(), line.value("unit", "")});
  }
  require<ValueError>(!figures.empty(), "bench", "the program printed no figures", given("command", command));
  return figures;
}

double median(std::vector<double> v) {
  std::sort(v.begin(), v.end());
  return v.size() % 2 == 1 ? v[v.size() / 2] : 0.5 * (v[v.size() / 2 - 1] + v[v.size() / 2]);
}

}  // namespace

void compare(const std::string& self, const std::string& peer, const std::string& arguments, int rounds) {
  struct Row {
    std::string unit;
    std::vector<double> ours, theirs, ratios;
  };
  std::vector<std::string> order;
  std::map<std::string, Row> rows;
  for (int round = 0; round < rounds; ++round) {
    const Figures ours = run(self + arguments), theirs = run(peer + arguments);
    for (const auto& [name, t] : theirs) {
      if (!rows.contains(name)) order.push_back(name);
      Row& row = rows[name];
      row.unit = t.unit;
      for (const auto& [same, o] : ours)
        if (same == name) {
          row.ours.push_back(o.value), row.theirs.push_back(t.value);
          row.ratios.push_back(t.unit == "us" || t.unit == "MiB" ? t.value / o.value : o.value / t.value);
        }
    }
  }
  std::printf("%-40s %12s %12s  %-10s %s\n", "workload", "ours", "peer", "", "times better");
  for (const std::string& name : order) {
    const Row& r = rows[name];
    if (r.ratios.empty())
      std::printf("%-40s missing here\n", name.c_str());
    else
      std::printf("%-40s %12.4g %12.4g  %-10s %.2f  (%.2f to %.2f)\n", name.c_str(), median(r.ours), median(r.theirs),
                  r.unit.c_str(), median(r.ratios), *std::min_element(r.ratios.begin(), r.ratios.end()),
                  *std::max_element(r.ratios.begin(), r.ratios.end()));
  }
}

}  // namespace bench
