#pragma once
// Samples by number: the base class of all data sets, and samples in tensors.

#include <span>
#include <vector>

#include "cairn/tensor/tensor.h"

namespace cairn::data {

/// Inputs and targets of some samples, first dimension n.
struct Batch {
  Tensor x, y;
};

/// A number of samples, and a way to get some of them. A data set of one's own says how many it has and makes batches:
///
///     class Waves : public data::Dataset {
///      public:
///       int64_t size() const override { return 10000; }
///
///      private:
///       data::Batch make_batch(std::span<const int64_t> numbers, int64_t epoch) const override {
///         const auto n = static_cast<int64_t>(numbers.size());
///         Tensor x = zeros({n, 64}), y = zeros({n}, i64);
///         for (int64_t i = 0; i < n; ++i) {
///           Generator random(seed_, "waves", epoch, numbers[i]);  // this sample's own numbers, new in every epoch
///           …
///         }
///         return {x, y};
///       }
///     };
///
/// A DataLoader calls it from a thread of its own, and two loaders at once: make_batch must be callable from any
/// thread, so it changes nothing that others see. What it draws comes from (seed, epoch, number), as above, and not
/// from default_generator(): then a batch is the same whoever makes it and when, and a run can be resumed. What it
/// computes with tensors is not recorded for gradients.
class Dataset {
 public:
  virtual ~Dataset() = default;
  /// How many samples there are. It must not change while a loader walks over them.
  virtual int64_t size() const = 0;
  /// The samples of those numbers in that order, as they are in that epoch.
  ///   throws  IndexError unless 0 ≤ number < size(), ValueError for a negative epoch, ShapeError when make_batch gives
  ///           another count of inputs or targets, and whatever it throws itself
  Batch gather(std::span<const int64_t> numbers, int64_t epoch = 0) const;
  /// Whether making a batch is work that is worth a loader's thread. To copy one from memory is not: it takes less time
  /// than to hand it from thread to thread.
  virtual bool prefetches() const { return true; }

 protected:
  Dataset() = default;
  Dataset(const Dataset&) = default;
  Dataset& operator=(const Dataset&) = default;

 private:
  /// What gather gives, for numbers that have been checked. `epoch` is for random changes of the samples; most data
  /// sets ignore it.
  virtual Batch make_batch(std::span<const int64_t> numbers, int64_t epoch) const = 0;
};

/// How bytes become numbers: (v / 255 − mean) / deviation, by channel (dimension 1) when there are several, to f32.
/// With both empty it is v / 255.
struct Normalization {
  std::vector<double> mean = {}, deviation = {};
};

/// Samples along the first dimension of two tensors. Inputs of u8 are pixels: they become f32 as a batch is gathered.
/// All else is handed out as it is, f64 as f64: a model of f32 wants x.to(f32) here.
class TensorDataset : public Dataset {
 public:
  ///   x       (n, …) u8, f32, f64 or i64
  ///   y       (n, …) i64, f32 or f64
  ///   throws  ShapeError when the counts differ, DtypeError for other dtypes, ValueError for a normalisation that does
  ///           not fit (of another dtype than u8; other lists than one number, or one a channel; deviations that are
  ///           not above 0)
  TensorDataset(const Tensor& x, const Tensor& y, const Normalization& normalization = {});
  int64_t size() const override { return x_.size(0); }
  bool prefetches() const override { return false; }

 private:
  Batch make_batch(std::span<const int64_t> numbers, int64_t epoch) const override;

  Tensor x_, y_;
  std::vector<float> table_;  // 256 numbers a channel: exact rounding, and no arithmetic in the loop
  int64_t channels_ = 1;
};

}  // namespace cairn::data
