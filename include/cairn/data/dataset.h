#pragma once
// Samples by number.

#include <span>
#include <vector>

#include "cairn/tensor/tensor.h"

namespace cairn::data {

/// Inputs and targets of some samples, first dimension n.
struct Batch {
  Tensor x, y;
};

/// Anything that can gather samples into a batch.
class Dataset {
 public:
  virtual ~Dataset() = default;
  virtual int64_t size() const = 0;
  /// The samples of those numbers, in that order. Must be callable from any thread.
  virtual Batch gather(std::span<const int64_t> numbers) const = 0;
};

/// How bytes become numbers: (v / 255 − mean) / deviation, by channel (dimension 1) when there are several, to f32.
/// With both empty it is v / 255.
struct Normalization {
  std::vector<double> mean = {}, deviation = {};
};

/// Samples along the first dimension of two tensors. Bytes are converted as a batch is gathered; what is f32 already is
/// copied as it is.
class TensorDataset : public Dataset {
 public:
  ///   x       (n, …) u8, f32 or f64
  ///   y       (n, …) i64, f32 or f64
  ///   throws  ShapeError when the counts differ, DtypeError for other dtypes, ValueError for a normalisation that does
  ///           not fit (of another dtype than u8; other lists than one number, or one a channel; deviations that are
  ///           not above 0)
  TensorDataset(const Tensor& x, const Tensor& y, const Normalization& normalization = {});
  int64_t size() const override { return x_.size(0); }
  Batch gather(std::span<const int64_t> numbers) const override;

 private:
  Tensor x_, y_;
  std::vector<float> table_;  // 256 numbers a channel: exact rounding, and no arithmetic in the loop
  int64_t channels_ = 1;
};

}  // namespace cairn::data
