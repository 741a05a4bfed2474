#include "cairn/data/dataset.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "cairn/base/threads.h"
#include "cairn/ops/index.h"
#include "cairn/tensor/create.h"

namespace cairn::data {

Batch Dataset::gather(std::span<const int64_t> numbers, int64_t epoch) const {
  const int64_t count = size(), n = static_cast<int64_t>(numbers.size());
  for (const int64_t i : numbers)
    require<IndexError>(i >= 0 && i < count, "Dataset", "no such sample", given("number", i), given("size", count));
  require<ValueError>(epoch >= 0, "Dataset", "epochs are counted from 0", given("epoch", epoch));
  Batch b = make_batch(numbers, epoch);
  const auto fits = [n](const Tensor& t) { return t.defined() && t.dim() >= 1 && t.size(0) == n; };
  require(fits(b.x) && fits(b.y), "Dataset", "make_batch must give one input and one target for each number",
          given("numbers", n), given("x", b.x), given("y", b.y));
  return b;
}

TensorDataset::TensorDataset(const Tensor& x, const Tensor& y, const Normalization& normalization)
    : x_(x.detach().contiguous()), y_(y.detach().contiguous()) {
  require(x.dim() >= 1 && y.dim() >= 1 && x.size(0) == y.size(0), "TensorDataset", "needs as many targets as inputs",
          given("x", x), given("y", y));
  require<DtypeError>(x.dtype() != boolean, "TensorDataset", "inputs must be numbers; convert with to(f32)",
                      given("x", x));
  require<DtypeError>(y.dtype() == i64 || is_float(y.dtype()), "TensorDataset",
                      "targets must be i64, f32 or f64; convert with to(i64)", given("y", y));
  auto mean = normalization.mean, deviation = normalization.deviation;
  if (x.dtype() != u8) {
    require<ValueError>(mean.empty() && deviation.empty(), "TensorDataset", "only u8 inputs are normalised",
                        given("x", x));
    return;
  }
  channels_ = x.dim() >= 2 && std::max(mean.size(), deviation.size()) > 1 ? x.size(1) : 1;
  const auto channels = static_cast<size_t>(channels_);
  if (mean.empty()) mean = {0};
  if (deviation.empty()) deviation = {1};
  if (mean.size() == 1) mean.resize(channels, mean[0]);
  if (deviation.size() == 1) deviation.resize(channels, deviation[0]);
  require<ValueError>(mean.size() == channels && deviation.size() == channels, "TensorDataset",
                      "needs one mean and deviation, or one a channel", given("means", mean.size()),
                      given("deviations", deviation.size()), given("x", x));
  for (size_t c = 0; c < channels; ++c) {
    require<ValueError>(deviation[c] > 0 && std::isfinite(deviation[c]) && std::isfinite(mean[c]), "TensorDataset",
                        "deviations must be above 0, means finite", given("mean", mean[c]),
                        given("deviation", deviation[c]));
    for (int v = 0; v < 256; ++v) table_.push_back(static_cast<float>((v / 255.0 - mean[c]) / deviation[c]));
  }
}

Batch TensorDataset::make_batch(std::span<const int64_t> numbers, int64_t) const {
  const auto n = static_cast<int64_t>(numbers.size());
  const Tensor index = from_span(numbers, {n});
  Tensor y = index_select(y_, 0, index);
  if (x_.dtype() != u8) return {index_select(x_, 0, index), std::move(y)};
  Shape shape = x_.shape();
  shape[0] = n;
  Tensor x = empty(shape, f32);
  const int64_t row = x_.numel() / std::max<int64_t>(size(), 1), plane = row / channels_;
  const auto* source = x_.pointer<uint8_t>();
  float* to = x.pointer<float>();
  parallel_for(n, std::max<int64_t>(1, 16384 / std::max<int64_t>(row, 1)), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i)
      for (int64_t c = 0; c < channels_; ++c) {
        const uint8_t* from = source + numbers[static_cast<size_t>(i)] * row + c * plane;
        const float* table = table_.data() + 256 * c;
        for (int64_t k = 0; k < plane; ++k) to[i * row + c * plane + k] = table[from[k]];
      }
  });
  return {std::move(x), std::move(y)};
}

}  // namespace cairn::data
