#pragma once
// Parts of a data set.

#include <cstdint>
#include <vector>

#include "cairn/data/dataset.h"
#include "cairn/tensor/create.h"

namespace cairn::data {

/// Some samples of a data set: sample i is sample numbers[i] there, random changes included. Only the numbers are kept:
/// the data set must outlive the subset.
class Subset : public Dataset {
 public:
  ///   throws  IndexError for a number that the data set does not have
  Subset(const Dataset& dataset, std::vector<int64_t> numbers);
  Subset(const Dataset&& dataset, std::vector<int64_t> numbers) = delete;  // it would be gone after this line
  int64_t size() const override { return static_cast<int64_t>(numbers_.size()); }
  bool prefetches() const override { return dataset_->prefetches(); }
  const std::vector<int64_t>& numbers() const { return numbers_; }

 private:
  Batch make_batch(std::span<const int64_t> numbers, int64_t epoch) const override;

  const Dataset* dataset_;
  std::vector<int64_t> numbers_;
};

/// Every sample into one of several parts, at random: `random_split(set, {0.9, 0.1})` or `random_split(set, {55000,
/// 5000})`.
///   parts   sizes that sum to the data set's, or fractions that sum to 1; what rounding down leaves over goes to the
///           first parts, one each
///   seed    of the choice; the same on every machine
///   throws  ValueError for other parts
/// The data set must outlive the parts.
std::vector<Subset> random_split(const Dataset& dataset, const std::vector<Literal>& parts, uint64_t seed = 0);
std::vector<Subset> random_split(const Dataset&& dataset, const std::vector<Literal>& parts,
                                 uint64_t seed = 0) = delete;

}  // namespace cairn::data
