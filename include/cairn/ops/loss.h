#pragma once
// Losses, with the conventions of PyTorch. Natural logarithms throughout. Options are aggregates:
//   cross_entropy(logits, labels, {.label_smoothing = 0.1})

#include "cairn/tensor/tensor.h"

namespace cairn {

/// What is done with the losses of the single elements (or samples).
enum class Reduction { none, mean, sum };

struct CrossEntropyOptions {
  Tensor weight = Tensor();     ///< (c), of each class; a constant. Undefined means 1
  int64_t ignore_index = -100;  ///< samples with this label count nothing, in the mean's divisor neither
  Reduction reduction = Reduction::mean;
  double label_smoothing = 0;  ///< in [0, 1]: this share of the target is spread evenly over all classes
};

/// −log softmax(input)[target], the loss of a classifier.
///   shape   input (n, c), (n, c, d…) or (c) holds logits, classes in dimension 1 (or 0); target either i64 labels of
///           the same shape without the class dimension, or probabilities of input's shape. Reduction::none gives the
///           shape of the labels
///   dtype   input f32 or f64; target i64, or that of input for probabilities
///   mean    with labels Σ loss / Σ weight[target], so that a mean over ignored samples only is NaN; with probabilities
///           Σ loss / (n · d…)
///   throws  IndexError for a label out of range, naming it, its position and the number of classes; ShapeError,
///           DtypeError; ValueError for a smoothing outside [0, 1]
///   grad    of input (and of probabilities), any order
Tensor cross_entropy(const Tensor& input, const Tensor& target, const CrossEntropyOptions& options = {});

struct NllLossOptions {
  Tensor weight = Tensor();
  int64_t ignore_index = -100;
  Reduction reduction = Reduction::mean;
};

/// −input[target] · weight[target] for log-probabilities; cross_entropy(x, y) is nll_loss(log_softmax(x, 1), y).
///   shape, mean, throws  as cross_entropy with labels
///   grad    of input, any order
Tensor nll_loss(const Tensor& input, const Tensor& target, const NllLossOptions& options = {});

/// (input − target)².
///   shape   equal (a stretched target is nearly always a mistake); Reduction::none keeps it
///   dtype   equal, f32 or f64
///   throws  ShapeError, DtypeError
///   grad    of both, any order
Tensor mse_loss(const Tensor& input, const Tensor& target, Reduction reduction = Reduction::mean);

/// |input − target|. Contract as mse_loss; the slope at 0 is 0.
Tensor l1_loss(const Tensor& input, const Tensor& target, Reduction reduction = Reduction::mean);

struct SmoothL1LossOptions {
  double beta = 1;  ///< width of the parabola; 0 is l1_loss
  Reduction reduction = Reduction::mean;
};

/// d² / (2 beta) where |d| < beta, else |d| − beta / 2, for d = input − target. Contract as mse_loss.
///   throws  ValueError for a negative beta
///   source  Girshick 2015: Fast R-CNN
Tensor smooth_l1_loss(const Tensor& input, const Tensor& target, const SmoothL1LossOptions& options = {});

struct HuberLossOptions {
  double delta = 1;  ///< where the parabola becomes a line
  Reduction reduction = Reduction::mean;
};

/// d² / 2 where |d| ≤ delta, else delta (|d| − delta / 2), for d = input − target. Contract as mse_loss.
///   throws  ValueError unless delta > 0
///   source  Huber 1964: Robust estimation of a location parameter
Tensor huber_loss(const Tensor& input, const Tensor& target, const HuberLossOptions& options = {});

struct BceWithLogitsOptions {
  Tensor weight = Tensor();      ///< of each element's loss; broadcasts to input
  Tensor pos_weight = Tensor();  ///< of the positive term; broadcasts to input
  Reduction reduction = Reduction::mean;
};

/// Binary cross-entropy of sigmoid(input): −weight (pos_weight t log σ(x) + (1 − t) log(1 − σ(x))), without overflow.
///   contract as mse_loss, and weights of the same dtype that broadcast to input
Tensor bce_with_logits(const Tensor& input, const Tensor& target, const BceWithLogitsOptions& options = {});

struct KlDivOptions {
  bool log_target = false;                ///< target holds logarithms too
  Reduction reduction = Reduction::mean;  ///< mean divides by the number of elements, not of samples
};

/// Kullback-Leibler divergence target (log target − input) for log-probabilities `input`; 0 where target is 0. Contract
/// as mse_loss.
Tensor kl_div(const Tensor& input, const Tensor& target, const KlDivOptions& options = {});

}  // namespace cairn
