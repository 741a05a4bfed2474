// Lesson 2: gradients. What is recorded, what backward does with it, and derivatives of derivatives.
#include <cairn/cairn.h>

#include <iostream>

using namespace cairn;

int main() {
  // A tensor that asks for its gradient has every operation on it recorded.
  Tensor x = tensor({1.0, 2.0, 3.0}).requires_grad_();
  Tensor y = sum(x * x * x);
  y.backward();  // dy/dx = 3 x², into x.grad()
  std::cout << "x = " << x << ", the sum of x³ is " << y.item<float>() << ", its gradient 3 x² = " << x.grad()
            << "\n\n";

  // Gradients add up until they are dropped: that is what zero_grad() is for in a training loop.
  sum(x).backward();
  std::cout << "After sum(x).backward() one more everywhere: " << x.grad() << "\n\n";

  // What is computed under NoGrad leaves no trace.
  {
    const NoGrad no_grad;
    std::cout << "Recorded under NoGrad: " << (sum(x * x).requires_grad() ? "yes" : "no") << "\n\n";
  }

  // The graph goes as the program goes: loops and branches are ordinary C++.
  Tensor start = tensor({0.3}).requires_grad_();
  Tensor value = start;
  for (int step = 0; step < 4; ++step) value = 3.7 * value * (1.0 - value);  // the logistic map
  value.backward();
  std::cout << "After four steps of the logistic map, a small change at the start is stretched by "
            << start.grad().item<float>() << "\n\n";

  // grad() returns gradients instead of adding them up. With create_graph they are recorded too, and so can be
  // differentiated in turn, as often as you like.
  const Tensor at = tensor({0.3}).to(f64).requires_grad_();
  Tensor derivative = tanh(at);
  std::cout << "tanh and its derivatives at 0.3:";
  for (int order = 0; order <= 4; ++order) {
    std::cout << " " << derivative.item<double>();
    derivative = grad({derivative}, {at}, {}, true, true)[0];
  }
  std::cout << "\n\n";

  // Whole matrices of derivatives come from functions.
  const auto f = [](const Tensor& v) { return sum(v.slice(0, 0, 2) * v.slice(0, 1, 3)) + sum(exp(v)); };
  const Tensor point = tensor({0.0, 1.0, 2.0}).to(f64);
  std::cout << "The Hessian of v₀v₁ + v₁v₂ + Σ exp(v) at (0, 1, 2):\n" << hessian(f, point) << "\n\n";

  // What cannot be meant is refused, with a hint.
  try {
    Tensor w = ones({2}).requires_grad_();
    (w * 2.0).backward();
  } catch (const GraphError& e) {
    std::cout << "backward of two numbers: " << e.what() << "\n";
  }
}
