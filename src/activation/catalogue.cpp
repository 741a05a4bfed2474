// What the lines of the catalogue become: the free functions, and the rows known at run time.
#include "cairn/activation/catalogue.h"

#include "cairn/math/expr.h"

namespace cairn {
namespace {

#define CAIRN_AS_GENERIC(name, value) , [[maybe_unused]] const P& name
#define CAIRN_AS_ARGUMENT(name, value) , name
#define CAIRN_AS_DECLARED(name, value) , double name
#define CAIRN_AS_UNUSED(name, value) , [[maybe_unused]] double name
#define CAIRN_AS_ROW(name, value) {#name, value},

// The formula, generic in its argument and its parameters, and its kinks.
namespace formulas {
std::vector<double> kinks(auto... at) { return {static_cast<double>(at)...}; }

#define CAIRN_ACTIVATION(name, family, parameters, kinks_, source, ...)                                 \
  struct name##_formula {                                                                               \
    template <class T, class P = double>                                                                \
    [[gnu::always_inline]] static T of(const T& x CAIRN_EACH(CAIRN_AS_GENERIC, parameters)) {           \
      return __VA_ARGS__;                                                                               \
    }                                                                                                   \
    static std::vector<double> kinks_of(int CAIRN_EACH(CAIRN_AS_UNUSED, parameters)) { return kinks_; } \
  };
#define CAIRN_ALPHABET CAIRN_ACTIVATION
#include "cairn/activation/catalogue.h"
#undef CAIRN_ALPHABET
#undef CAIRN_ACTIVATION
}  // namespace formulas

constexpr const char* source(const char* text) { return text; }

// f(values[0], values[1], …)
template <size_t n, class F, class T>
auto spread(F f, std::span<const T> values) {
  return [&]<size_t... i>(std::index_sequence<i...>) { return f(values[i]...); }
  (std::make_index_sequence<n>());
}

template <class Formula, size_t n>
Expr trace(std::span<const Expr> parameters) {
  return spread<n>([](const auto&... p) { return Formula::of(Expr::variable("x"), p...); }, parameters);
}

template <class Formula, size_t n>
std::string formula_with(std::span<const double> parameters) {
  return trace<Formula, n>(std::vector<Expr>(parameters.begin(), parameters.end())).text();
}

template <class Formula, size_t n>
ActivationInfo row(const char* name, const char* family, std::vector<ActivationInfo::Parameter> parameters,
                   const char* source, Tensor (*apply)(const Tensor&, std::span<const double>)) {
  std::vector<Expr> names;
  for (const auto& p : parameters) names.push_back(Expr::variable(p.name));
  std::string formula = trace<Formula, n>(names).text();
  const auto kinks = [](std::span<const double> p) {
    return spread<n>([](auto... v) { return Formula::kinks_of(0, v...); }, p);
  };
  return {name, family, std::move(parameters), source, std::move(formula), apply, kinks, formula_with<Formula, n>};
}

}  // namespace

#define CAIRN_ALPHABET(...)
#define CAIRN_ACTIVATION(name, family, parameters, kinks, source, ...)                                                \
  Tensor name(const Tensor& x CAIRN_EACH(CAIRN_AS_DECLARED, parameters)) {                                            \
    return elementwise(                                                                                               \
        #name,                                                                                                        \
        [=](const auto& v) { return formulas::name##_formula::of(v CAIRN_EACH(CAIRN_AS_ARGUMENT, parameters)); }, x); \
  }
#include "cairn/activation/catalogue.h"
#undef CAIRN_ACTIVATION
#undef CAIRN_ALPHABET

const std::vector<ActivationInfo>& activations() {
  using Parameters = std::vector<ActivationInfo::Parameter>;
#define CAIRN_COUNT(name, value) +1
#define CAIRN_ACTIVATION(name, family, parameters, kinks, source_, ...)                                            \
  row<formulas::name##_formula, size_t{0} CAIRN_EACH(CAIRN_COUNT, parameters)>(                                    \
      #name, family, Parameters{CAIRN_EACH(CAIRN_AS_ROW, parameters)}, source_,                                    \
      [](const Tensor& x, [[maybe_unused]] std::span<const double> p) {                                            \
        return spread<size_t{0} CAIRN_EACH(CAIRN_COUNT, parameters)>([&](auto... v) { return name(x, v...); }, p); \
      }),
#define CAIRN_ALPHABET CAIRN_ACTIVATION
  static const std::vector<ActivationInfo> table = {
#include "cairn/activation/catalogue.h"
  };
  return table;
}

}  // namespace cairn
