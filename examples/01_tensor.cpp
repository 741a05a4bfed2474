// Lesson 1: the tensor. Making, looking at, cutting, stretching and adding up.
#include <cairn/cairn.h>
#include <cairn/tensor/eigen.h>

#include <iostream>

using namespace cairn;

int main() {
  // A tensor is an n-dimensional array of one element type, which is known at run time: f32, f64, i64, bool or u8.
  const Tensor table = tensor({{1, 2, 3}, {4, 5, 6}}, f32);
  std::cout << "A table of two rows and three columns:\n" << table << "\n\n";

  // A Tensor is a handle. Views share the elements with what they were cut from; nothing is copied.
  const Tensor column = table.select(1, 0), last_two = table.slice(1, 1, 3);
  std::cout << "Its first column: " << column << "\n";
  std::cout << "Its last two columns:\n" << last_two << "\n";
  std::cout << "Turned: " << table.t().shape() << ", in one row: " << table.reshape({6}) << "\n\n";

  // What is done in place is seen through every view; a clone has elements of its own.
  Tensor numbers = arange(6).to(f32);
  Tensor even = numbers.slice(0, 0, 6, 2), copy = even.clone();
  even.mul_(10.0);
  std::cout << "Every second number times ten, in place: " << numbers << "; the clone still has " << copy << "\n\n";

  // Shapes that differ are stretched as in NumPy: sizes are compared from the right, and 1 becomes anything.
  const Tensor prices = tensor({2.0, 0.5, 4.0});  // one a column
  std::cout << "Each column times its price:\n" << table * prices << "\n";
  std::cout << "A sum for each row: " << sum(table * prices, {1}) << "\n\n";

  // Numbers in the program text take the tensor's type. Tensors are never converted behind your back.
  const Tensor counts = tensor({1, 2, 3});  // whole numbers make an i64 tensor
  std::cout << "Half of them: " << counts.to(f32) * 0.5 << "\n";
  try {
    std::cout << counts * 0.5 << "\n";
  } catch (const DtypeError& e) {
    std::cout << "Without to(f32): " << e.what() << "\n";
  }
  try {
    std::cout << table + tensor({1.0, 2.0}) << "\n";
  } catch (const ShapeError& e) {
    std::cout << "Shapes that do not fit: " << e.what() << "\n\n";
  }

  // Random numbers come from a seed: the same program gives the same numbers, on any machine and number of threads.
  manual_seed(1);
  const Tensor noise = randn({1000});
  std::cout << "A thousand normal numbers: mean " << mean(noise).item<float>() << ", deviation "
            << cairn::std(noise).item<float>() << ", " << sum(noise > 2.0).item<int64_t>() << " of them above 2\n\n";

  // Eigen sees a tensor as a matrix of its own, without a copy.
  Tensor square = eye(3, 3, f64) * 2.0;
  auto matrix = matrix_map<double>(square);
  matrix(0, 2) = 1;
  std::cout << "Changed by Eigen, seen by the tensor:\n" << square << "\nits trace: " << matrix.trace() << "\n";
}
