#include "cairn/math/expr.h"

#include <algorithm>
#include <charconv>
#include <string_view>

namespace cairn {

struct Expr::Node {
  enum Kind { constant, unknown, function } kind;
  double value = 0;
  std::string label;
  std::vector<Expr> inputs;

  // Long chains are taken down in a loop, not by recursion.
  ~Node() {
    std::vector<Expr> dead = std::move(inputs);
    while (!dead.empty()) {
      const Expr last = std::move(dead.back());
      dead.pop_back();
      if (last.node_.use_count() != 1) continue;
      std::vector<Expr>& below = const_cast<Node&>(*last.node_).inputs;
      for (Expr& e : below) dead.push_back(std::move(e));
      below.clear();
    }
  }
};

Expr::Expr(double number) : node_(std::make_shared<Node>(Node{Node::constant, number, {}, {}})) {}

Expr Expr::variable(std::string name) {
  return Expr(std::make_shared<Node>(Node{Node::unknown, 0, std::move(name), {}}));
}

Expr Expr::call(std::string function, std::vector<Expr> args) {
  const auto is = [&](size_t i, double c) { return args[i].is_number() && args[i].number() == c; };
  if (args.size() == 2 && args[0].is_number() && args[1].is_number()) {
    const double a = args[0].number(), b = args[1].number();
    if (function == "+") return a + b;
    if (function == "-") return a - b;
    if (function == "*") return a * b;
    if (function == "/") return a / b;
  }
  if (function == "neg" && args[0].is_number()) return -args[0].number();
  if (function == "*" && is(0, 1)) return args[1];
  if ((function == "*" || function == "/") && is(1, 1)) return args[0];
  return Expr(std::make_shared<Node>(Node{Node::function, 0, std::move(function), std::move(args)}));
}

bool Expr::is_number() const { return node_->kind == Node::constant; }
bool Expr::is_variable() const { return node_->kind == Node::unknown; }
double Expr::number() const { return node_->value; }
const std::string& Expr::name() const { return node_->label; }
const std::vector<Expr>& Expr::arguments() const { return node_->inputs; }

std::string shortest(double number) {
  char digits[32];
  const auto end = std::to_chars(digits, digits + sizeof digits, number).ptr;
  return std::string(digits, end);
}

namespace {

struct Operator {
  std::string_view function, sign;
  int precedence;
};

// As C has them; the gate of a product is read as the product.
constexpr Operator operators[] = {{"|", " | ", 1},    {"^", " ^ ", 2}, {"&", " & ", 3},   {"==", " == ", 4},
                                  {"!=", " != ", 4},  {"<", " < ", 5}, {"<=", " <= ", 5}, {">", " > ", 5},
                                  {">=", " >= ", 5},  {"+", " + ", 6}, {"-", " - ", 6},   {"*", " * ", 7},
                                  {"gate", " * ", 7}, {"/", " / ", 7}};
constexpr int unary = 8;

}  // namespace

Expr substitute(const Expr& expression, const std::vector<std::string>& names, const Expr& x,
                std::span<const Expr> values) {
  std::unordered_map<const void*, Expr> done;
  return fold<Expr>(
      expression,
      [&](const Expr& e, std::vector<Expr> arguments) {
        if (!arguments.empty()) return Expr::call(e.name(), std::move(arguments));
        if (!e.is_variable()) return e;
        const auto at = std::find(names.begin(), names.end(), e.name());
        return at == names.end() ? x : values[static_cast<size_t>(at - names.begin())];
      },
      done);
}

std::string Expr::text() const { return text(0, false); }
std::string Expr::exact_text() const { return text(0, true); }

// In parentheses when it binds less than its surroundings.
std::string Expr::text(int outer, bool exact) const {
  if (is_number()) {
    const std::string digits = shortest(number());
    return digits[0] == '-' && outer == unary ? "(" + digits + ")" : digits;
  }
  if (is_variable()) return name();
  const std::vector<Expr>& args = arguments();
  const auto bracket = [&](int precedence, const std::string& t) { return precedence < outer ? "(" + t + ")" : t; };
  if (name() == "neg" || name() == "!") return bracket(unary, (name() == "!" ? "!" : "-") + args[0].text(unary, exact));
  for (const Operator& o : operators)
    if (name() == o.function && !(exact && (name() == "gate" || name() == "^"))) {
      // The right operand of − and / binds on its own; so does that of a product, whose rounding depends on the order.
      const bool sums = name() == "+" && args[1].name() != "-";
      return bracket(o.precedence, args[0].text(o.precedence, exact) + std::string(o.sign) +
                                       args[1].text(o.precedence + (sums ? 0 : 1), exact));
    }
  std::string list;
  for (const Expr& a : args) list += (list.empty() ? "" : ", ") + a.text(0, exact);
  return (name() == "^" ? "xor" : name()) + "(" + list + ")";
}

}  // namespace cairn
