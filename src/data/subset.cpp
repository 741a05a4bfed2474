#include "cairn/data/subset.h"

#include <cmath>
#include <utility>

#include "cairn/tensor/random.h"

namespace cairn::data {

Subset::Subset(const Dataset& dataset, std::vector<int64_t> numbers)
    : dataset_(&dataset), numbers_(std::move(numbers)) {
  const int64_t size = dataset.size();
  for (const int64_t i : numbers_)
    require<IndexError>(i >= 0 && i < size, "Subset", "no such sample", given("number", i), given("size", size));
}

Batch Subset::make_batch(std::span<const int64_t> numbers, int64_t epoch) const {
  std::vector<int64_t> there(numbers.size());
  for (size_t i = 0; i < numbers.size(); ++i) there[i] = numbers_[static_cast<size_t>(numbers[i])];
  return dataset_->gather(there, epoch);
}

// The sizes of parts that are given as sizes or as fractions.
static std::vector<int64_t> sizes_of(const std::vector<Literal>& parts, int64_t size) {
  bool whole = true, fractions = true;
  for (const Literal& p : parts) {
    whole = whole && p.natural == i64 && p.whole >= 0;
    fractions = fractions && p.natural == f32 && p.floating >= 0 && p.floating <= 1;
  }
  require<ValueError>((whole || fractions) && !parts.empty(), "random_split",
                      "the parts must be sizes, such as {55000, 5000}, or fractions, such as {0.9, 0.1}");
  std::vector<int64_t> sizes;
  int64_t left = size;
  double sum = 0;
  for (const Literal& p : parts) {
    sizes.push_back(whole ? p.whole : static_cast<int64_t>(std::floor(p.floating * static_cast<double>(size))));
    left -= sizes.back();
    sum += p.floating;
  }
  if (whole) {
    require<ValueError>(left == 0, "random_split", "the sizes must sum to that of the data set", given("sum", sum),
                        given("size", size));
    return sizes;
  }
  // Of many samples even what rounding may add to the sum is some.
  require<ValueError>(std::abs(sum - 1) < 1e-6 && left >= 0, "random_split", "the fractions must sum to 1",
                      given("sum", sum));
  for (size_t i = 0; left > 0; i = (i + 1) % sizes.size(), --left) ++sizes[i];
  return sizes;
}

std::vector<Subset> random_split(const Dataset& dataset, const std::vector<Literal>& parts, uint64_t seed) {
  const int64_t size = dataset.size();
  const std::vector<int64_t> sizes = sizes_of(parts, size);
  Generator generator(seed, "random_split");
  const Tensor order = randperm(size, generator);
  const int64_t* next = order.pointer<int64_t>();
  std::vector<Subset> subsets;
  for (const int64_t n : sizes) {
    subsets.emplace_back(dataset, std::vector<int64_t>(next, next + n));
    next += n;
  }
  return subsets;
}

}  // namespace cairn::data
