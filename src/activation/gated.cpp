#include "cairn/activation/gated.h"

#include "cairn/activation/activation.h"
#include "ops/copy.h"
#include "ops/loops.h"

namespace cairn {
namespace {

Shape halved(Shape shape, int dim) {
  shape[dim] /= 2;
  return shape;
}

int checked_dim(const char* name, const Tensor& x, int64_t given_dim) {
  const int dim = wrap_dim(name, given_dim, x.dim());
  require(x.shape()[dim] % 2 == 0, name, "the dimension must have an even size: it is cut in two halves", x,
          given("dim", given_dim));
  return dim;
}

// The formulas of the catalogue that are compiled.
namespace gated_formulas {
#define CAIRN_AS_OPTIONAL(name, value) , [[maybe_unused]] double name = value
#define CAIRN_ACTIVATION(name, family, parameters, kinks, source, ...)                         \
  struct name##_formula {                                                                      \
    template <class T>                                                                         \
    [[gnu::always_inline]] static T of(const T& x CAIRN_EACH(CAIRN_AS_OPTIONAL, parameters)) { \
      return __VA_ARGS__;                                                                      \
    }                                                                                          \
  };
#define CAIRN_ALPHABET CAIRN_ACTIVATION
#define CAIRN_RECTIFIER CAIRN_ACTIVATION
#define CAIRN_FORMULA(...)
#define CAIRN_OVERLOAD(...)
#define CAIRN_FOLD(...)
#include "cairn/activation/catalogue.h"
}  // namespace gated_formulas

}  // namespace

detail::GateForward::GateForward(const char* name, const Tensor& given_x, int64_t given_dim)
    : dim(checked_dim(name, given_x, given_dim)),
      x(elementwise_input(name, given_x)),
      halves(x, dim),
      y(ops::empty_ordered(x, halved(x.shape(), dim))) {}

detail::GateBackward::GateBackward(const Backward& s, int dim)
    : x(ops::dense(s.input(0))),
      g(ops::in_layout_of(ops::empty_ordered(x, s.grad.shape()), s.grad)),
      dx(empty_like(x)),
      halves(x, dim) {}

detail::HalfViews::HalfViews(const Tensor& x, int dim)
    : a(x.narrow(dim, 0, x.shape()[dim] / 2)), b(x.narrow(dim, x.shape()[dim] / 2, x.shape()[dim] / 2)) {}

// The gate, and the activation of the catalogue that the second half goes through.
#define CAIRN_GATE(name, activation)                                                               \
  Tensor name(const Tensor& x, int64_t dim) {                                                      \
    return gated(                                                                                  \
        #name, [](const auto& b) { return gated_formulas::activation##_formula::of(b); }, x, dim); \
  }
CAIRN_GATE(glu, sigmoid)
CAIRN_GATE(reglu, relu)
CAIRN_GATE(geglu, gelu)
CAIRN_GATE(swiglu, silu)
CAIRN_GATE(bilinear, identity)

}  // namespace cairn
