#pragma once
// Averages of a model's weights, which often do better than the weights of the last step:
//
//   optim::EMA ema(model, {.decay = 0.999, .warmup = true});
//   for (…) { …; optimizer.step(); ema.update(); }
//   {
//     const optim::EMA::Swapped averaged(ema);
//     train::evaluate(model, validation);
//   }

#include <string>
#include <vector>

#include "cairn/nn/module.h"

namespace cairn::optim {

struct EMAOptions {
  double decay = 0.999;  ///< what an update leaves of the average: about the last 1 / (1 − decay) steps count
  bool warmup = false;  ///< at first less of it: the smaller of decay and (1 + t) / (10 + t) at averaging t = 0, 1, …
  int64_t start = 0;    ///< so many updates copy the weights before averaging begins
};

/// Exponential moving average of all parameters of a model: average ← d · average + (1 − d) · weight with each update,
/// beginning with the weights as they are. Buffers (running statistics) are copied. Tied weights count once. It holds
/// on to the model's tensors, as an optimiser does: make it once the model has its dtype and its own tensors.
///   source  Polyak, Juditsky 1992, "Acceleration of stochastic approximation by averaging"; warm-up:
///           tf.train.ExponentialMovingAverage, num_updates
class EMA {
 public:
  /// throws  ValueError unless decay is in [0, 1) and start ≥ 0
  explicit EMA(const nn::Module& model, EMAOptions options = {});

  /// Takes the weights of now in: once after each optimiser step.
  ///   throws  ValueError while the model holds the averages
  void update();
  /// How often update() was called.
  int64_t updates() const { return updates_; }
  /// The d of the next update; 0 where that will copy.
  double decay() const;

  /// Exchanges what the model's parameters and buffers hold with what is kept here, in place: what was recorded before
  /// cannot run backward any more. A second call puts everything back, bit by bit.
  void swap();
  /// Whether the model holds the averages.
  bool swapped() const { return swapped_; }
  /// The model holds the averages during its lifetime.
  class Swapped;

  /// The averages and the copied buffers by the model's names, for model.load_state_dict or io::save. The tensors share
  /// their elements with this: clone() what must not change.
  nn::StateDict average() const;

  /// "updates", and average() with "average." before each name. Shared as above.
  nn::StateDict state_dict() const;
  /// Copies a state of the same model: from there a run goes on with the same bits.
  ///   throws  NameError, or ShapeError when only sizes differ, with everything that does not fit; ValueError for a
  ///           count out of range, or while the model holds the averages. Nothing is changed then.
  void load_state_dict(const nn::StateDict& state);

 private:
  struct Kept {
    std::vector<std::string> names;  // several of a tied one
    Tensor own, average;             // the model's, and ours in the same layout
    bool buffer;
  };
  EMAOptions options_;
  std::vector<Kept> kept_;
  int64_t updates_ = 0;
  bool swapped_ = false;
};

class EMA::Swapped {
 public:
  /// throws  ValueError when the model holds the averages already
  explicit Swapped(EMA& ema);
  ~Swapped() { ema_.swap(); }
  Swapped(const Swapped&) = delete;
  Swapped& operator=(const Swapped&) = delete;

 private:
  EMA& ema_;
};

}  // namespace cairn::optim
