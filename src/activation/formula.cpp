#include "cairn/activation/formula.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numbers>

#include "activation/text.h"
#include "cairn/math/program.h"

namespace cairn {
namespace {

constexpr int deepest = 100;
constexpr size_t longest = 10'000;

// What stands between spaces: a name, a number or a sign.
struct Token {
  enum Kind { end, name, number, sign } kind;
  std::string_view text;
  size_t at;
};

// An expression that knows whether it is a number or a condition.
struct Value {
  Expr expr;
  bool condition = false;
};

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {
    require<ValueError>(text.size() <= longest, "formula", "the text is too long", given("characters", text.size()),
                        given("limit", longest));
    next();
  }

  Formula parse() {
    const Value value = choice();
    if (token_.kind != Token::end && token_.text != ";") fault("expected an operator, ';' or the end");
    number(value, 0);
    if (token_.text == ";") parameters();
    for (const auto& unknown : unknown_)
      if (std::none_of(formula_.parameters.begin(), formula_.parameters.end(),
                       [&](const auto& p) { return p.name == unknown.first; }))
        unknown_name(unknown.first, unknown.second);
    if (!uses_x_) fault("x does not occur in the formula", 0);
    formula_.expression = value.expr;
    return formula_;
  }

 private:
  // ---- messages ----

  [[noreturn]] void fault(const std::string& what, size_t at) const {
    throw ValueError(with_caret("formula: " + what, at));
  }
  [[noreturn]] void fault(const std::string& what) const {
    fault(token_.kind == Token::end ? what + "; the text ends here" : what, token_.at);
  }

  // The text on one line, cut where it is long, and a caret under the byte `at`.
  std::string with_caret(const std::string& what, size_t at) const {
    constexpr size_t around = 60;
    const size_t begin = at > around ? at - around : 0, stop = std::min(text_.size(), at + around);
    std::string line, caret;
    for (size_t i = begin; i < stop; ++i) {
      const auto c = static_cast<unsigned char>(text_[i]);
      if (c >= 0x80 && c < 0xC0) {  // inside a character of UTF-8
        line += text_[i];
        continue;
      }
      line += c < 0x20 || c == 0x7F ? ' ' : text_[i];
      if (i < at) caret += ' ';
    }
    return what + "\n  " + (begin > 0 ? "…" : "") + line + (stop < text_.size() ? "…" : "") + "\n  " +
           (begin > 0 ? " " : "") + caret + "^";
  }

  [[noreturn]] void unknown_name(const std::string& name, size_t at, bool function = false) const {
    std::vector<std::string> known = function ? functions() : std::vector<std::string>{"x", "pi", "e", "inf"};
    if (!function)
      for (const auto& p : formula_.parameters) known.push_back(p.name);
    const std::string near = name.size() > 1 ? nearest_name(name, known) : "";
    std::string what = std::string("formula: unknown ") + (function ? "function '" : "name '") + name + "'";
    what += near.empty() ? "." : "; did you mean '" + near + "'?";
    what += function ? " Known: " : " A parameter needs a first value: '; " + name + " = 1' at the end";
    if (function)
      for (size_t i = 0; i < known.size(); ++i) what += (i > 0 ? ", " : "") + known[i];
    throw NameError(with_caret(what, at));
  }

  // ---- tokens ----

  void next() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n' || text_[at_] == '\r'))
      ++at_;
    const size_t begin = at_;
    const auto take = [&](Token::Kind kind, size_t n) {
      at_ = begin + n;
      token_ = {kind, text_.substr(begin, n), begin};
    };
    const std::string_view rest = text_.substr(begin);
    if (rest.empty()) return take(Token::end, 0);
    size_t n = 0;
    if (letter(rest[0])) {
      while (n < rest.size() && (letter(rest[n]) || digit(rest[n]))) ++n;
      return take(Token::name, n);
    }
    if (digit(rest[0]) || (rest[0] == '.' && rest.size() > 1 && digit(rest[1]))) {
      const auto [stop, error] = std::from_chars(rest.data(), rest.data() + rest.size(), number_);
      n = static_cast<size_t>(stop - rest.data());
      if (error != std::errc()) fault("a number out of range", begin);
      if (n < rest.size() && (letter(rest[n]) || rest[n] == '.'))
        fault("not a number; products are written with *", begin);
      return take(Token::number, n);
    }
    for (const std::string_view s : {"**", "<=", ">=", "==", "!=", "&&", "||"})
      if (rest.starts_with(s)) return take(Token::sign, 2);
    if (std::string_view("+-*/^<>&|!?:(),;=").find(rest[0]) == std::string_view::npos)
      fault("a character that means nothing here", begin);
    take(Token::sign, 1);
  }
  bool accept(std::string_view sign) {
    if (token_.kind != Token::sign || token_.text != sign) return false;
    next();
    return true;
  }
  void expect(std::string_view sign) {
    if (!accept(sign)) fault("expected '" + std::string(sign) + "'");
  }

  // Counts how deep the grammar calls itself: for what stands in parentheses, and for what stands behind a sign.
  struct Depth {
    explicit Depth(Parser& p) : parser(p) {
      if (++parser.depth_ > deepest) parser.fault("nested deeper than " + std::to_string(deepest));
    }
    ~Depth() { --parser.depth_; }
    Parser& parser;
  };

  // ---- kinds ----

  const Expr& number(const Value& v, size_t at) const {
    if (v.condition)
      fault("a number is needed here, this is a condition; where(condition, a, b) makes a number of it", at);
    return v.expr;
  }
  const Expr& condition(const Value& v, size_t at) const {
    if (!v.condition) fault("a condition is needed here, this is a number", at);
    return v.expr;
  }

  // ---- the grammar, loosest first ----

  Value choice() {
    const Depth depth(*this);
    const size_t at = token_.at;
    Value c = logic(0);
    if (!accept("?")) return c;
    condition(c, at);
    const size_t first = token_.at;
    const Value a = choice();
    expect(":");
    const size_t second = token_.at;
    const Value b = choice();
    return {where(c.expr, number(a, first), number(b, second))};
  }

  // | and &, then comparisons
  Value logic(int level) {
    if (level == 2) return comparison();
    const size_t at = token_.at;
    Value a = logic(level + 1);
    while (level == 0 ? token_.text == "|" || token_.text == "||" : token_.text == "&" || token_.text == "&&") {
      next();
      const size_t right = token_.at;
      const Value b = logic(level + 1);
      a = {Expr::call(level == 0 ? "|" : "&", {condition(a, at), condition(b, right)}), true};
    }
    return a;
  }

  Value comparison() {
    const size_t at = token_.at;
    Value a = sum();
    for (const char* sign : {"<=", ">=", "==", "!=", "<", ">"})
      if (accept(sign)) {
        const size_t right = token_.at;
        const Value b = sum();
        for (const char* more : {"<=", ">=", "==", "!=", "<", ">"})
          if (token_.text == more) fault("comparisons do not chain; join them with &");
        return {Expr::call(sign, {number(a, at), number(b, right)}), true};
      }
    return a;
  }

  Value sum() {
    const size_t at = token_.at;
    Value a = product();
    while (token_.kind == Token::sign && (token_.text == "+" || token_.text == "-")) {
      const bool plus = token_.text == "+";
      next();
      const size_t right = token_.at;
      const Value b = product();
      a = plus ? Value{number(a, at) + number(b, right)} : Value{number(a, at) - number(b, right)};
    }
    return a;
  }

  Value product() {
    const size_t at = token_.at;
    Value a = sign();
    while (token_.kind == Token::sign && (token_.text == "*" || token_.text == "/")) {
      const bool times = token_.text == "*";
      next();
      const size_t right = token_.at;
      const Value b = sign();
      a = times ? Value{number(a, at) * number(b, right)} : Value{number(a, at) / number(b, right)};
    }
    return a;
  }

  Value signed_again() {
    const Depth depth(*this);
    return sign();
  }
  Value sign() {
    const size_t at = token_.at;
    if (accept("-")) return {-number(signed_again(), at)};
    if (accept("+")) return {number(signed_again(), at)};
    if (accept("!")) return {!condition(signed_again(), at), true};
    Value base = primary();
    if (!accept("^") && !accept("**")) return base;
    const size_t right = token_.at;
    const Value exponent = signed_again();  // to the right: 2^x^2 is 2^(x^2)
    return {pow(number(base, at), number(exponent, right))};
  }

  Value primary() {
    const Token begin = token_;
    if (begin.kind == Token::number) {
      const double value = number_;
      next();
      return {Expr(value)};
    }
    if (begin.kind == Token::name) {
      next();
      const std::string name(begin.text);
      if (accept("(")) return call(name, begin.at);
      return named(name, begin.at);
    }
    if (accept("(")) {
      Value inner = choice();
      expect(")");
      return inner;
    }
    fault("expected a number, a name or '('");
  }

  Value named(const std::string& name, size_t at) {
    if (name == "x") {
      uses_x_ = true;
      return {Expr::variable("x")};
    }
    if (name == "pi") return {std::numbers::pi};
    if (name == "e") return {std::numbers::e};
    if (name == "inf") return {double(INFINITY)};
    for (const std::string& known : functions())
      if (name == known) fault("a function needs its argument: " + name + "(x)", at);
    unknown_.emplace_back(name, at);  // a parameter, if the list at the end says so
    return {Expr::variable(name)};
  }

  Value call(const std::string& name, size_t at) {
    std::vector<Value> values;
    std::vector<size_t> places;
    if (!accept(")")) {
      do {
        places.push_back(token_.at);
        values.push_back(choice());
      } while (accept(","));
      expect(")");
    }
    const auto count = [&](size_t n) {
      if (values.size() != n)
        fault(name + " takes " + std::to_string(n) + (n == 1 ? " argument" : " arguments") + ", not " +
                  std::to_string(values.size()),
              at);
    };
    const auto numbers = [&](size_t from = 0) {
      std::vector<Expr> list;
      for (size_t i = from; i < values.size(); ++i) list.push_back(number(values[i], places[i]));
      return list;
    };
    if (name == "where") {
      count(3);
      condition(values[0], places[0]);
      const std::vector<Expr> sides = numbers(1);
      return {where(values[0].expr, sides[0], sides[1])};
    }
    if (name == "xor") {
      count(2);
      return {condition(values[0], places[0]) ^ condition(values[1], places[1]), true};
    }
    if (name == "isnan" || name == "isfinite") {
      count(1);
      return {Expr::call(name, numbers()), true};
    }
    if (name == "max" || name == "min") {
      if (values.size() < 2) fault(name + " takes two arguments or more", at);
      const std::vector<Expr> list = numbers();
      Expr result = list[0];
      for (size_t i = 1; i < list.size(); ++i) result = Expr::call(name + "imum", {result, list[i]});
      return {result};
    }
    for (const auto& [function, arguments] :
         {std::pair("pow", 2), {"gate", 2}, {"maximum", 2}, {"minimum", 2}, {"clamp", 3}})
      if (name == function) {
        count(static_cast<size_t>(arguments));
        return {Expr::call(name, numbers())};
      }
    bool known = false;
    each_unary([&](const char* unary) { known |= name == unary && name != "neg"; });
    if (known && values.size() == 1) return {Expr::call(name, numbers())};
    for (const ActivationInfo& info : activations())
      if (info.name == name && info.elementwise()) {
        if (values.empty() || values.size() > 1 + info.parameters.size())
          fault(name + " takes x and up to " + std::to_string(info.parameters.size()) + " parameters", at);
        std::vector<Expr> list = numbers();
        for (size_t i = list.size() - 1; i < info.parameters.size(); ++i) list.push_back(info.parameters[i].value);
        return {info.expression(list[0], std::span(list).subspan(1))};
      }
    if (known) count(1);
    unknown_name(name, at, true);
  }

  template <class F>
  static void each_unary(F f) {
    std::apply([&](auto... rules) { (f(decltype(rules)::name), ...); }, UnaryRules());
  }

  static std::vector<std::string> functions() {
    std::vector<std::string> list = {"where",   "max",     "min", "clamp", "pow",     "gate",
                                     "maximum", "minimum", "xor", "isnan", "isfinite"};
    const auto add = [&](const std::string& name) {
      if (name != "neg" && std::find(list.begin(), list.end(), name) == list.end()) list.push_back(name);
    };
    each_unary(add);
    for (const ActivationInfo& info : activations())
      if (info.elementwise()) add(info.name);
    return list;
  }

  // "; beta = 1, gamma = -0.5"
  void parameters() {
    while (token_.text == ";" || token_.text == ",") {
      next();
      if (token_.kind == Token::end) return;
      const Token name = token_;
      if (name.kind != Token::name) fault("expected the name of a parameter");
      const std::string text(name.text);
      const auto used = [&](const auto& u) { return u.first == text; };
      if (std::none_of(unknown_.begin(), unknown_.end(), used)) fault("the formula has no parameter '" + text + "'");
      for (const auto& p : formula_.parameters)
        if (p.name == text) fault("a parameter is given twice");
      next();
      expect("=");
      const bool negative = accept("-");
      if (token_.kind != Token::number) fault("expected a number");
      formula_.parameters.push_back({text, negative ? -number_ : number_});
      next();
    }
    if (token_.kind != Token::end) fault("expected ',', ';' or the end");
  }

  std::string_view text_;
  size_t at_ = 0;
  Token token_{};
  double number_ = 0;  // of the token
  int depth_ = 0;
  bool uses_x_ = false;
  std::vector<std::pair<std::string, size_t>> unknown_;
  Formula formula_;
};

}  // namespace

Formula parse_formula(std::string_view text) { return Parser(text).parse(); }

}  // namespace cairn
