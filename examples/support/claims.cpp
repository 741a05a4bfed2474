#include "support/claims.h"

#include <cairn/cairn.h>

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "support/experiment.h"
#include "support/images.h"

namespace support {

using namespace cairn;

namespace {

// Trains on all samples at once, with Adam; gives the last loss.
double fit(const Experiment& e, const Tensor& x, const Tensor& y, int steps) {
  nn::Sequential network = make_network(e);
  optim::Adam adam(network.parameters(), {.lr = e.lr});
  double loss = 0;
  for (int i = 0; i < steps; ++i) {
    adam.zero_grad();
    Tensor error = mse_loss(network(x), y);
    error.backward();
    adam.step();
    loss = error.item<double>();
  }
  return loss;
}

std::vector<int64_t> layers(int64_t in, int64_t width, int64_t hidden, int64_t out) {
  std::vector<int64_t> widths = {in};
  for (int64_t i = 0; i < hidden; ++i) widths.push_back(width);
  widths.push_back(out);
  return widths;
}

}  // namespace

void claim_bend(const ClaimOptions& o) {
  const int seeds = o.full ? 5 : 3, steps = o.full ? 4000 : 1500;
  const Tensor corners = tensor({{-1., -1.}, {-1., 1.}, {1., -1.}, {1., 1.}}),
               xor_of = tensor({{-1.}, {1.}, {1.}, {-1.}});
  const Tensor x = linspace(-2, 2, 128).unsqueeze(1), wave = sin(x * 3.0);
  // The best straight line through the samples of the sine, which is odd: slope Σ x y / Σ x².
  const double slope = sum(x * wave).item<double>() / sum(x * x).item<double>();
  const double line = mean(square(wave - x * slope)).item<double>();

  std::printf("mean squared error after %d steps of Adam, median of %d seeds\n\n", steps, seeds);
  const auto row = [&](const char* what, const std::string& activation, int64_t width, int64_t hidden) {
    std::vector<double> of_xor, of_sine;
    for (int s = 1; s <= seeds; ++s) {
      Experiment e{.activation = activation,
                   .widths = layers(2, width, hidden, 1),
                   .lr = 1e-2,
                   .seed = static_cast<uint64_t>(s)};
      of_xor.push_back(fit(e, corners, xor_of, steps / 4));
      e.widths = layers(1, width, hidden, 1);
      of_sine.push_back(fit(e, x, wave, steps));
    }
    std::printf("%-10s %-28s %12.6f %12.6f\n", activation.c_str(), what, median(of_xor), median(of_sine));
    std::fflush(stdout);
  };
  std::printf("%-10s %-28s %12s %12s\n", "activation", "network", "XOR", "sin(3x)");
  std::printf("%-10s %-28s %12.6f %12.6f\n", "-", "best straight line", 1.0, line);
  for (const int64_t depth : {1, 2, 4, 8}) {
    const std::string what = std::to_string(depth) + (depth == 1 ? " hidden layer of 16" : " hidden layers of 16");
    row(what.c_str(), "identity", 16, depth);
  }
  for (const char* activation : {"relu", "gelu", "tanh"})
    for (const int64_t width : {2, 4, 8, 16, 32, 64}) {
      const std::string what = "1 hidden layer of " + std::to_string(width);
      row(what.c_str(), activation, width, 1);
    }
}

void claim_gradient(const ClaimOptions& o) {
  const int seeds = o.full ? 20 : 5;
  const std::vector<int64_t> depths = {2, 5, 10, 20, 30};
  constexpr int64_t width = 64, batch = 256, classes = 10;
  std::printf("norm of the gradient of the first hidden layer's weight, as a share of the last hidden layer's\n");
  std::printf("layers of %d, batches of %d standard normal numbers, geometric mean of %d seeds\n\n", int(width),
              int(batch), seeds);
  std::vector<Line> picture;  // of the deepest networks with usual weights: every layer
  for (const bool gain : {false, true}) {
    std::printf("%-36s", gain ? "weights with the activation's gain" : "PyTorch's usual weights");
    for (const int64_t depth : depths) std::printf(" %3d layers", int(depth));
    std::printf("\n");
    for (const char* activation : {"sigmoid", "tanh", "relu", "gelu", "silu", "selu"}) {
      std::printf("  %-34s", activation);
      for (const int64_t depth : depths) {
        double logarithms = 0;
        for (int s = 1; s <= seeds; ++s) {
          const Experiment e{.activation = activation,
                             .widths = layers(width, width, depth, classes),
                             .init = gain ? "gain" : "usual",
                             .seed = static_cast<uint64_t>(s)};
          nn::Sequential network = make_network(e);
          Generator random(static_cast<uint64_t>(s), "inputs");
          const data::Batch samples{randn({batch, width}, f32, random), randint(classes, {batch}, i64, random)};
          const std::vector<double> norms = gradient_norms(network, samples, {});
          if (!gain && depth == depths.back() && s == 1 && picture.size() < 6) {
            Line line{.name = activation, .x = {}, .y = {}};
            for (size_t layer = 0; layer + 1 < norms.size(); ++layer) {
              line.x.push_back(static_cast<double>(layer + 1));
              line.y.push_back(norms[layer]);
            }
            picture.push_back(line);
          }
          logarithms += std::log(std::max(norms[0], 1e-300) / norms[norms.size() - 2]);
        }
        std::printf(" %10.2g", std::exp(logarithms / seeds));
      }
      std::printf("\n");
      std::fflush(stdout);
    }
    std::printf("\n");
  }
  if (!o.curves.empty())
    io::write_text(o.curves,
                   svg_lines(picture, {.title = "30 layers, PyTorch's usual weights: gradient norm of each weight",
                                       .x_name = "layer",
                                       .y_name = "norm",
                                       .logarithmic = true}));
}

void claim_dead(const ClaimOptions& o) {
  const int seeds = 1000;
  constexpr int64_t depth = 10;  // of which the last has no activation
  std::printf(
      "born dead: all units of some layer are dead for every input, so that the network is constant for good\n");
  std::printf("%d layers, one input, no biases, weights normal with variance 2 / width, %d seeds\n\n", int(depth),
              seeds);
  std::printf("%-6s %-28s %-12s %-12s %s\n", "width", "ReLU, 95 % interval", "leaky ReLU", "GELU",
              "upper bound for ReLU (Lu et al. 2019)");
  // Without biases a ReLU network scales with its input: what holds at ±1 holds everywhere. The others do not.
  const Tensor inputs = tensor({{-4.}, {-1.}, {-0.25}, {0.25}, {1.}, {4.}});
  for (const int64_t width : {2, 3, 5, 10}) {
    const auto of = [&](const char* activation) {
      Experiment e{.activation = activation, .widths = layers(1, width, depth - 1, 1), .init = "gain"};
      return nn::born_dead(
          [&](uint64_t seed) {
            e.seed = seed;
            return make_network(e);
          },
          inputs, seeds);
    };
    const nn::BornDead relu = of("relu");
    const double bound = 1 - std::pow(1 - std::pow(2.0, -double(width)), double(depth - 1));
    char text[64];
    std::snprintf(text, sizeof text, "%5.1f %% (%.1f to %.1f)", 100 * relu.probability, 100 * relu.low,
                  100 * relu.high);
    std::printf("%-6d %-28s %5.1f %%      %5.1f %%      %5.1f %%%s\n", int(width), text,
                100 * of("leaky_relu").probability, 100 * of("gelu").probability, 100 * bound,
                relu.probability <= bound ? "" : "  exceeded!");
    std::fflush(stdout);
  }

  const int runs = o.full ? 5 : 2, epochs = o.full ? 10 : 4;
  std::printf(
      "\nkilled in training: hidden units whose slope is 0 for all of 2000 test samples, after %d epochs of SGD\n",
      epochs);
  std::printf("built-in digits, 784-128-128-10, mean of %d seeds; in brackets the test accuracy\n\n", runs);
  const Images digits = glyphs(o.full ? 10000 : 5000);
  const data::TensorDataset train(digits.train_images.flatten(1), digits.train_labels, data::Normalization{}),
      test(digits.test_images.flatten(1), digits.test_labels, data::Normalization{});
  std::printf("%-12s", "lr");
  const std::vector<double> rates = {0.03, 0.1, 0.3, 1, 3};
  for (const double lr : rates) std::printf(" %17g", lr);
  std::printf("\n");
  for (const char* activation : {"relu", "leaky_relu", "gelu", "elu"}) {
    std::printf("%-12s", activation);
    for (const double lr : rates) {
      std::vector<double> dead, accuracy;
      bool diverged = false;
      for (int s = 1; s <= runs; ++s) {
        const Outcome r = run({.activation = activation,
                               .widths = {784, 128, 128, 10},
                               .optimizer = "sgd",
                               .lr = lr,
                               .epochs = epochs,
                               .seed = static_cast<uint64_t>(s)},
                              train, test);
        dead.push_back(r.dead);
        accuracy.push_back(r.test.accuracy);
        diverged |= r.diverged;
      }
      if (diverged)
        std::printf(" %17s", "diverged");
      else
        std::printf("  %5.1f %% (%4.1f %%)", 100 * mean_of(dead), 100 * mean_of(accuracy));
      std::fflush(stdout);
    }
    std::printf("\n");
  }
}

void claim_gelu(const ClaimOptions& o) {
  const int seeds = o.full ? 5 : 3;
  const int64_t epochs = o.full ? 50 : 10;
  const Images digits = find_images(mnist(), o.data, false);
  const data::Normalization scale = data::channel_statistics(digits.train_images);
  const data::TensorDataset train(digits.train_images.flatten(1), digits.train_labels, scale),
      test(digits.test_images.flatten(1), digits.test_labels, scale);
  std::printf("%s: 8 layers of 128, Adam with learning rate 0.001, batches of 128, %d epochs, median of %d seeds\n",
              digits.source.c_str(), int(epochs), seeds);
  std::printf("weights with random rows of norm 1, as in the paper\n\n");
  std::printf("%-8s %-8s %14s %14s %14s %14s %9s\n", "dropout", "", "loss, epoch 1", "half way", "last epoch",
              "test accuracy", "ms a step");
  std::vector<train::NamedHistory> curves;
  for (const double dropout : {0.0, 0.5})
    for (const char* activation : {"gelu", "relu", "elu"}) {
      std::vector<std::vector<double>> losses;
      std::vector<double> accuracy, time, last;
      std::vector<train::History> histories;
      for (int s = 1; s <= seeds; ++s) {
        const Outcome r = run({.activation = activation,
                               .widths = layers(784, 128, 8, 10),
                               .dropout = dropout,
                               .init = "unit",
                               .epochs = epochs,
                               .seed = static_cast<uint64_t>(s)},
                              train, test);
        histories.push_back(r.history);
        accuracy.push_back(r.test.accuracy);
        time.push_back(1e3 * r.seconds_a_step);
      }
      train::History middle = histories[0];  // epoch by epoch the median, as in the paper's figure
      for (size_t epoch = 0; epoch < middle.size(); ++epoch) {
        std::vector<double> here, right;
        for (const train::History& h : histories) {
          if (epoch >= h.size()) continue;
          here.push_back(h[epoch].loss);
          right.push_back(h[epoch].accuracy);
        }
        middle[epoch].loss = median(here);
        middle[epoch].accuracy = median(right);
      }
      std::printf("%-8g %-8s %14.4f %14.4f %14.4f %12.2f %% %9.2f\n", dropout, activation, middle.front().loss,
                  middle[middle.size() / 2 - 1].loss, middle.back().loss, 100 * median(accuracy), median(time));
      std::fflush(stdout);
      curves.push_back({std::string(activation) + (dropout > 0 ? ", dropout 0.5" : ""), middle});
    }
  if (!o.curves.empty()) train::write_curves(o.curves, curves, "MNIST, 8 layers of 128: median training loss");
}

}  // namespace support
