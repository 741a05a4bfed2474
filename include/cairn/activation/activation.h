#pragma once
// Activation functions, by name in the program text and by name at run time. The table of them is catalogue.h.

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cairn/ops/elementwise.h"

namespace cairn {

// Preprocessor help for the table: CAIRN_EACH(f, (a, 1, b, 2)) is f(a, 1) f(b, 2).
#define CAIRN_EACH(f, list) CAIRN_EACH_OF(f, CAIRN_UNWRAP list)
#define CAIRN_UNWRAP(...) __VA_ARGS__
#define CAIRN_EACH_OF(f, ...) __VA_OPT__(CAIRN_EACH_1(f, __VA_ARGS__))
#define CAIRN_EACH_1(f, name, value, ...) f(name, value) __VA_OPT__(CAIRN_EACH_2(f, __VA_ARGS__))
#define CAIRN_EACH_2(f, name, value, ...) f(name, value) __VA_OPT__(CAIRN_EACH_3(f, __VA_ARGS__))
#define CAIRN_EACH_3(f, name, value) f(name, value)
#define CAIRN_AS_DEFAULTED(name, value) , double name = value

// Tensor relu(const Tensor& x), Tensor elu(const Tensor& x, double alpha = 1.0), … for every line of the table.
//   shape   that of x, element by element; the result keeps the memory order of x
//   dtype   f32 or f64
//   throws  DtypeError
//   grad    exact and fused; any order
#define CAIRN_ACTIVATION(name, family, parameters, kinks, source, ...) \
  Tensor name(const Tensor& x CAIRN_EACH(CAIRN_AS_DEFAULTED, parameters));
#define CAIRN_ALPHABET(name, family, parameters, kinks, source, ...)
#include "cairn/activation/catalogue.h"
#undef CAIRN_ACTIVATION
#undef CAIRN_ALPHABET

/// A line of the catalogue.
struct ActivationInfo {
  struct Parameter {
    std::string name;
    double value;  ///< unless another is given
  };
  std::string name;
  std::string family;
  std::vector<Parameter> parameters;
  std::string source;   ///< who described it
  std::string formula;  ///< with its parameters by name: "where(x > 0, x, alpha * expm1(minimum(x, 0)))"

  Tensor (*apply)(const Tensor& x, std::span<const double> parameters);
  std::vector<double> (*kinks)(std::span<const double> parameters);
  std::string (*formula_with)(std::span<const double> parameters);
};

/// Every activation there is, in the order of the table.
const std::vector<ActivationInfo>& activations();

/// One activation with its parameters, chosen at run time; called like a function.
class Activation {
 public:
  Activation(const ActivationInfo& info, std::vector<double> parameters);

  Tensor operator()(const Tensor& x) const { return info_->apply(x, parameters_); }

  const ActivationInfo& info() const { return *info_; }
  const std::vector<double>& parameters() const { return parameters_; }
  /// Where its slope jumps.
  std::vector<double> kinks() const { return info_->kinks(parameters_); }
  /// "where(x > 0, x, 0.5 * expm1(minimum(x, 0)))"
  std::string formula() const { return info_->formula_with(parameters_); }
  /// The saved form, all parameters written out: "elu(0.5)", "gelu". activation() reads it back.
  std::string text() const;

 private:
  const ActivationInfo* info_;
  std::vector<double> parameters_;
};

inline std::ostream& operator<<(std::ostream& out, const Activation& a) { return out << a.text(); }

/// The activation of that name: "gelu", "elu(0.5)", "leaky_relu(negative_slope=0.2)". Parameters left out have their
/// default.
///   throws  NameError for an unknown name or parameter, listing those there are; ValueError for text of another form
Activation activation(std::string_view text);

}  // namespace cairn
