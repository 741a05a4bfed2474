#pragma once
// Activations written as text: "x * tanh(softplus(x))", "max(x, 0.1 * x)", "x * sigmoid(beta * x); beta = 1".
//
//   numbers       1, 0.5, 1e-3, pi, e, inf
//   x             the input; every other name is a parameter, whose first value stands behind a semicolon
//   + - * /       as usual; ^ and ** are powers and bind tighter than a sign: -x^2 is -(x^2)
//   < <= > >= == != & | !   make and join conditions; && and || mean the same
//   where(c, a, b), c ? a : b   both sides are computed; the one not taken must be harmless
//   functions     the scalar alphabet (math/functions.h), max and min of two or more, xor of conditions, and every
//                 element-wise activation: gelu(x), elu(x, 0.5)
//   x * s         is x · s; gate(x, s) is 0 where s is 0, even for infinite x
//
// A formula is read once into a program over lanes (math/program.h); its derivatives, of any order and with respect to
// its parameters too, come from the same program. Parentheses and calls nest at most 100 deep, a text has at most
// 10,000 characters.

#include <string>
#include <string_view>
#include <vector>

#include "cairn/activation/activation.h"

namespace cairn {

struct Formula {
  Expr expression;                                    ///< in x and the parameters
  std::vector<ActivationInfo::Parameter> parameters;  ///< in the order in which they stand behind the semicolon
};

/// Reads a formula.
///   throws  NameError for an unknown name, ValueError for anything else; the message shows the text, with a caret
///           under the fault
Formula parse_formula(std::string_view text);

/// The activation that the formula says; its parameters, if any, are learnable.
///   throws  as parse_formula
Activation formula_activation(std::string_view text);

}  // namespace cairn
