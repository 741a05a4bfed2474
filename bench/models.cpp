// Training steps (zero_grad, forward, loss, backward, optimiser step) and latency on random data held in memory.
#include <cairn/cairn.h>

#include <memory>

#include "bench.h"

namespace bench {
namespace {

nn::Sequential tiny_mlp() {
  return nn::Sequential(nn::Linear(2, 16), nn::Activation("tanh"), nn::Linear(16, 16), nn::Activation("tanh"),
                        nn::Linear(16, 2));
}

nn::Sequential mlp() {
  return nn::Sequential(nn::Linear(784, 512), nn::Activation("relu"), nn::Linear(512, 256), nn::Activation("relu"),
                        nn::Linear(256, 10));
}

struct Step {
  nn::Sequential model;
  Tensor x, y;
  std::unique_ptr<optim::Optimizer> optimizer;
};

// `fused`: norms are folded into the convolutions, as inference engines do.
template <class Make>
Workload infer(const char* name, Make make, const Shape& input, bool fused = false) {
  return {name, "latency", "us", 1, [=]() -> std::function<void()> {
            manual_seed(1);
            std::shared_ptr<nn::Layer> model = std::make_shared<nn::Sequential>(make());
            model->eval();
            if (fused) model = nn::fuse(*model);
            return [model, x = randn(input)] {
              const NoGrad no_grad;
              (*model)(x);
            };
          }};
}

}  // namespace

Workload training_step(const std::string& name, const std::function<nn::Sequential()>& make, const Shape& input,
                       int64_t classes, double items, const std::string& unit, const std::string& optimizer) {
  const bool sgd = optimizer == "sgd";
  optim::CommonOptions options{.lr = sgd ? 0.01 : 1e-3};
  if (sgd) options.momentum = 0.9;
  return {name, "throughput", unit, items, [=]() -> std::function<void()> {
            manual_seed(1);
            auto step = std::make_shared<Step>(Step{make(), randn(input), randint(0, classes, {input[0]}), nullptr});
            step->optimizer = optim::make_optimizer(optimizer, step->model.parameters(), options);
            return [step] {
              step->optimizer->zero_grad();
              mark("zero_grad");
              cross_entropy(step->model(step->x), step->y).backward();
              mark("backward");
              step->optimizer->step();
              mark("optimizer step");
            };
          }};
}

std::vector<Workload> training() {
  return {
      training_step("train_tiny_mlp", tiny_mlp, {4, 2}, 2, 1,
                    "steps/s"),  // nothing but small operations: the framework's cost
      training_step("train_mlp", mlp, {128, 784}, 10, 128, "samples/s"),
      training_step(
          "train_cnn", [] { return models::cnn(); }, {64, 1, 28, 28}, 10, 64, "samples/s", "adamw"),
      training_step(
          "train_resnet20", [] { return models::resnet20(); }, {128, 3, 32, 32}, 10, 128, "samples/s"),
      training_step(
          "train_alexnet64", [] { return models::alexnet64(); }, {64, 3, 64, 64}, 10, 64, "samples/s"),
  };
}

std::vector<Workload> inference() {
  return {
      infer("infer_mlp_b1", mlp, {1, 784}),
      infer("infer_cnn_b1", [] { return models::cnn(); }, {1, 1, 28, 28}),
      infer("infer_resnet20_b1", [] { return models::resnet20(); }, {1, 3, 32, 32}),
      infer(
          "infer_resnet20_b1_fused", [] { return models::resnet20(); }, {1, 3, 32, 32}, true),
  };
}

}  // namespace bench
