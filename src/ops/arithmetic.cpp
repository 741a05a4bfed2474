#include "cairn/ops/arithmetic.h"

#include <cmath>

#include "cairn/math/functions.h"
#include "cairn/ops/compare.h"
#include "cairn/ops/elementwise.h"
#include "ops/loops.h"

namespace cairn {
namespace {

// One functor a kind of arithmetic, for lanes and single numbers. Integers wrap around instead of overflowing.
struct Plus {
  template <class T>
  [[gnu::always_inline]] T operator()(T a, T b) const {
    return a + b;
  }
  int64_t operator()(int64_t a, int64_t b) const { return static_cast<int64_t>(uint64_t(a) + uint64_t(b)); }
};
struct Minus {
  template <class T>
  [[gnu::always_inline]] T operator()(T a, T b) const {
    return a - b;
  }
  int64_t operator()(int64_t a, int64_t b) const { return static_cast<int64_t>(uint64_t(a) - uint64_t(b)); }
};
struct Times {
  template <class T>
  [[gnu::always_inline]] T operator()(T a, T b) const {
    return a * b;
  }
  int64_t operator()(int64_t a, int64_t b) const { return static_cast<int64_t>(uint64_t(a) * uint64_t(b)); }
};
struct Divided {
  template <class T>
  [[gnu::always_inline]] T operator()(T a, T b) const {
    return a / b;
  }
};
struct Power {
  template <class T>
  [[gnu::always_inline]] T operator()(T a, T b) const {
    return pow(a, b);
  }
};
struct Larger {
  template <class T>
  [[gnu::always_inline]] T operator()(T a, T b) const {
    return maximum(a, b);
  }
};
struct Smaller {
  template <class T>
  [[gnu::always_inline]] T operator()(T a, T b) const {
    return minimum(a, b);
  }
};

template <class F>
constexpr bool floats_only = std::is_same_v<F, Divided> || std::is_same_v<F, Power>;

template <class F, class G>
void visit(const char* name, Dtype d, G&& g) {
  if constexpr (floats_only<F>)
    visit_float(name, d, g);
  else
    visit_number(name, d, g);
}

template <class F>
Tensor binary(const char* name, const Tensor& a, const Tensor& b, F f) {
  ops::require_same_dtype(name, a, b);
  Tensor y = ops::broadcast_output(name, a, b, a.dtype());
  visit<F>(name, a.dtype(), [&]<class S>() { ops::fill<S, S, S>(y, a, b, f); });
  return y;
}

// f(x, c), or f(c, x) when `first`.
template <bool first, class F>
Tensor with_number(const char* name, const Tensor& x0, double number, F f) {
  const Tensor x = ops::dense(x0);
  Tensor y = empty_like(x);
  visit<F>(name, x.dtype(), [&]<class S>() {
    const auto c = ops::number_for<S>(name, x, number);
    ops::fill<S, S>(y, x, [f, c](auto v) {
      using V = decltype(v);
      const V k = static_cast<V>(c);
      return first ? f(k, v) : f(v, k);
    });
  });
  return y;
}

// Of two inputs, those the other's gradient needs.
Keep keep_for_product(const Tensor& a, const Tensor& b) {
  return (b.requires_grad() ? Keep::input(0) : Keep::nothing()) |
         (a.requires_grad() ? Keep::input(1) : Keep::nothing());
}

}  // namespace

// ---- + ----

Tensor operator+(const Tensor& a, const Tensor& b) {
  return record("add", binary("add", a, b, Plus()), {a, b}, Keep::nothing(), [](const Backward& s) -> Grads {
    return {s.grad, s.grad};
  });
}

Tensor operator+(const Tensor& a, double b) {
  return record("add_scalar", with_number<false>("add", a, b, Plus()), {a}, Keep::nothing(),
                [](const Backward& s) -> Grads { return {s.grad}; });
}

Tensor operator+(double a, const Tensor& b) { return b + a; }

// ---- - ----

Tensor operator-(const Tensor& a, const Tensor& b) {
  return record("sub", binary("sub", a, b, Minus()), {a, b}, Keep::nothing(), [](const Backward& s) -> Grads {
    return {s.grad, s.needs(1) ? -s.grad : none};
  });
}

Tensor operator-(const Tensor& a, double b) { return a + -b; }

Tensor operator-(double a, const Tensor& b) {
  return record("rsub", with_number<true>("sub", b, a, Minus()), {b}, Keep::nothing(),
                [](const Backward& s) -> Grads { return {-s.grad}; });
}

Tensor operator-(const Tensor& a) {
  return record("neg", with_number<false>("neg", a, -1, Times()), {a}, Keep::nothing(),
                [](const Backward& s) -> Grads { return {-s.grad}; });
}

// ---- * ----

Tensor operator*(const Tensor& a, const Tensor& b) {
  return record("mul", binary("mul", a, b, Times()), {a, b}, keep_for_product(a, b), [](const Backward& s) -> Grads {
    return {s.needs(0) ? s.grad * s.input(1) : none, s.needs(1) ? s.grad * s.input(0) : none};
  });
}

Tensor operator*(const Tensor& a, double b) {
  return record("mul_scalar", with_number<false>("mul", a, b, Times()), {a}, Keep::nothing(),
                [b](const Backward& s) -> Grads { return {s.grad * b}; });
}

Tensor operator*(double a, const Tensor& b) { return b * a; }

// ---- / ----

Tensor operator/(const Tensor& a, const Tensor& b) {
  const Keep keep = (b.requires_grad() ? Keep::inputs() : Keep::input(1));
  return record("div", binary("div", a, b, Divided()), {a, b}, keep, [](const Backward& s) -> Grads {
    const Tensor da = s.grad / s.input(1);
    return {da, s.needs(1) ? -(da * (s.input(0) / s.input(1))) : none};
  });
}

Tensor operator/(const Tensor& a, double b) {
  return record("div_scalar", with_number<false>("div", a, b, Divided()), {a}, Keep::nothing(),
                [b](const Backward& s) -> Grads { return {s.grad / b}; });
}

Tensor operator/(double a, const Tensor& b) {
  return record("rdiv", with_number<true>("div", b, a, Divided()), {b}, Keep::inputs(),
                [a](const Backward& s) -> Grads {
                  const Tensor x = s.input(0);
                  return {s.grad / x * (-a / x)};
                });
}

// ---- pow ----

Tensor pow(const Tensor& x, const Tensor& y) {
  return record("pow", binary("pow", x, y, Power()), {x, y}, Keep::inputs(), [](const Backward& s) -> Grads {
    const Tensor a = s.input(0), b = s.input(1);
    Tensor da, db;
    if (s.needs(0)) da = s.grad * where(b == 0.0, 0.0, b * pow(a, where(b == 0.0, 1.0, b) - 1.0));
    // log of a harmless number where the slope is 0 anyway, or its own gradient would be infinite there.
    if (s.needs(1)) {
      const Tensor flat = (a == 0.0) & (b >= 0.0);
      db = s.grad * where(flat, 0.0, pow(a, b) * log(where(flat, 1.0, a)));
    }
    return {da, db};
  });
}

Tensor pow(const Tensor& x0, double c) {
  const Tensor x = ops::dense(x0);
  Tensor y = empty_like(x);
  visit_float("pow", x.dtype(), [&]<class S>() { ops::fill<S, S>(y, x, [c](auto v) { return pow(v, c); }); });
  return record("pow_scalar", y, {x0}, Keep::inputs(), [c](const Backward& s) -> Grads {
    if (c == 0.0) return {s.grad * 0.0};
    if (c == 1.0) return {s.grad};
    return {s.grad * (c == 2.0 ? s.input(0) * 2.0 : pow(s.input(0), c - 1.0) * c)};
  });
}

Tensor pow(double c, const Tensor& y0) {
  const Tensor y = ops::dense(y0);
  Tensor z = empty_like(y);
  visit_float("pow", y.dtype(), [&]<class S>() { ops::fill<S, S>(z, y, [c](auto v) { return pow(c, v); }); });
  return record("rpow", z, {y0}, Keep::output(), [c](const Backward& s) -> Grads {
    return {s.grad * (c == 0.0 ? s.output() * 0.0 : s.output() * std::log(c))};
  });
}

// ---- maximum, minimum ----

// G to the side taken: `taken` and `tied` are masks for the first.
static Grads shared_gradient(const Backward& s, const Tensor& taken, const Tensor& lost) {
  const Tensor half = s.grad * 0.5;
  return {s.needs(0) ? where(taken, s.grad, where(lost, 0.0, half)) : none,
          s.needs(1) ? where(lost, s.grad, where(taken, 0.0, half)) : none};
}

// Which of the two was taken, and whether they tie.
template <class B>
static void report_order(const Tensor& a, const B& b) {
  if (!branches_wanted()) return;
  report_branches(a > b);
  report_branches(a < b);
}

Tensor maximum(const Tensor& a, const Tensor& b) {
  report_order(a, b);
  return record("maximum", binary("maximum", a, b, Larger()), {a, b}, Keep::inputs(), [](const Backward& s) -> Grads {
    return shared_gradient(s, s.input(0) > s.input(1), s.input(0) < s.input(1));
  });
}

Tensor minimum(const Tensor& a, const Tensor& b) {
  report_order(a, b);
  return record("minimum", binary("minimum", a, b, Smaller()), {a, b}, Keep::inputs(), [](const Backward& s) -> Grads {
    return shared_gradient(s, s.input(0) < s.input(1), s.input(0) > s.input(1));
  });
}

Tensor maximum(const Tensor& a, double b) {
  report_order(a, b);
  return record("maximum_scalar", with_number<false>("maximum", a, b, Larger()), {a}, Keep::inputs(),
                [b](const Backward& s) -> Grads { return {where(s.input(0) < b, 0.0, s.grad)}; });
}

Tensor minimum(const Tensor& a, double b) {
  report_order(a, b);
  return record("minimum_scalar", with_number<false>("minimum", a, b, Smaller()), {a}, Keep::inputs(),
                [b](const Backward& s) -> Grads { return {where(s.input(0) > b, 0.0, s.grad)}; });
}

Tensor maximum(double a, const Tensor& b) { return maximum(b, a); }
Tensor minimum(double a, const Tensor& b) { return minimum(b, a); }

}  // namespace cairn
