#include "cairn/data/subset.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <type_traits>

#include "cairn/data/loader.h"
#include "data/numbered.h"
#include "support.h"

namespace cairn {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::numbered;

static_assert(!std::is_constructible_v<data::Subset, data::TensorDataset, std::vector<int64_t>>, "it would dangle");

std::vector<int64_t> targets(const data::Dataset& set) {
  std::vector<int64_t> all(static_cast<size_t>(set.size()));
  std::iota(all.begin(), all.end(), int64_t{0});
  return set.gather(all).y.to_vector<int64_t>();
}

TEST(Subset, ShowsThoseSamplesInThatOrder) {
  const data::TensorDataset set = numbered(10);
  const data::Subset part(set, {7, 2, 2, 9});
  EXPECT_EQ(part.size(), 4);
  EXPECT_THAT(targets(part), ElementsAre(7, 2, 2, 9));
  const data::Subset part_of_it(part, {3, 0});
  EXPECT_THAT(targets(part_of_it), ElementsAre(9, 7));
  EXPECT_EQ(data::Subset(set, {}).size(), 0);
  const int64_t beyond[] = {4};
  EXPECT_THROW(part.gather(beyond), IndexError);
  EXPECT_THAT(text_of<IndexError>([&] { data::Subset(set, {3, 10}); }), HasSubstr("number 10, size 10"));
  EXPECT_THROW(data::Subset(set, {-1}), IndexError);
}

TEST(Subset, HandsOnTheEpochAndTheNumber) {
  struct Echo : data::Dataset {
    int64_t size() const override { return 100; }
    data::Batch make_batch(std::span<const int64_t> numbers, int64_t epoch) const override {
      const auto n = static_cast<int64_t>(numbers.size());
      return {from_span(numbers, {n}), full({n}, static_cast<double>(epoch), i64)};
    }
  };
  const Echo set;
  const data::Subset part(set, {40, 30, 20});
  const data::DataLoader loader(part, {.batch_size = 2});
  const auto walk = loader.epoch(6).begin();
  EXPECT_THAT(walk->x.to_vector<int64_t>(), ElementsAre(40, 30));
  EXPECT_THAT(walk->y.to_vector<int64_t>(), ElementsAre(6, 6));
  EXPECT_TRUE(part.prefetches());
  const data::TensorDataset tensors = numbered(1);
  EXPECT_FALSE(data::Subset(tensors, {0}).prefetches());
}

TEST(RandomSplit, PutsEverySampleIntoOnePart) {
  const data::TensorDataset set = numbered(101);
  for (const std::vector<Literal>& parts :
       {std::vector<Literal>{71, 30}, {0.7, 0.3}, {0.5, 0.25, 0.25}, {101}, {1.0}}) {
    const std::vector<data::Subset> split = random_split(set, parts, 3);
    ASSERT_EQ(split.size(), parts.size());
    std::vector<int64_t> all;
    for (const data::Subset& part : split) {
      const auto some = targets(part);
      all.insert(all.end(), some.begin(), some.end());
    }
    EXPECT_FALSE(std::is_sorted(all.begin(), all.end()));
    std::sort(all.begin(), all.end());
    EXPECT_EQ(all, arange(101).to_vector<int64_t>());
  }
}

TEST(RandomSplit, SizesAreAsGivenOrRoundedDownWithTheRestInFront) {
  const data::TensorDataset set = numbered(10);
  const auto sizes = [&](const std::vector<Literal>& parts) {
    std::vector<int64_t> found;
    for (const data::Subset& part : random_split(set, parts)) found.push_back(part.size());
    return found;
  };
  const int64_t rest = set.size() - 3;
  EXPECT_THAT(sizes({rest, 3}), ElementsAre(7, 3));
  EXPECT_THAT(sizes({0, 10}), ElementsAre(0, 10));
  EXPECT_THAT(sizes({0.9, 0.1}), ElementsAre(9, 1));
  EXPECT_THAT(sizes({0.75, 0.25}), ElementsAre(8, 2));          // 7.5, 2.5
  EXPECT_THAT(sizes({0.25, 0.25, 0.5}), ElementsAre(3, 2, 5));  // 2.5, 2.5, 5
  EXPECT_THAT(sizes({1.0 / 3, 1.0 / 3, 1.0 / 3}), ElementsAre(4, 3, 3));
}

TEST(RandomSplit, DependsOnTheSeedAlone) {
  const data::TensorDataset set = numbered(1000);
  const auto first = [&](uint64_t seed) { return random_split(set, {0.5, 0.5}, seed)[0].numbers(); };
  EXPECT_EQ(first(1), first(1));
  EXPECT_NE(first(1), first(2));
}

TEST(RandomSplit, Misuse) {
  const data::TensorDataset set = numbered(10);
  const auto text = [&](const std::vector<Literal>& parts) {
    return text_of<ValueError>([&] { random_split(set, parts); });
  };
  EXPECT_THAT(text({5, 4}), HasSubstr("the sizes must sum to that of the data set; got sum 9, size 10"));
  EXPECT_THAT(text({0.5, 0.4}), HasSubstr("the fractions must sum to 1; got sum 0.9"));
  for (const std::vector<Literal>& parts : {std::vector<Literal>{}, {0.5, 5}, {11, -1}, {1.5, -0.5}, {true}})
    EXPECT_THAT(text(parts), HasSubstr("such as {0.9, 0.1}"));
}

TEST(RandomSplit, PartsOfManySamplesAreNeverMoreThanThereAre) {
  struct Many : data::Dataset {
    int64_t size() const override { return 2'500'000; }
    data::Batch make_batch(std::span<const int64_t>, int64_t) const override { return {}; }
  } many;
  EXPECT_THAT(text_of<ValueError>([&] { random_split(many, {1.0, 9e-7}); }), HasSubstr("must sum to 1"));
}

}  // namespace
}  // namespace cairn
