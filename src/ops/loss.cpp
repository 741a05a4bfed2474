#include "cairn/ops/loss.h"

#include "cairn/graph/record.h"
#include "cairn/ops/arithmetic.h"
#include "cairn/ops/compare.h"
#include "cairn/ops/elementwise.h"
#include "cairn/ops/index.h"
#include "cairn/ops/reduce.h"
#include "cairn/ops/softmax.h"
#include "kernels/reduce.h"
#include "kernels/softmax.h"

namespace cairn {
namespace {

void check_pair(const char* operation, const Tensor& input, const Tensor& target) {
  require<DtypeError>(is_float(input.dtype()), operation, "needs f32 or f64; convert with to(f32)",
                      given("input", input));
  require<DtypeError>(target.dtype() == input.dtype(), operation, "dtypes must be equal; convert the target with to(…)",
                      given("input", input), given("target", target));
  require(target.shape() == input.shape(), operation, "shapes must be equal (losses do not broadcast)",
          given("input", input), given("target", target));
}

Tensor reduce(const Tensor& losses, Reduction reduction) {
  switch (reduction) {
    case Reduction::mean:
      return mean(losses);
    case Reduction::sum:
      return sum(losses);
    default:
      return losses;
  }
}

}  // namespace

Tensor mse_loss(const Tensor& input, const Tensor& target, Reduction reduction) {
  check_pair("mse_loss", input, target);
  return reduce(square(input - target), reduction);
}

Tensor l1_loss(const Tensor& input, const Tensor& target, Reduction reduction) {
  check_pair("l1_loss", input, target);
  return reduce(abs(input - target), reduction);
}

Tensor smooth_l1_loss(const Tensor& input, const Tensor& target, const SmoothL1LossOptions& options) {
  check_pair("smooth_l1_loss", input, target);
  const double beta = options.beta;
  require<ValueError>(beta >= 0, "smooth_l1_loss", "beta must not be negative", given("beta", beta));
  if (beta == 0) return l1_loss(input, target, options.reduction);
  const Tensor size = abs(input - target);
  const Tensor q = minimum(size, beta);  // no square of what may be infinite
  return reduce(q * (size - 0.5 * q) / beta, options.reduction);
}

Tensor huber_loss(const Tensor& input, const Tensor& target, const HuberLossOptions& options) {
  check_pair("huber_loss", input, target);
  const double delta = options.delta;
  require<ValueError>(delta > 0, "huber_loss", "delta must be positive", given("delta", delta));
  const Tensor size = abs(input - target);
  const Tensor q = minimum(size, delta);  // no square of what may be infinite
  return reduce(q * (size - 0.5 * q), options.reduction);
}

Tensor bce_with_logits(const Tensor& input, const Tensor& target, const BceWithLogitsOptions& options) {
  check_pair("bce_with_logits", input, target);
  const auto check = [&](const char* name, const Tensor& w) {
    if (!w.defined()) return;
    require<DtypeError>(w.dtype() == input.dtype(), "bce_with_logits", "dtypes must be equal", given("input", input),
                        given(name, w));
    require(broadcast_shapes("bce_with_logits", input.shape(), w.shape()) == input.shape(), "bce_with_logits",
            "weights must broadcast to input", given("input", input), given(name, w));
  };
  check("weight", options.weight);
  check("pos_weight", options.pos_weight);
  // −log σ(x) = softplus(−x) and −log(1 − σ(x)) = softplus(x): no overflow, and nothing cancels.
  const Tensor positive = target * softplus(-input);
  const Tensor losses =
      (options.pos_weight.defined() ? options.pos_weight * positive : positive) + (1.0 - target) * softplus(input);
  return reduce(options.weight.defined() ? options.weight * losses : losses, options.reduction);
}

Tensor kl_div(const Tensor& input, const Tensor& target, const KlDivOptions& options) {
  check_pair("kl_div", input, target);
  if (options.log_target) return reduce(exp(target) * (target - input), options.reduction);
  const Tensor some = target > 0.0;  // t log t goes to 0 with t, but its logarithm does not
  const Tensor entropy = where(some, target * log(where(some, target, 1.0)), 0.0);
  return reduce(entropy - target * input, options.reduction);
}

// ---- classifiers ----

namespace {

int class_dim(const Tensor& input) { return input.dim() == 1 ? 0 : 1; }

// What the labels of one call amount to: plain tensors.
struct Classes {
  Tensor labels;         // of the samples, row-major
  Tensor weights, wide;  // of the classes, in input's dtype and in f64; or undefined
  int64_t ignore_index;
  double divisor = 0;  // of a mean: Σ weight[label] over what is not ignored

  int64_t label(int64_t i) const { return labels.pointer<int64_t>()[i]; }
  double weight(int64_t i) const { return wide.defined() ? wide.pointer<double>()[label(i)] : 1.0; }
};

void check_classes(const char* operation, const Tensor& input, const Tensor& weight) {
  require<DtypeError>(is_float(input.dtype()), operation, "needs f32 or f64; convert with to(f32)",
                      given("input", input));
  require(input.dim() >= 1 && input.shape()[class_dim(input)] > 0, operation,
          "input must be (n, classes, …) or (classes) with at least one class", given("input", input));
  if (!weight.defined()) return;
  require<DtypeError>(weight.dtype() == input.dtype(), operation, "dtypes must be equal", given("input", input),
                      given("weight", weight));
  require(weight.shape() == Shape{input.shape()[class_dim(input)]}, operation, "needs one weight for each class",
          given("input", input), given("weight", weight));
}

Classes read_labels(const char* operation, const Tensor& input, const Tensor& target, const Tensor& weight,
                    int64_t ignore_index) {
  check_classes(operation, input, weight);
  require<DtypeError>(target.dtype() == i64, operation, "labels must be i64; convert with to(i64)",
                      given("target", target));
  Shape samples = input.shape();
  samples.erase(class_dim(input));
  require(target.shape() == samples, operation, "labels must have input's shape without the class dimension",
          given("input", input), given("target", target));
  const NoGrad off;
  // Our own, whatever the layout: the twin reads them later.
  Classes c{target.is_contiguous() ? target.clone() : target.contiguous(), {}, {}, ignore_index};
  if (weight.defined()) {
    c.weights = weight.detach().clone().contiguous();
    c.wide = c.weights.to(f64);
  }
  const int64_t classes = input.shape()[class_dim(input)];
  for (int64_t i = 0; i < target.numel(); ++i) {
    const int64_t label = c.label(i);
    if (label == ignore_index) continue;
    require<IndexError>(label >= 0 && label < classes, operation, "a label is out of range (0 to classes − 1)",
                        given("label", label), given("position", i), given("classes", classes));
    c.divisor += c.weight(i);
  }
  return c;
}

Tensor reduce_classes(const Tensor& losses, Reduction reduction, double divisor) {
  return reduction == Reduction::mean ? sum(losses) / divisor : reduce(losses, reduction);
}

// In recorded operations, so of any order; `smoothing` spreads a part of each target over all classes.
Tensor nll_of_labels(const Tensor& input, const Classes& c, Reduction reduction, double smoothing) {
  const int dim = class_dim(input);
  const int64_t classes = input.shape()[dim];
  Tensor on_label, on_all, ignored, labels;  // weights of each sample, of each class; which samples count nothing
  {
    const NoGrad off;
    ignored = empty(c.labels.shape(), boolean);
    on_label = empty(c.labels.shape(), input.dtype());
    visit_float("nll_loss", input.dtype(), [&]<class S>() {
      for (int64_t i = 0; i < c.labels.numel(); ++i) {
        const bool ignore = ignored.pointer<bool>()[i] = c.label(i) == c.ignore_index;
        on_label.pointer<S>()[i] = static_cast<S>(ignore ? 0 : c.weight(i) * (1 - smoothing));
      }
    });
    Shape along = Shape::filled(input.dim(), 1);
    along[dim] = classes;
    if (c.weights.defined()) on_all = c.weights.reshape(along);
    labels = masked_fill(c.labels, ignored, 0).unsqueeze(dim);
  }
  Tensor losses = gather(input, dim, labels).squeeze(dim) * -on_label;
  if (smoothing > 0)
    losses =
        losses - sum(c.weights.defined() ? input * on_all : input, {dim}) * (smoothing / static_cast<double>(classes));
  return reduce_classes(where(ignored, 0.0, losses), reduction, c.divisor);
}

// Loss and gradient in one pass over the logits; backward has only to scale.
Tensor cross_entropy_of_labels(const Tensor& input, const Tensor& target, const CrossEntropyOptions& options) {
  const Classes c = read_labels("cross_entropy", input, target, options.weight, options.ignore_index);
  const int dim = class_dim(input);
  const Reduction reduction = options.reduction;
  const double smoothing = options.label_smoothing;
  Tensor losses = empty(target.shape(), input.dtype()), gradient;
  {
    const bool wanted = grad_enabled() && input.requires_grad();
    const NoGrad off;
    const bool last = dim == input.dim() - 1;
    const Tensor rows = (last ? input : input.movedim(dim, -1)).contiguous();
    if (wanted) gradient = empty_like(rows);
    visit_float("cross_entropy", input.dtype(), [&]<class S>() {
      const int64_t n = rows.size(-1);
      const double total = c.weights.defined() ? sum(c.weights).item<double>() : static_cast<double>(n);
      const kernels::Labels<S> labels{c.labels.pointer<int64_t>(), c.ignore_index,
                                      c.weights.defined() ? c.weights.pointer<S>() : nullptr, static_cast<S>(smoothing),
                                      static_cast<S>(total)};
      kernels::cross_entropy(rows.pointer<S>(), labels,
                             static_cast<S>(reduction == Reduction::mean ? 1 / c.divisor : 1.0), losses.pointer<S>(),
                             wanted ? gradient.pointer<S>() : nullptr, target.numel(), n);
      if (reduction == Reduction::none) return;
      // As sum() would, which takes longer to see what is to be done than a small batch takes.
      const Tensor one = empty({}, input.dtype());
      kernels::fold(kernels::Fold::sum, losses.pointer<S>(), one.pointer<S>(), {1, target.numel(), 1});
      if (reduction == Reduction::mean) *one.pointer<S>() /= static_cast<S>(c.divisor);
      losses = one;
    });
    if (wanted && !last) gradient = gradient.movedim(-1, dim).contiguous();
  }
  return record_fused(
      "cross_entropy", losses, {input}, Keep::inputs(),
      [gradient, dim](const Backward& s) -> Grads {
        // The buffer itself stays ours.
        if (s.grad.dim() == 0) return {gradient * s.grad.item<double>()};
        return {gradient * s.grad.unsqueeze(dim)};
      },
      [c, reduction, smoothing](std::span<const Tensor> in) -> Tensor {
        return nll_of_labels(log_softmax(in[0], class_dim(in[0])), c, reduction, smoothing);
      });
}

Tensor cross_entropy_of_probabilities(const Tensor& input, const Tensor& target, const CrossEntropyOptions& options) {
  check_classes("cross_entropy", input, options.weight);
  require<DtypeError>(target.dim() >= input.dim(), "cross_entropy",
                      "labels must be i64, convert with to(i64); probabilities must have the shape of the input",
                      given("input", input), given("target", target));
  check_pair("cross_entropy", input, target);
  const int dim = class_dim(input);
  const double classes = static_cast<double>(input.shape()[dim]), smoothing = options.label_smoothing;
  Tensor terms = log_softmax(input, dim) * (smoothing > 0 ? target * (1 - smoothing) + smoothing / classes : target);
  if (options.weight.defined()) {
    Shape along = Shape::filled(input.dim(), 1);
    along[dim] = input.shape()[dim];
    terms = terms * options.weight.detach().reshape(along);
  }
  return reduce_classes(-sum(terms, {dim}), options.reduction, static_cast<double>(input.numel()) / classes);
}

}  // namespace

Tensor cross_entropy(const Tensor& input, const Tensor& target, const CrossEntropyOptions& options) {
  require<ValueError>(options.label_smoothing >= 0 && options.label_smoothing <= 1, "cross_entropy",
                      "label_smoothing must lie in [0, 1]", given("label_smoothing", options.label_smoothing));
  return is_float(target.dtype()) ? cross_entropy_of_probabilities(input, target, options)
                                  : cross_entropy_of_labels(input, target, options);
}

Tensor nll_loss(const Tensor& input, const Tensor& target, const NllLossOptions& options) {
  const Classes c = read_labels("nll_loss", input, target, options.weight, options.ignore_index);
  return nll_of_labels(input, c, options.reduction, 0);
}

}  // namespace cairn
