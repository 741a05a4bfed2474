#pragma once
// Radial functions φ(r), by name at run time: what a layer of radial basis functions applies to distances.

#include <string>
#include <string_view>
#include <vector>

#include "cairn/math/expr.h"
#include "cairn/tensor/tensor.h"

namespace cairn {

// The table: one line each, and nothing else is written about one anywhere.
//
//   X(name, k, order, source, formula)
//
//   k        the parameter k unless another is given; 0 for a function that has none
//   order    the function is (up to its sign) conditionally positive definite of this order: a function of class 0
//            interpolates any distinct points, one of class m does when all polynomials of degree below m are added
//            (Micchelli 1986; Wendland 2005, Scattered Data Approximation, chapter 8). May name k
//   formula  φ in q = r², so that value and slope are finite at the centre, in the scalar alphabet (math/functions.h)
//            and the helpers of src/activation/radial.cpp; may name k
//
// clang-format off
#define CAIRN_RADIAL_FUNCTIONS(X)                                                                                     \
  X(gaussian, 0, 0, "Broomhead & Lowe 1988", exp(-q))                                                                 \
  X(multiquadric, 0, 1, "Hardy 1971", sqrt(1.0 + q))                                                                  \
  X(inverse_multiquadric, 0, 0, "Hardy & Göpfert 1975", rsqrt(1.0 + q))                                               \
  X(inverse_quadratic, 0, 0, "Fornberg & Flyer 2015", reciprocal(1.0 + q))                                            \
  X(polyharmonic, 3, k % 2 == 1 ? (k + 1) / 2 : k / 2 + 1, "Duchon 1977", polyharmonic(q, k))                         \
  X(thin_plate, 0, 2, "Duchon 1976", polyharmonic(q, 2))                                                              \
  X(wendland, 0, 0, "Wendland 1995: C2, in up to three dimensions", wendland(q))
// clang-format on

/// A line of the table.
struct RadialFunctionInfo {
  std::string name;
  int k;                ///< the parameter's default; 0 when there is none
  std::string source;   ///< who described it
  std::string formula;  ///< as the table has it

  Tensor (*apply)(const Tensor& squares, int k);
  Expr (*expression)(const Expr& q, int k);
  int (*order)(int k);
};

/// Every radial function there is, in the order of the table.
const std::vector<RadialFunctionInfo>& radial_functions();

/// One radial function with its parameter, chosen at run time.
///   gaussian              exp(−r²)
///   multiquadric          √(1 + r²)
///   inverse_multiquadric  1 / √(1 + r²)
///   inverse_quadratic     1 / (1 + r²)
///   polyharmonic(k)       rᵏ for odd k, rᵏ ln r for even k
///   thin_plate            r² ln r, which is polyharmonic(2)
///   wendland              (1 − r)⁴ (4r + 1) for r < 1, else 0
class RadialFunction {
 public:
  /// throws  ValueError unless k is a whole number from 1 to 31, or 0 for a function without parameter
  RadialFunction(const RadialFunctionInfo& info, int k);

  /// φ as a function of q = r².
  ///   shape   any
  ///   dtype   f32 or f64
  ///   throws  DtypeError
  ///   grad    exact and fused; any order. At q = 0 it is that of φ in q where that is finite. rᵏ and rᵏ ln r have slope
  ///           0 there (for r below 2e-19), and so have all their derivatives: what follows for x in q = ‖x − c‖² is its limit where
  ///           there is one, and 0 by convention where there is none (the gradient of r, the second one of r² ln r)
  Tensor operator()(const Tensor& squares) const { return info_->apply(squares, k_); }

  /// What it computes, in the variable x, which stands for q.
  Expr expression() const { return info_->expression(Expr::variable("x"), k_); }

  const RadialFunctionInfo& info() const { return *info_; }
  int k() const { return k_; }
  /// See the table.
  int order() const { return info_->order(k_); }
  /// "gaussian", "polyharmonic(3)": radial_function() reads it back.
  std::string text() const;

 private:
  const RadialFunctionInfo* info_;
  int k_;
};

/// The radial function of that name: "gaussian", "polyharmonic(5)", "polyharmonic(k=5)", "thin_plate". A parameter left
/// out has its default.
///   throws  NameError for an unknown name, listing those there are; ValueError for text of another form
RadialFunction radial_function(std::string_view text);

}  // namespace cairn
