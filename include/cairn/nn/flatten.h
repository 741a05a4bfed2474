#pragma once
// From images to rows.

#include "cairn/nn/module.h"

namespace cairn::nn {

/// Merges the dimensions start … end (inclusive) into one; by default all but the first, which counts samples.
///   shape   (n, c, h, w) → (n, c·h·w)
class Flatten : public Layer {
 public:
  explicit Flatten(int64_t start = 1, int64_t end = -1) : start_(start), end_(end) {}
  Tensor forward(const Tensor& x) override { return x.flatten(start_, end_); }
  int64_t start() const { return start_; }
  int64_t end() const { return end_; }
  Json options() const override;
  static Flatten from_options(const Json& options);

 private:
  int64_t start_, end_;
};

}  // namespace cairn::nn
