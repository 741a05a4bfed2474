#pragma once
// Every optimiser, with the options that change what it keeps: the table that tests of all of them run over. And two
// small helpers.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "cairn/base/threads.h"
#include "cairn/optim/optimizer.h"

namespace cairn {

struct Variant {
  std::string name;
  std::function<std::unique_ptr<optim::Optimizer>(optim::ParameterList)> make;
};
/// With rates at which some steps from numbers of size 1 move every one of them visibly.
const std::vector<Variant>& variants();

/// The number of threads during its lifetime.
class WithThreads {
 public:
  explicit WithThreads(int n) : before_(num_threads()) { set_num_threads(n); }
  ~WithThreads() { set_num_threads(before_); }
  WithThreads(const WithThreads&) = delete;
  WithThreads& operator=(const WithThreads&) = delete;

 private:
  int before_;
};

/// A leaf of its own with the elements of t, and a gradient.
Tensor leaf(const Tensor& t, const Tensor& gradient = Tensor());

}  // namespace cairn
