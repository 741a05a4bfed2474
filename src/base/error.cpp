#include "cairn/base/error.h"

#include <algorithm>
#include <charconv>
#include <numeric>
#include <utility>

namespace cairn {

std::string describe(const std::string& text) { return "'" + text + "'"; }

std::string describe(const char* text) { return describe(std::string(text)); }

std::string describe(double value) {
  char text[32];
  const auto end = std::to_chars(text, text + sizeof text, value).ptr;
  return {text, end};
}

std::string error_text(std::string_view operation, std::string_view problem, const std::vector<std::string>& got) {
  std::string text = std::string(operation) + ": " + std::string(problem);
  for (size_t i = 0; i < got.size(); ++i) text += (i ? ", " : "; got ") + got[i];
  return text;
}

// Letters to insert, remove, replace, or swap with their neighbour (the commonest slip: "gleu"): the optimal string
// alignment distance, on three rows.
static size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<size_t> before, last(b.size() + 1), row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 1; i <= a.size(); ++i) {
    before = std::exchange(last, row);
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (a[i - 1] != b[j - 1])});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) row[j] = std::min(row[j], before[j - 2] + 1);
    }
  }
  return row.back();
}

std::string nearest_name(std::string_view name, const std::vector<std::string>& known) {
  std::string best;
  size_t best_distance = std::max<size_t>(2, name.size() / 3) + 1;
  for (const std::string& k : known)
    if (const size_t d = edit_distance(name, k); d < best_distance) best = k, best_distance = d;
  return best;
}

void fail_unknown(std::string_view what, std::string_view name, const std::vector<std::string>& known) {
  const std::string near = nearest_name(name, known);
  std::string text = std::string(what) + ": unknown name '" + std::string(name) + "'";
  if (!near.empty()) text += "; did you mean '" + near + "'?";
  text += near.empty() ? "; known: " : " Known: ";
  for (size_t i = 0; i < known.size(); ++i) text += (i ? ", " : "") + known[i];
  throw NameError(text);
}

}  // namespace cairn
