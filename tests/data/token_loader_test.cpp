#include "cairn/data/token_loader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>

#include "cairn/base/random.h"
#include "cairn/ops/compare.h"
#include "cairn/tensor/create.h"
#include "support.h"

namespace cairn {
namespace {

using data::Encoding;
using data::TokenBatch;
using data::TokenDataset;
using data::TokenLoader;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

static_assert(std::input_iterator<TokenLoader::Iterator>);
static_assert(std::sentinel_for<std::default_sentinel_t, TokenLoader::Iterator>);

// Sequence i begins with the token 100 + i and is 1 to 60 long; its label is i.
TokenDataset numbered_sequences(int64_t n) {
  Generator random(1, "lengths");
  std::vector<Encoding> sequences;
  std::vector<int64_t> labels;
  for (int64_t i = 0; i < n; ++i) {
    sequences.push_back({std::vector<int64_t>(static_cast<size_t>(1 + random.integer(60)), 7), {}});
    sequences.back().ids[0] = 100 + i;
    labels.push_back(i);
  }
  return TokenDataset(std::move(sequences), std::move(labels));
}

std::vector<int64_t> order(const TokenLoader& loader, int64_t epoch, int64_t first = 0) {
  std::vector<int64_t> all;
  for (const TokenBatch& b : loader.epoch(epoch, first)) {
    EXPECT_EQ(b.epoch, epoch);
    EXPECT_EQ(b.labels.to_vector<int64_t>(), b.numbers);
    all.insert(all.end(), b.numbers.begin(), b.numbers.end());
  }
  return all;
}

TEST(TokenLoader, PadsToTheLongestOfTheBatch) {
  const TokenDataset set({{{2, 5, 3}, {0, 0, 0}}, {{2, 5, 3, 6, 3}, {0, 0, 0, 1, 1}}, {{2}}}, {4, 5, 6});
  const TokenLoader loader(set, {.batch_size = 2, .pool = 1, .pad = 9});
  EXPECT_EQ(loader.batches(), 2);
  EXPECT_EQ(loader.samples(), 3);
  auto it = loader.epoch(0).begin();
  EXPECT_TRUE(equal(it->ids, tensor({{2, 5, 3, 9, 9}, {2, 5, 3, 6, 3}})));
  EXPECT_TRUE(equal(it->mask, tensor({{true, true, true, false, false}, {true, true, true, true, true}})));
  EXPECT_TRUE(equal(it->types, tensor({{0, 0, 0, 0, 0}, {0, 0, 0, 1, 1}})));
  EXPECT_TRUE(equal(it->labels, tensor({4, 5})));
  EXPECT_THAT(it->numbers, ElementsAre(0, 1));
  ++it;
  EXPECT_TRUE(equal(it->ids, full({1, 1}, 2, i64)));
  EXPECT_TRUE(equal(it->labels, tensor({6})));
  ++it;
  EXPECT_TRUE(it == std::default_sentinel);
  EXPECT_FALSE(data::make_batch(TokenDataset({{{1, 2}}}), {0}, 0).labels.defined());
}

TEST(TokenLoader, BatchesHoldSimilarLengths) {
  const TokenDataset set = numbered_sequences(2000);
  const auto padding = [&](const data::TokenLoaderOptions& options) {
    const TokenLoader loader(set, options);
    int64_t places = 0, tokens = 0;
    for (const TokenBatch& b : loader.epoch(0)) {
      places += b.ids.numel();
      for (const int64_t i : b.numbers) tokens += static_cast<int64_t>(set[i].ids.size());
    }
    return 1 - static_cast<double>(tokens) / static_cast<double>(places);
  };
  // Lengths are uniform on 1 … 60, so a batch of 32 at random is padded to nearly 60 where 30.5 would do.
  EXPECT_GT(padding({.shuffle = true, .pool = 1}), 0.4);
  EXPECT_LT(padding({.shuffle = true, .pool = 20}), 0.06);
}

TEST(TokenLoader, TheOrderDependsOnSeedAndEpochAlone) {
  const TokenDataset set = numbered_sequences(1003);
  const TokenLoader a(set, {.batch_size = 32, .shuffle = true, .seed = 3, .pool = 5});
  const TokenLoader b(set, {.batch_size = 32, .shuffle = true, .seed = 4, .pool = 5});
  const auto third = order(a, 3);
  EXPECT_NE(order(a, 2), third);
  EXPECT_NE(order(b, 3), third);
  EXPECT_EQ(order(a, 3), third);
  expect_same_on_any_threads([&] { return order(a, 3); });
  auto sorted = third;
  std::sort(sorted.begin(), sorted.end());
  EXPECT_EQ(sorted, arange(1003).to_vector<int64_t>());  // every sample once
  std::vector<int64_t> lengths;                          // short and long batches come mixed
  for (const TokenBatch& batch : a.epoch(3)) lengths.push_back(batch.ids.size(1));
  EXPECT_FALSE(std::is_sorted(lengths.begin(), lengths.begin() + 5));
}

TEST(TokenLoader, GoesOnAtAnyBatch) {
  const TokenDataset set = numbered_sequences(100);
  const TokenLoader loader(set, {.batch_size = 8, .shuffle = true, .pool = 4});
  const auto whole = order(loader, 1);
  for (const int64_t first : {0, 1, 7, 12, 13})
    EXPECT_EQ(order(loader, 1, first), std::vector(whole.begin() + std::min<int64_t>(8 * first, 100), whole.end()));
  EXPECT_THROW(loader.epoch(1, 14), ValueError);
  EXPECT_THROW(loader.epoch(1, -1), ValueError);
  EXPECT_THROW(loader.epoch(-1), ValueError);
}

TEST(TokenLoader, WithoutShuffle) {
  const TokenDataset set = numbered_sequences(10);
  const TokenLoader plain(set, {.batch_size = 4, .pool = 1});
  EXPECT_EQ(order(plain, 5), arange(10).to_vector<int64_t>());
  const TokenLoader sorted(set, {.batch_size = 4});
  std::vector<size_t> lengths;
  for (const int64_t i : order(sorted, 0)) lengths.push_back(set[i].ids.size());
  EXPECT_TRUE(std::is_sorted(lengths.begin(), lengths.end()));
}

TEST(TokenLoader, DropLastLeavesOutAnySamples) {
  const TokenDataset set = numbered_sequences(70);
  const TokenLoader loader(set, {.batch_size = 32, .shuffle = true, .drop_last = true});
  EXPECT_EQ(loader.batches(), 2);
  EXPECT_EQ(loader.samples(), 64);
  std::vector<int> seen(70);
  for (int64_t epoch = 0; epoch < 200; ++epoch)
    for (const int64_t i : order(loader, epoch)) ++seen[static_cast<size_t>(i)];
  // 64 of 70 in each epoch: 183 of 200 on average, deviation 4; six deviations
  EXPECT_GT(*std::min_element(seen.begin(), seen.end()), 157);
}

TEST(TokenLoader, Misuse) {
  const TokenDataset set = numbered_sequences(3);
  EXPECT_THROW(TokenLoader(set, {.batch_size = 0}), ValueError);
  EXPECT_THROW(TokenLoader(set, {.pool = 0}), ValueError);
  EXPECT_THROW(TokenLoader(set, {.pad = -1}), ValueError);
  EXPECT_THAT(text_of<ValueError>([&] { TokenLoader(set, {.batch_size = 4, .drop_last = true}); }),
              HasSubstr("drop_last leaves out the only batch"));
  const TokenDataset nothing(std::vector<Encoding>{});
  EXPECT_THAT(text_of<ValueError>([&] { TokenLoader loader(nothing); }), HasSubstr("the data set is empty"));
  EXPECT_THROW(TokenDataset(std::vector<Encoding>{{{1}}}, {1, 2}), ShapeError);
  EXPECT_THROW(TokenDataset(std::vector<Encoding>{{{1, 2}, {0}}}), ShapeError);
  EXPECT_EQ(text_of<ValueError>([] {
              TokenDataset(std::vector<Encoding>{{{1}}, {}});
            }),
            "TokenDataset: a sequence must have tokens; got sequence 1");
  EXPECT_THROW(TokenDataset(std::vector<Encoding>{{{-1}}}), ValueError);
  EXPECT_THROW(set[3], IndexError);
  EXPECT_THROW(data::make_batch(set, {0, 3}, 0), IndexError);
}

}  // namespace
}  // namespace cairn
