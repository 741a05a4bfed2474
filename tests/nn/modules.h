#pragma once
// What tests of modules compare.

#include <gtest/gtest.h>

#include <sstream>
#include <string>
#include <vector>

#include "cairn/graph/node.h"
#include "cairn/nn/module.h"
#include "cairn/ops/arithmetic.h"
#include "cairn/ops/elementwise.h"
#include "cairn/ops/reduce.h"

namespace cairn::testing {

/// What a layer prints.
inline std::string text(const nn::Layer& layer) {
  std::ostringstream out;
  out << layer;
  return out.str();
}

/// The largest difference of two tensors of one shape.
inline double difference(const Tensor& a, const Tensor& b) {
  const NoGrad off;
  EXPECT_EQ(a.shape(), b.shape());
  return max(abs(a - b)).item<double>();
}

/// Of the parameters, in order.
inline std::vector<std::string> names(const nn::Module& m) {
  std::vector<std::string> all;
  for (const nn::Parameter& p : m.named_parameters()) all.push_back(p.name);
  return all;
}

}  // namespace cairn::testing
