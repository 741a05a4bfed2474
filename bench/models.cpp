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

enum class Optimizer { sgd, adamw };

void train(const Options& options, const char* name, nn::Sequential model, const Tensor& x, const Tensor& y,
           double items_a_step, const char* unit, Optimizer kind = Optimizer::sgd) {
  const auto made = kind == Optimizer::sgd
                        ? optim::make_optimizer("sgd", model.parameters(), {.lr = 0.01, .momentum = 0.9})
                        : optim::make_optimizer("adamw", model.parameters(), {.lr = 1e-3});
  optim::Optimizer& optimizer = *made;
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
  if (wanted(options, "train_cnn"))
    train(options, "train_cnn", models::cnn(), randn({64, 1, 28, 28}), randint(0, 10, {64}), 64, "samples/s",
          Optimizer::adamw);
  if (wanted(options, "train_resnet20"))
    train(options, "train_resnet20", models::resnet20(), randn({128, 3, 32, 32}), randint(0, 10, {128}), 128,
          "samples/s");
  if (wanted(options, "train_alexnet64"))
    train(options, "train_alexnet64", models::alexnet64(), randn({64, 3, 64, 64}), randint(0, 10, {64}), 64,
          "samples/s");
}

void inference(const Options& options) {
  const NoGrad no_grad;
  const auto infer = [&](const char* name, auto make, const Shape& input) {
    if (!wanted(options, name)) return;
    nn::Sequential model = make();
    model.eval();
    const Tensor x = randn(input);
    report(options, name, "latency", 1e6 * seconds_per_call(options, [&] { model(x); }), "us");
  };
  infer("infer_mlp_b1", mlp, {1, 784});
  infer("infer_cnn_b1", [] { return models::cnn(); }, {1, 1, 28, 28});
  infer("infer_resnet20_b1", [] { return models::resnet20(); }, {1, 3, 32, 32});
}

}  // namespace bench
