#pragma once
// One perceptron trained with one activation, and what came of it: what comparisons of activations are made of.

#include <cairn/data/dataset.h>
#include <cairn/nn/sequential.h>
#include <cairn/train/trainer.h>

#include <string>
#include <vector>

namespace support {

struct Experiment {
  std::string activation;       ///< name or formula
  std::vector<int64_t> widths;  ///< inputs, hidden layers, outputs
  double dropout = 0;           ///< behind every activation
  /// "usual": PyTorch's; "gain": normal with the gain of the activation, no biases; "unit": random rows of norm 1, no
  /// biases (Hendrycks & Gimpel 2016, arXiv:1607.02488)
  std::string init = "usual";
  std::string optimizer = "adam";
  double lr = 1e-3;
  int64_t epochs = 5, batch_size = 128;
  uint64_t seed = 1;
  cairn::train::Loss loss = {};         ///< empty: cross entropy
  cairn::train::Run* record = nullptr;  ///< where the training goes on from and what it leaves is; null: nowhere
};

struct Outcome {
  cairn::train::History history;
  cairn::train::Evaluation test;
  double dead = 0;            ///< share of hidden units that are dead (nn::ActivationMeter) on test samples
  double first_gradient = 0;  ///< norm of the gradient of the first weight on the first batch, after the training
  double seconds_a_step = 0;  ///< 0 where no time was recorded
  cairn::train::End end = cairn::train::End::finished;
  bool diverged = false;  ///< the loss became infinite or NaN; the numbers are those from before
};

/// Linear layers with activations (and dropout) between them; weights from the experiment's seed.
cairn::nn::Sequential make_network(const Experiment& e);

Outcome run(const Experiment& e, const cairn::data::Dataset& train, const cairn::data::Dataset& test);

/// Norms of the gradients of all weights on one batch, from the input to the output.
std::vector<double> gradient_norms(cairn::nn::Sequential& network, const cairn::data::Batch& batch,
                                   const cairn::train::Loss& loss);

double median(std::vector<double> values);
double mean_of(const std::vector<double>& values);
/// Standard deviation between the values, 0 of a single one.
double spread_of(const std::vector<double>& values);

}  // namespace support
