#pragma once
// Tables of text.

#include <algorithm>
#include <string>
#include <vector>

namespace cairn::nn {

/// Columns side by side, the first `texts` of them flush left and the others, numbers, flush right; a rule below the
/// first row, and above the last when that is a sum.
inline std::string aligned(const std::vector<std::vector<std::string>>& cells, size_t texts, bool last_is_sum = false) {
  std::vector<size_t> width(cells[0].size());
  for (const auto& row : cells)
    for (size_t c = 0; c < width.size(); ++c) width[c] = std::max(width[c], row[c].size());
  size_t whole = 2 * (width.size() - 1);
  for (const size_t w : width) whole += w;
  std::string out;
  for (size_t r = 0; r < cells.size(); ++r) {
    if (r == 1 || (last_is_sum && r + 1 == cells.size())) out += std::string(whole, '-') + "\n";
    std::string line;
    for (size_t c = 0; c < width.size(); ++c) {
      const std::string space(width[c] - cells[r][c].size(), ' ');
      line += c < texts ? cells[r][c] + space + "  " : space + cells[r][c] + "  ";
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + "\n";
  }
  return out;
}

}  // namespace cairn::nn
