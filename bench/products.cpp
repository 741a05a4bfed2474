// Matrix products on their own, Eigen's beside ours, and what an operation costs when there is next to nothing to compute.
#include <cairn/cairn.h>
#include <cairn/tensor/eigen.h>

#include "bench.h"

namespace bench {
namespace {

struct Product {
  int64_t m, n, k;
  std::string name() const { return std::to_string(m) + "x" + std::to_string(n) + "x" + std::to_string(k); }
  double gflop() const { return 2e-9 * static_cast<double>(m * n * k); }
};

}  // namespace

// Those of a dense layer, a cube, and two as convolutions would make them, one of them flat; each has neighbours whose
// sizes suit no register. Eigen computes on one thread: compare with --threads 1.
std::vector<Workload> products() {
  const Product all[] = {{128, 256, 784},  {127, 255, 783},  {512, 512, 512},   {509, 511, 513},
                         {16, 25088, 144}, {17, 25087, 143}, {64, 3136, 576},   {67, 3137, 571},
                         {25088, 16, 144}, {1024, 10, 512},  {2048, 2048, 2048}};
  std::vector<Workload> list;
  for (const Product& p : all) {
    list.push_back({"matmul_" + p.name(), "rate", "GFLOP/s", p.gflop(), [p]() -> std::function<void()> {
                      return [a = randn({p.m, p.k}), b = randn({p.k, p.n})] {
                        const NoGrad off;
                        matmul(a, b);
                      };
                    }});
    list.push_back({"eigen_" + p.name(), "rate", "GFLOP/s", p.gflop(), [p]() -> std::function<void()> {
                      return [a = randn({p.m, p.k}), b = randn({p.k, p.n}), c = empty({p.m, p.n})]() mutable {
                        matrix_map<float>(c).noalias() = matrix_map<float>(a) * matrix_map<float>(b);
                      };
                    }});
  }
  return list;
}

// Chains of operations on one number.
std::vector<Workload> overhead() {
  constexpr int length = 100;
  const auto chain = [](const Tensor& x) {
    Tensor y = x;
    for (int i = 0; i < length; ++i) y = y * x;
    return y;
  };
  return {
      {"op_no_grad", "cost", "us", length,
       [=]() -> std::function<void()> {
         return [=, x = ones({1})] {
           const NoGrad off;
           chain(x);
         };
       }},
      {"op_recorded", "cost", "us", length,
       [=]() -> std::function<void()> { return [=, x = ones({1}).requires_grad_()] { chain(x); }; }},
      {"op_backward", "cost", "us", length,
       [=]() -> std::function<void()> {
         return [=, x = ones({1}).requires_grad_()]() mutable {
           x.set_grad(Tensor());
           chain(x).backward();
         };
       }},
  };
}

}  // namespace bench
