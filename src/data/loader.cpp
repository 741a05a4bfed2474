#include "cairn/data/loader.h"

#include <algorithm>
#include <numeric>

#include "cairn/tensor/random.h"

namespace cairn::data {

DataLoader::DataLoader(const Dataset& dataset, LoaderOptions options) : dataset_(dataset), options_(options) {
  require<ValueError>(options.batch_size >= 1, "DataLoader", "needs a batch size of at least 1",
                      given("batch_size", options.batch_size));
  const bool rest = !options.drop_last && dataset.size() % options.batch_size != 0;
  batches_ = dataset.size() / options.batch_size + (rest ? 1 : 0);
  require<ValueError>(batches_ > 0, "DataLoader", "the data set does not fill a single batch",
                      given("size", dataset.size()), given("batch_size", options.batch_size));
}

int64_t DataLoader::samples() const { return options_.drop_last ? batches_ * options_.batch_size : dataset_.size(); }

DataLoader::Iterator::Iterator(const DataLoader& loader, int64_t epoch) : loader_(&loader) {
  if (loader.options_.shuffle) {
    Generator generator(loader.options_.seed, "shuffle", static_cast<uint64_t>(epoch));
    order_ = randperm(loader.dataset_.size(), generator).to_vector<int64_t>();
  } else {
    order_.resize(static_cast<size_t>(loader.dataset_.size()));
    std::iota(order_.begin(), order_.end(), int64_t{0});
  }
  load();
}

DataLoader::Iterator& DataLoader::Iterator::operator++() {
  ++number_;
  load();
  return *this;
}

void DataLoader::Iterator::load() {
  batch_ = {};
  if (number_ >= loader_->batches_) return;
  const int64_t size = loader_->options_.batch_size, begin = number_ * size;
  const int64_t end = begin + std::min(size, loader_->dataset_.size() - begin);
  batch_ = loader_->dataset_.gather({order_.data() + begin, static_cast<size_t>(end - begin)});
}

}  // namespace cairn::data
