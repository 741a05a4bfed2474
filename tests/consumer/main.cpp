// What a program outside the library looks like: exits with 0 when products and gradients come out right.
#include <cairn/cairn.h>

#include <iostream>

using namespace cairn;

int main() {
  Tensor a = ones({2, 3});
  Tensor b = full({3, 4}, 2.0);
  const float total = sum(matmul(a, b)).item<float>();

  Tensor x = full({3}, -1.5);
  x.requires_grad_();
  sum(x * x + relu(x)).backward();
  const float slope = sum(x.grad()).item<float>();

  std::cout << "sum of the product: " << total << ", sum of the gradient: " << slope << '\n';
  return total == 48.0F && slope == -9.0F ? 0 : 1;
}
