// Training steps (zero_grad, forward, loss, backward, optimiser step) and latency on random data held in memory.
#include <cairn/cairn.h>

#include "bench.h"

namespace bench {
namespace {

using namespace cairn;

nn::Sequential tiny_mlp() {
  return nn::Sequential(nn::Linear(2, 16), nn::Activation("tanh"), nn::Linear(16, 16), nn::Activation("tanh"),
                        nn::Linear(16, 2));
}

nn::Sequential mlp() {
  return nn::Sequential(nn::Linear(784, 512), nn::Activation("relu"), nn::Linear(512, 256), nn::Activation("relu"),
                        nn::Linear(256, 10));
}

void train(const Options& options, const char* name, nn::Sequential model, const Tensor& x, const Tensor& y,
           double items_a_step, const char* unit) {
  optim::SGD optimizer(model.parameters(), {.lr = 0.01, .momentum = 0.9});
  const double seconds = seconds_per_call(options, [&] {
    optimizer.zero_grad();
    cross_entropy(model(x), y).backward();
    optimizer.step();
  });
  report(options, name, "throughput", items_a_step / seconds, unit);
}

}  // namespace

void training(const Options& options) {
  manual_seed(1);
  if (wanted(options, "train_tiny_mlp"))  // nothing but small operations: the framework's own cost
    train(options, "train_tiny_mlp", tiny_mlp(), randn({4, 2}), randint(0, 2, {4}), 1, "steps/s");
  if (wanted(options, "train_mlp"))
    train(options, "train_mlp", mlp(), randn({128, 784}), randint(0, 10, {128}), 128, "samples/s");
}

void inference(const Options& options) {
  if (!wanted(options, "infer_mlp_b1")) return;
  const NoGrad no_grad;
  nn::Sequential model = mlp();
  model.eval();
  const Tensor x = randn({1, 784});
  report(options, "infer_mlp_b1", "latency", 1e6 * seconds_per_call(options, [&] { model(x); }), "us");
}

}  // namespace bench
