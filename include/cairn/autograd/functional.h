#pragma once
// Derivatives of functions, as functions.

#include <functional>

#include "cairn/tensor/tensor.h"

namespace cairn {

/// All first derivatives of f at x.
///   f             one tensor to one tensor, in recorded operations
///   shape         f(x).shape followed by x.shape
///   create_graph  the result can be differentiated in turn, through x where x requires a gradient
///   throws        ShapeError when that is more than 8 dimensions; DtypeError unless f32 or f64
Tensor jacobian(const std::function<Tensor(const Tensor&)>& f, const Tensor& x, bool create_graph = false);

/// All second derivatives at x of a function with one output element.
///   shape   x.shape twice
///   throws  as jacobian; ShapeError unless f(x) has one element
Tensor hessian(const std::function<Tensor(const Tensor&)>& f, const Tensor& x, bool create_graph = false);

/// Vector times Jacobian, vᵀ J: one backward.
///   shape   v as f(x), the result as x
Tensor vjp(const std::function<Tensor(const Tensor&)>& f, const Tensor& x, const Tensor& v, bool create_graph = false);

/// Jacobian times vector, J v: the derivative of f along v, by differentiating vjp in its v, which it is linear in.
///   shape   v as x, the result as f(x)
Tensor jvp(const std::function<Tensor(const Tensor&)>& f, const Tensor& x, const Tensor& v, bool create_graph = false);

/// Hessian times vector, H v, without the Hessian: the gradient of ⟨∇f, v⟩.
///   shape   v and the result as x
///   throws  as hessian
Tensor hvp(const std::function<Tensor(const Tensor&)>& f, const Tensor& x, const Tensor& v, bool create_graph = false);

}  // namespace cairn
