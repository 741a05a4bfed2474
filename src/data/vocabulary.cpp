#include "cairn/data/vocabulary.h"

#include <algorithm>
#include <utility>

#include "cairn/base/error.h"
#include "cairn/base/file.h"
#include "cairn/data/text.h"
#include "data/utf8.h"

namespace cairn::data {

static constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";

// Whether load reads the token from the line that save writes for it.
static bool fits_line(std::string_view token) {
  if (token == "\n" || token == "\r") return true;
  return token.find('\n') == token.npos && !token.ends_with('\r') && token != "\\n" && token != "\\r";
}

Vocabulary::Vocabulary(std::vector<std::string> tokens) : tokens_(std::move(tokens)) {
  if (const std::string problem = index("token", 0); !problem.empty()) throw ValueError("Vocabulary: " + problem);
}

std::string Vocabulary::index(const char* unit, size_t first) {
  const auto place = [&](size_t i) { return std::string(unit) + " " + std::to_string(i + first); };
  numbers_.reserve(tokens_.size());
  for (size_t i = 0; i < tokens_.size(); ++i) {
    if (tokens_[i].empty()) return place(i) + " is empty";
    if (const size_t bad = find_malformed(tokens_[i]); bad != std::string::npos)
      return place(i) + " is no UTF-8, at byte " + std::to_string(bad) + " of it";
    if (!fits_line(tokens_[i]) || (i == 0 && tokens_[i].starts_with(byte_order_mark)))
      return place(i) + " is nothing that a line of a file can hold";
    const auto [known, fresh] = numbers_.emplace(tokens_[i], static_cast<int64_t>(i));
    if (!fresh)
      return place(i) + " is '" + tokens_[i] + "', as is " + place(static_cast<size_t>(known->second)) +
             "; a token has one number";
  }
  for (size_t i = 0; i < special_.size(); ++i) {
    special_[i] = find(special_tokens[i]);
    if (special_[i] < 0)
      return "the special token " + std::string(special_tokens[i]) + " is missing; got " +
             std::to_string(tokens_.size()) + " tokens";
  }
  return "";
}

Vocabulary Vocabulary::load(const std::string& path) {
  const std::string text = read_text(path);
  std::string_view rest = text;
  if (rest.starts_with(byte_order_mark)) rest.remove_prefix(byte_order_mark.size());
  Vocabulary v;
  while (!rest.empty()) {
    const size_t end = std::min(rest.find('\n'), rest.size());
    std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    v.tokens_.emplace_back(line == "\\n" ? "\n" : line == "\\r" ? "\r" : line);
  }
  if (const std::string problem = v.index("line", 1); !problem.empty())
    throw FileError("Vocabulary::load: " + problem + ", in '" + path + "'");
  return v;
}

void Vocabulary::save(const std::string& path) const {
  std::string text;
  for (const std::string& t : tokens_) text += (t == "\n" ? "\\n" : t == "\r" ? "\\r" : t) + "\n";
  io::write_text(path, text);
}

const std::string& Vocabulary::token(int64_t id) const {
  require<IndexError>(id >= 0 && id < size(), "Vocabulary", "no such token", given("number", id),
                      given("size", size()));
  return tokens_[static_cast<size_t>(id)];
}

int64_t Vocabulary::find(std::string_view token) const {
  const auto found = numbers_.find(token);
  return found == numbers_.end() ? -1 : found->second;
}

int64_t Vocabulary::id(std::string_view token) const {
  const int64_t found = find(token);
  require<NameError>(found >= 0, "Vocabulary", "no such token", std::string(token));
  return found;
}

bool Vocabulary::is_special(int64_t id) const {
  return std::find(special_.begin(), special_.end(), id) != special_.end();
}

}  // namespace cairn::data
