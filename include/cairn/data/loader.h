#pragma once
// Batches, in an order that a seed decides, made ahead while the last one is being used.

#include <cstddef>
#include <iterator>
#include <memory>

#include "cairn/data/dataset.h"

namespace cairn::data {

struct LoaderOptions {
  int64_t batch_size = 128;
  bool shuffle = false;
  uint64_t seed = 0;       ///< of the order; the same on every machine and thread count
  bool drop_last = false;  ///< leaves out a last batch that is not full
  int64_t prefetch = 1;    ///< batches made ahead; 0 makes each when it is asked for
};

/// Walks over a data set in batches. An epoch's order depends on (seed, epoch) alone, so a run can be resumed anywhere.
///   for (int64_t epoch = 0; epoch < 5; ++epoch)
///     for (const auto& [x, y] : loader.epoch(epoch)) …
/// Batches are made ahead on a thread of the walk's own, unless the data set says that it is not worth one
/// (Dataset::prefetches). The thread works alone (parallel_for is serial on it) and ends with the walk, however that is
/// left. Batches have the same bits either way. What the data set throws comes out where its batch is asked for;
/// whoever catches it there may go on with the next one, but for the first batch, which begin() asks for.
class DataLoader {
 public:
  /// The data set must outlive the loader, and the loader its walks.
  ///   throws  ValueError for a batch size below 1, a negative prefetch, or no batch at all: an empty data set, or one
  ///           smaller than a batch with drop_last
  explicit DataLoader(const Dataset& dataset, LoaderOptions options = {});
  explicit DataLoader(const Dataset&&, LoaderOptions = {}) = delete;

  /// Stands at a batch, or at the end. Moved, not copied. Several may walk at once.
  class Iterator {
   public:
    using value_type = Batch;
    using difference_type = std::ptrdiff_t;
    Iterator(Iterator&&) noexcept;
    Iterator& operator=(Iterator&&) noexcept;
    ~Iterator();
    const Batch& operator*() const { return batch_; }
    const Batch* operator->() const { return &batch_; }
    Iterator& operator++();
    void operator++(int) { ++*this; }
    bool operator==(std::default_sentinel_t) const { return left_ == 0; }

   private:
    friend class DataLoader;
    class Source;
    Iterator(const DataLoader& loader, int64_t epoch, int64_t first);

    int64_t left_;  // batches from this one on
    std::unique_ptr<Source> source_;
    Batch batch_;
  };
  struct Epoch {
    const DataLoader& loader;
    int64_t number, first;
    Iterator begin() const { return Iterator(loader, number, first); }
    std::default_sentinel_t end() const { return {}; }
  };

  /// The batches of one epoch, both counted from 0; those before `first` are not made, so that a run goes on where it
  /// stopped.
  ///   throws  ValueError for a negative number, and unless 0 ≤ first ≤ batches()
  Epoch epoch(int64_t number, int64_t first = 0) const&;
  Epoch epoch(int64_t number, int64_t first = 0) && = delete;  // the loader would be gone before the loop begins
  /// Batches and samples in an epoch, and samples in one batch.
  int64_t batches() const { return batches_; }
  int64_t samples() const;
  int64_t samples(int64_t batch) const;

 private:
  const Dataset& dataset_;
  LoaderOptions options_;
  int64_t size_, batches_;
};

}  // namespace cairn::data
