#pragma once
// Which side of a kink was taken. gradcheck compares what operations report on both sides of a step and steps around an
// entry only where the reports differ. An operation with a kink, a tie or an arg-max adds one line after its forward:
//
//   if (branches_wanted()) report_branches(mask);  // where: its mask; abs: the sign; clamp: both comparisons;
//                                                  // floor: its result; max, sort, topk: the indices they chose
//
// For a fused operation record_fused evaluates the twin, whose operations report; it is held against the fused
// values too.

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "cairn/graph/node.h"

namespace cairn {

namespace detail {
using Twin = std::function<Tensor(std::span<const Tensor>)>;
void report_twin(const char* name, const Tensor& y, std::span<const Tensor> inputs, const Twin& twin);
}  // namespace detail

/// Collects the reports of this thread during its lifetime. Traces nest; only the innermost one listens.
class BranchTrace {
 public:
  BranchTrace();
  ~BranchTrace();
  BranchTrace(const BranchTrace&) = delete;
  BranchTrace& operator=(const BranchTrace&) = delete;

  /// A hash of everything reported so far, in order: equal when the same branches were taken.
  uint64_t fingerprint() const { return hash_; }
  /// Fused operations that ran, and the first whose twin gave other values: "" when all agree.
  const std::vector<std::string>& fused() const { return fused_; }
  const std::string& disagreement() const { return disagreement_; }

 private:
  friend void report_branches(const Tensor& pattern);
  friend void detail::report_twin(const char*, const Tensor&, std::span<const Tensor>, const detail::Twin&);

  uint64_t hash_ = 0xCBF29CE484222325;  // the empty hash of FNV-1a
  std::vector<std::string> fused_;
  std::string disagreement_;
  BranchTrace* before_;
};

namespace detail {
extern thread_local constinit BranchTrace* branch_trace;
}

/// True while somebody listens on this thread; otherwise a report would be thrown away, and need not be computed.
inline bool branches_wanted() { return detail::branch_trace != nullptr; }

/// Folds the shape and elements of `pattern` into the listening trace: a mask, indices, or any numbers that are the
/// same exactly when the same branch was taken. Does nothing when nobody listens.
void report_branches(const Tensor& pattern);

}  // namespace cairn
