// Lesson 7: a residual block by hand, what its shortcut is for, and how another activation is put into it.
#include <cairn/cairn.h>

#include <cstdio>
#include <iostream>

using namespace cairn;

namespace {

struct BlockOptions {
  std::string activation = "relu", norm = "batch";
  bool shortcut = true;
};

// Two convolutions, each followed by a normalisation, and a way around both: y = f(body(x) + x). Without the way around
// it is a plain stack, which is here to compare with. Activation and normalisation are layers chosen by name, so no
// other line knows which they are. The padding keeps the size of the images: what is added must have the same shape.
struct Block : nn::Layer {
  bool shortcut;
  nn::Conv2d& conv1;
  nn::Layer& norm1;
  nn::Conv2d& conv2;
  nn::Layer& norm2;
  nn::Activation& activation;

  Block(int64_t channels, const BlockOptions& o)
      : shortcut(o.shortcut),
        conv1(add("conv1", nn::Conv2d(channels, channels, 3, {.padding = 1, .bias = false}))),
        norm1(add_layer("norm1", nn::make_norm(o.norm, channels))),
        conv2(add("conv2", nn::Conv2d(channels, channels, 3, {.padding = 1, .bias = false}))),
        norm2(add_layer("norm2", nn::make_norm(o.norm, channels))),
        activation(add("activation", nn::Activation(o.activation))) {}

  Tensor forward(const Tensor& x) override {
    const Tensor body = norm2(conv2(activation(norm1(conv1(x)))));
    return activation(shortcut ? body + x : body);
  }
};

// Blocks one after the other, then the mean of each channel over the picture, and a score for each of ten digits.
struct Network : nn::Layer {
  nn::Conv2d& first = add("first", nn::Conv2d(1, 12, 3, {.padding = 1}));
  nn::ModuleList<Block>& blocks = add("blocks", nn::ModuleList<Block>());
  nn::Linear& scores = add("scores", nn::Linear(12, 10));

  Network(int depth, const BlockOptions& o) {
    for (int i = 0; i < depth; ++i) blocks.push_back(Block(12, o));
  }
  Tensor forward(const Tensor& x) override {
    Tensor y = first(x);
    for (Block& block : blocks) y = block(y);
    return scores(mean(y, {2, 3}));
  }
};

// Digits drawn by the library, at half their size: (n, 1, 14, 14) in [0, 1], and their labels.
data::Batch digits(const Tensor& images, const Tensor& labels) {
  return {avg_pool2d(images.to(f32) / 255.0, 2), labels};
}

// How strongly the loss pulls at the weights of the very first layer.
double first_gradient(int depth, const BlockOptions& o, const data::Batch& batch) {
  manual_seed(1);
  Network model(depth, o);
  cross_entropy(model(batch.x), batch.y).backward();
  return norm(model.first.weight.grad()).item<double>();
}

// Share of new digits that a network knows after two looks at 2000 others.
double accuracy(int depth, const BlockOptions& o, const data::Batch& learned, const data::Batch& tested) {
  manual_seed(1);
  Network model(depth, o);
  const data::TensorDataset set(learned.x, learned.y), test_set(tested.x, tested.y);
  const data::DataLoader loader(set, {.batch_size = 50, .shuffle = true, .seed = 1});
  optim::AdamW optimizer(model.parameters(), {.lr = 5e-3});
  train::Trainer trainer(model, optimizer,
                         {.epochs = 2,
                          .schedule = optim::schedule::one_cycle({.total_steps = 2 * loader.batches()}),
                          .output = train::Output::silent});
  trainer.fit(loader);
  return train::evaluate(model, data::DataLoader(test_set, {.batch_size = 500})).accuracy;
}

}  // namespace

int main() {
  manual_seed(1);
  std::cout << "A residual block:\n" << nn::summary(Block(12, {})) << "\n";

  const data::Mnist glyphs = data::glyphs({.train = 2000, .test = 500});
  const data::Batch learned = digits(glyphs.train_images, glyphs.train_labels);
  const data::Batch tested = digits(glyphs.test_images, glyphs.test_labels);
  const data::Batch few{learned.x.slice(0, 0, 50), learned.y.slice(0, 0, 50)};

  // On its way back to the first layer the gradient is multiplied by something at every layer. In a plain stack little
  // of it is left, or far too much once a normalisation blows it up again. A shortcut adds a way on which nothing is
  // multiplied.
  std::puts("Size of the gradient at the first layer, before any training:\n");
  std::puts("          no normalisation       batch normalisation");
  std::puts("  blocks     plain   shortcut       plain   shortcut");
  for (const int depth : {1, 4, 16, 32}) {
    std::printf("  %6d", depth);
    for (const char* norm : {"none", "batch"})
      for (const bool shortcut : {false, true})
        std::printf(shortcut ? "%11.1g " : "%10.1g", first_gradient(depth, {.norm = norm, .shortcut = shortcut}, few));
    std::puts("");
  }
  std::puts("\nIn a plain stack it dies out or explodes with the depth. With shortcuts 32 blocks are as open as one.");

  // What that means for training: 10 blocks, 22 layers with weights.
  const double plain = accuracy(10, {.shortcut = false}, learned, tested), with = accuracy(10, {}, learned, tested);
  std::printf("\nNew digits known after a short training of 10 blocks:\n  plain     %5.1f %%\n  shortcut  %5.1f %%\n",
              100 * plain, 100 * with);

  // Another activation is another name, or a formula of your own in its place; here in 4 blocks.
  std::puts("\nThe same with 4 blocks and other activations:");
  for (const char* name : {"relu", "gelu", "silu", "tanh", "elu(0.5)"})
    std::printf("  %-9s %5.1f %%\n", name, 100 * accuracy(4, {.activation = name}, learned, tested));
  std::puts(
      "\nReady-made blocks are nn::Residual, nn::BasicBlock and nn::Bottleneck; whole networks stand in models::.");
  return with > plain ? 0 : 1;
}
