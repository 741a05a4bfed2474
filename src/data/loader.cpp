#include "cairn/data/loader.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <numeric>
#include <thread>
#include <utility>

#include "cairn/base/threads.h"
#include "cairn/graph/node.h"
#include "cairn/tensor/random.h"

namespace cairn::data {

// Hands out the batches of one epoch in order.
class DataLoader::Iterator::Source {
 public:
  Source(const DataLoader& loader, int64_t epoch, int64_t first)
      : dataset_(loader.dataset_),
        batch_size_(loader.options_.batch_size),
        batches_(loader.batches_),
        // A lone batch has nothing to be made beside.
        ahead_(dataset_.prefetches() ? std::min(loader.options_.prefetch, batches_ - first - 1) : 0),
        epoch_(epoch),
        order_(static_cast<size_t>(loader.size_)),
        next_(first) {
    if (loader.options_.shuffle) {
      Generator generator(loader.options_.seed, "shuffle", static_cast<uint64_t>(epoch));
      const Tensor order = randperm(loader.size_, generator);
      std::copy_n(order.pointer<int64_t>(), order_.size(), order_.begin());
    } else {
      std::iota(order_.begin(), order_.end(), int64_t{0});
    }
    if (ahead_ > 0) thread_ = std::thread(&Source::work, this);
  }
  ~Source() {
    if (!thread_.joinable()) return;
    {
      const std::lock_guard lock(mutex_);
      stopped_ = true;
    }
    room_.notify_one();
    thread_.join();
  }
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;

  Batch next() {
    if (ahead_ == 0) return make(next_++);
    Made made;
    {
      std::unique_lock lock(mutex_);
      filled_.wait(lock, [&] { return !made_.empty(); });
      made = std::move(made_.front());
      made_.pop_front();
    }
    room_.notify_one();
    if (made.thrown) std::rethrow_exception(std::move(made.thrown));
    return std::move(made.batch);
  }

 private:
  struct Made {
    Batch batch;
    std::exception_ptr thrown;
  };

  Batch make(int64_t number) const {
    const NoGrad no_grad;
    const int64_t begin = number * batch_size_;
    const int64_t count = std::min(batch_size_, static_cast<int64_t>(order_.size()) - begin);
    return dataset_.gather({order_.data() + begin, static_cast<size_t>(count)}, epoch_);
  }

  void work() {
    const SerialScope serial;  // the other cores belong to whoever trains
    for (int64_t number = next_; number < batches_; ++number) {
      {
        std::unique_lock lock(mutex_);
        room_.wait(lock, [&] { return stopped_ || static_cast<int64_t>(made_.size()) < ahead_; });
        if (stopped_) return;
      }
      Made made;
      try {
        made.batch = make(number);
      } catch (...) {
        made.thrown = std::current_exception();
      }
      {
        const std::lock_guard lock(mutex_);
        made_.push_back(std::move(made));
      }
      filled_.notify_one();
    }
  }

  const Dataset& dataset_;
  const int64_t batch_size_, batches_, ahead_, epoch_;
  std::vector<int64_t> order_;
  int64_t next_;  // without a thread; with one, where it begins

  std::mutex mutex_;  // of the two below
  std::deque<Made> made_;
  bool stopped_ = false;  // nobody waits for more
  std::condition_variable filled_, room_;
  std::thread thread_;
};

DataLoader::DataLoader(const Dataset& dataset, LoaderOptions options)
    : dataset_(dataset), options_(options), size_(dataset.size()) {
  require<ValueError>(options.batch_size >= 1, "DataLoader", "needs a batch size of at least 1",
                      given("batch_size", options.batch_size));
  require<ValueError>(options.prefetch >= 0, "DataLoader", "prefetch must not be negative; 0 is without a thread",
                      given("prefetch", options.prefetch));
  require<ValueError>(size_ > 0, "DataLoader", "the data set is empty", given("size", size_));
  batches_ = size_ / options.batch_size + (options.drop_last || size_ % options.batch_size == 0 ? 0 : 1);
  require<ValueError>(batches_ > 0, "DataLoader",
                      "drop_last leaves out the only batch; take a smaller batch_size, or no drop_last",
                      given("size", size_), given("batch_size", options.batch_size));
}

int64_t DataLoader::samples() const { return options_.drop_last ? batches_ * options_.batch_size : size_; }

int64_t DataLoader::samples(int64_t batch) const {
  require<IndexError>(batch >= 0 && batch < batches_, "DataLoader", "no such batch", given("batch", batch),
                      given("batches", batches_));
  return std::min(options_.batch_size, size_ - batch * options_.batch_size);
}

DataLoader::Epoch DataLoader::epoch(int64_t number, int64_t first) const& {
  require<ValueError>(number >= 0, "DataLoader", "epochs are counted from 0", given("epoch", number));
  require<ValueError>(first >= 0 && first <= batches_, "DataLoader", "an epoch has no such batch",
                      given("first", first), given("batches", batches_));
  return {*this, number, first};
}

DataLoader::Iterator::Iterator(const DataLoader& loader, int64_t epoch, int64_t first)
    : left_(loader.batches_ - first) {
  if (left_ == 0) return;
  source_ = std::make_unique<Source>(loader, epoch, first);
  batch_ = source_->next();
}

DataLoader::Iterator::Iterator(Iterator&&) noexcept = default;
DataLoader::Iterator& DataLoader::Iterator::operator=(Iterator&&) noexcept = default;
DataLoader::Iterator::~Iterator() = default;

DataLoader::Iterator& DataLoader::Iterator::operator++() {
  batch_ = {};  // its memory is free for the next one
  if (--left_ > 0) batch_ = source_->next();
  return *this;
}

}  // namespace cairn::data
