#pragma once
// A formula known only at run time, as a short list of instructions: what Expr says, in the order in which it can be
// computed, each common part once. One program runs over blocks of numbers, and over anything else that has the scalar
// alphabet: tensors, duals, series.
//
//   const Expr x = Expr::variable("x");
//   Program({x * tanh(softplus(x))}, {"x"}).run<float>(n, {p}, {q});

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <tuple>
#include <vector>

#include "cairn/math/dual.h"
#include "cairn/math/expr.h"

namespace cairn {
inline namespace CAIRN_ISA {

namespace detail {

// The functions of two arguments and of conditions; those of one are UnaryRules.
#define CAIRN_BINARY(type, text, formula)                           \
  struct type {                                                     \
    static constexpr const char* name = text;                       \
    template <class A, class B>                                     \
    [[gnu::always_inline]] static auto of(const A& a, const B& b) { \
      return formula;                                               \
    }                                                               \
  };
CAIRN_BINARY(add_of, "+", a + b)
CAIRN_BINARY(sub_of, "-", a - b)
CAIRN_BINARY(mul_of, "*", a* b)
CAIRN_BINARY(div_of, "/", a / b)
CAIRN_BINARY(maximum_of, "maximum", maximum(a, b))
CAIRN_BINARY(minimum_of, "minimum", minimum(a, b))
CAIRN_BINARY(pow_of, "pow", pow(a, b))
CAIRN_BINARY(gate_of, "gate", gate(a, b))
CAIRN_BINARY(lt_of, "<", a < b)
CAIRN_BINARY(le_of, "<=", a <= b)
CAIRN_BINARY(gt_of, ">", a > b)
CAIRN_BINARY(ge_of, ">=", a >= b)
CAIRN_BINARY(eq_of, "==", a == b)
CAIRN_BINARY(ne_of, "!=", a != b)
CAIRN_BINARY(and_of, "&", a& b)
CAIRN_BINARY(or_of, "|", a | b)
CAIRN_BINARY(xor_of, "^", a ^ b)
#undef CAIRN_BINARY
using Numeric = std::tuple<add_of, sub_of, mul_of, div_of, maximum_of, minimum_of, pow_of>;  // beside numbers too
using Gates = std::tuple<gate_of>;
using Comparisons = std::tuple<lt_of, le_of, gt_of, ge_of, eq_of, ne_of>;
using Logic = std::tuple<and_of, or_of, xor_of>;

/// f(the element number `index` of the tuple)
template <class Tuple, class F>
void pick(int index, F&& f) {
  [&]<size_t... i>(std::index_sequence<i...>) {
    ((static_cast<int>(i) == index ? f(std::tuple_element_t<i, Tuple>()) : void()), ...);
  }
  (std::make_index_sequence<std::tuple_size_v<Tuple>>());
}

}  // namespace detail

class Program {
 public:
  enum class Rules {
    exact,       ///< only what changes no result, NaN and infinity included
    derivative,  ///< also 0 · y = 0 and x + 0 = x: for derivatives, where zeros are structural
  };

  /// The outputs as functions of the inputs, which are the names of variables.
  ///   throws  NameError for a variable that is no input or a function outside the alphabet, ValueError for more than
  ///           max_size instructions
  Program(const std::vector<Expr>& outputs, const std::vector<std::string>& inputs, Rules rules = Rules::exact);

  static constexpr size_t max_size = 10'000;
  size_t size() const { return code_.size(); }
  size_t inputs() const { return inputs_; }
  size_t outputs() const { return outputs_.size(); }

  /// The outputs for inputs of any type with the scalar alphabet; constant(c) makes such a value of a number.
  template <class T, class Constant>
  std::vector<T> on(std::span<const T> inputs, const Constant& constant) const;
  /// Of plain numbers.
  std::vector<double> on(const std::vector<double>& inputs) const {
    return on<double>(std::span<const double>(inputs), [](double c) { return c; });
  }

  /// out[k][i] = output k of in[0][i], in[1][i], …, for i in [0, n); on this thread. An input that is `single` is one
  /// number, in[j][0]. No output may be one of the inputs.
  template <Number S>
  void run(int64_t n, std::span<const S* const> in, const std::vector<bool>& single, std::span<S* const> out) const;

 private:
  enum class Kind : uint8_t {
    constant,
    input,
    unary,
    numeric,
    with_number,
    gates,
    comparison,
    logic,
    test,
    negation,
    choice,
    selection
  };
  struct Instruction {
    Kind kind;
    uint8_t which = 0;  // of its tuple
    int a = 0, b = 0, c = 0, d = 0;
    double value = 0;  // of a constant, or the right operand
    int place = -1;    // block of scratch memory; -1 for inputs, for results that are outputs and for what nobody needs
    int output = -1;   // the output it is, if any
  };
  struct Builder;
  template <Number S>
  struct Runner;

  std::vector<Instruction> code_;
  std::vector<int> outputs_;
  size_t inputs_;
  int places_ = 0;
};

/// ∂f/∂v for each of the variables, by the rules of Dual.
std::vector<Expr> derivatives(const Expr& f, const std::vector<std::string>& variables);

template <class T, class Constant>
std::vector<T> Program::on(std::span<const T> inputs, const Constant& constant) const {
  using Condition = std::decay_t<decltype(std::declval<const T&>() < std::declval<const T&>())>;
  std::vector<std::optional<T>> numbers(code_.size());
  std::vector<std::optional<Condition>> conditions(code_.size());
  for (size_t i = 0; i < code_.size(); ++i) {
    const Instruction& at = code_[i];
    const auto number = [&](int k) -> const T& { return *numbers[static_cast<size_t>(k)]; };
    const auto condition = [&](int k) -> const Condition& { return *conditions[static_cast<size_t>(k)]; };
    auto& y = numbers[i];
    auto& truth = conditions[i];
    switch (at.kind) {
      case Kind::constant:
        y.emplace(constant(at.value));
        break;
      case Kind::input:
        y.emplace(inputs[static_cast<size_t>(at.a)]);
        break;
      case Kind::unary:
        detail::pick<UnaryRules>(at.which, [&](auto f) { y.emplace(decltype(f)::value(number(at.a))); });
        break;
      case Kind::numeric:
        detail::pick<detail::Numeric>(at.which, [&](auto f) { y.emplace(f.of(number(at.a), number(at.b))); });
        break;
      case Kind::with_number:
        detail::pick<detail::Numeric>(at.which, [&](auto f) { y.emplace(f.of(number(at.a), at.value)); });
        break;
      case Kind::gates:
        y.emplace(gate(number(at.a), number(at.b)));
        break;
      case Kind::comparison:
        detail::pick<detail::Comparisons>(at.which, [&](auto f) { truth.emplace(f.of(number(at.a), number(at.b))); });
        break;
      case Kind::logic:
        detail::pick<detail::Logic>(at.which, [&](auto f) { truth.emplace(f.of(condition(at.a), condition(at.b))); });
        break;
      case Kind::test:
        truth.emplace(at.which == 0 ? isnan(number(at.a)) : isfinite(number(at.a)));
        break;
      case Kind::negation:
        truth.emplace(!condition(at.a));
        break;
      case Kind::selection:
        detail::pick<detail::Comparisons>(
            at.which, [&](auto f) { y.emplace(where(f.of(number(at.a), number(at.b)), number(at.c), number(at.d))); });
        break;
      case Kind::choice:
        y.emplace(where(condition(at.a), number(at.b), number(at.c)));
        break;
    }
  }
  std::vector<T> results;
  for (const int k : outputs_) results.push_back(*numbers[static_cast<size_t>(k)]);
  return results;
}

}  // namespace CAIRN_ISA
}  // namespace cairn
