#pragma once
// Numbers and lists from the command line, with errors that name the option.

#include <cairn/base/error.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <sstream>
#include <string>
#include <type_traits>
#include <vector>

namespace support {

/// A number from `low` to `high`: all of the text, and nothing else.
///   throws  ValueError: "--epochs must be a whole number from 1 to 100; got '0'"
template <class T>
T number(const std::string& option, const std::string& text, T low, T high) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !(value >= low && value <= high))
    throw cairn::ValueError("--" + option + " must be a " + (std::is_integral_v<T> ? "whole " : "") + "number from " +
                            cairn::describe(low) + " to " + cairn::describe(high) + "; got '" + text + "'");
  return value;
}

/// Numbers with commas between them; an empty text holds none.
template <class T>
std::vector<T> numbers(const std::string& option, const std::string& text, T low, T high) {
  std::vector<T> list;
  if (text.empty()) return list;
  std::istringstream items(text + ",");  // so that a comma too many is an empty item
  for (std::string item; std::getline(items, item, ',');) list.push_back(number(option, item, low, high));
  return list;
}

/// throws  NameError, listing the known ones, unless the name is one of them
inline void require_known(const std::string& what, const std::string& name, const std::vector<std::string>& known) {
  if (std::find(known.begin(), known.end(), name) == known.end()) cairn::fail_unknown(what, name, known);
}

/// "relu, max(x, 0.1 * x)" → its two parts: commas between parentheses belong to the part.
inline std::vector<std::string> split_list(const std::string& text) {
  std::vector<std::string> parts(1);
  int depth = 0;
  for (const char c : text) {
    depth += c == '(' ? 1 : c == ')' ? -1 : 0;
    if (c == ',' && depth == 0)
      parts.emplace_back();
    else if (c != ' ' || !parts.back().empty())
      parts.back() += c;
  }
  for (std::string& part : parts) part.erase(part.find_last_not_of(' ') + 1);
  return parts;
}

/// "0.0005"
inline std::string short_text(double value) {
  std::ostringstream text;
  text << value;
  return text.str();
}

/// How long a training took, in so many characters, and "–" for 0: where no time was recorded.
inline std::string time_cell(double time, int width, int digits) {
  char cell[64];
  if (time > 0)
    std::snprintf(cell, sizeof cell, "%*.*f", width, digits, time);
  else
    std::snprintf(cell, sizeof cell, "%*s", width + 2, "–");  // whose three bytes are one character
  return cell;
}

/// "sgd, adam, adamw"
inline std::string listed(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

}  // namespace support
