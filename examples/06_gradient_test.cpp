// Lesson 6: an operation of your own, and the proof of its gradient.
#include <cairn/cairn.h>

#include <iostream>

using namespace cairn;

namespace {

// y = x / ‖x‖ for each row of x. The forward may be written in any way; record() notes how a gradient G = dL/dy goes
// back: dx = (G − y ⟨G, y⟩) / ‖x‖. Written in recorded operations, it can itself be differentiated.
Tensor unit_rows(const Tensor& x) {
  require(x.dim() == 2, "unit_rows", "needs a matrix (rows, features)", given("x", x));
  Tensor y;
  {
    const NoGrad no_grad;
    y = x / norm(x, 2, {1}, true);
  }
  return record("unit_rows", y, {x}, Keep::inputs() | Keep::output(), [](const Backward& s) -> Grads {
    const Tensor out = s.output();
    return {(s.grad - out * sum(s.grad * out, {1}, true)) / norm(s.input(0), 2, {1}, true)};
  });
}

// The same with a mistake that is easily made: the part along y is left in.
Tensor wrong_unit_rows(const Tensor& x) {
  Tensor y;
  {
    const NoGrad no_grad;
    y = x / norm(x, 2, {1}, true);
  }
  return record("wrong_unit_rows", y, {x}, Keep::inputs(),
                [](const Backward& s) -> Grads { return {s.grad / norm(s.input(0), 2, {1}, true)}; });
}

}  // namespace

int main() {
  // gradcheck moves every input element by a little, in both directions, and compares what happens to the outputs with
  // the gradient. That needs the digits of f64.
  manual_seed(1);
  const Tensor x = randn({3, 4}, f64).requires_grad_();
  const auto f = [](const std::vector<Tensor>& in) { return unit_rows(in[0]); };
  const GradReport first = gradcheck(f, {x}), second = gradgradcheck(f, {x});
  std::cout << "first order:  " << first.text << "\nsecond order: " << second.text << "\n\n";

  // A training with a wrong gradient often seems to work, only worse. The checker says where it is wrong.
  const auto wrong = [](const std::vector<Tensor>& in) { return wrong_unit_rows(in[0]); };
  const GradReport refused = gradcheck(wrong, {x});
  std::cout << "with a mistake: " << refused.text << "\n";

  // In a test suite: #include <cairn/testing.h>, and EXPECT_GRADIENTS(f, {x}) does both orders.
  return first && second && !refused ? 0 : 1;
}
