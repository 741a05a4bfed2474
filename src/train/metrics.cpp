#include "cairn/train/metrics.h"

#include <algorithm>
#include <limits>
#include <numeric>

#include "cairn/graph/node.h"
#include "cairn/ops/loss.h"
#include "cairn/ops/reduce.h"

namespace cairn::train {

static double share(int64_t part, int64_t whole) {
  return whole == 0 ? std::numeric_limits<double>::quiet_NaN() : static_cast<double>(part) / static_cast<double>(whole);
}

// ---- classifiers -------------------------------------------------------------------------------------------------------

TopK::TopK(int64_t k, int64_t ignore_index) : k_(k), ignore_index_(ignore_index) {
  require<ValueError>(k >= 1, "TopK", "k must be at least 1", given("k", k));
}

void TopK::add(const Tensor& outputs, const Tensor& targets) {
  const NoGrad no_grad;
  require(outputs.dim() >= 2 && targets.dim() == outputs.dim() - 1, "TopK",
          "outputs must be (n, classes, …), and targets (n, …)", given("outputs", outputs), given("targets", targets));
  const Tensor rows = outputs.movedim(1, -1).contiguous(), labels = targets.contiguous();
  Shape samples = rows.shape();
  samples.erase(samples.size() - 1);
  require(samples == targets.shape(), "TopK", "outputs must be (n, classes, …), and targets (n, …)",
          given("outputs", outputs), given("targets", targets));
  require<DtypeError>(targets.dtype() == i64, "TopK", "labels must be i64; convert with to(i64)",
                      given("targets", targets));
  const int64_t classes = outputs.size(1);
  require(k_ <= classes, "TopK", "there are fewer classes than k", given("k", k_), given("outputs", outputs));
  int64_t right = 0, counted = 0;
  visit_float("TopK", rows.dtype(), [&]<class S>() {
    for (int64_t i = 0; i < labels.numel(); ++i) {
      const int64_t label = labels.pointer<int64_t>()[i];
      if (label == ignore_index_) continue;
      require<IndexError>(label >= 0 && label < classes, "TopK", "no such class", given("label", label),
                          given("position", i), given("classes", classes));
      const S* row = rows.pointer<S>() + i * classes;
      const S own = row[label];
      int64_t ahead = 0;  // written so that NaN is ahead
      for (int64_t c = 0; c < label; ++c) ahead += !(row[c] < own);
      for (int64_t c = label + 1; c < classes; ++c) ahead += !(row[c] <= own);
      right += ahead < k_;
      ++counted;
    }
  });
  right_ += right, samples_ += counted;
}

double TopK::value() const { return share(right_, samples_); }

void Perplexity::add(const Tensor& outputs, const Tensor& targets) {
  const NoGrad no_grad;
  require<DtypeError>(targets.dtype() == i64, "Perplexity", "labels must be i64; convert with to(i64)",
                      given("targets", targets));
  const Tensor losses = cross_entropy(outputs, targets, {.ignore_index = ignore_index_, .reduction = Reduction::none});
  const std::vector<int64_t> labels = targets.to_vector<int64_t>();
  loss_ += sum(losses.to(f64)).item<double>();
  tokens_ += std::count_if(labels.begin(), labels.end(), [&](int64_t label) { return label != ignore_index_; });
}

// Class numbers, checked.
static std::vector<int64_t> class_numbers(const char* what, const Tensor& t, int64_t classes) {
  std::vector<int64_t> numbers = t.to_vector<int64_t>();
  for (size_t i = 0; i < numbers.size(); ++i)
    require<IndexError>(numbers[i] >= 0 && numbers[i] < classes, "ConfusionMatrix", "no such class",
                        given(what, numbers[i]), given("position", i), given("classes", classes));
  return numbers;
}

ConfusionMatrix::ConfusionMatrix(int64_t classes) : classes_(classes) {
  require<ValueError>(classes >= 1 && classes <= 10000, "ConfusionMatrix", "needs 1 to 10,000 classes",
                      given("classes", classes));
  counts_.resize(static_cast<size_t>(classes * classes));
}

void ConfusionMatrix::add(const Tensor& predictions, const Tensor& labels) {
  const NoGrad no_grad;
  const bool logits = predictions.dim() == 2;
  require(labels.dim() == 1 && (logits || predictions.dim() == 1) && predictions.size(0) == labels.size(0) &&
              (!logits || predictions.size(1) == classes_),
          "ConfusionMatrix", "predictions must be (n, classes) or (n), and labels (n)", given("classes", classes_),
          given("predictions", predictions), given("labels", labels));
  require<DtypeError>(labels.dtype() == i64 && (logits ? is_float(predictions.dtype()) : predictions.dtype() == i64),
                      "ConfusionMatrix", "class numbers must be i64, and what they are chosen by f32 or f64",
                      given("predictions", predictions), given("labels", labels));
  const auto taken = class_numbers("prediction", logits ? argmax(predictions, 1) : predictions, classes_);
  const auto truth = class_numbers("label", labels, classes_);
  for (size_t i = 0; i < truth.size(); ++i) ++counts_[static_cast<size_t>(truth[i] * classes_ + taken[i])];
}

int64_t ConfusionMatrix::samples() const { return std::accumulate(counts_.begin(), counts_.end(), int64_t{0}); }

int64_t ConfusionMatrix::count(int64_t label, int64_t prediction) const {
  require<IndexError>(std::min(label, prediction) >= 0 && std::max(label, prediction) < classes_, "ConfusionMatrix",
                      "no such class", given("label", label), given("prediction", prediction),
                      given("classes", classes_));
  return counts_[static_cast<size_t>(label * classes_ + prediction)];
}

double ConfusionMatrix::accuracy() const {
  int64_t right = 0;
  for (int64_t c = 0; c < classes_; ++c) right += count(c, c);
  return share(right, samples());
}

std::vector<double> ConfusionMatrix::class_accuracy() const {
  std::vector<double> shares;
  for (int64_t c = 0; c < classes_; ++c) {
    const auto row = counts_.begin() + c * classes_;
    shares.push_back(share(row[c], std::accumulate(row, row + classes_, int64_t{0})));
  }
  return shares;
}

static void check_zero_division(double value) {
  require<ValueError>(std::isnan(value) || (value >= 0 && value <= 1), "ConfusionMatrix",
                      "zero_division must be in [0, 1] or NaN", given("zero_division", value));
}

std::vector<ConfusionMatrix::Scores> ConfusionMatrix::class_scores(double zero_division) const {
  check_zero_division(zero_division);
  std::vector<Scores> scores;
  for (int64_t c = 0; c < classes_; ++c) {
    int64_t predicted = 0, samples = 0;
    for (int64_t other = 0; other < classes_; ++other) {
      predicted += count(other, c);
      samples += count(c, other);
    }
    const auto ratio = [&](int64_t part, int64_t whole) { return whole == 0 ? zero_division : share(part, whole); };
    scores.push_back({.precision = ratio(count(c, c), predicted),
                      .recall = ratio(count(c, c), samples),
                      .f1 = ratio(2 * count(c, c), predicted + samples),
                      .samples = samples});
  }
  return scores;
}

ConfusionMatrix::Scores ConfusionMatrix::scores(const ScoreOptions& options) const {
  check_zero_division(options.zero_division);
  const double none = options.zero_division, all = accuracy();
  if (samples() == 0) return {none, none, none, 0};
  if (options.average == Average::micro) return {all, all, all, samples()};  // of a classifier fp = fn, in sum
  const std::vector<Scores> scores = class_scores(none);
  const auto mean = [&](double Scores::*score) {
    double sum = 0, weights = 0;
    for (const Scores& s : scores) {
      if (std::isnan(s.*score)) continue;
      const double weight = options.average == Average::macro ? 1 : static_cast<double>(s.samples);
      sum += weight * (s.*score);
      weights += weight;
    }
    return weights == 0 ? none : sum / weights;
  };
  return {mean(&Scores::precision), mean(&Scores::recall), mean(&Scores::f1), samples()};
}

std::vector<ConfusionMatrix::Pair> ConfusionMatrix::worst_pairs(int64_t most) const {
  std::vector<Pair> pairs;
  for (int64_t label = 0; label < classes_; ++label)
    for (int64_t prediction = 0; prediction < classes_; ++prediction)
      if (const int64_t n = count(label, prediction); label != prediction && n > 0)
        pairs.push_back({label, prediction, n});
  std::stable_sort(pairs.begin(), pairs.end(), [](const Pair& a, const Pair& b) { return a.count > b.count; });
  pairs.resize(std::min(pairs.size(), static_cast<size_t>(std::max<int64_t>(most, 0))));
  return pairs;
}

// ---- regression --------------------------------------------------------------------------------------------------------

// Both as numbers in row-major order, checked.
static std::pair<std::vector<double>, std::vector<double>> numbers(const char* metric, const Tensor& outputs,
                                                                   const Tensor& targets) {
  require<DtypeError>(is_float(outputs.dtype()) && outputs.dtype() == targets.dtype(), metric,
                      "needs outputs and targets in f32 or f64, both in the same", given("outputs", outputs),
                      given("targets", targets));
  require(outputs.shape() == targets.shape(), metric, "outputs and targets must have the same shape",
          given("outputs", outputs), given("targets", targets));
  return {outputs.to_vector<double>(), targets.to_vector<double>()};
}

void MeanAbsoluteError::add(const Tensor& outputs, const Tensor& targets) {
  const auto [y, t] = numbers("MeanAbsoluteError", outputs, targets);
  for (size_t i = 0; i < y.size(); ++i) sum_ += std::abs(y[i] - t[i]);
  count_ += outputs.numel();
}

void MeanSquaredError::add(const Tensor& outputs, const Tensor& targets) {
  const auto [y, t] = numbers("MeanSquaredError", outputs, targets);
  for (size_t i = 0; i < y.size(); ++i) sum_ += (y[i] - t[i]) * (y[i] - t[i]);
  count_ += outputs.numel();
}

double MeanSquaredError::value() const {
  const double mean = sum_ / static_cast<double>(count_);
  return root_ ? std::sqrt(mean) : mean;
}

void R2::add(const Tensor& outputs, const Tensor& targets) {
  const auto [y, t] = numbers("R2", outputs, targets);
  require(outputs.dim() >= 1, "R2", "outputs and targets must be (n) or (n, outputs…)", given("outputs", outputs));
  const int64_t n = outputs.size(0);
  if (n == 0) return;
  const size_t width = y.size() / static_cast<size_t>(n);
  require(columns_.empty() || columns_.size() == width, "R2", "earlier batches had another number of outputs",
          given("outputs", outputs), given("before", columns_.size()));
  columns_.resize(width);
  const auto before = static_cast<double>(samples_), now = static_cast<double>(n), both = before + now;
  for (size_t c = 0; c < width; ++c) {
    Column batch;
    for (size_t i = c; i < t.size(); i += width) batch.mean += t[i] / now;
    for (size_t i = c; i < t.size(); i += width) {
      batch.variation += (t[i] - batch.mean) * (t[i] - batch.mean);
      batch.residual += (t[i] - y[i]) * (t[i] - y[i]);
    }
    // Chan, Golub, LeVeque 1979: a difference of sums of squares would cancel where the mean is large.
    Column& all = columns_[c];
    const double apart = batch.mean - all.mean;
    all.mean += apart * now / both;
    all.variation += batch.variation + apart * apart * before * now / both;
    all.residual += batch.residual;
  }
  samples_ += n;
}

double R2::Column::score() const { return variation == 0 ? (residual == 0 ? 1 : 0) : 1 - residual / variation; }

std::vector<double> R2::values() const {
  std::vector<double> scores;
  for (const Column& c : columns_) scores.push_back(samples_ < 2 ? NAN : c.score());
  return scores;
}

double R2::value() const {
  const std::vector<double> scores = values();
  double sum = 0, weights = 0;
  const bool uniform = average_ == Outputs::uniform ||
                       std::all_of(columns_.begin(), columns_.end(), [](const Column& c) { return c.variation == 0; });
  for (size_t c = 0; c < scores.size(); ++c) {
    const double weight = uniform ? 1 : columns_[c].variation;
    sum += weight * scores[c];
    weights += weight;
  }
  return sum / weights;
}

}  // namespace cairn::train
