#include "cairn/data/masked_tokens.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "cairn/base/random.h"
#include "cairn/base/threads.h"
#include "cairn/tensor/create.h"

namespace cairn::data {
namespace {

void check(const TokenBatch& batch, const MaskingOptions& o) {
  for (const auto& [name, value] :
       {std::pair("probability", o.probability), std::pair("masked", o.masked), std::pair("random", o.random)})
    require<ValueError>(value >= 0 && value <= 1, "mask_tokens", "a probability is from 0 to 1", given(name, value));
  require<ValueError>(o.masked + o.random <= 1 + 1e-12, "mask_tokens", "masked and random must not exceed 1 together",
                      given("masked", o.masked), given("random", o.random));
  require<ValueError>(o.mask >= 0 && o.mask < o.vocabulary, "mask_tokens", "mask must be a token of the vocabulary",
                      given("mask", o.mask), given("vocabulary", o.vocabulary));
  for (const int64_t s : o.special)
    require<ValueError>(s >= 0 && s < o.vocabulary, "mask_tokens", "special tokens must be of the vocabulary",
                        given("token", s), given("vocabulary", o.vocabulary));
  require(batch.ids.defined() && batch.mask.defined() && batch.ids.dim() == 2 &&
              batch.ids.shape() == batch.mask.shape() && batch.ids.dtype() == i64 && batch.mask.dtype() == boolean &&
              batch.ids.size(0) == static_cast<int64_t>(batch.numbers.size()),
          "mask_tokens", "needs a batch as TokenLoader makes it");
}

// One row of l tokens; `special` is sorted.
void hide(const MaskingOptions& o, const std::vector<int64_t>& special, const RandomStream& random, int64_t l,
          const bool* mask, int64_t* ids, int64_t* labels) {
  // A draw for each place: who has the smallest ones is chosen.
  std::vector<std::pair<uint64_t, int64_t>> draws;
  for (int64_t j = 0; j < l; ++j) {
    if (!mask[j] || std::binary_search(special.begin(), special.end(), ids[j])) continue;
    const RandomBlock r = random.block(static_cast<uint64_t>(j));
    draws.emplace_back(uint64_t{r[1]} << 32 | r[0], j);
  }
  if (draws.empty()) return;
  const auto count = std::max(1L, std::lround(o.probability * static_cast<double>(draws.size())));
  std::nth_element(draws.begin(), draws.begin() + count - 1, draws.end());
  draws.resize(static_cast<size_t>(count));
  for (const auto& [draw, j] : draws) {
    labels[j] = ids[j];
    const RandomBlock r = random.block(static_cast<uint64_t>(j));
    const double u = uniform_double(r[2], r[3]);
    if (u < o.masked) {
      ids[j] = o.mask;
    } else if (u < o.masked + o.random) {
      // Below 2⁵⁶, as RandomStream asks, and where no block above is.
      const uint64_t place = (uint64_t{1} << 40) + static_cast<uint64_t>(j);
      int64_t other = random.integer(place, o.vocabulary - static_cast<int64_t>(special.size()));
      for (const int64_t s : special) other += other >= s;
      ids[j] = other;
    }
  }
}

}  // namespace

TokenBatch mask_tokens(const TokenBatch& batch, const MaskingOptions& o) {
  check(batch, o);
  std::vector<int64_t> special = o.special;
  std::sort(special.begin(), special.end());
  special.erase(std::unique(special.begin(), special.end()), special.end());
  require<ValueError>(static_cast<int64_t>(special.size()) < o.vocabulary, "mask_tokens",
                      "the vocabulary must have tokens that are not special", given("vocabulary", o.vocabulary));
  TokenBatch result = batch;
  result.ids = batch.ids.contiguous().clone();
  result.labels = full_like(result.ids, -100);
  const int64_t n = batch.ids.size(0), l = batch.ids.size(1);
  const Tensor rows = batch.mask.contiguous();
  const auto* mask = rows.pointer<bool>();
  auto* ids = result.ids.pointer<int64_t>();
  auto* labels = result.labels.pointer<int64_t>();
  parallel_for(n, std::max<int64_t>(1, 1024 / std::max<int64_t>(l, 1)), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const RandomStream random(o.seed, "mask_tokens", static_cast<uint64_t>(batch.epoch),
                                static_cast<uint64_t>(batch.numbers[static_cast<size_t>(i)]));
      hide(o, special, random, l, mask + i * l, ids + i * l, labels + i * l);
    }
  });
  return result;
}

}  // namespace cairn::data
