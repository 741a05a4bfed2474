#include "cairn/train/loop.h"

#include <chrono>
#include <cmath>

#include "cairn/graph/node.h"
#include "cairn/ops/compare.h"
#include "cairn/ops/loss.h"
#include "cairn/ops/reduce.h"

namespace cairn::train {

static int64_t count_correct(const Tensor& logits, const Tensor& labels) {
  const NoGrad no_grad;
  return sum(argmax(logits, 1) == labels).item<int64_t>();
}

Progress train_epoch(nn::Layer& model, optim::Optimizer& optimizer, const data::DataLoader& loader, int64_t epoch,
                     const std::function<void(const Progress&)>& before_batch) {
  const auto start = std::chrono::steady_clock::now();
  Progress p{.epoch = epoch, .batches = loader.batches()};
  double loss_sum = 0;
  int64_t correct = 0;
  model.train();
  for (const auto& [x, y] : loader.epoch(epoch)) {
    if (before_batch) before_batch(p);
    const Tensor logits = model(x), loss = cross_entropy(logits, y);
    const double value = loss.item<double>();
    require<ValueError>(std::isfinite(value), "train_epoch",
                        "the loss is not finite any more; a smaller learning rate may help", given("loss", value),
                        given("epoch", epoch), given("batch", p.batch));
    optimizer.zero_grad();
    loss.backward();
    optimizer.step();

    loss_sum += value * static_cast<double>(y.size(0));
    correct += count_correct(logits, y);
    p.samples += y.size(0);
    ++p.batch;
    p.loss = loss_sum / static_cast<double>(p.samples);
    p.accuracy = static_cast<double>(correct) / static_cast<double>(p.samples);
    p.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  }
  return p;
}

// Puts the mode back at the end of the block, however that is reached.
namespace {
class KeepMode {
 public:
  explicit KeepMode(nn::Layer& model) : model_(model), mode_(model.training()) {}
  ~KeepMode() { model_.train(mode_); }
  KeepMode(const KeepMode&) = delete;
  KeepMode& operator=(const KeepMode&) = delete;

 private:
  nn::Layer& model_;
  bool mode_;
};
}  // namespace

Evaluation evaluate(nn::Layer& model, const data::DataLoader& loader) {
  const NoGrad no_grad;
  const KeepMode keep_mode(model);
  model.eval();
  double loss_sum = 0;
  int64_t correct = 0, samples = 0;
  for (const auto& [x, y] : loader.epoch(0)) {
    const Tensor logits = model(x);
    loss_sum += cross_entropy(logits, y, {.reduction = Reduction::sum}).item<double>();
    correct += count_correct(logits, y);
    samples += y.size(0);
  }
  return {loss_sum / static_cast<double>(samples), static_cast<double>(correct) / static_cast<double>(samples)};
}

}  // namespace cairn::train
