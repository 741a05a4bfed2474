// What must hold over millions of operations: no recursion, no growth, no shared state between threads.
#include <gtest/gtest.h>
#include <pthread.h>

#include <atomic>
#include <ctime>
#include <functional>
#include <thread>
#include <vector>

#include "cairn/autograd/backward.h"
#include "cairn/base/memory.h"
#include "cairn/ops/arithmetic.h"
#include "cairn/ops/elementwise.h"
#include "cairn/ops/matmul.h"
#include "cairn/ops/reduce.h"
#include "cairn/tensor/create.h"
#include "cairn/tensor/random.h"

using namespace cairn;

namespace {

// Runs f on a thread whose stack would not hold ten thousand nested calls.
void on_a_small_stack(std::function<void()> f) {
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  ASSERT_EQ(pthread_attr_setstacksize(&attributes, 256 * 1024), 0);
  pthread_t thread;
  const auto run = [](void* p) -> void* {
    (*static_cast<std::function<void()>*>(p))();
    return nullptr;
  };
  ASSERT_EQ(pthread_create(&thread, &attributes, run, &f), 0);
  pthread_join(thread, nullptr);
  pthread_attr_destroy(&attributes);
}

// Processor time of this thread in seconds: what other programs do meanwhile does not count.
double thread_seconds() {
  timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

TEST(Endurance, AChainOfAMillionOperations) {
  on_a_small_stack([] {
    const auto seconds_of = [](int operations) {
      const double start = thread_seconds();
      const Tensor x = tensor(1.0, f64).requires_grad_();
      Tensor y = x;
      for (int i = 0; i < operations / 2; ++i) y = (y + 1.0) * 1.0;
      y.backward({}, true);
      EXPECT_EQ(x.grad().item<double>(), 1);
      EXPECT_EQ(grad({y}, {x}, {}, true)[0].item<double>(), 1);
      y = Tensor();  // never walked again: what it saved is still there when it is destroyed
      return thread_seconds() - start;
    };
    const double tenth = seconds_of(100'000);
    EXPECT_LT(seconds_of(1'000'000) / tenth, 50) << "times as long for ten times as many; 100 if squared";
  });
}

TEST(Endurance, AMillionOperationsThatNobodyWalks) {
  on_a_small_stack([] {
    const Tensor x = tensor(1.0, f64).requires_grad_();
    Tensor y = x;
    for (int i = 0; i < 500'000; ++i) y = y * x + 1.0;
  });
}

TEST(Endurance, ManyOperationsOnOneInput) {
  on_a_small_stack([] {
    const Tensor x = tensor(1.0, f64).requires_grad_();
    std::vector<Tensor> all;
    for (int i = 0; i < 100'000; ++i) all.push_back(x * 1.0);
    backward(all);
    EXPECT_EQ(x.grad().item<double>(), 1e5);
  });
}

TEST(Endurance, GradientsOfALongChainOfGradients) {
  on_a_small_stack([] {
    const Tensor x = tensor(0.5, f64).requires_grad_();
    Tensor y = x;
    for (int i = 0; i < 20'000; ++i) y = y * x / 0.5;  // (2x)ⁿ x at x = 1/2
    const double n = 20'000;
    const Tensor g = grad({y}, {x}, {}, false, true)[0];
    EXPECT_NEAR(g.item<double>(), n + 1, 1e-6);
    EXPECT_NEAR(grad({g}, {x})[0].item<double>() / (2 * n * (n + 1)), 1, 1e-9);
  });
}

TEST(Endurance, BytesInUseStayFlat) {
  Tensor w1 = randn({8, 16}).requires_grad_(), b1 = zeros({16}).requires_grad_(), w2 = randn({16, 1}).requires_grad_();
  const Tensor x = randn({4, 8}), target = ones({4, 1});
  const auto step = [&](bool create_graph) {
    const Tensor miss = matmul(tanh(matmul(x, w1) + b1), w2) - target;
    mean(miss * miss).backward({}, false, create_graph);
    const NoGrad off;
    for (Tensor* p : {&w1, &b1, &w2}) {
      p->add_(p->grad(), -0.01);
      p->set_grad({});
    }
  };
  for (int i = 0; i < 10; ++i) step(i % 2 == 0);
  const int64_t before = memory::stats().in_use;
  memory::reset_peak();
  for (int i = 0; i < 10'000; ++i) step(false);
  EXPECT_EQ(memory::stats().in_use, before);
  const int64_t peak = memory::stats().peak;
  memory::reset_peak();
  for (int i = 0; i < 1'000; ++i) step(true);
  EXPECT_EQ(memory::stats().in_use, before);
  EXPECT_LT(peak, before + 100'000);
}

TEST(Endurance, ThreadsWithGraphsOfTheirOwn) {
  const Tensor shared = tensor({1., 2., 3.}, f64).requires_grad_();  // read by all, changed by none
  std::atomic<int> right = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < 500; ++i) {
        const Tensor own = full({3}, t + 1, f64).requires_grad_();
        const Tensor y = sum(shared * own * own);
        const std::vector<Tensor> g = grad({y}, {shared, own});  // backward() would add to one grad() from all threads
        const double k = t + 1;
        right += g[0].to_vector<double>() == std::vector<double>(3, k * k) &&
                 g[1].to_vector<double>() == std::vector<double>{2 * k, 4 * k, 6 * k};
      }
    });
  for (std::thread& t : threads) t.join();
  EXPECT_EQ(right, 4 * 500);
}

TEST(Endurance, AGraphMayCrossThreads) {
  const Tensor x = tensor({2.}, f64).requires_grad_();
  Tensor y = x;
  for (int i = 0; i < 3; ++i) std::thread([&] { y = y * x; }).join();
  Tensor g;
  std::thread([&] { g = grad({y}, {x})[0]; }).join();
  EXPECT_EQ(g.item<double>(), 32);
  std::thread([last = std::move(y)]() mutable { last = Tensor(); }).join();
}

TEST(Endurance, ModeBelongsToAThread) {
  const NoGrad off;
  bool other = false;
  std::thread([&] { other = grad_enabled(); }).join();
  EXPECT_TRUE(other);
  EXPECT_FALSE(grad_enabled());
}

}  // namespace
