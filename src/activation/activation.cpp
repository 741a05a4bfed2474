#include "cairn/activation/activation.h"

#include <charconv>
#include <cmath>

#include "cairn/math/expr.h"

namespace cairn {

Activation::Activation(const ActivationInfo& info, std::vector<double> parameters)
    : info_(&info), parameters_(std::move(parameters)) {
  require<ValueError>(parameters_.size() == info.parameters.size(), "activation", "wrong number of parameters",
                      given("name", info.name), given("given", parameters_.size()));
}

std::string Activation::text() const {
  std::string list;
  for (double p : parameters_) list += (list.empty() ? "(" : ", ") + shortest(p);
  return info_->name + (list.empty() ? "" : list + ")");
}

namespace {

std::string_view trimmed(std::string_view s) {
  while (!s.empty() && s.front() == ' ') s.remove_prefix(1);
  while (!s.empty() && s.back() == ' ') s.remove_suffix(1);
  return s;
}

// Takes what stands before the next `mark` off the front.
std::string_view take_until(std::string_view& rest, char mark) {
  const size_t at = std::min(rest.find(mark), rest.size());
  const std::string_view part = rest.substr(0, at);
  rest.remove_prefix(std::min(at + 1, rest.size()));
  return trimmed(part);
}

const ActivationInfo& find(std::string_view name) {
  std::vector<std::string> known;
  for (const ActivationInfo& info : activations()) {
    if (info.name == name) return info;
    known.push_back(info.name);
  }
  fail_unknown("activation", name, known);
}

size_t find_parameter(const ActivationInfo& info, std::string_view name) {
  std::vector<std::string> known;
  for (size_t i = 0; i < info.parameters.size(); ++i) {
    if (info.parameters[i].name == name) return i;
    known.push_back(info.parameters[i].name);
  }
  fail_unknown("parameter of " + info.name, name, known);
}

double parse_number(const std::string& whole, std::string_view digits) {
  double value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  require<ValueError>(error == std::errc() && end == digits.data() + digits.size() && std::isfinite(value),
                      "activation", "a parameter is not a finite number", given("parameter", std::string(digits)),
                      given("in", whole));
  return value;
}

}  // namespace

Activation activation(std::string_view text) {
  const std::string whole(text);
  std::string_view rest = trimmed(text);
  const bool has_list = rest.find('(') != rest.npos;
  const ActivationInfo& info = find(take_until(rest, '('));
  std::vector<double> values;
  for (const auto& p : info.parameters) values.push_back(p.value);
  if (!has_list) return {info, values};

  require<ValueError>(!rest.empty() && rest.back() == ')', "activation", "the list of parameters must end with ')'",
                      given("text", whole));
  rest.remove_suffix(1);
  std::vector<bool> seen(values.size());
  for (size_t position = 0; !trimmed(rest).empty(); ++position) {
    std::string_view item = take_until(rest, ',');
    const bool named = item.find('=') != item.npos;
    const size_t i = named ? find_parameter(info, take_until(item, '=')) : position;
    require<ValueError>(i < values.size(), "activation", "more parameters than it has", given("text", whole),
                        given("parameters", values.size()));
    require<ValueError>(!seen[i], "activation", "a parameter is given twice", given("text", whole));
    seen[i] = true;
    values[i] = parse_number(whole, trimmed(item));
  }
  return {info, values};
}

}  // namespace cairn
