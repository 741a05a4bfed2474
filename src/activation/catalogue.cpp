// What the lines of the catalogue become: the free functions, and the rows known at run time.
#include "cairn/activation/catalogue.h"

#include <array>
#include <cmath>

#include "activation/apply.h"
#include "cairn/activation/fold.h"
#include "cairn/activation/gated.h"
#include "cairn/ops/reduce.h"
#include "cairn/ops/softmax.h"

namespace cairn {
namespace {

#define CAIRN_AS_GENERIC(name, value) , [[maybe_unused]] const P& name
#define CAIRN_AS_ARGUMENT(name, value) , name
#define CAIRN_AS_UNUSED(name, value) , [[maybe_unused]] double name
#define CAIRN_COUNT(name, value) +1
#define CAIRN_AS_TEXT(name, value) #name,
#define CAIRN_AS_NUMBER(name, value) name,
#define CAIRN_AS_ROW(name, value) {#name, value},
#define CAIRN_AS_DEFAULT(name, value) &&name == value

// The formula, generic in its argument and its parameters, and its kinks.
namespace formulas {

std::vector<double> kinks(auto... at) { return {static_cast<double>(at)...}; }
std::vector<double> only_if(bool condition, auto... at) {
  return condition ? std::vector<double>{static_cast<double>(at)...} : std::vector<double>();
}
// Left to find_kinks.
std::vector<double> searched() { return {NAN}; }

// √(x² + b), of which |x| is left from 1e9 on: there x² would overflow a float.
template <class T, class P>
[[gnu::always_inline]] inline T root(const T& x, const P& b) {
  return where(abs(x) > 1e9, abs(x), sqrt(square(clamp(x, -1e9, 1e9)) + b));
}
// 1 / |x| for |x| ≥ 1
template <class T>
[[gnu::always_inline]] inline T inverse(const T& x) {
  return 1.0 / maximum(abs(x), 1.0);
}
// The continued fraction x / tanh(x) − … of Lambert: tanh(x) = x / (1 + z / f(z)) with z = x² ≤ 1.
template <class T>
[[gnu::always_inline]] inline T tanh_fraction(const T& z) {
  return z / (z / (z / (z / (z / (z / (z / 17.0 + 15.0) + 13.0) + 11.0) + 9.0) + 7.0) + 5.0) + 3.0;
}
// sin(x) / x for z = x² ≤ 1
template <class T>
[[gnu::always_inline]] inline T sinc_series(const T& z) {
  T y = 1.0 - z / 342.0;
  for (const double k : {272.0, 210.0, 156.0, 110.0, 72.0, 42.0, 20.0, 6.0}) y = 1.0 - z * y / k;
  return y;
}
// c + |q|, with the curvature of q where q is 0: there abs has the slope 0 and drops it.
template <class T>
[[gnu::always_inline]] inline T plus_abs(const T& c, const T& q) {
  return where(q < 0.0, c - q, c + q);
}
// P(x) / (1 + |Q(x)|): in x near 0, and in u = 1/x with x⁴ taken out elsewhere, which stays finite.
template <class T, class P>
[[gnu::always_inline]] inline T rational_function(const T& x, const P& a0, const P& a1, const P& a2, const P& a3,
                                                  const P& a4, const P& a5, const P& b1, const P& b2, const P& b3,
                                                  const P& b4) {
  const T v = clamp(x, -1.0, 1.0);
  const T near = (((((a5 * v + a4) * v + a3) * v + a2) * v + a1) * v + a0) /
                 plus_abs(T(1.0), (((b4 * v + b3) * v + b2) * v + b1) * v);
  const T u = 1.0 / where(abs(x) > 1.0, x, 1.0);
  const T far = (((((a0 * u + a1) * u + a2) * u + a3) * u + a4) * u + a5) /
                plus_abs(square(square(u)), ((b1 * u + b2) * u + b3) * u + b4);
  return where(abs(x) > 1.0, gate(x, far), near);
}

#define CAIRN_ACTIVATION(name, family, parameters, kinks_, source, ...)                                 \
  struct name##_formula {                                                                               \
    template <class T, class P = double>                                                                \
    [[gnu::always_inline]] static T of(const T& x CAIRN_EACH(CAIRN_AS_GENERIC, parameters)) {           \
      return __VA_ARGS__;                                                                               \
    }                                                                                                   \
    static std::vector<double> kinks_of(int CAIRN_EACH(CAIRN_AS_UNUSED, parameters)) { return kinks_; } \
  };
#define CAIRN_FORMULA CAIRN_ACTIVATION
#define CAIRN_ALPHABET CAIRN_ACTIVATION
#define CAIRN_OVERLOAD CAIRN_ACTIVATION
#define CAIRN_FOLD(...)
#include "cairn/activation/catalogue.h"
#undef CAIRN_OVERLOAD
#undef CAIRN_ALPHABET
#undef CAIRN_FORMULA
#undef CAIRN_ACTIVATION
#undef CAIRN_FOLD
}  // namespace formulas

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

#define CAIRN_ALPHABET(...)
#define CAIRN_FOLD(...)
#define CAIRN_ACTIVATION(name, family, parameters, kinks, source, ...)                                                \
  Tensor name(const Tensor& x CAIRN_EACH(CAIRN_AS_DECLARED, parameters)) {                                            \
    return elementwise(                                                                                               \
        #name,                                                                                                        \
        [=](const auto& v) { return formulas::name##_formula::of(v CAIRN_EACH(CAIRN_AS_ARGUMENT, parameters)); }, x); \
  }
#define CAIRN_FORMULA(name, family, parameters, kinks, source, ...)                            \
  Tensor name(const Tensor& x CAIRN_EACH(CAIRN_AS_DECLARED, parameters)) {                     \
    static const FormulaOperation operation =                                                  \
        as_operation<formulas::name##_formula, size_t{0} CAIRN_EACH(CAIRN_COUNT, parameters)>( \
            #name, {CAIRN_EACH(CAIRN_AS_TEXT, parameters)});                                   \
    const std::vector<double> numbers = {CAIRN_EACH(CAIRN_AS_NUMBER, parameters)};             \
    return operation(x, numbers);                                                              \
  }
#define CAIRN_OVERLOAD(name, family, parameters, kinks, source, ...)                                                  \
  Tensor name(const Tensor& x CAIRN_EACH(CAIRN_AS_DECLARED, parameters)) {                                            \
    if (true CAIRN_EACH(CAIRN_AS_DEFAULT, parameters)) return name(x);                                                \
    return elementwise(                                                                                               \
        #name,                                                                                                        \
        [=](const auto& v) { return formulas::name##_formula::of(v CAIRN_EACH(CAIRN_AS_ARGUMENT, parameters)); }, x); \
  }
#include "cairn/activation/catalogue.h"
#undef CAIRN_FORMULA
#undef CAIRN_ACTIVATION
#undef CAIRN_OVERLOAD
#undef CAIRN_ALPHABET
#undef CAIRN_FOLD

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
