#include "cairn/data/augment.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>
#include <tuple>

#include "cairn/base/threads.h"
#include "cairn/data/loader.h"
#include "cairn/ops/arithmetic.h"
#include "cairn/ops/compare.h"
#include "cairn/ops/elementwise.h"
#include "cairn/ops/reduce.h"
#include "cairn/tensor/create.h"
#include "cairn/tensor/random.h"
#include "support.h"

namespace cairn {
namespace {

using ::testing::HasSubstr;

// Images whose pixels are all different, and labels 0, 1, 2.
struct Set {
  Tensor images = empty({60, 2, 8, 8}, u8), labels = empty({60}, i64);
  Set() {
    for (int64_t i = 0; i < images.numel(); ++i) images.data<uint8_t>()[i] = static_cast<uint8_t>(1 + i * 7 % 251);
    for (int64_t i = 0; i < 60; ++i) labels.data<int64_t>()[i] = i % 3;
  }
};

std::vector<int64_t> numbers(int64_t n = 60) {
  std::vector<int64_t> all(static_cast<size_t>(n));
  std::iota(all.begin(), all.end(), int64_t{0});
  return all;
}

TEST(Augmented, WithoutOptionsIsTheDataSet) {
  const Set s;
  const data::Normalization norm{{0.4, 0.5}, {0.2, 0.3}};
  const data::Batch ours = data::Augmented(s.images, s.labels, norm).gather(numbers());
  const data::Batch plain = data::TensorDataset(s.images, s.labels, norm).gather(numbers());
  EXPECT_LE(amax(abs(ours.x - plain.x)).item<double>(), 1e-6);
  EXPECT_TRUE(equal(ours.y, plain.y));
}

TEST(Augmented, CropsAndFlips) {
  const Set s;
  const data::Augmented set(s.images, s.labels, {}, {.crop_padding = 2, .horizontal_flip = true, .seed = 4});
  std::set<std::tuple<int, int, bool>> seen;
  const Tensor batch = set.gather(numbers(), 3).x;
  for (int64_t i = 0; i < 60; ++i) {
    int fits = 0;
    for (int down = -2; down <= 2; ++down)
      for (int right = -2; right <= 2; ++right)
        for (const bool flip : {false, true}) {
          bool same = true;
          for (int64_t c = 0; c < 2 && same; ++c)
            for (int64_t y = 0; y < 8 && same; ++y)
              for (int64_t x = 0; x < 8 && same; ++x) {
                const int64_t from_y = y + down, from_x = (flip ? 7 - x : x) + right;
                const bool inside = from_y >= 0 && from_y < 8 && from_x >= 0 && from_x < 8;
                const int wanted = inside ? s.images[i][c][from_y][from_x].item<int>() : 0;
                same = std::lround(255 * batch[i][c][y][x].item<double>()) == wanted;
              }
          if (same) {
            ++fits;
            seen.insert({down, right, flip});
          }
        }
    EXPECT_EQ(fits, 1) << "image " << i;
  }
  EXPECT_GT(seen.size(), 25u);  // of 50
}

TEST(Augmented, IsTheSameWhoeverMakesIt) {
  const Set s;
  const data::AugmentOptions options{.crop_padding = 1,
                                     .horizontal_flip = true,
                                     .brightness = 0.3,
                                     .contrast = 0.3,
                                     .erasing = 0.5,
                                     .mixup = 0.4,
                                     .seed = 9};
  const data::Augmented set(s.images, s.labels, {}, options);
  const data::Batch whole = set.gather(numbers(), 2);
  const std::vector<int64_t> some = {17, 3, 41};
  const data::Batch part = set.gather(some, 2);
  for (size_t i = 0; i < some.size(); ++i) {
    EXPECT_TRUE(equal(part.x[static_cast<int64_t>(i)], whole.x[some[i]]));
    EXPECT_TRUE(equal(part.y[static_cast<int64_t>(i)], whole.y[some[i]]));
  }
  EXPECT_FALSE(equal(set.gather(numbers(), 3).x, whole.x));  // new in every epoch
  const int before = num_threads();
  for (const int threads : {1, 2, 3, 8}) {
    set_num_threads(threads);
    const data::Batch again = set.gather(numbers(), 2);
    EXPECT_TRUE(equal(again.x, whole.x) && equal(again.y, whole.y)) << threads << " threads";
  }
  set_num_threads(before);
  for (const int64_t prefetch : {0, 2}) {
    const data::DataLoader loader(set, {.batch_size = 25, .prefetch = prefetch});
    int64_t at = 0;
    for (const auto& [x, y] : loader.epoch(2)) {
      EXPECT_TRUE(equal(x, whole.x.slice(0, at, at + x.size(0))));
      at += x.size(0);
    }
    EXPECT_EQ(at, 60);
  }
}

TEST(Augmented, MixesImagesAndTheirLabels) {
  const Set s;
  const data::Batch b = data::Augmented(s.images, s.labels, {}, {.mixup = 1.0}).gather(numbers());
  ASSERT_EQ(b.y.shape(), Shape({60, 3}));
  EXPECT_LE(amax(abs(sum(b.y, {1}) - 1.0)).item<double>(), 1e-6);
  int mixed = 0;
  for (int64_t i = 0; i < 60; ++i) mixed += amax(b.y[i]).item<double>() < 0.99;
  EXPECT_GT(mixed, 20);
}

// The share of the other image, seen through images that are all 0 or all 255: Beta(a, a) has mean 1/2 and variance
// 1 / (4 (2a + 1)).
TEST(Augmented, MixesInSharesOfTheBetaDistribution) {
  const int64_t n = 4000;
  for (const double alpha : {1e-6, 0.2, 0.999, 1.0, 1.5, 20.0, 1e6}) {
    Tensor labels = empty({n}, i64);
    for (int64_t i = 0; i < n; ++i) labels.data<int64_t>()[i] = i;  // so that the shares stand in y
    const data::Augmented set(zeros({n, 1, 1, 1}, u8), labels, {}, {.mixup = alpha, .seed = 3});
    double sum = 0, squares = 0;
    for (int64_t begin = 0; begin < n; begin += 500) {  // y is (500, 4000)
      std::vector<int64_t> some(500);
      std::iota(some.begin(), some.end(), begin);
      const Tensor y = set.gather(some).y;
      for (int64_t i = 0; i < 500; ++i) {
        const double kept = static_cast<double>(y.pointer<float>()[i * n + begin + i]);
        ASSERT_TRUE(kept >= 0 && kept <= 1) << alpha;
        sum += kept;
        squares += (kept - 0.5) * (kept - 0.5);
      }
    }
    const double variance = 1 / (4 * (2 * alpha + 1)), error = std::sqrt(variance / static_cast<double>(n));
    EXPECT_NEAR(sum / n, 0.5, 5 * error + 1.0 / n) << alpha;  // 1 / n: an image drawn as its own partner is kept whole
    EXPECT_NEAR(squares / n, variance, 0.1 * variance + 1.0 / n) << alpha;
  }
}

TEST(Augmented, MixesIntoAsManyClassesAsAsked) {
  const Set s;
  const data::Batch b = data::Augmented(s.images, s.labels, {}, {.mixup = 0.4, .classes = 10}).gather(numbers());
  ASSERT_EQ(b.y.shape(), Shape({60, 10}));
  EXPECT_EQ(amax(b.y.slice(1, 3)).item<double>(), 0);
  EXPECT_THAT(text_of<ValueError>([&] { data::Augmented(s.images, s.labels, {}, {.mixup = 0.4, .classes = 2}); }),
              AllOf(HasSubstr("below classes"), HasSubstr("label 2")));
}

TEST(Augmented, ErasesRectanglesToTheMean) {
  const Tensor images = full({400, 1, 10, 10}, 200, u8), labels = zeros({400}, i64);
  const data::Normalization norm{{0.1}, {0.5}};
  const Tensor x = data::Augmented(images, labels, norm, {.erasing = 0.5}).gather(numbers(400)).x;
  int erased = 0;
  for (int64_t i = 0; i < 400; ++i) {
    int64_t zeros = 0;
    for (const double v : x[i].to_vector<double>()) zeros += v == 0;
    erased += zeros > 0;
    EXPECT_LE(zeros, 60);
  }
  EXPECT_NEAR(erased, 200, 45);
}

TEST(Augmented, BrightnessAndContrastStayInRange) {
  const Set s;
  const Tensor x = data::Augmented(s.images, s.labels, {}, {.brightness = 0.9, .contrast = 0.9}).gather(numbers()).x;
  EXPECT_GE(amin(x).item<double>(), 0);
  EXPECT_LE(amax(x).item<double>(), 1);
  const Tensor plain = data::TensorDataset(s.images, s.labels).gather(numbers()).x;
  EXPECT_GT(mean(abs(x - plain)).item<double>(), 0.05);
}

TEST(Augmented, SaysWhatIsWrong) {
  const Set s;
  EXPECT_THAT(text_of<DtypeError>([&] { data::Augmented(s.images.to(f32), s.labels); }), HasSubstr("u8"));
  EXPECT_THAT(text_of<ShapeError>([&] { data::Augmented(s.images, s.labels.slice(0, 1)); }), HasSubstr("one label"));
  EXPECT_THAT(text_of<ValueError>([&] { data::Augmented(s.images, s.labels, {}, {.erasing = 2}); }),
              HasSubstr("erasing"));
  EXPECT_THAT(text_of<ValueError>([&] {
                data::Augmented(s.images, s.labels, {{0.5, 0.5, 0.5}, {}});
              }),
              HasSubstr("channel"));
  EXPECT_THAT(text_of<ValueError>([&] { data::Augmented(s.images, s.labels, {}, {.crop_padding = 9}); }),
              HasSubstr("crop_padding"));
  EXPECT_THAT(text_of<ValueError>([&] {
                data::Augmented(s.images, s.labels, {{std::nan("")}, {1}});
              }),
              HasSubstr("means finite"));
  EXPECT_THAT(text_of<ShapeError>([&] {
                data::Augmented(zeros({1, 3, 0, 2}, u8), zeros({1}, i64));
              }),
              HasSubstr("pixels"));
  EXPECT_THAT(text_of<ValueError>([&] { data::Augmented(s.images, s.labels - 1, {}); }), HasSubstr("label -1"));
}

TEST(ChannelStatistics, ByHand) {
  const Tensor images = zeros({2, 2, 1, 2}, u8);
  auto* p = const_cast<Tensor&>(images).data<uint8_t>();
  const uint8_t values[] = {0, 255, 51, 51, 0, 255, 51, 153};
  std::copy(std::begin(values), std::end(values), p);
  const data::Normalization n = data::channel_statistics(images);
  EXPECT_NEAR(n.mean[0], 0.5, 1e-12);
  EXPECT_NEAR(n.deviation[0], 0.5, 1e-12);
  EXPECT_NEAR(n.mean[1], 0.3, 1e-12);
  EXPECT_THROW(data::channel_statistics(zeros({1, 1, 2, 2}, u8)), ValueError);
}

}  // namespace
}  // namespace cairn
