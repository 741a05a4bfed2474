#include "cairn/activation/activation.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <deque>
#include <map>
#include <mutex>
#include <set>

#include "activation/apply.h"
#include "activation/taylor.h"
#include "activation/text.h"
#include "cairn/activation/formula.h"
#include "cairn/math/program.h"

namespace cairn {
namespace {

// Activations that programs registered. Entries stay where they are for ever: activations point at them.
struct Registered {
  std::mutex mutex;
  std::deque<ActivationInfo> list;
  std::map<const ActivationInfo*, FormulaOperation> operations;  // of whatever was called with tensors
};
Registered& registered() {
  static Registered r;
  return r;
}

std::vector<std::string> names_of(const std::vector<ActivationInfo::Parameter>& parameters) {
  std::vector<std::string> names;
  for (const auto& p : parameters) names.push_back(p.name);
  return names;
}

Expr general_expression(const ActivationInfo& info) {
  std::vector<Expr> names;
  for (const auto& p : info.parameters) names.push_back(Expr::variable(p.name));
  return info.expression(Expr::variable("x"), names);
}

// The program of an activation of the catalogue or of a registered one, made when it is first wanted.
FormulaOperation operation_of(const ActivationInfo& info) {
  if (info.operation) return *info.operation;
  Registered& r = registered();
  const std::lock_guard lock(r.mutex);
  const auto at = r.operations.find(&info);
  if (at != r.operations.end()) return at->second;
  return r.operations
      .emplace(&info, FormulaOperation(info.name.c_str(), general_expression(info), names_of(info.parameters)))
      .first->second;
}

}  // namespace

Activation::Activation(std::shared_ptr<const ActivationInfo> info, std::vector<double> parameters)
    : info_(std::move(info)), parameters_(std::move(parameters)) {
  require<ValueError>(parameters_.size() == info_->parameters.size(), "activation", "wrong number of parameters",
                      given("name", info_->name), given("given", parameters_.size()));
}

Activation::Activation(const ActivationInfo& info, std::vector<double> parameters)
    : Activation(std::shared_ptr<const ActivationInfo>(std::shared_ptr<void>(), &info), std::move(parameters)) {}

Tensor Activation::operator()(const Tensor& x, std::span<const Tensor> parameters) const {
  require<ValueError>(info_->elementwise(), "activation", "a fold has no parameters to train",
                      given("name", info_->name));
  require<ValueError>(parameters.size() == parameters_.size(), "activation", "wrong number of parameters",
                      given("name", info_->name), given("given", parameters.size()),
                      given("expected", parameters_.size()));
  return operation_of(*info_)(x, parameters);
}

std::string Activation::formula() const {
  if (info_->family == "formula" || info_->family == "fold" || info_->family == "taylor") return info_->formula;
  return expression().text();
}

Expr Activation::expression() const {
  require<ValueError>(info_->elementwise(), "activation", "a fold is no function of one number",
                      given("name", info_->name));
  return with_numbers(info_->expression, parameters_);
}

std::string Activation::text() const {
  if (info_->family == "formula") return info_->formula;
  std::string list;
  for (double p : parameters_) list += (list.empty() ? "(" : ", ") + shortest(p);
  return info_->name + (list.empty() ? "" : list + ")");
}

Tensor prelu(const Tensor& x, const Tensor& weight) {
  static const Activation function = activation("prelu");
  return function(x, std::span(&weight, 1));
}

namespace {

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
  Registered& r = registered();
  const std::lock_guard lock(r.mutex);
  for (const ActivationInfo& info : r.list) {
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

bool identifier(std::string_view s) {
  return !s.empty() && letter(s[0]) && std::all_of(s.begin(), s.end(), [](char c) { return letter(c) || digit(c); });
}

// Whether the text is a formula and no name, with or without a list of numbers behind it.
bool is_formula(std::string_view text) {
  const size_t open = text.find('(');
  const std::string_view name = trimmed(text.substr(0, open));
  if (name == "x" || !identifier(name)) return !name.empty() || open == 0;
  if (open == text.npos) return false;
  for (size_t i = open + 1; i < text.size(); ++i) {
    if (text[i] == '(' || text[i] == ';') return true;
    const bool alone = !letter(text[i - 1]) && !digit(text[i - 1]) &&
                       (i + 1 == text.size() || (!letter(text[i + 1]) && !digit(text[i + 1])));
    if (text[i] == 'x' && alone && trimmed(text.substr(i + 1)).substr(0, 1) != "=") return true;
  }
  const size_t close = text.rfind(')');
  return close != text.npos && !trimmed(text.substr(close + 1)).empty();
}

}  // namespace

Activation activation(std::string_view text) {
  if (is_taylor(trimmed(text))) return read_taylor(trimmed(text));
  if (is_formula(trimmed(text))) return formula_activation(trimmed(text));
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

// ---- formulas and registered functions -------------------------------------------------------------------------------

Activation formula_activation(std::string_view text) {
  const Formula parsed = parse_formula(text);
  auto info = std::make_shared<ActivationInfo>();
  info->name = "formula";
  info->family = "formula";
  info->parameters = parsed.parameters;
  info->source = "formula";
  info->formula = std::string(text);
  info->learnable = !parsed.parameters.empty();
  const std::vector<std::string> names = names_of(parsed.parameters);
  info->operation = std::make_shared<const FormulaOperation>("formula", parsed.expression, names);
  info->apply = [operation = info->operation](const Tensor& x, std::span<const double> parameters) {
    return (*operation)(x, parameters);
  };
  info->expression = [e = parsed.expression, names](const Expr& x, std::span<const Expr> p) {
    return substitute(e, names, x, p);
  };
  info->kinks = [e = info->expression](std::span<const double> p) { return find_kinks(with_numbers(e, p)); };
  std::vector<double> values;
  for (const auto& p : parsed.parameters) values.push_back(p.value);
  return {std::move(info), std::move(values)};
}

namespace detail {

const char* lasting(const std::string& name) {
  static std::mutex mutex;
  static std::set<std::string> names;
  const std::lock_guard lock(mutex);
  return names.insert(name).first->c_str();
}

void add_activation(ActivationInfo info) {
  require<NameError>(identifier(info.name) && info.name != "x" && info.name != "taylor", "register_activation",
                     "a name has letters, digits and underscores, and is not x or taylor", given("name", info.name));
  info.formula = general_expression(info).text();
  info.kinks = [e = info.expression](std::span<const double> p) { return find_kinks(with_numbers(e, p)); };
  const auto same = [&](const ActivationInfo& other) { return other.name == info.name; };
  Registered& r = registered();
  const std::lock_guard lock(r.mutex);
  const bool taken =
      std::any_of(activations().begin(), activations().end(), same) || std::any_of(r.list.begin(), r.list.end(), same);
  require<NameError>(!taken, "register_activation", "the name is taken", given("name", info.name));
  r.list.push_back(std::move(info));
}

}  // namespace detail

}  // namespace cairn
