// Lesson 3: an activation of your own. One line, and every derivative is there.
#include <cairn/cairn.h>

#include <cstdio>
#include <iostream>

using namespace cairn;

namespace {

// How well a small network learns sin(3x) on [-2, 2] with some activation between its layers.
double error_with(const std::function<Tensor(const Tensor&)>& activation) {
  manual_seed(1);
  nn::Linear first(1, 32), second(32, 32), last(32, 1);
  const Tensor x = linspace(-2, 2, 128).unsqueeze(1), y = sin(x * 3.0);
  std::vector<nn::Parameter> parameters;
  for (nn::Linear* layer : {&first, &second, &last})
    for (const nn::Parameter& p : layer->parameters()) parameters.push_back(p);
  optim::Adam optimizer(parameters, {.lr = 5e-3});
  Tensor loss;
  for (int step = 0; step < 500; ++step) {
    loss = mse_loss(last(activation(second(activation(first(x))))), y);
    optimizer.zero_grad();
    loss.backward();
    optimizer.step();
  }
  return loss.item<double>();
}

}  // namespace

int main() {
  // A formula in x is an activation. Functions are called by their bare names (tanh, not std::tanh), and a choice is
  // where(condition, this, that).
  const auto bump = [](auto x) { return x * exp(x * x * -0.5); };

  // elementwise() calls it with whole vectors of numbers for the value, with dual numbers for the exact slope, and with
  // tensors for every higher order. Nobody writes a derivative.
  const Tensor x = linspace(-2, 2, 5).requires_grad_();
  const Tensor y = elementwise("bump", bump, x);
  const Tensor slope = grad({y}, {x}, {ones({5})}, true, true)[0];
  const Tensor bend = grad({slope}, {x}, {ones({5})})[0];
  std::cout << "x   " << x << "\nf   " << y << "\nf'  " << slope << "\nf'' " << bend << "\n\n";

  // The catalogue is written in the same way. An activation can be chosen by name while the program runs, with its
  // parameters, and knows its formula, its source and where its slope jumps.
  for (const char* text : {"relu", "gelu", "elu(0.5)"}) {
    const Activation a = activation(text);
    std::cout << a.text() << "(x) = " << a.formula() << "   (" << a.info().source << ")\n";
  }
  std::cout << "\n";

  // Does it matter which one is used? The same network, seed and number of steps:
  std::printf("mean squared error on sin(3x) after 500 steps\n");
  for (const char* name : {"identity", "relu", "gelu", "tanh"})
    std::printf("  %-8s  %.6f\n", name, error_with(activation(name)));
  std::printf("  %-8s  %.6f\n", "bump", error_with([&](const Tensor& v) { return elementwise("bump", bump, v); }));
  std::printf("Without a bend between them, layers are one straight line, however many there are.\n");
}
