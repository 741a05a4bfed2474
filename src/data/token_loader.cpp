#include "cairn/data/token_loader.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "cairn/base/random.h"
#include "cairn/tensor/create.h"
#include "cairn/tensor/random.h"

namespace cairn::data {

// ---- data set -------------------------------------------------------------------------------------------------------

TokenDataset::TokenDataset(std::vector<Encoding> sequences, std::vector<int64_t> labels)
    : sequences_(std::move(sequences)), labels_(std::move(labels)) {
  require(labels_.empty() || labels_.size() == sequences_.size(), "TokenDataset",
          "there must be one label a sequence, or none", given("sequences", sequences_.size()),
          given("labels", labels_.size()));
  for (size_t i = 0; i < sequences_.size(); ++i) {
    const auto& [ids, types] = sequences_[i];
    require<ValueError>(!ids.empty(), "TokenDataset", "a sequence must have tokens", given("sequence", i));
    require(types.empty() || types.size() == ids.size(), "TokenDataset", "there must be one type a token, or none",
            given("sequence", i), given("tokens", ids.size()), given("types", types.size()));
    for (const auto* list : {&ids, &types})
      for (const int64_t v : *list)
        require<ValueError>(v >= 0, "TokenDataset", "numbers of tokens and types are not negative",
                            given("sequence", i), given("number", v));
  }
}

const Encoding& TokenDataset::operator[](int64_t number) const {
  require<IndexError>(number >= 0 && number < size(), "TokenDataset", "no such sequence", given("number", number),
                      given("size", size()));
  return sequences_[static_cast<size_t>(number)];
}

TokenBatch make_batch(const TokenDataset& dataset, std::vector<int64_t> numbers, int64_t pad, int64_t epoch) {
  size_t longest = 0;
  for (const int64_t i : numbers) longest = std::max(longest, dataset[i].ids.size());
  const Shape shape = {static_cast<int64_t>(numbers.size()), static_cast<int64_t>(longest)};
  TokenBatch b{.ids = full(shape, static_cast<double>(pad), i64),
               .mask = zeros(shape, boolean),
               .types = zeros(shape, i64),
               .labels = {},
               .numbers = std::move(numbers),
               .epoch = epoch};
  auto* ids = b.ids.pointer<int64_t>();
  auto* mask = b.mask.pointer<bool>();
  auto* types = b.types.pointer<int64_t>();
  std::vector<int64_t> labels;
  for (const int64_t i : b.numbers) {
    const Encoding& e = dataset[i];
    std::copy(e.ids.begin(), e.ids.end(), ids);
    std::copy(e.types.begin(), e.types.end(), types);
    std::fill_n(mask, e.ids.size(), true);
    ids += longest, mask += longest, types += longest;
    if (!dataset.labels().empty()) labels.push_back(dataset.labels()[static_cast<size_t>(i)]);
  }
  if (!dataset.labels().empty()) b.labels = from_vector(labels);
  return b;
}

// ---- loader ---------------------------------------------------------------------------------------------------------

TokenLoader::TokenLoader(const TokenDataset& dataset, const TokenLoaderOptions& o) : dataset_(dataset), options_(o) {
  require<ValueError>(o.batch_size >= 1 && o.pool >= 1, "TokenLoader", "needs a batch size and a pool of at least 1",
                      given("batch_size", o.batch_size), given("pool", o.pool));
  require<ValueError>(o.pad >= 0, "TokenLoader", "pad is the number of a token", given("pad", o.pad));
  const int64_t size = dataset.size();
  require<ValueError>(size > 0, "TokenLoader", "the data set is empty", given("size", size));
  batches_ = size / o.batch_size + (o.drop_last || size % o.batch_size == 0 ? 0 : 1);
  require<ValueError>(batches_ > 0, "TokenLoader",
                      "drop_last leaves out the only batch; take a smaller batch_size, or no drop_last",
                      given("size", size), given("batch_size", o.batch_size));
}

int64_t TokenLoader::samples() const { return options_.drop_last ? batches_ * options_.batch_size : dataset_.size(); }

TokenLoader::Epoch TokenLoader::epoch(int64_t number, int64_t first) const& {
  require<ValueError>(number >= 0, "TokenLoader", "epochs are counted from 0", given("epoch", number));
  require<ValueError>(first >= 0 && first <= batches_, "TokenLoader", "an epoch has no such batch",
                      given("first", first), given("batches", batches_));
  return {*this, number, first};
}

static std::vector<int64_t> shuffled(int64_t n, uint64_t seed, const char* purpose, int64_t epoch) {
  Generator generator(seed, purpose, static_cast<uint64_t>(epoch));
  return randperm(n, generator).to_vector<int64_t>();
}

// The samples of an epoch, batch after batch; the one that may not be full is the last.
std::vector<int64_t> TokenLoader::order(int64_t epoch) const {
  std::vector<int64_t> order(static_cast<size_t>(dataset_.size()));
  if (options_.shuffle)
    order = shuffled(dataset_.size(), options_.seed, "shuffle", epoch);
  else
    std::iota(order.begin(), order.end(), int64_t{0});
  order.resize(static_cast<size_t>(samples()));  // before sorting, or it would always be long ones that are left out
  if (options_.pool == 1) return order;

  const int64_t size = samples(), pool = std::min(options_.pool, batches_) * options_.batch_size;
  for (int64_t begin = 0; begin < size; begin += pool)
    std::stable_sort(order.begin() + begin, order.begin() + std::min(begin + pool, size),
                     [&](int64_t a, int64_t b) { return dataset_[a].ids.size() < dataset_[b].ids.size(); });
  if (!options_.shuffle) return order;
  std::vector<int64_t> mixed;
  mixed.reserve(order.size());
  for (const int64_t k : shuffled(size / options_.batch_size, options_.seed, "shuffle batches", epoch))
    mixed.insert(mixed.end(), order.begin() + k * options_.batch_size, order.begin() + (k + 1) * options_.batch_size);
  mixed.insert(mixed.end(), order.begin() + static_cast<int64_t>(mixed.size()), order.end());
  return mixed;
}

TokenLoader::Iterator::Iterator(const TokenLoader& loader, int64_t epoch, int64_t first)
    : loader_(&loader), epoch_(epoch), next_(first), order_(loader.order(epoch)) {
  make();
}

TokenLoader::Iterator& TokenLoader::Iterator::operator++() {
  batch_ = {};  // its memory is free for the next one
  ++next_;
  make();
  return *this;
}

void TokenLoader::Iterator::make() {
  if (next_ == loader_->batches_) return;
  const int64_t size = loader_->options_.batch_size, end = static_cast<int64_t>(order_.size());
  const auto begin = order_.begin() + next_ * size;
  batch_ = make_batch(loader_->dataset_, {begin, order_.begin() + std::min((next_ + 1) * size, end)},
                      loader_->options_.pad, epoch_);
}

}  // namespace cairn::data
