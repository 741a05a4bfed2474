#pragma once
// Sequences of tokens in batches of similar lengths.

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <vector>

#include "cairn/tensor/tensor.h"

namespace cairn::data {

/// A sequence as a model reads it.
struct Encoding {
  std::vector<int64_t> ids;
  std::vector<int64_t> types = {};  ///< 0 for the first text of a pair, 1 for the second; empty: all 0
};

/// Sequences of any lengths, each with a label or none.
class TokenDataset {
 public:
  ///   labels  of the sequences, such as classes; empty where labels come from the tokens, as those of mask_tokens do
  ///   throws  ShapeError when counts differ; ValueError for an empty sequence, and a number or type below 0
  explicit TokenDataset(std::vector<Encoding> sequences, std::vector<int64_t> labels = {});
  int64_t size() const { return static_cast<int64_t>(sequences_.size()); }
  /// throws  IndexError unless 0 ≤ number < size()
  const Encoding& operator[](int64_t number) const;
  const std::vector<int64_t>& labels() const { return labels_; }

 private:
  std::vector<Encoding> sequences_;
  std::vector<int64_t> labels_;
};

/// n sequences, padded at their ends to the length l of the longest.
struct TokenBatch {
  Tensor ids;                    ///< (n, l) i64
  Tensor mask;                   ///< (n, l) bool: true for tokens, false for padding
  Tensor types;                  ///< (n, l) i64; 0 for padding
  Tensor labels;                 ///< (n) i64, those of the data set, or undefined
  std::vector<int64_t> numbers;  ///< which samples of the data set they are
  int64_t epoch = 0;             ///< when: what is drawn at random for a batch comes from (seed, epoch, number)
};

struct TokenLoaderOptions {
  int64_t batch_size = 32;
  bool shuffle = false;
  uint64_t seed = 0;       ///< of the order; the same on every machine and thread count
  bool drop_last = false;  ///< leaves out a last batch that is not full
  int64_t pool = 50;       ///< as many batches are filled by length together; 1 keeps the order of the samples
  int64_t pad = 0;         ///< the number that fills rows: vocabulary.pad()
};

/// Walks over sequences in batches, in an order that depends on (seed, epoch) alone:
///   for (const auto& batch : loader.epoch(epoch)) …
/// Samples are shuffled, each pool of batches is sorted by length, so that little is padded, and the full batches of
/// all pools are shuffled. A batch is copied from memory when the walk gets there, in far less time than a model takes.
class TokenLoader {
 public:
  /// The data set must outlive the loader, and the loader its walks.
  ///   throws  ValueError for a batch size or pool below 1, a negative pad, or no batch at all
  explicit TokenLoader(const TokenDataset& dataset, const TokenLoaderOptions& options = {});
  explicit TokenLoader(const TokenDataset&&, const TokenLoaderOptions& = {}) = delete;

  /// Stands at a batch, or at the end. Moved, not copied. Several may walk at once.
  class Iterator {
   public:
    using value_type = TokenBatch;
    using difference_type = std::ptrdiff_t;
    Iterator(Iterator&&) noexcept = default;
    Iterator& operator=(Iterator&&) noexcept = default;
    const TokenBatch& operator*() const { return batch_; }
    const TokenBatch* operator->() const { return &batch_; }
    Iterator& operator++();
    void operator++(int) { ++*this; }
    bool operator==(std::default_sentinel_t) const { return next_ == loader_->batches_; }

   private:
    friend class TokenLoader;
    Iterator(const TokenLoader& loader, int64_t epoch, int64_t first);
    void make();

    const TokenLoader* loader_;
    int64_t epoch_, next_;
    std::vector<int64_t> order_;
    TokenBatch batch_;
  };
  struct Epoch {
    const TokenLoader& loader;
    int64_t number, first;
    Iterator begin() const { return Iterator(loader, number, first); }
    std::default_sentinel_t end() const { return {}; }
  };

  /// The batches of one epoch, both counted from 0; those before `first` are not made, so that a run goes on where it
  /// stopped.
  ///   throws  ValueError for a negative number, and unless 0 ≤ first ≤ batches()
  Epoch epoch(int64_t number, int64_t first = 0) const&;
  Epoch epoch(int64_t number, int64_t first = 0) && = delete;  // the loader would be gone before the loop begins
  /// Batches and samples in an epoch.
  int64_t batches() const { return batches_; }
  int64_t samples() const;

 private:
  std::vector<int64_t> order(int64_t epoch) const;

  const TokenDataset& dataset_;
  TokenLoaderOptions options_;
  int64_t batches_;
};

/// These sequences as one batch: what a walk makes, and what one sentence to be looked at becomes.
///   throws  IndexError for a number that is not there
TokenBatch make_batch(const TokenDataset& dataset, std::vector<int64_t> numbers, int64_t pad, int64_t epoch = 0);

}  // namespace cairn::data
