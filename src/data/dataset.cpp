#include "cairn/data/dataset.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "cairn/base/threads.h"

namespace cairn::data {

TensorDataset::TensorDataset(const Tensor& x, const Tensor& y, const Normalization& normalization)
    : x_(x.detach().contiguous()), y_(y.detach().contiguous()) {
  require(x.dim() >= 1 && y.dim() >= 1 && x.size(0) == y.size(0), "TensorDataset", "needs as many targets as inputs",
          given("x", x), given("y", y));
  require<DtypeError>(x.dtype() == u8 || is_float(x.dtype()), "TensorDataset", "inputs must be u8, f32 or f64",
                      given("x", x));
  require<DtypeError>(y.dtype() == i64 || is_float(y.dtype()), "TensorDataset", "targets must be i64, f32 or f64",
                      given("y", y));
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

// Rows of those numbers, as they are.
static Tensor gather_rows(const Tensor& from, std::span<const int64_t> numbers) {
  Shape shape = from.shape();
  shape[0] = static_cast<int64_t>(numbers.size());
  Tensor y = empty(shape, from.dtype());
  const size_t row = from.size(0) > 0 ? static_cast<size_t>(from.numel() / from.size(0)) * size_of(from.dtype()) : 0;
  const char* source = static_cast<const char*>(from.body()->storage->data) +
                       from.body()->offset * static_cast<int64_t>(size_of(from.dtype()));
  char* to = y.pointer<char>();
  for (size_t i = 0; i < numbers.size(); ++i)
    std::memcpy(to + i * row, source + static_cast<size_t>(numbers[i]) * row, row);
  return y;
}

Batch TensorDataset::gather(std::span<const int64_t> numbers) const {
  for (int64_t i : numbers)
    require<IndexError>(i >= 0 && i < size(), "TensorDataset", "no such sample", given("number", i),
                        given("size", size()));
  if (x_.dtype() != u8) return {gather_rows(x_, numbers), gather_rows(y_, numbers)};
  Shape shape = x_.shape();
  shape[0] = static_cast<int64_t>(numbers.size());
  Tensor x = empty(shape, f32);
  const int64_t row = x_.numel() / std::max<int64_t>(size(), 1), plane = row / channels_;
  const auto* source = x_.pointer<uint8_t>();
  float* to = x.pointer<float>();
  parallel_for(shape[0], std::max<int64_t>(1, 16384 / std::max<int64_t>(row, 1)), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i)
      for (int64_t c = 0; c < channels_; ++c) {
        const uint8_t* from = source + numbers[static_cast<size_t>(i)] * row + c * plane;
        const float* table = table_.data() + 256 * c;
        for (int64_t k = 0; k < plane; ++k) to[i * row + c * plane + k] = table[from[k]];
      }
  });
  return {x, gather_rows(y_, numbers)};
}

}  // namespace cairn::data
