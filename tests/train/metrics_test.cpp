#include "cairn/train/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "cairn/tensor/create.h"
#include "cairn/tensor/random.h"
#include "support.h"

namespace cairn {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;
using train::Average;
using train::ConfusionMatrix;
using train::Metric;
using Pair = ConfusionMatrix::Pair;

TEST(ConfusionMatrix, CountsClassNumbers) {
  ConfusionMatrix m(3);
  m.add(tensor({0, 1, 2, 2, 0}), tensor({0, 1, 2, 1, 1}));
  m.add(tensor({2}), tensor({1}));
  EXPECT_EQ(m.samples(), 6);
  EXPECT_EQ(m.count(1, 2), 2);
  EXPECT_EQ(m.count(2, 1), 0);
  EXPECT_EQ(m.accuracy(), 3.0 / 6);
  EXPECT_THAT(m.class_accuracy(), ElementsAre(1, 1.0 / 4, 1));
  EXPECT_THAT(m.worst_pairs(5), ElementsAre(Pair{1, 2, 2}, Pair{1, 0, 1}));
  EXPECT_THAT(m.worst_pairs(1), ElementsAre(Pair{1, 2, 2}));
  EXPECT_THAT(m.worst_pairs(0), ElementsAre());
}

TEST(ConfusionMatrix, TheLargestNumberOfARowDecides) {
  for (const Dtype dtype : {f32, f64}) {
    ConfusionMatrix m(2);
    m.add(tensor({{1., 2.}, {2., 1.}, {3., 3.}}, dtype), tensor({1, 1, 0}));
    EXPECT_EQ(m.count(1, 1), 1);
    EXPECT_EQ(m.count(1, 0), 1);
    EXPECT_EQ(m.count(0, 0), 1);  // of equal ones the first
  }
}

TEST(ConfusionMatrix, PairsOfOneCountStandInOrder) {
  ConfusionMatrix m(3);
  m.add(tensor({0, 1, 0, 2}), tensor({2, 2, 1, 0}));
  EXPECT_THAT(m.worst_pairs(9), ElementsAre(Pair{0, 2, 1}, Pair{1, 0, 1}, Pair{2, 0, 1}, Pair{2, 1, 1}));
}

TEST(ConfusionMatrix, WithoutSamplesThereIsNoAccuracy) {
  ConfusionMatrix m(2);
  EXPECT_TRUE(std::isnan(m.accuracy()));
  m.add(zeros({0, 2}), zeros({0}, i64));
  EXPECT_EQ(m.samples(), 0);
  m.add(tensor({0}), tensor({0}));
  EXPECT_EQ(m.accuracy(), 1);
  EXPECT_EQ(m.class_accuracy()[0], 1);
  EXPECT_TRUE(std::isnan(m.class_accuracy()[1]));
  EXPECT_TRUE(m.worst_pairs(3).empty());
}

TEST(ConfusionMatrix, WrongInputIsNamedAndNothingIsCounted) {
  ConfusionMatrix m(3);
  EXPECT_THAT(
      [&] {
        m.add(tensor({0, 0}), tensor({1, 3}));
      },
      ThrowsMessage<IndexError>(HasSubstr("ConfusionMatrix: no such class; got label 3, position 1, classes 3")));
  EXPECT_THAT(
      [&] {
        m.add(tensor({-1, 0}), tensor({1, 2}));
      },
      ThrowsMessage<IndexError>(HasSubstr("prediction -1, position 0")));
  EXPECT_THAT(
      [&] {
        m.add(zeros({2, 4}), tensor({1, 2}));
      },
      ThrowsMessage<ShapeError>(HasSubstr("classes 3, predictions (2, 4) f32, labels (2,) i64")));
  EXPECT_THROW(m.add(zeros({2, 3}), tensor({1})), ShapeError);
  EXPECT_THROW(m.add(tensor(1), tensor(1)), ShapeError);
  EXPECT_THROW(m.add(zeros({2, 3}), zeros({2, 1}, i64)), ShapeError);
  EXPECT_THROW(m.add(zeros({2}), tensor({1, 2})), DtypeError);
  EXPECT_THROW(m.add(zeros({2, 3}, i64), tensor({1, 2})), DtypeError);
  EXPECT_THROW(m.add(zeros({2, 3}), ones({2})), DtypeError);
  EXPECT_EQ(m.samples(), 0);
  EXPECT_THROW(static_cast<void>(m.count(0, 3)), IndexError);
  EXPECT_THROW(static_cast<void>(m.count(-1, 0)), IndexError);
  EXPECT_THROW(ConfusionMatrix(0), ValueError);
  EXPECT_THROW(ConfusionMatrix(10001), ValueError);
}

TEST(ConfusionMatrix, PrecisionRecallAndF1) {
  ConfusionMatrix m(3);  // the example of sklearn's precision_score, recall_score and f1_score
  m.add(tensor({0, 2, 1, 0, 0, 1}), tensor({0, 1, 2, 0, 1, 2}));
  const auto classes = m.class_scores();
  EXPECT_DOUBLE_EQ(classes[0].precision, 2. / 3);
  EXPECT_EQ(classes[0].recall, 1);
  EXPECT_DOUBLE_EQ(classes[0].f1, 0.8);
  for (const size_t c : {size_t{1}, size_t{2}}) {
    EXPECT_EQ(classes[c].precision, 0);
    EXPECT_EQ(classes[c].recall, 0);
    EXPECT_EQ(classes[c].f1, 0);
    EXPECT_EQ(classes[c].samples, 2);
  }
  for (const Average average : {Average::macro, Average::weighted}) {  // all have two samples
    const auto all = m.scores({.average = average});
    EXPECT_DOUBLE_EQ(all.precision, 2. / 9);
    EXPECT_DOUBLE_EQ(all.recall, 1. / 3);
    EXPECT_DOUBLE_EQ(all.f1, 0.8 / 3);
    EXPECT_EQ(all.samples, 6);
  }
  const auto micro = m.scores({.average = Average::micro});
  EXPECT_DOUBLE_EQ(micro.precision, 1. / 3);
  EXPECT_DOUBLE_EQ(micro.recall, 1. / 3);
  EXPECT_DOUBLE_EQ(micro.f1, 1. / 3);
}

TEST(ConfusionMatrix, WeighsScoresBySamples) {
  ConfusionMatrix m(2);
  m.add(tensor({0, 0, 0, 1}), tensor({0, 0, 1, 0}));  // three of class 0, two of them found; one of class 1, lost
  const auto weighted = m.scores({.average = Average::weighted}), macro = m.scores();
  EXPECT_DOUBLE_EQ(weighted.precision, 0.75 * 2 / 3);
  EXPECT_DOUBLE_EQ(weighted.recall, 0.75 * 2 / 3);
  EXPECT_DOUBLE_EQ(weighted.f1, 0.75 * 2 / 3);
  EXPECT_DOUBLE_EQ(macro.f1, 1. / 3);
}

TEST(ConfusionMatrix, NothingByNothingIsWhatItIsToldToBe) {
  ConfusionMatrix m(4);  // 1 is never predicted, 2 has no samples, 3 neither
  m.add(tensor({0, 0, 2}), tensor({0, 1, 0}));
  for (const double zero : {0., 1.}) {
    const auto s = m.class_scores(zero);
    EXPECT_EQ(s[1].precision, zero);
    EXPECT_EQ(s[1].recall, 0);
    EXPECT_EQ(s[1].f1, 0);
    EXPECT_EQ(s[2].precision, 0);
    EXPECT_EQ(s[2].recall, zero);
    EXPECT_EQ(s[2].f1, 0);
    EXPECT_EQ(s[3].precision, zero);
    EXPECT_EQ(s[3].recall, zero);
    EXPECT_EQ(s[3].f1, zero);
    EXPECT_DOUBLE_EQ(m.scores({.zero_division = zero}).precision, (0.5 + zero + 0 + zero) / 4);
    EXPECT_DOUBLE_EQ(m.scores({.zero_division = zero}).f1, (0.5 + zero) / 4);
    EXPECT_DOUBLE_EQ(m.scores({.average = Average::weighted, .zero_division = zero}).precision, (2 * 0.5 + zero) / 3);
  }
  const auto left_out = m.scores({.zero_division = NAN});
  EXPECT_DOUBLE_EQ(left_out.precision, 0.5 / 2);
  EXPECT_DOUBLE_EQ(left_out.recall, 0.5 / 2);
  EXPECT_DOUBLE_EQ(left_out.f1, 0.5 / 3);
  EXPECT_DOUBLE_EQ(m.scores({.average = Average::weighted, .zero_division = NAN}).precision, 0.5);
  m.reset();
  EXPECT_EQ(m.samples(), 0);
  EXPECT_EQ(m.scores({.zero_division = 1}).recall, 1);
  EXPECT_TRUE(std::isnan(m.scores({.zero_division = NAN}).f1));
  EXPECT_EQ(text_of<ValueError>([&] { m.scores({.zero_division = 2}); }),
            "ConfusionMatrix: zero_division must be in [0, 1] or NaN; got zero_division 2");
  EXPECT_THROW(m.class_scores(-1), ValueError);
}

TEST(Scores, AreMetrics) {
  train::Precision precision(3);
  train::Recall recall(3, {.average = Average::weighted});
  train::F1 f1(3);
  for (Metric* m : std::vector<Metric*>{&precision, &recall, &f1}) {
    EXPECT_TRUE(std::isnan(m->value()));
    m->add(tensor({0, 2, 1}), tensor({0, 1, 2}));
    m->add(tensor({0, 0, 1}), tensor({0, 1, 2}));
  }
  EXPECT_DOUBLE_EQ(precision.value(), 2. / 9);
  EXPECT_DOUBLE_EQ(recall.value(), 1. / 3);
  EXPECT_DOUBLE_EQ(f1.value(), 0.8 / 3);
  EXPECT_THROW(train::F1(3, {.zero_division = 7}), ValueError);
  EXPECT_THROW(train::F1(0), ValueError);
}

// ---- top k -------------------------------------------------------------------------------------------------------------

TEST(TopK, CountsWhatIsAmongTheLargest) {
  const Tensor outputs = tensor({{0.1, 0.5, 0.4}, {0.9, 0.05, 0.06}, {0.2, 0.3, 0.5}}), labels = tensor({2, 1, 2});
  for (const Dtype dtype : {f32, f64})
    for (int64_t k = 1; k <= 3; ++k) {
      train::TopK top(k);
      top.add(outputs.to(dtype), labels);
      EXPECT_DOUBLE_EQ(top.value(), static_cast<double>(k) / 3) << k;  // ranks 2, 3 and 1
    }
}

TEST(TopK, OfEqualOnesTheFirstAndNaNBeforeAll) {
  const auto top = [](int64_t k, const Tensor& outputs, int64_t label) {
    train::TopK t(k);
    t.add(outputs, full({1}, static_cast<double>(label), i64));
    return t.value();
  };
  const Tensor equal = tensor({{1., 1., 1.}}), bad = tensor({{2., NAN, 1.}}), lost = full({1, 3}, NAN);
  EXPECT_EQ(top(1, equal, 0), 1);
  EXPECT_EQ(top(1, equal, 1), 0);
  EXPECT_EQ(top(2, equal, 1), 1);
  EXPECT_EQ(top(2, equal, 2), 0);
  EXPECT_EQ(top(1, bad, 0), 0);
  EXPECT_EQ(top(2, bad, 0), 1);
  EXPECT_EQ(top(2, bad, 2), 0);
  EXPECT_EQ(top(2, lost, 0), 0) << "a model that gives NaN alone has recognised nothing";
}

TEST(TopK, OfPixelsAndWithoutThoseIgnored) {
  const Tensor outputs = randn({2, 5, 3, 4}), labels = randint(0, 5, {2, 3, 4});
  train::TopK pixels(2), rows(2);
  pixels.add(outputs, labels);
  rows.add(outputs.permute({0, 2, 3, 1}).reshape({24, 5}), labels.reshape({24}));
  EXPECT_EQ(pixels.value(), rows.value());
  train::TopK some(1, 7);
  some.add(tensor({{1., 0.}, {1., 0.}, {1., 0.}}), tensor({0, 7, 1}));
  EXPECT_EQ(some.value(), 0.5);
  some.reset();
  some.add(zeros({2, 3}), tensor({7, 7}));
  EXPECT_TRUE(std::isnan(some.value()));
}

TEST(TopK, WrongInputIsNamedAndNothingIsCounted) {
  EXPECT_EQ(text_of<ValueError>([] { train::TopK(0); }), "TopK: k must be at least 1; got k 0");
  train::TopK top(4);
  EXPECT_EQ(text_of<ShapeError>([&] {
              top.add(zeros({2, 3}), tensor({0, 1}));
            }),
            "TopK: there are fewer classes than k; got k 4, outputs (2, 3) f32");
  EXPECT_EQ(text_of<IndexError>([&] {
              top.add(zeros({2, 5}), tensor({0, 5}));
            }),
            "TopK: no such class; got label 5, position 1, classes 5");
  EXPECT_THROW(top.add(zeros({2, 5}), tensor({0, -1})), IndexError);
  EXPECT_THROW(top.add(zeros({2, 5}), tensor({0})), ShapeError);
  EXPECT_THROW(top.add(zeros({5}), tensor(0)), ShapeError);
  EXPECT_THROW(top.add(zeros({2, 5}, i64), tensor({0, 1})), DtypeError);
  EXPECT_THROW(top.add(zeros({2, 5}), zeros({2})), DtypeError);
  EXPECT_TRUE(std::isnan(top.value()));
}

// ---- perplexity --------------------------------------------------------------------------------------------------------

TEST(Perplexity, IsTheNumberOfChoicesLeft) {
  train::Perplexity p(0);
  EXPECT_TRUE(std::isnan(p.value()));
  p.add(zeros({2, 8, 5}), randint(1, 8, {2, 5}));  // all equally likely
  EXPECT_NEAR(p.value(), 8, 8 * 1e-6);             // f32 losses
  p.reset();
  // −log of 1/4 twice, of 1/2 once; the one in between does not count.
  p.add(tensor({{std::log(3.), 0.}, {9., 1.}}, f64), tensor({1, 0}));
  p.add(tensor({{0., 0.}, {std::log(3.), 0.}}, f64), tensor({1, 1}));
  EXPECT_NEAR(p.value(), std::exp((2 * std::log(4.) + std::log(2.)) / 3), 1e-14);
  EXPECT_THROW(p.add(zeros({2, 3}), tensor({1, 3})), IndexError);
  EXPECT_THROW(p.add(zeros({2, 3}), zeros({2, 3})), DtypeError) << "probabilities are no labels";
}

// ---- regression --------------------------------------------------------------------------------------------------------

TEST(Regression, ErrorsByHand) {
  train::MeanAbsoluteError mae;
  train::MeanSquaredError mse, rmse(true);
  train::R2 r2;
  for (Metric* m : std::vector<Metric*>{&mae, &mse, &rmse, &r2}) {
    EXPECT_TRUE(std::isnan(m->value()));
    m->add(zeros({0}, f64), zeros({0}, f64));
    EXPECT_TRUE(std::isnan(m->value()));
    m->add(tensor({2.5, 0., 2., 8.}, f64), tensor({3., -0.5, 2., 7.}, f64));
  }
  EXPECT_DOUBLE_EQ(mae.value(), 0.5);
  EXPECT_DOUBLE_EQ(mse.value(), 0.375);
  EXPECT_DOUBLE_EQ(rmse.value(), std::sqrt(0.375));
  EXPECT_DOUBLE_EQ(r2.value(), 1 - 1.5 / 29.1875);  // the mean of the targets is 2.875
}

TEST(R2, OfSeveralOutputs) {
  const Tensor t = tensor({{0.5, 1.}, {-1., 1.}, {7., -6.}}, f64), y = tensor({{0., 2.}, {-1., 2.}, {8., -5.}}, f64);
  train::R2 uniform, weighted(train::Outputs::variance_weighted);
  for (train::R2* r : {&uniform, &weighted})
    for (int64_t i = 0; i < 3; ++i) r->add(y.slice(0, i, i + 1), t.slice(0, i, i + 1));
  const double v0 = 0.25 + 1 + 49 - 6.5 * 6.5 / 3, v1 = 1 + 1 + 36 - 16. / 3;  // Σ t² − (Σ t)² / 3
  const double r0 = 1.25, r1 = 3;
  ASSERT_EQ(uniform.values().size(), 2u);
  EXPECT_NEAR(uniform.values()[0], 1 - r0 / v0, 1e-15);
  EXPECT_NEAR(uniform.values()[1], 1 - r1 / v1, 1e-15);
  EXPECT_NEAR(uniform.value(), 1 - (r0 / v0 + r1 / v1) / 2, 1e-15);
  EXPECT_NEAR(weighted.value(), 1 - (r0 + r1) / (v0 + v1), 1e-15);
  EXPECT_THROW(uniform.add(zeros({3}, f64), zeros({3}, f64)), ShapeError) << "one output where there were two";
  EXPECT_NEAR(uniform.values()[0], 1 - r0 / v0, 1e-15);
}

TEST(R2, WhereTargetsAreAllTheSame) {
  const auto r2 = [](const Tensor& y, const Tensor& t) {
    train::R2 r;
    r.add(y, t);
    return r.value();
  };
  EXPECT_EQ(r2(full({3}, -2), full({3}, -2)), 1);
  EXPECT_EQ(r2(tensor({-2., -2., -1.}), full({3}, -2)), 0);
  EXPECT_TRUE(std::isnan(r2(ones({1}), ones({1})))) << "too few samples";
  train::R2 weighted(train::Outputs::variance_weighted);
  weighted.add(ones({2, 2}), ones({2, 2}));
  EXPECT_EQ(weighted.value(), 1);
}

TEST(R2, DoesNotCancelWhereTheMeanIsLarge) {
  const Tensor t = tensor({1e9 + 1, 1e9 + 2, 1e9 + 3, 1e9 + 6}, f64),
               y = tensor({1e9 + 1, 1e9 + 2, 1e9 + 3, 1e9 + 5}, f64);
  train::R2 r;
  r.add(y.slice(0, 0, 2), t.slice(0, 0, 2));
  r.add(y.slice(0, 2, 4), t.slice(0, 2, 4));
  EXPECT_NEAR(r.value(), 1 - 1. / 14, 1e-12);
}

TEST(Regression, WrongInputIsNamedAndNothingIsCounted) {
  train::MeanAbsoluteError mae;
  train::MeanSquaredError mse;
  train::R2 r2;
  for (Metric* m : std::vector<Metric*>{&mae, &mse, &r2}) {
    EXPECT_THROW(m->add(zeros({4, 1}), zeros({4})), ShapeError);
    EXPECT_THROW(m->add(zeros({4}), zeros({4}, f64)), DtypeError);
    EXPECT_THROW(m->add(zeros({4}, i64), zeros({4}, i64)), DtypeError);
    EXPECT_TRUE(std::isnan(m->value()));
  }
  EXPECT_EQ(
      text_of<ShapeError>([&] {
        mae.add(zeros({4, 1}), zeros({4}));
      }),
      "MeanAbsoluteError: outputs and targets must have the same shape; got outputs (4, 1) f32, targets (4,) f32");
  EXPECT_THROW(r2.add(zeros({}), zeros({})), ShapeError);
}

// ---- all of them -------------------------------------------------------------------------------------------------------

// Cut into batches in two ways, the second from the end on.
TEST(Metrics, DoNotDependOnTheOrderOfBatches) {
  manual_seed(4);
  const Tensor outputs = randn({60, 7}), labels = randint(0, 7, {60}), others = randn({60, 7});
  const std::vector<train::NamedMetric> metrics = {
      {"top 3", train::TopK(3)},
      {"F1", train::F1(7)},
      {"precision", train::Precision(7, {.average = Average::weighted})},
      {"accuracy", ConfusionMatrix(7)},
      {"perplexity", train::Perplexity()},
      {"absolute", train::MeanAbsoluteError()},
      {"root of squared", train::MeanSquaredError(true)},
      {"R²", train::R2(train::Outputs::variance_weighted)},
  };
  for (const auto& [name, metric] : metrics) {
    const bool regression = name == "absolute" || name == "root of squared" || name == "R²";
    const Tensor& targets = regression ? others : labels;
    const auto add = [&, &metric = metric](int64_t begin, int64_t end) {
      metric->add(outputs.slice(0, begin, end), targets.slice(0, begin, end));
    };
    add(0, 60);
    const double whole = metric->value();
    EXPECT_TRUE(std::isfinite(whole)) << name;
    metric->reset();
    EXPECT_TRUE(std::isnan(metric->value())) << name;
    for (const auto& [begin, end] : std::vector<std::pair<int64_t, int64_t>>{{50, 60}, {49, 50}, {20, 49}, {0, 20}})
      add(begin, end);
    EXPECT_NEAR(metric->value(), whole, 1e-14 * std::abs(whole)) << name;  // sixty additions in f64
  }
}

}  // namespace
}  // namespace cairn
