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

// `fused`: norms are folded into the convolutions, as inference engines do. With a vocabulary the input is tokens.
template <class Make>
Workload infer(const char* name, Make make, const Shape& input, bool fused = false, int64_t vocabulary = 0) {
  return {name, "latency", "us", 1, [=]() -> std::function<void()> {
            manual_seed(1);
            std::shared_ptr<nn::Layer> model = std::make_shared<nn::Sequential>(make());
            model->eval();
            if (fused) model = nn::fuse(*model);
            return [model, x = vocabulary > 0 ? randint(vocabulary, input) : randn(input)] {
              const NoGrad no_grad;
              (*model)(x);
            };
          }};
}

}  // namespace

nn::Sequential bert_tiny(int64_t positions) {
  return nn::Sequential(nn::Embedding(1000, 128), nn::PositionalEmbedding(positions, 128), nn::LayerNorm({128}),
                        nn::TransformerEncoder(128, 2, 2, {.dim_feedforward = 512, .dropout = 0, .activation = "gelu"}),
                        nn::Linear(128, 1000));
}

Workload training_step(const std::string& name, const std::function<nn::Sequential()>& make, const Shape& input,
                       int64_t classes, double items, const std::string& unit, const std::string& optimizer,
                       bool tokens) {
  const bool sgd = optimizer == "sgd";
  optim::CommonOptions options{.lr = sgd ? 0.01 : 1e-3};
  if (sgd) options.momentum = 0.9;
  return {name, "throughput", unit, items, [=]() -> std::function<void()> {
            manual_seed(1);
            auto step = std::make_shared<Step>(Step{make(), tokens ? randint(classes, input) : randn(input),
                                                    randint(classes, {tokens ? input.numel() : input[0]}), nullptr});
            step->optimizer = optim::make_optimizer(optimizer, step->model.parameters(), options);
            return [step, tokens] {
              step->optimizer->zero_grad();
              mark("zero_grad");
              const Tensor logits = step->model(step->x);
              cross_entropy(tokens ? logits.flatten(0, -2) : logits, step->y).backward();
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
      training_step(
          "train_bert_tiny", [] { return bert_tiny(128); }, {16, 128}, 1000, 16 * 128, "tokens/s", "adamw", true),
  };
}

std::vector<Workload> inference() {
  return {
      infer("infer_mlp_b1", mlp, {1, 784}),
      infer("infer_cnn_b1", [] { return models::cnn(); }, {1, 1, 28, 28}),
      infer("infer_resnet20_b1", [] { return models::resnet20(); }, {1, 3, 32, 32}),
      infer(
          "infer_resnet20_b1_fused", [] { return models::resnet20(); }, {1, 3, 32, 32}, true),
      infer(
          "infer_bert_tiny_b1", [] { return bert_tiny(128); }, {1, 128}, false, 1000),
  };
}

}  // namespace bench
