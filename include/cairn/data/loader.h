#pragma once
// Batches, in an order that a seed decides.

#include <cstddef>
#include <iterator>
#include <memory>
#include <vector>

#include "cairn/data/dataset.h"

namespace cairn::data {

struct LoaderOptions {
  int64_t batch_size = 128;
  bool shuffle = false;
  uint64_t seed = 0;       ///< of the order; the same on every machine and thread count
  bool drop_last = false;  ///< leaves out a last batch that is not full
};

/// Walks over a data set in batches. An epoch's order depends on (seed, epoch) alone, so a run can be resumed anywhere.
///   for (int64_t epoch = 0; epoch < 5; ++epoch)
///     for (const auto& [x, y] : loader.epoch(epoch)) …
class DataLoader {
 public:
  /// The data set must outlive the loader.
  ///   throws  ValueError for a batch size below 1, or no batch at all
  explicit DataLoader(const Dataset& dataset, LoaderOptions options = {});
  explicit DataLoader(Dataset&&, LoaderOptions = {}) = delete;

  class Iterator {
   public:
    using value_type = Batch;
    using difference_type = std::ptrdiff_t;
    const Batch& operator*() const { return batch_; }
    const Batch* operator->() const { return &batch_; }
    Iterator& operator++();
    void operator++(int) { ++*this; }
    bool operator==(std::default_sentinel_t) const { return number_ == loader_->batches(); }

   private:
    friend class DataLoader;
    Iterator(const DataLoader& loader, int64_t epoch);
    void load();

    const DataLoader* loader_;
    std::vector<int64_t> order_;
    int64_t number_ = 0;
    Batch batch_;
  };
  struct Epoch {
    const DataLoader& loader;
    int64_t number;
    Iterator begin() const { return Iterator(loader, number); }
    std::default_sentinel_t end() const { return {}; }
  };

  /// The batches of one epoch, counted from 0.
  Epoch epoch(int64_t number) const& { return {*this, number}; }
  Epoch epoch(int64_t number) && = delete;  // the loader would be gone before the loop begins
  /// Batches and samples in an epoch.
  int64_t batches() const { return batches_; }
  int64_t samples() const;

 private:
  const Dataset& dataset_;
  LoaderOptions options_;
  int64_t batches_;
};

}  // namespace cairn::data
