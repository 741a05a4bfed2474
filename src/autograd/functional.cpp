#include "cairn/autograd/functional.h"

#include "cairn/autograd/backward.h"
#include "cairn/ops/arithmetic.h"
#include "cairn/ops/join.h"
#include "cairn/ops/reduce.h"
#include "cairn/tensor/create.h"

namespace cairn {
namespace {

using Function = std::function<Tensor(const Tensor&)>;

// x as the place to differentiate at: connected with its history only where the result shall be.
Tensor start(const char* operation, const Tensor& x, bool create_graph) {
  require<DtypeError>(is_float(x.dtype()), operation, "only f32 and f64 can be differentiated; convert with to(f32)",
                      x);
  return create_graph && x.requires_grad() ? x : x.detach().requires_grad_();
}

// The gradient of ⟨v, y⟩; zero where y does not depend on x.
Tensor pull(const Tensor& y, const Tensor& x, const Tensor& v, bool retain_graph, bool create_graph) {
  Tensor g;
  if (y.requires_grad()) g = grad({y}, {x}, {v}, retain_graph, create_graph, true)[0];
  return g.defined() ? g : zeros_like(x);
}

void check_vector(const char* operation, const char* problem, const Tensor& v, const Tensor& like) {
  require(v.shape() == like.shape(), operation, problem, given("v", v), given("its counterpart", like));
  require<DtypeError>(v.dtype() == like.dtype(), operation, "v must have the dtype of x", given("v", v),
                      given("x", like));
}

// f(x), checked to have one element.
Tensor one_value(const char* operation, const Function& f, const Tensor& x) {
  Tensor y = f(x);
  require(y.numel() == 1, operation, "the function must give one element; sum() it, or use jacobian", given("f(x)", y));
  return y;
}

}  // namespace

Tensor jacobian(const Function& f, const Tensor& x, bool create_graph) {
  const GradMode mode(true);
  const Tensor at = start("jacobian", x, create_graph), y = f(at);
  Shape shape = y.shape();
  require(shape.size() + x.dim() <= max_rank, "jacobian", "the result would have more than 8 dimensions",
          given("f(x)", y), given("x", x));
  for (int64_t n : x.shape()) shape.push_back(n);
  if (y.numel() == 0) return zeros(shape, x.dtype());
  std::vector<Tensor> rows;
  for (int64_t i = 0; i < y.numel(); ++i) {
    Tensor unit = zeros({y.numel()}, y.dtype());
    unit.select(0, i).fill_(1);
    rows.push_back(pull(y, at, unit.reshape(y.shape()), true, create_graph));
  }
  const Tensor j = stack(rows).reshape(shape);
  return create_graph ? j : j.detach();
}

Tensor hessian(const Function& f, const Tensor& x, bool create_graph) {
  const auto gradient = [&f](const Tensor& at) { return pull(one_value("hessian", f, at), at, {}, true, true); };
  return jacobian(gradient, x, create_graph);
}

Tensor vjp(const Function& f, const Tensor& x, const Tensor& v, bool create_graph) {
  const GradMode mode(true);
  const Tensor at = start("vjp", x, create_graph), y = f(at);
  check_vector("vjp", "v must have the shape of f(x)", v, y);
  return pull(y, at, v, create_graph, create_graph);
}

Tensor jvp(const Function& f, const Tensor& x, const Tensor& v, bool create_graph) {
  const GradMode mode(true);
  check_vector("jvp", "v must have the shape of x", v, x);
  const Tensor at = start("jvp", x, create_graph), y = f(at);
  const Tensor w = zeros_like(y).requires_grad_();
  return pull(pull(y, at, w, true, true), w, v, create_graph, create_graph);
}

Tensor hvp(const Function& f, const Tensor& x, const Tensor& v, bool create_graph) {
  const GradMode mode(true);
  check_vector("hvp", "v must have the shape of x", v, x);
  const Tensor at = start("hvp", x, create_graph);
  const Tensor gradient = pull(one_value("hvp", f, at), at, {}, true, true);
  return pull(gradient, at, v, create_graph, create_graph);
}

}  // namespace cairn
