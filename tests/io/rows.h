#pragma once
// Models that are saved, loaded and compared bit by bit: one and more for each registered layer.

#include <functional>
#include <string>
#include <vector>

#include "cairn/nn/sequential.h"

namespace cairn::testing {

struct Row {
  std::string type;  // the registered layer that it stands for
  std::function<nn::Sequential()> make;
  Shape input = {17, 3};  // what it takes
  int64_t ids = 0;        // not numbers, but so many different ids
};

/// Those of what transformers are made of (rows_transformer.cpp).
std::vector<Row> transformer_rows();

}  // namespace cairn::testing
