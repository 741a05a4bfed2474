#pragma once
// Activation functions, by name in the program text and by name or formula at run time. The table of them is
// catalogue.h; formulas are read by formula.h.

#include <algorithm>
#include <array>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cairn/math/expr.h"
#include "cairn/ops/elementwise.h"

namespace cairn {

// Preprocessor help for the table: CAIRN_EACH(f, (a, 1, b, 2)) is f(a, 1) f(b, 2).
#define CAIRN_EACH(f, list) CAIRN_EACH_OF(f, CAIRN_UNWRAP list)
#define CAIRN_UNWRAP(...) __VA_ARGS__
#define CAIRN_EACH_OF(f, ...) __VA_OPT__(CAIRN_EACH_1(f, __VA_ARGS__))
#define CAIRN_EACH_1(f, name, value, ...) f(name, value) __VA_OPT__(CAIRN_EACH_2(f, __VA_ARGS__))
#define CAIRN_EACH_2(f, name, value, ...) f(name, value) __VA_OPT__(CAIRN_EACH_3(f, __VA_ARGS__))
#define CAIRN_EACH_3(f, name, value, ...) f(name, value) __VA_OPT__(CAIRN_EACH_4(f, __VA_ARGS__))
#define CAIRN_EACH_4(f, name, value, ...) f(name, value) __VA_OPT__(CAIRN_EACH_5(f, __VA_ARGS__))
#define CAIRN_EACH_5(f, name, value, ...) f(name, value) __VA_OPT__(CAIRN_EACH_6(f, __VA_ARGS__))
#define CAIRN_EACH_6(f, name, value, ...) f(name, value) __VA_OPT__(CAIRN_EACH_7(f, __VA_ARGS__))
#define CAIRN_EACH_7(f, name, value, ...) f(name, value) __VA_OPT__(CAIRN_EACH_8(f, __VA_ARGS__))
#define CAIRN_EACH_8(f, name, value, ...) f(name, value) __VA_OPT__(CAIRN_EACH_9(f, __VA_ARGS__))
#define CAIRN_EACH_9(f, name, value, ...) f(name, value) __VA_OPT__(CAIRN_EACH_10(f, __VA_ARGS__))
#define CAIRN_EACH_10(f, name, value) f(name, value)
#define CAIRN_AS_DEFAULTED(name, value) , double name = value
#define CAIRN_AS_DECLARED(name, value) , double name

// Tensor relu(const Tensor& x), Tensor elu(const Tensor& x, double alpha = 1.0), … for every line of the table.
//   shape   that of x, element by element; the result keeps the memory order of x
//   dtype   f32 or f64
//   throws  DtypeError
//   grad    exact and fused; any order
#define CAIRN_ACTIVATION(name, family, parameters, kinks, source, ...) \
  Tensor name(const Tensor& x CAIRN_EACH(CAIRN_AS_DEFAULTED, parameters));
#define CAIRN_FORMULA CAIRN_ACTIVATION
#define CAIRN_RECTIFIER CAIRN_ACTIVATION
#define CAIRN_OVERLOAD(name, family, parameters, kinks, source, ...) \
  Tensor name(const Tensor& x CAIRN_EACH(CAIRN_AS_DECLARED, parameters));
#define CAIRN_ALPHABET(...)
#define CAIRN_FOLD(...)
#include "cairn/activation/catalogue.h"

/// A line of the catalogue, or what a program of its own registered or wrote as a formula.
struct ActivationInfo {
  struct Parameter {
    std::string name;
    double value;  ///< unless another is given
  };
  std::string name;
  std::string family;  ///< ridge, radial, fold, learnable; "own" for registered ones; "formula", "taylor"
  std::vector<Parameter> parameters;
  std::string source;      ///< who described it
  std::string formula;     ///< with its parameters by name: "where(x > 0, x, alpha * expm1(minimum(x, 0)))"
  bool learnable = false;  ///< whether its parameters are trained, without weight decay, unless a model says otherwise
  double lr_scale = 1;     ///< then the factor on their learning rate

  std::function<Tensor(const Tensor& x, std::span<const double> parameters)> apply;
  std::function<std::vector<double>(std::span<const double> parameters)> kinks;
  /// What it computes, with x and the parameters put in; empty for folds, which are no functions of one number.
  std::function<Expr(const Expr& x, std::span<const Expr> parameters)> expression;

  std::shared_ptr<const class FormulaOperation> operation = {};  ///< of a formula or a Taylor polynomial

  bool elementwise() const { return static_cast<bool>(expression); }
};

/// The catalogue, in the order of the table.
const std::vector<ActivationInfo>& activations();

/// One activation with its parameters, chosen at run time; called like a function.
class Activation {
 public:
  Activation(const ActivationInfo& info, std::vector<double> parameters);  ///< `info` lives forever
  Activation(std::shared_ptr<const ActivationInfo> info, std::vector<double> parameters);

  Tensor operator()(const Tensor& x) const { return info_->apply(x, parameters_); }
  /// With parameters that are tensors, and have gradients: each of one element, or one for each channel of x (its
  /// second dimension).
  ///   throws  ShapeError for other sizes, ValueError for a fold and for another number of parameters, DtypeError
  ///           unless all are of the dtype of x
  Tensor operator()(const Tensor& x, std::span<const Tensor> parameters) const;

  const ActivationInfo& info() const { return *info_; }
  const std::vector<double>& parameters() const { return parameters_; }
  /// Where its slope jumps, or it does itself.
  std::vector<double> kinks() const { return info_->kinks(parameters_); }
  /// "where(x > 0, x, 0.5 * expm1(minimum(x, 0)))"
  std::string formula() const;
  /// What it computes, in the variable x.
  ///   throws  ValueError for a fold
  Expr expression() const;
  /// The saved form, all parameters written out: "elu(0.5)", "gelu"; of a formula its text. activation() reads it back.
  std::string text() const;

 private:
  std::shared_ptr<const ActivationInfo> info_;
  std::vector<double> parameters_;
};

inline std::ostream& operator<<(std::ostream& out, const Activation& a) { return out << a.text(); }

/// The activation of that name, "gelu", "elu(0.5)", "leaky_relu(negative_slope=0.2)", parameters left out having their
/// default; the one of a formula in x (formula.h): "x * sigmoid(beta * x); beta = 1"; or a Taylor polynomial (taylor.h):
/// "taylor(tanh, 7, 1.5)".
///   throws  NameError for an unknown name or parameter, listing those there are; ValueError for text of another form
Activation activation(std::string_view text);

/// Where an expression in x has kinks and jumps in [-100, 100]: changes of its conditions, and of the sides of its abs,
/// maximum and the like, behind which function or slope differ. Sorted; of more than 64 those nearest to 0.
std::vector<double> find_kinks(const Expr& expression);

/// PReLU with a weight of one element, or one for each channel of x. Source: He et al. 2015, arXiv:1502.01852.
///   throws  as Activation with tensors
Tensor prelu(const Tensor& x, const Tensor& weight);

namespace detail {
/// Takes an activation in under its name. Its apply is given that name as a literal.
///   throws  NameError when the name is no identifier or is taken
void add_activation(ActivationInfo info);
/// The text, kept for ever: what recorded operations are named by.
const char* lasting(const std::string& name);
}  // namespace detail

inline namespace CAIRN_ISA {

namespace detail {

// f of x and n parameters.
template <size_t n, class F>
void register_own(const std::string& name, F f, std::vector<ActivationInfo::Parameter> parameters,
                  const std::string& source) {
  const auto with = []<class V>(const F& g, const auto& x, std::span<const V> p) {
    return [&]<size_t... i>(std::index_sequence<i...>) { return g(x, p[i]...); }
    (std::make_index_sequence<n>());
  };
  ActivationInfo info;
  info.name = name;
  info.family = "own";
  info.parameters = std::move(parameters);
  info.source = source;
  info.apply = [f, with, literal = lasting(name)](const Tensor& x, std::span<const double> p) {
    std::array<double, n> values;
    std::copy_n(p.begin(), n, values.begin());
    return elementwise(
        literal, [f, with, values](const auto& v) { return with(f, v, std::span<const double>(values)); }, x);
  };
  info.expression = [f, with](const Expr& x, std::span<const Expr> p) -> Expr { return with(f, x, p); };
  add_activation(std::move(info));
}

}  // namespace detail

/// Makes a formula of one's own known under a name, to activation(), to every model and to every command line; it is as
/// fast as those of the catalogue:
///   register_activation("bump", [](auto x) { return x * exp(-0.5 * square(x)); });
///   register_activation("steep", [](auto x, auto a) { return tanh(a * x); }, {{"a", 2.0}});
/// A saved model names it: register it before loading. Kinks are found from the formula.
///   throws  NameError when the name is no identifier or is taken
template <size_t n, class F>
void register_activation(const std::string& name, F f, const ActivationInfo::Parameter (&parameters)[n],
                         const std::string& source = "own") {
  detail::register_own<n>(name, std::move(f), {parameters, parameters + n}, source);
}
template <class F>
void register_activation(const std::string& name, F f, const std::string& source = "own") {
  detail::register_own<0>(name, std::move(f), {}, source);
}

}  // namespace CAIRN_ISA
}  // namespace cairn
