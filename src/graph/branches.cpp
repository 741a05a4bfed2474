#include "cairn/graph/branches.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace cairn {

namespace detail {
thread_local constinit BranchTrace* branch_trace = nullptr;
}

BranchTrace::BranchTrace() : before_(detail::branch_trace) { detail::branch_trace = this; }
BranchTrace::~BranchTrace() { detail::branch_trace = before_; }

static uint64_t fold(uint64_t hash, uint64_t word) {
  hash = (hash ^ word) * 0x100000001B3;
  return hash ^ hash >> 32;  // FNV alone never carries high bits down
}

void report_branches(const Tensor& pattern) {
  if (!branches_wanted()) return;
  uint64_t& hash = detail::branch_trace->hash_;
  hash = fold(hash, static_cast<uint64_t>(pattern.dim()));
  for (int64_t n : pattern.shape()) hash = fold(hash, static_cast<uint64_t>(n));
  for (double v : pattern.to_vector<double>()) {
    uint64_t word = 0;
    std::memcpy(&word, &v, sizeof word);
    hash = fold(hash, word);
  }
}

// Two ways to compute the same may round differently, but not more.
static bool close(const Tensor& a, const Tensor& b) {
  if (a.shape() != b.shape() || a.dtype() != b.dtype()) return false;
  const double tolerance = a.dtype() == f64 ? 1e-9 : 1e-4;
  const std::vector<double> u = a.to_vector<double>(), v = b.to_vector<double>();
  for (size_t i = 0; i < u.size(); ++i) {
    if (u[i] == v[i] || (std::isnan(u[i]) && std::isnan(v[i]))) continue;
    if (!(std::abs(u[i] - v[i]) <= tolerance * std::max({1.0, std::abs(u[i]), std::abs(v[i])}))) return false;
  }
  return true;
}

namespace detail {

void report_twin(const char* name, const Tensor& y, std::span<const Tensor> inputs, const Twin& twin) {
  const NoGrad off;
  const Tensor of_twin = twin(inputs);
  BranchTrace& trace = *branch_trace;
  trace.fused_.push_back(name);
  if (trace.disagreement_.empty() && !close(y, of_twin))
    trace.disagreement_ =
        std::string(name) + ": its twin gives other values; got " + describe(y) + ", of the twin " + describe(of_twin);
}

}  // namespace detail

}  // namespace cairn
