#include "train/display.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

namespace cairn {
namespace {

using train::EpochResult;
using train::Progress;

// Columns of a text whose characters are all one column wide.
int columns(const std::string& text) {
  int n = 0;
  for (const char c : text) n += (c & 0xC0) != 0x80;
  return n;
}

const Progress half_way = {.epoch = 1,
                           .epochs = 6,
                           .batch = 231,
                           .batches = 469,
                           .samples = 29568,
                           .loss = 0.08125,
                           .accuracy = 0.97451,
                           .lr = 0.001,
                           .seconds = 0.48,
                           .seconds_left = 4.4};

TEST(ProgressLine, ShowsAllThatHasPlace) {
  EXPECT_EQ(train::progress_line(half_way, 110),
            "epoch 2/6 ━━━━━━━━━━━━━━━━╸──────────────── 231/469  loss 0.0813  accuracy 97.45 %  61600 samples/s  "
            "0:04 left");
  EXPECT_EQ(train::progress_line(half_way, 79),
            "epoch 2/6 ━━━━━───── 231/469  loss 0.0813  accuracy 97.45 %  61600/s  0:04 left");
  EXPECT_EQ(train::progress_line(half_way, 60), "epoch 2/6 ━━━━────  loss 0.0813  accuracy 97.45 %  0:04 left");
  EXPECT_EQ(train::progress_line(half_way, 45), "epoch 2/6  loss 0.0813  accuracy 97.45 %");
  EXPECT_EQ(train::progress_line(half_way, 25), "epoch 2/6  loss 0.0813");
  EXPECT_EQ(train::progress_line(half_way, 7), "epoch 2");
}

TEST(ProgressLine, FitsEveryWidth) {
  Progress long_one = half_way;
  long_one.epochs = 1000;
  long_one.batches = 1234567;
  long_one.seconds_left = 360000;
  for (const Progress& p : {half_way, long_one}) {
    for (int width = 0; width <= 200; ++width) {
      const std::string line = train::progress_line(p, width);
      EXPECT_LE(columns(line), width) << line;
      EXPECT_EQ(line.find("loss 0.0813") != std::string::npos, width >= 22 + (p.epochs > 6 ? 6 : 0)) << line;
    }
  }
}

TEST(ProgressLine, TheBarGrowsFromEmptyToFull) {
  Progress p = half_way;
  p.batch = 0;
  EXPECT_THAT(train::progress_line(p, 79), ::testing::HasSubstr(" ──────────   0/469"));
  p.batch = p.batches;
  EXPECT_THAT(train::progress_line(p, 79), ::testing::HasSubstr(" ━━━━━━━━━━ 469/469"));
  EXPECT_THAT(train::progress_line(p, 500), ::testing::HasSubstr(" ━━"));
}

TEST(ProgressLine, AccuracyIsShownWhereThereIsOne) {
  Progress p = half_way;
  p.accuracy = NAN;
  EXPECT_THAT(train::progress_line(p, 100),
              ::testing::Not(::testing::AnyOf(::testing::HasSubstr("accuracy"), ::testing::HasSubstr("nan"))));
}

TEST(ProgressLine, NumbersOfAnySizeAreReadable) {
  Progress p = half_way;
  p.loss = 1.5e-7;
  p.seconds_left = 3725;
  EXPECT_THAT(train::progress_line(p, 120), ::testing::HasSubstr("loss 1.500e-07"));
  EXPECT_THAT(train::progress_line(p, 120), ::testing::HasSubstr("1:02:05 left"));
  p.loss = 123456;
  p.seconds_left = 754;
  EXPECT_THAT(train::progress_line(p, 120), ::testing::HasSubstr("loss 1.235e+05"));
  EXPECT_THAT(train::progress_line(p, 120), ::testing::HasSubstr("12:34 left"));
  p.loss = NAN;
  p.seconds = 0;  // a clock too coarse
  EXPECT_THAT(train::progress_line(p, 120), ::testing::HasSubstr("loss nan"));
}

const EpochResult result = {.epoch = 1,
                            .loss = 0.08125,
                            .accuracy = 0.97451,
                            .validation = train::Evaluation{.loss = 0.0912, .accuracy = 0.972},
                            .seconds = 4.94,
                            .samples_per_second = 61234.4,
                            .lr = 0.001};

TEST(EpochLine, LeavesOutWhatMattersLess) {
  EXPECT_EQ(train::epoch_line(result, 10, 1000),
            "epoch  2/10  loss 0.0813  accuracy 97.45 %  validation 0.0912  97.20 %  61234 samples/s  4.9 s");
  EXPECT_EQ(train::epoch_line(result, 6, 79),
            "epoch 2/6  loss 0.0813  accuracy 97.45 %  validation 0.0912  97.20 %  4.9 s");
  EXPECT_EQ(train::epoch_line(result, 6, 60), "epoch 2/6  loss 0.0813  validation 0.0912  97.20 %");
  EXPECT_EQ(train::epoch_line(result, 6, 30), "epoch 2/6  loss 0.0813");
}

TEST(EpochLine, SaysNothingOfWhatThereIsNot) {
  EpochResult r = result;
  r.validation.reset();
  EXPECT_EQ(train::epoch_line(r, 6, 1000), "epoch 2/6  loss 0.0813  accuracy 97.45 %  61234 samples/s  4.9 s");
  r.accuracy = NAN;
  r.validation = train::Evaluation{.loss = 2, .accuracy = NAN};
  r.seconds = 125;
  EXPECT_EQ(train::epoch_line(r, 6, 1000), "epoch 2/6  loss 0.0813  validation 2.0000  61234 samples/s  2:05");
}

}  // namespace
}  // namespace cairn
