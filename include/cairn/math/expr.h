#pragma once
// A formula as data: called with an Expr, a generic formula writes down what it computes.
//
//   [](auto x) { return where(x > 0.0, x, 0.5 * expm1(minimum(x, 0.0))); }(Expr::variable("x")).text()
//   → "where(x > 0, x, 0.5 * expm1(minimum(x, 0)))"

#include <memory>
#include <ostream>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "cairn/base/isa.h"

namespace cairn {

/// A number, a variable, or a function of other expressions; immutable and cheap to copy.
class Expr {
 public:
  Expr(double number = 0);  // NOLINT: implicit as a number's conversion to Lanes is
  static Expr variable(std::string name);
  /// A function of the alphabet, or one of the operators "+" "-" "*" "/" "neg" "<" "<=" ">" ">=" "==" "!=" "&" "|" "^"
  /// "!". Arithmetic of numbers is carried out, and factors of 1 are dropped.
  static Expr call(std::string function, std::vector<Expr> arguments);

  bool is_number() const;
  bool is_variable() const;
  /// Of a number.
  double number() const;
  /// Of a variable, or of the function.
  const std::string& name() const;
  /// Empty unless a function.
  const std::vector<Expr>& arguments() const;
  /// The same for copies of one expression, which share it.
  const void* id() const { return node_.get(); }

  /// With as few parentheses as the precedence of C allows; numbers in the shortest form that reads back the same.
  std::string text() const;
  /// The same as the parser of formulas reads it back without loss: gate(x, s) stays a gate.
  std::string exact_text() const;

 private:
  struct Node;
  explicit Expr(std::shared_ptr<const Node> node) : node_(std::move(node)) {}
  std::string text(int outer, bool exact) const;

  std::shared_ptr<const Node> node_;
};

/// What every part of an expression comes to, from the leaves up and each shared part once: f(part, results of its
/// arguments). Without recursion, as expressions may be deep. What `done` holds by id is not asked for again.
template <class V, class F>
V fold(const Expr& root, F f, std::unordered_map<const void*, V>& done) {
  std::vector<const Expr*> open = {&root};
  while (!open.empty()) {
    const Expr& e = *open.back();
    std::vector<V> arguments;
    for (const Expr& argument : e.arguments()) {
      const auto at = done.find(argument.id());
      if (at == done.end())
        open.push_back(&argument);
      else
        arguments.push_back(at->second);
    }
    if (arguments.size() < e.arguments().size()) continue;
    if (!done.contains(e.id())) done.emplace(e.id(), f(e, std::move(arguments)));
    open.pop_back();
  }
  return done.at(root.id());
}

/// The expression with other ones in the place of x and of the named variables.
Expr substitute(const Expr& expression, const std::vector<std::string>& names, const Expr& x,
                std::span<const Expr> values);

/// 0.5, 1e-05, 1: the shortest decimal number that reads back the same.
std::string shortest(double number);

inline std::ostream& operator<<(std::ostream& out, const Expr& e) { return out << e.text(); }

inline Expr operator+(const Expr& a, const Expr& b) { return Expr::call("+", {a, b}); }
inline Expr operator-(const Expr& a, const Expr& b) { return Expr::call("-", {a, b}); }
inline Expr operator*(const Expr& a, const Expr& b) { return Expr::call("*", {a, b}); }
inline Expr operator/(const Expr& a, const Expr& b) { return Expr::call("/", {a, b}); }
inline Expr operator-(const Expr& a) { return Expr::call("neg", {a}); }
inline Expr operator<(const Expr& a, const Expr& b) { return Expr::call("<", {a, b}); }
inline Expr operator<=(const Expr& a, const Expr& b) { return Expr::call("<=", {a, b}); }
inline Expr operator>(const Expr& a, const Expr& b) { return Expr::call(">", {a, b}); }
inline Expr operator>=(const Expr& a, const Expr& b) { return Expr::call(">=", {a, b}); }
inline Expr operator==(const Expr& a, const Expr& b) { return Expr::call("==", {a, b}); }
inline Expr operator!=(const Expr& a, const Expr& b) { return Expr::call("!=", {a, b}); }
inline Expr operator&(const Expr& a, const Expr& b) { return Expr::call("&", {a, b}); }
inline Expr operator|(const Expr& a, const Expr& b) { return Expr::call("|", {a, b}); }
inline Expr operator^(const Expr& a, const Expr& b) { return Expr::call("^", {a, b}); }
inline Expr operator!(const Expr& a) { return Expr::call("!", {a}); }

inline Expr exp(const Expr& x) { return Expr::call("exp", {x}); }
inline Expr expm1(const Expr& x) { return Expr::call("expm1", {x}); }
inline Expr log(const Expr& x) { return Expr::call("log", {x}); }
inline Expr log1p(const Expr& x) { return Expr::call("log1p", {x}); }
inline Expr tanh(const Expr& x) { return Expr::call("tanh", {x}); }
inline Expr sigmoid(const Expr& x) { return Expr::call("sigmoid", {x}); }
inline Expr softplus(const Expr& x) { return Expr::call("softplus", {x}); }
inline Expr log_sigmoid(const Expr& x) { return Expr::call("log_sigmoid", {x}); }
inline Expr erf(const Expr& x) { return Expr::call("erf", {x}); }
inline Expr erfc(const Expr& x) { return Expr::call("erfc", {x}); }
inline Expr gaussian(const Expr& x) { return Expr::call("gaussian", {x}); }
inline Expr normal_cdf(const Expr& x) { return Expr::call("normal_cdf", {x}); }
inline Expr normal_cdf_tanh(const Expr& x) { return Expr::call("normal_cdf_tanh", {x}); }
inline Expr normal_pdf(const Expr& x) { return Expr::call("normal_pdf", {x}); }
inline Expr sin(const Expr& x) { return Expr::call("sin", {x}); }
inline Expr cos(const Expr& x) { return Expr::call("cos", {x}); }
inline Expr atan(const Expr& x) { return Expr::call("atan", {x}); }
inline Expr sqrt(const Expr& x) { return Expr::call("sqrt", {x}); }
inline Expr rsqrt(const Expr& x) { return Expr::call("rsqrt", {x}); }
inline Expr reciprocal(const Expr& x) { return Expr::call("reciprocal", {x}); }
inline Expr square(const Expr& x) { return Expr::call("square", {x}); }
inline Expr abs(const Expr& x) { return Expr::call("abs", {x}); }
inline Expr sign(const Expr& x) { return Expr::call("sign", {x}); }
inline Expr floor(const Expr& x) { return Expr::call("floor", {x}); }
inline Expr isnan(const Expr& x) { return Expr::call("isnan", {x}); }
inline Expr isfinite(const Expr& x) { return Expr::call("isfinite", {x}); }
inline Expr pow(const Expr& x, const Expr& y) { return Expr::call("pow", {x, y}); }
inline Expr maximum(const Expr& a, const Expr& b) { return Expr::call("maximum", {a, b}); }
inline Expr minimum(const Expr& a, const Expr& b) { return Expr::call("minimum", {a, b}); }
inline Expr gate(const Expr& x, const Expr& s) { return Expr::call("gate", {x, s}); }
inline Expr clamp(const Expr& x, const Expr& lo, const Expr& hi) { return Expr::call("clamp", {x, lo, hi}); }
inline Expr where(const Expr& condition, const Expr& a, const Expr& b) {
  return Expr::call("where", {condition, a, b});
}

}  // namespace cairn
