#include "cairn/train/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "cairn/tensor/create.h"

namespace cairn {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;
using train::ConfusionMatrix;
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

}  // namespace
}  // namespace cairn
