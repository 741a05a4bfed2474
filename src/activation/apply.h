#pragma once
// Formulas known only at run time, on tensors.

#include <memory>

#include "cairn/activation/activation.h"

namespace cairn {

/// The expression in x that is left when the parameters are numbers.
inline Expr with_numbers(const std::function<Expr(const Expr&, std::span<const Expr>)>& expression,
                         std::span<const double> parameters) {
  return expression(Expr::variable("x"), std::vector<Expr>(parameters.begin(), parameters.end()));
}

/// An expression in x and the parameters as an operation: compiled once, used often.
class FormulaOperation {
 public:
  /// name  of the recorded operation; lives forever
  FormulaOperation(const char* name, const Expr& expression, const std::vector<std::string>& parameters);
  /// As Activation::operator() with tensors.
  Tensor operator()(const Tensor& x, std::span<const Tensor> parameters) const;
  Tensor operator()(const Tensor& x, std::span<const double> parameters) const;

 private:
  struct Programs;
  const char* name_;
  std::shared_ptr<const Programs> programs_;
};

}  // namespace cairn
