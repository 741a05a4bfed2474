// The catalogue as a table known at run time, and those of its lines that run as formulas. Nothing here is fast or has to
// be: it is compiled for size.
#include <array>
#include <cmath>

#include "activation/apply.h"
#include "activation/formulas.h"
#include "cairn/activation/catalogue.h"
#include "cairn/activation/fold.h"
#include "cairn/activation/gated.h"
#include "cairn/ops/reduce.h"
#include "cairn/ops/softmax.h"

namespace cairn {
namespace {

struct Family {
  const char* name;
  double lr_scale = 0;  // 0: its parameters are not trained
};
constexpr Family ridge{"ridge"}, radial{"radial"};
constexpr Family learnable(double lr_scale) { return {"learnable", lr_scale}; }

struct Source {
  std::string who, usual_form;
};
Source source(const char* who, const char* usual_form = "") { return {who, usual_form}; }

// f(values[0], values[1], …)
template <size_t n, class F, class T>
auto spread(F f, std::span<const T> values) {
  return [&]<size_t... i>(std::index_sequence<i...>) { return f(values[i]...); }
  (std::make_index_sequence<n>());
}

int64_t whole(double number) {
  require<ValueError>(number == std::floor(number) && std::abs(number) < 1e6, "activation",
                      "dimensions and numbers of pieces are whole numbers", given("number", number));
  return static_cast<int64_t>(number);
}

using Parameters = std::vector<ActivationInfo::Parameter>;
using Apply = Tensor (*)(const Tensor&, std::span<const double>);

template <class Formula, size_t n>
Expr trace(const Expr& x, std::span<const Expr> p) {
  return spread<n>([&x](const auto&... v) { return Formula::template of<Expr, Expr>(x, v...); }, p);
}

template <class Formula, size_t n>
ActivationInfo row(const char* name, Family family, const Parameters& parameters, const Source& source, Apply apply) {
  const auto expression = trace<Formula, n>;
  const auto kinks = [expression](std::span<const double> p) {
    std::vector<double> at = spread<n>([](auto... v) { return Formula::kinks_of(0, v...); }, p);
    if (at.size() != 1 || at[0] == at[0]) return at;
    return find_kinks(with_numbers(expression, p));
  };
  std::vector<Expr> names;
  for (const auto& p : parameters) names.push_back(Expr::variable(p.name));
  return {.name = name,
          .family = family.name,
          .parameters = parameters,
          .source = source.who,
          .formula = source.usual_form.empty() ? expression(Expr::variable("x"), names).text() : source.usual_form,
          .learnable = family.lr_scale > 0,
          .lr_scale = family.lr_scale > 0 ? family.lr_scale : 1,
          .apply = apply,
          .kinks = kinks,
          .expression = expression};
}

template <class Formula, size_t n>
FormulaOperation as_operation(const char* name, const std::array<const char*, n>& parameters) {
  std::vector<Expr> variables;
  for (const char* p : parameters) variables.push_back(Expr::variable(p));
  return {name, trace<Formula, n>(Expr::variable("x"), variables), {parameters.begin(), parameters.end()}};
}

ActivationInfo fold(const char* name, Parameters parameters, const Source& source, Apply apply) {
  return {.name = name,
          .family = "fold",
          .parameters = std::move(parameters),
          .source = source.who,
          .formula = source.usual_form,
          .learnable = false,
          .lr_scale = 1,
          .apply = apply,
          .kinks = [](std::span<const double>) { return std::vector<double>(); },
          .expression = {}};
}

}  // namespace

#define CAIRN_ACTIVATION(...)
#define CAIRN_RECTIFIER(...)
#define CAIRN_OVERLOAD(...)
#define CAIRN_ALPHABET(...)
#define CAIRN_FOLD(...)
#define CAIRN_FORMULA(name, family, parameters, kinks, source, ...)                            \
  Tensor name(const Tensor& x CAIRN_EACH(CAIRN_AS_DECLARED, parameters)) {                     \
    static const FormulaOperation operation =                                                  \
        as_operation<formulas::name##_formula, size_t{0} CAIRN_EACH(CAIRN_COUNT, parameters)>( \
            #name, {CAIRN_EACH(CAIRN_AS_TEXT, parameters)});                                   \
    const std::vector<double> numbers = {CAIRN_EACH(CAIRN_AS_NUMBER, parameters)};             \
    return operation(x, numbers);                                                              \
  }
#include "cairn/activation/catalogue.h"

const std::vector<ActivationInfo>& activations() {
#define CAIRN_ACTIVATION(name, family, parameters, kinks, source_, ...)                                            \
  row<formulas::name##_formula, size_t{0} CAIRN_EACH(CAIRN_COUNT, parameters)>(                                    \
      #name, family, Parameters{CAIRN_EACH(CAIRN_AS_ROW, parameters)}, source_,                                    \
      [](const Tensor& x, [[maybe_unused]] std::span<const double> p) {                                            \
        return spread<size_t{0} CAIRN_EACH(CAIRN_COUNT, parameters)>([&](auto... v) { return name(x, v...); }, p); \
      }),
#define CAIRN_FORMULA CAIRN_ACTIVATION
#define CAIRN_ALPHABET CAIRN_ACTIVATION
#define CAIRN_OVERLOAD CAIRN_ACTIVATION
#define CAIRN_RECTIFIER CAIRN_ACTIVATION
#define CAIRN_FOLD(name, parameters, source_, ...)                                                          \
  fold(#name, Parameters{CAIRN_EACH(CAIRN_AS_ROW, parameters)}, source_,                                    \
       [](const Tensor& x, std::span<const double> values) {                                                \
         return spread<size_t{0} CAIRN_EACH(CAIRN_COUNT, parameters)>(                                      \
             [&x](auto... v) {                                                                              \
               return [&x](int CAIRN_EACH(CAIRN_AS_DECLARED, parameters)) { return __VA_ARGS__; }(0, v...); \
             },                                                                                             \
             values);                                                                                       \
       }),
  static const std::vector<ActivationInfo> table = {
#include "cairn/activation/catalogue.h"
  };
  return table;
}

}  // namespace cairn
