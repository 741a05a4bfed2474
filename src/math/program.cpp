#include "cairn/math/program.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <map>

#include "cairn/base/error.h"

namespace cairn {
inline namespace CAIRN_ISA {

namespace {

template <class Tuple>
int index_in(std::string_view name) {
  int found = -1;
  [&]<size_t... i>(std::index_sequence<i...>) {
    ((name == std::tuple_element_t<i, Tuple>::name ? void(found = static_cast<int>(i)) : void()), ...);
  }
  (std::make_index_sequence<std::tuple_size_v<Tuple>>());
  return found;
}

}  // namespace

// ---- from an expression to instructions ------------------------------------------------------------------------------

struct Program::Builder {
  Program& program;
  const std::vector<std::string>& inputs;
  Rules rules;
  std::map<std::array<int64_t, 7>, int> known;  // equal instructions are one
  std::unordered_map<const void*, int> done;    // of nodes of the expression

  std::vector<Instruction>& code() { return program.code_; }

  int emit(Instruction i) {
    const std::array<int64_t, 7> key = {static_cast<int64_t>(i.kind),   i.which, i.a, i.b, i.c, i.d,
                                        std::bit_cast<int64_t>(i.value)};
    const auto [at, fresh] = known.emplace(key, static_cast<int>(code().size()));
    if (fresh) {
      require<ValueError>(code().size() < max_size, "formula", "the formula is too large", given("limit", max_size));
      code().push_back(i);
    }
    return at->second;
  }
  int constant(double c) { return emit({.kind = Kind::constant, .value = c}); }
  std::optional<double> number(int k) {
    const Instruction& i = code()[static_cast<size_t>(k)];
    return i.kind == Kind::constant ? std::optional(i.value) : std::nullopt;
  }
  bool is(int k, double c) { return number(k) == c; }

  // Where zeros are structural, what they make of their surroundings; −1 where nothing becomes simpler.
  int simpler(std::string_view f, const std::vector<int>& a) {
    if (rules == Rules::exact) return -1;
    if (f == "+") return is(a[0], 0) ? a[1] : is(a[1], 0) ? a[0] : -1;
    if (f == "-") return is(a[1], 0) ? a[0] : is(a[0], 0) ? call("neg", {a[1]}) : -1;
    if (f == "*" || f == "gate") {
      if (is(a[0], 0) || is(a[1], 0)) return constant(0);
      if (is(a[0], 1)) return a[1];
      return is(a[1], 1) ? a[0] : is(a[1], -1) ? call("neg", {a[0]}) : is(a[0], -1) ? call("neg", {a[1]}) : -1;
    }
    if (f == "/") return is(a[0], 0) ? a[0] : is(a[1], 1) ? a[0] : -1;
    if (f == "where") return a[1] == a[2] ? a[1] : -1;
    return -1;
  }

  int call(std::string_view f, const std::vector<int>& a) {
    if (f == "clamp") return call("minimum", {call("maximum", {a[0], a[1]}), a[2]});
    if (const int k = simpler(f, a); k >= 0) return k;
    if (const int rule = index_in<UnaryRules>(f); rule >= 0) {
      if (const auto c = number(a[0])) {
        double y = 0;
        detail::pick<UnaryRules>(rule, [&](auto r) { y = decltype(r)::value(*c); });
        return constant(y);
      }
      return emit({.kind = Kind::unary, .which = static_cast<uint8_t>(rule), .a = a[0]});
    }
    if (const int which = index_in<detail::Numeric>(f); which >= 0) return numeric(f, which, a[0], a[1]);
    if (f == "gate") return emit({.kind = Kind::gates, .a = a[0], .b = a[1]});
    if (const int which = index_in<detail::Comparisons>(f); which >= 0)
      return emit({.kind = Kind::comparison, .which = static_cast<uint8_t>(which), .a = a[0], .b = a[1]});
    if (const int which = index_in<detail::Logic>(f); which >= 0)
      return emit({.kind = Kind::logic, .which = static_cast<uint8_t>(which), .a = a[0], .b = a[1]});
    if (f == "isnan" || f == "isfinite")
      return emit({.kind = Kind::test, .which = static_cast<uint8_t>(f == "isnan" ? 0 : 1), .a = a[0]});
    if (f == "!") return emit({.kind = Kind::negation, .a = a[0]});
    require<NameError>(f == "where", "formula", "no such function", given("name", std::string(f)));
    const Instruction condition = code()[static_cast<size_t>(a[0])];
    if (condition.kind == Kind::comparison)  // in one step, which spares a round through memory
      return emit({.kind = Kind::selection,
                   .which = condition.which,
                   .a = condition.a,
                   .b = condition.b,
                   .c = a[1],
                   .d = a[2]});
    return emit({.kind = Kind::choice, .a = a[0], .b = a[1], .c = a[2]});
  }

  int numeric(std::string_view f, int which, int a, int b) {
    const auto left = number(a), right = number(b);
    if (left && right) {
      double y = 0;
      detail::pick<detail::Numeric>(which, [&](auto r) { y = r.of(*left, *right); });
      return constant(y);
    }
    if (left && (f == "+" || f == "*" || f == "maximum" || f == "minimum")) return numeric(f, which, b, a);
    // A NaN has no place in maximum(x, number), which is cheaper for that.
    if (right && !std::isnan(*right))
      return emit({.kind = Kind::with_number, .which = static_cast<uint8_t>(which), .a = a, .value = *right});
    return emit({.kind = Kind::numeric, .which = static_cast<uint8_t>(which), .a = a, .b = b});
  }

  int variable(const std::string& name) {
    const auto at = std::find(inputs.begin(), inputs.end(), name);
    require<NameError>(at != inputs.end(), "formula", "no such variable", given("name", name));
    return emit({.kind = Kind::input, .a = static_cast<int>(at - inputs.begin())});
  }

  int add(const Expr& root) {
    return fold<int>(
        root,
        [&](const Expr& e, const std::vector<int>& arguments) {
          return e.is_number()     ? constant(e.number())
                 : e.is_variable() ? variable(e.name())
                                   : call(e.name(), arguments);
        },
        done);
  }
};

Program::Program(const std::vector<Expr>& outputs, const std::vector<std::string>& inputs, Rules rules)
    : inputs_(inputs.size()) {
  Builder builder{.program = *this, .inputs = inputs, .rules = rules, .known = {}, .done = {}};
  for (const Expr& e : outputs) outputs_.push_back(builder.add(e));

  // Only what the outputs need stays.
  std::vector<bool> needed(code_.size());
  for (const int k : outputs_) needed[static_cast<size_t>(k)] = true;
  const auto operands = [](const Instruction& i) {
    std::vector<int> list;
    if (i.kind == Kind::constant || i.kind == Kind::input) return list;
    const bool select = i.kind == Kind::selection, three = select || i.kind == Kind::choice;
    list.push_back(i.a);
    if (three || i.kind == Kind::numeric || i.kind == Kind::gates || i.kind == Kind::comparison ||
        i.kind == Kind::logic)
      list.push_back(i.b);
    if (three) list.push_back(i.c);
    if (select) list.push_back(i.d);
    return list;
  };
  for (size_t i = code_.size(); i-- > 0;)
    if (needed[i])
      for (const int k : operands(code_[i])) needed[static_cast<size_t>(k)] = true;
  std::vector<int> moved(code_.size());
  std::vector<Instruction> kept;
  for (size_t i = 0; i < code_.size(); ++i) {
    if (!needed[i]) continue;
    Instruction at = code_[i];
    if (at.kind != Kind::input)
      for (int* operand : {&at.a, &at.b, &at.c, &at.d}) *operand = moved[static_cast<size_t>(*operand)];
    moved[i] = static_cast<int>(kept.size());
    kept.push_back(at);
  }
  code_ = std::move(kept);
  for (int& k : outputs_) k = moved[static_cast<size_t>(k)];

  // Blocks of scratch memory, used again once their number has been read for the last time.
  std::vector<size_t> last(code_.size());
  for (size_t i = 0; i < code_.size(); ++i)
    for (const int k : operands(code_[i])) last[static_cast<size_t>(k)] = i;
  for (size_t k = outputs_.size(); k-- > 0;) {
    Instruction& at = code_[static_cast<size_t>(outputs_[k])];
    if (at.kind != Kind::input && at.kind != Kind::constant) at.output = static_cast<int>(k);
  }
  std::vector<int> free;
  for (size_t i = 0; i < code_.size(); ++i) {
    Instruction& at = code_[i];
    if (at.kind == Kind::constant) at.place = places_++;  // filled once, for all blocks
    if (at.kind == Kind::input || at.kind == Kind::constant) continue;
    // An operand's block may become the result's: blocks are read before they are written, line by line.
    for (const int k : operands(at)) {
      const Instruction& operand = code_[static_cast<size_t>(k)];
      const bool scratch = operand.place >= 0 && operand.kind != Kind::constant;
      if (scratch && last[static_cast<size_t>(k)] == i &&
          std::find(free.begin(), free.end(), operand.place) == free.end())
        free.push_back(operand.place);
    }
    if (at.output >= 0) continue;
    if (free.empty()) free.push_back(places_++);
    at.place = free.back();
    free.pop_back();
  }
}

// ---- over blocks of numbers ------------------------------------------------------------------------------------------

template <Number S>
struct Program::Runner {
  using L = Lanes<S>;
  static constexpr int lines = 16, block = lines * L::size;  // 1 KB: a dozen live in the first cache
  using Step = void (*)(S* y, const S* a, const S* b, const S* c, const S* d, double value, int n);

  template <class F>
  [[gnu::always_inline]] static void each(S* y, int n, F f) {
    for (int i = 0; i < n; ++i) f(i * L::size).store(y + i * L::size);
  }
  static L truth(Mask<S> m) { return where(m, L(1.0), L(0.0)); }
  static Mask<S> mask(L x) { return x != 0.0; }

  template <class F>
  [[gnu::flatten]] static void unary(S* y, const S* a, const S*, const S*, const S*, double, int n) {
    each(y, n, [=](int i) { return L(F::value(L::load(a + i))); });
  }
  template <class F>
  [[gnu::flatten]] static void binary(S* y, const S* a, const S* b, const S*, const S*, double, int n) {
    each(y, n, [=](int i) { return L(F::of(L::load(a + i), L::load(b + i))); });
  }
  template <class F>
  [[gnu::flatten]] static void with_number(S* y, const S* a, const S*, const S*, const S*, double value, int n) {
    each(y, n, [=](int i) { return L(F::of(L::load(a + i), value)); });
  }
  template <class F>
  [[gnu::flatten]] static void comparison(S* y, const S* a, const S* b, const S*, const S*, double, int n) {
    each(y, n, [=](int i) { return truth(F::of(L::load(a + i), L::load(b + i))); });
  }
  template <class F>
  static void logic(S* y, const S* a, const S* b, const S*, const S*, double, int n) {
    each(y, n, [=](int i) { return truth(F::of(mask(L::load(a + i)), mask(L::load(b + i)))); });
  }
  static void is_nan(S* y, const S* a, const S*, const S*, const S*, double, int n) {
    each(y, n, [=](int i) { return truth(isnan(L::load(a + i))); });
  }
  static void is_finite(S* y, const S* a, const S*, const S*, const S*, double, int n) {
    each(y, n, [=](int i) { return truth(isfinite(L::load(a + i))); });
  }
  static void negation(S* y, const S* a, const S*, const S*, const S*, double, int n) {
    each(y, n, [=](int i) { return truth(!mask(L::load(a + i))); });
  }
  static void choice(S* y, const S* a, const S* b, const S* c, const S*, double, int n) {
    each(y, n, [=](int i) { return where(mask(L::load(a + i)), L::load(b + i), L::load(c + i)); });
  }

  template <class F>
  static void selection(S* y, const S* a, const S* b, const S* c, const S* d, double, int n) {
    each(y, n, [=](int i) { return where(F::of(L::load(a + i), L::load(b + i)), L::load(c + i), L::load(d + i)); });
  }

  static Step step_of(const Instruction& i) {
    Step s = nullptr;
    switch (i.kind) {
      case Kind::constant:
      case Kind::input:
        break;
      case Kind::unary:
        detail::pick<UnaryRules>(i.which, [&](auto f) { s = unary<decltype(f)>; });
        break;
      case Kind::numeric:
        detail::pick<detail::Numeric>(i.which, [&](auto f) { s = binary<decltype(f)>; });
        break;
      case Kind::with_number:
        detail::pick<detail::Numeric>(i.which, [&](auto f) { s = with_number<decltype(f)>; });
        break;
      case Kind::gates:
        s = binary<detail::gate_of>;
        break;
      case Kind::comparison:
        detail::pick<detail::Comparisons>(i.which, [&](auto f) { s = comparison<decltype(f)>; });
        break;
      case Kind::logic:
        detail::pick<detail::Logic>(i.which, [&](auto f) { s = logic<decltype(f)>; });
        break;
      case Kind::test:
        s = i.which == 0 ? is_nan : is_finite;
        break;
      case Kind::negation:
        s = negation;
        break;
      case Kind::selection:
        detail::pick<detail::Comparisons>(i.which, [&](auto f) { s = selection<decltype(f)>; });
        break;
      case Kind::choice:
        s = choice;
        break;
    }
    return s;
  }
};

template <Number S>
void Program::run(int64_t n, std::span<const S* const> in, const std::vector<bool>& single,
                  std::span<S* const> out) const {
  using R = Runner<S>;
  constexpr auto block = static_cast<size_t>(R::block);
  // Scratch: the places, then a block for each input (single ones, and the last elements) and each output (likewise).
  const size_t blocks = static_cast<size_t>(places_) + inputs_ + outputs_.size();
  std::vector<Lanes<S>> memory(blocks * R::lines);
  S* const scratch = reinterpret_cast<S*>(memory.data());
  const auto place = [&](size_t k) { return scratch + k * block; };
  const auto spare_input = [&](size_t j) { return place(static_cast<size_t>(places_) + j); };
  const auto spare_output = [&](size_t k) { return place(static_cast<size_t>(places_) + inputs_ + k); };

  std::vector<typename R::Step> steps(code_.size());
  std::vector<S*> value(code_.size());  // where the number of an instruction stands
  for (size_t i = 0; i < code_.size(); ++i) {
    steps[i] = R::step_of(code_[i]);
    if (code_[i].place >= 0) value[i] = place(static_cast<size_t>(code_[i].place));
    if (code_[i].kind == Kind::constant) std::fill_n(value[i], block, static_cast<S>(code_[i].value));
  }
  for (size_t j = 0; j < inputs_; ++j)
    if (single[j]) std::fill_n(spare_input(j), block, *in[j]);

  for (int64_t begin = 0; begin < n; begin += R::block) {
    const int64_t count = std::min<int64_t>(n - begin, R::block);
    const bool whole = count == R::block;
    const int lines = static_cast<int>((count + Lanes<S>::size - 1) / Lanes<S>::size);
    for (size_t i = 0; i < code_.size(); ++i) {
      const Instruction& at = code_[i];
      if (at.kind == Kind::input) {
        const auto j = static_cast<size_t>(at.a);
        if (!single[j] && !whole) std::copy_n(in[j] + begin, count, spare_input(j));
        value[i] = single[j] || !whole ? spare_input(j) : const_cast<S*>(in[j] + begin);
      }
      if (at.output >= 0)
        value[i] = whole ? out[static_cast<size_t>(at.output)] + begin : spare_output(static_cast<size_t>(at.output));
    }
    for (size_t i = 0; i < code_.size(); ++i) {
      const Instruction& at = code_[i];
      if (steps[i] == nullptr) continue;
      steps[i](value[i], value[static_cast<size_t>(at.a)], value[static_cast<size_t>(at.b)],
               value[static_cast<size_t>(at.c)], value[static_cast<size_t>(at.d)], at.value, lines);
    }
    for (size_t k = 0; k < outputs_.size(); ++k) {
      const S* from = value[static_cast<size_t>(outputs_[k])];
      S* to = out[k] + begin;
      if (from != to) std::copy_n(from, count, to);
    }
  }
}

template void Program::run<float>(int64_t, std::span<const float* const>, const std::vector<bool>&,
                                  std::span<float* const>) const;
template void Program::run<double>(int64_t, std::span<const double* const>, const std::vector<bool>&,
                                   std::span<double* const>) const;

std::vector<Expr> derivatives(const Expr& f, const std::vector<std::string>& variables) {
  using D = Dual<Expr>;
  const Program value({f}, variables);
  std::vector<Expr> result;
  for (size_t v = 0; v < variables.size(); ++v) {
    std::vector<D> inputs;
    for (size_t j = 0; j < variables.size(); ++j) {
      const Expr name = Expr::variable(variables[j]);
      inputs.push_back(j == v ? D::variable(name) : D(name));
    }
    result.push_back(value.on<D>(inputs, [](double c) { return D(Expr(c)); })[0].tangent[0]);
  }
  return result;
}

}  // namespace CAIRN_ISA
}  // namespace cairn
