#include "cairn/train/metrics.h"

#include <algorithm>
#include <limits>
#include <numeric>

#include "cairn/graph/node.h"
#include "cairn/ops/reduce.h"

namespace cairn::train {

static double share(int64_t part, int64_t whole) {
  return whole == 0 ? std::numeric_limits<double>::quiet_NaN() : static_cast<double>(part) / static_cast<double>(whole);
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

}  // namespace cairn::train
