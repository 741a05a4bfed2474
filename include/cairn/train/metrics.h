#pragma once
// How well a model does, in numbers gathered batch by batch:
//
//   train::TopK top5(5);
//   for (const auto& [x, y] : loader.epoch(0)) top5.add(model(x), y);
//   std::cout << top5.value();
//
// Counts are exact, and sums are kept in f64: the order of the batches, and how samples are cut into them, changes no
// more than the last digits of these.

#include <cmath>
#include <concepts>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "cairn/tensor/tensor.h"

namespace cairn::train {

/// A number about outputs and their targets.
class Metric {
 public:
  virtual ~Metric() = default;
  /// Forgets all batches.
  virtual void reset() = 0;
  /// Takes a batch in; nothing is recorded for gradients, and nothing of a batch counts when it throws.
  virtual void add(const Tensor& outputs, const Tensor& targets) = 0;
  /// Over all batches so far; NaN without any.
  virtual double value() const = 0;
};

/// A metric under the name that a report shows: std::vector<NamedMetric>{{"top 5", TopK(5)}, {"F1", F1(10)}}. Copies share
/// what it has gathered.
struct NamedMetric {
  std::string name;
  std::shared_ptr<Metric> metric;
  template <std::derived_from<Metric> M>
  NamedMetric(std::string name, M metric) : name(std::move(name)), metric(std::make_shared<M>(std::move(metric))) {}
};

// ---- classifiers -------------------------------------------------------------------------------------------------------

/// Share of the samples whose label is among the k classes with the largest outputs, in [0, 1]; TopK(1) is accuracy. Of
/// equal outputs the first counts as the larger, and NaN as larger than any number.
class TopK : public Metric {
 public:
  /// throws  ValueError for k < 1
  explicit TopK(int64_t k, int64_t ignore_index = -100);
  void reset() override { right_ = samples_ = 0; }
  ///   outputs  (n, classes, …) f32 or f64
  ///   targets  (n, …) i64; those equal to ignore_index do not count
  ///   throws   ShapeError, also for k > classes; DtypeError; IndexError for a label out of range, with its position
  void add(const Tensor& outputs, const Tensor& targets) override;
  double value() const override;

 private:
  int64_t k_, ignore_index_, right_ = 0, samples_ = 0;
};

/// exp of the mean cross entropy over all labels: the perplexity of a language model. Labels equal to ignore_index do
/// not count.
class Perplexity : public Metric {
 public:
  explicit Perplexity(int64_t ignore_index = -100) : ignore_index_(ignore_index) {}
  void reset() override { loss_ = 0, tokens_ = 0; }
  ///   outputs, targets, throws  as cross_entropy with labels: logits (n, classes, …), and (n, …) i64
  void add(const Tensor& outputs, const Tensor& targets) override;
  double value() const override { return std::exp(loss_ / static_cast<double>(tokens_)); }

 private:
  int64_t ignore_index_, tokens_ = 0;
  double loss_ = 0;
};

/// How scores of classes become one.
enum class Average {
  macro,     ///< the mean over classes
  weighted,  ///< the same, weighted by how many samples each has
  micro,     ///< the score of the counts of all classes together; of a classifier all three are its accuracy
};

struct ScoreOptions {
  Average average = Average::macro;
  /// What stands for 0 / 0, in [0, 1] or NaN; means leave NaN out, as sklearn's zero_division has it. That is precision
  /// of a class that was never predicted, recall of one without samples, and F1 of one that is neither.
  double zero_division = 0;
};

/// Counts what is taken for what.
///   ConfusionMatrix confusion(10);
///   confusion.add(model(x), y);
///   for (const auto& [label, prediction, count] : confusion.worst_pairs(3)) …
class ConfusionMatrix : public Metric {
 public:
  /// throws  ValueError unless 1 ≤ classes ≤ 10,000
  explicit ConfusionMatrix(int64_t classes);

  void reset() override { counts_.assign(counts_.size(), 0); }
  /// Counts a batch.
  ///   predictions  (n, classes) f32 or f64, where the largest number of a row decides (of equal ones the first); or
  ///                (n,) i64 class numbers
  ///   labels       (n,) i64
  ///   throws       ShapeError, DtypeError; IndexError for a class out of range, naming it and its position
  void add(const Tensor& predictions, const Tensor& labels) override;
  /// accuracy()
  double value() const override { return accuracy(); }

  int64_t classes() const { return classes_; }
  /// Samples counted so far.
  int64_t samples() const;
  /// How many samples of class `label` were taken for `prediction`.
  ///   throws  IndexError
  int64_t count(int64_t label, int64_t prediction) const;
  /// Share of the samples that were recognised, in [0, 1]; NaN without samples.
  double accuracy() const;
  /// The same among the samples of each class (its recall); NaN for a class without samples.
  std::vector<double> class_accuracy() const;

  struct Scores {
    double precision = 0;  ///< of those taken for the class, the share that is of it
    double recall = 0;     ///< of those of the class, the share taken for it
    double f1 = 0;         ///< harmonic mean of both: 2 tp / (2 tp + fp + fn)
    int64_t samples = 0;   ///< of the class
  };
  /// Of each class.
  ///   throws  ValueError for options out of range
  std::vector<Scores> class_scores(double zero_division = 0) const;
  /// Of all classes, those that never occur among them. Without samples all three are zero_division.
  ///   throws  ValueError for options out of range
  Scores scores(const ScoreOptions& options = {}) const;

  struct Pair {
    int64_t label, prediction, count;
    bool operator==(const Pair&) const = default;
  };
  /// The mistakes made most often, at most `most` of them, those that were never made left out. Of equal ones the
  /// smaller label, then the smaller prediction, comes first.
  std::vector<Pair> worst_pairs(int64_t most) const;

 private:
  int64_t classes_;
  std::vector<int64_t> counts_;  // (label, prediction)
};

/// A score of ConfusionMatrix as a metric: F1(10), Precision(10, {.average = Average::weighted}).
template <double ConfusionMatrix::Scores::*score>
class ScoreOf : public ConfusionMatrix {
 public:
  /// throws  ValueError for classes or options out of range
  explicit ScoreOf(int64_t classes, ScoreOptions options = {}) : ConfusionMatrix(classes), options_(options) {
    scores(options);
  }
  double value() const override { return samples() == 0 ? NAN : scores(options_).*score; }

 private:
  ScoreOptions options_;
};
using Precision = ScoreOf<&ConfusionMatrix::Scores::precision>;
using Recall = ScoreOf<&ConfusionMatrix::Scores::recall>;
using F1 = ScoreOf<&ConfusionMatrix::Scores::f1>;

// ---- regression --------------------------------------------------------------------------------------------------------

/// Mean of |output − target| over all elements.
class MeanAbsoluteError : public Metric {
 public:
  void reset() override { sum_ = 0, count_ = 0; }
  ///   outputs, targets  equal in shape and dtype, f32 or f64
  ///   throws            ShapeError, DtypeError
  void add(const Tensor& outputs, const Tensor& targets) override;
  double value() const override { return sum_ / static_cast<double>(count_); }

 private:
  double sum_ = 0;
  int64_t count_ = 0;
};

/// Mean of (output − target)² over all elements, or its square root.
class MeanSquaredError : public Metric {
 public:
  explicit MeanSquaredError(bool root = false) : root_(root) {}
  void reset() override { sum_ = 0, count_ = 0; }
  /// As MeanAbsoluteError.
  void add(const Tensor& outputs, const Tensor& targets) override;
  double value() const override;

 private:
  bool root_;
  double sum_ = 0;
  int64_t count_ = 0;
};

/// How the scores of several outputs become one.
enum class Outputs { uniform, variance_weighted };

/// Coefficient of determination R² = 1 − Σ (target − output)² / Σ (target − mean target)²: 1 is perfect, 0 what the mean
/// would have. Where all targets are the same it is 1 for a perfect output and else 0; NaN for fewer than two samples.
///   source  sklearn.metrics.r2_score
class R2 : public Metric {
 public:
  explicit R2(Outputs average = Outputs::uniform) : average_(average) {}
  void reset() override { samples_ = 0, columns_.clear(); }
  ///   outputs, targets  equal in shape and dtype, f32 or f64: (n) or (n, outputs…), the same outputs in every batch
  ///   throws            ShapeError, DtypeError
  void add(const Tensor& outputs, const Tensor& targets) override;
  /// The mean over outputs, weighted by the variance of their targets if asked for.
  double value() const override;
  /// Of each output, in row-major order.
  std::vector<double> values() const;

 private:
  struct Column {
    double mean = 0, variation = 0, residual = 0;  // of the targets: mean, Σ (t − mean)²; Σ (t − y)²
    double score() const;
  };
  Outputs average_;
  int64_t samples_ = 0;
  std::vector<Column> columns_;
};

}  // namespace cairn::train
