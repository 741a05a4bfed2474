#include "cairn/data/masked_tokens.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "cairn/base/random.h"
#include "cairn/ops/compare.h"
#include "cairn/tensor/create.h"
#include "support.h"

namespace cairn {
namespace {

using data::Encoding;
using data::mask_tokens;
using data::MaskingOptions;
using data::TokenBatch;
using data::TokenDataset;
using ::testing::Each;
using ::testing::HasSubstr;

const MaskingOptions options = {.mask = 4, .vocabulary = 1000, .special = {0, 1, 2, 3, 4}};

// [CLS] some words [SEP], with 5 to 999 for words.
TokenDataset sentences(int64_t n, int64_t shortest, int64_t longest) {
  Generator random(2, "sentences");
  std::vector<Encoding> all;
  for (int64_t i = 0; i < n; ++i) {
    Encoding& e = all.emplace_back();
    e.ids.push_back(2);
    for (int64_t k = shortest + random.integer(longest - shortest + 1); k > 0; --k)
      e.ids.push_back(5 + random.integer(995));
    e.ids.push_back(3);
  }
  return TokenDataset(std::move(all));
}

TokenBatch batch_of(const TokenDataset& set, int64_t epoch = 0) {
  return data::make_batch(set, arange(set.size()).to_vector<int64_t>(), 0, epoch);
}

TEST(MaskTokens, ChoosesTheRoundedShareOfEachRow) {
  const TokenDataset set = sentences(300, 0, 80);
  const TokenBatch before = batch_of(set), after = mask_tokens(before, options);
  EXPECT_TRUE(equal(before.ids, batch_of(set).ids));  // not changed
  EXPECT_TRUE(equal(after.mask, before.mask));
  EXPECT_EQ(after.numbers, before.numbers);
  ASSERT_EQ(after.labels.shape(), before.ids.shape());
  for (int64_t i = 0; i < set.size(); ++i) {
    const auto was = before.ids[i].to_vector<int64_t>(), is = after.ids[i].to_vector<int64_t>(),
               label = after.labels[i].to_vector<int64_t>();
    int64_t words = 0, chosen = 0;
    for (size_t j = 0; j < was.size(); ++j) {
      words += was[j] >= 5;
      chosen += label[j] != -100;
      EXPECT_EQ(label[j] == -100 ? is[j] : label[j], was[j]);
      EXPECT_TRUE(was[j] >= 5 || label[j] == -100);  // neither special tokens nor padding
    }
    EXPECT_EQ(chosen, words == 0 ? 0 : std::max(1L, std::lround(0.15 * static_cast<double>(words)))) << words;
  }
}

// Of some 60,000 chosen tokens; bounds are five deviations.
TEST(MaskTokens, HidesEightInTenAndChangesOne) {
  const TokenDataset set = sentences(1000, 400, 400);
  const TokenBatch before = batch_of(set), after = mask_tokens(before, options);
  const auto was = before.ids.to_vector<int64_t>(), is = after.ids.to_vector<int64_t>(),
             label = after.labels.to_vector<int64_t>();
  double chosen = 0, masked = 0, kept = 0;
  std::vector<int> at(402);
  std::set<int64_t> others;
  for (size_t k = 0; k < was.size(); ++k) {
    if (label[k] == -100) continue;
    ++chosen;
    ++at[k % 402];
    if (is[k] == 4)
      ++masked;
    else if (is[k] == was[k])
      ++kept;
    else
      others.insert(is[k]);
  }
  EXPECT_EQ(chosen, 60000);
  EXPECT_NEAR(masked / chosen, 0.8, 5 * std::sqrt(0.8 * 0.2 / chosen));
  // One in 995 of the random tokens is the one that was there.
  EXPECT_NEAR(kept / chosen, 0.1 + 0.1 / 995, 5 * std::sqrt(0.1 * 0.9 / chosen));
  EXPECT_EQ(*others.begin(), 5);  // any word, and no special token
  EXPECT_EQ(*others.rbegin(), 999);
  EXPECT_GT(others.size(), 980U);  // of 995 each is missed with probability e⁻⁶
  for (size_t j = 1; j <= 400; ++j) EXPECT_NEAR(at[j], 150, 5 * std::sqrt(1000 * 0.15 * 0.85)) << "place " << j;
}

TEST(MaskTokens, DependsOnSeedEpochAndSampleAlone) {
  const TokenDataset set = sentences(64, 1, 50);
  const TokenBatch first = mask_tokens(batch_of(set), options);
  EXPECT_TRUE(equal(mask_tokens(batch_of(set), options).ids, first.ids));
  EXPECT_FALSE(equal(mask_tokens(batch_of(set, 1), options).labels, first.labels));
  MaskingOptions other = options;
  other.seed = 1;
  EXPECT_FALSE(equal(mask_tokens(batch_of(set), other).labels, first.labels));
  // A sample in another batch, padded otherwise, among others.
  const TokenBatch two = mask_tokens(data::make_batch(set, {40, 7}, 0), options);
  const int64_t l = static_cast<int64_t>(set[7].ids.size());
  EXPECT_TRUE(equal(two.ids[1].narrow(0, 0, l), first.ids[7].narrow(0, 0, l)));
  EXPECT_TRUE(equal(two.labels[1].narrow(0, 0, l), first.labels[7].narrow(0, 0, l)));
  expect_same_on_any_threads([&] { return mask_tokens(batch_of(set), options).ids.to_vector<int64_t>(); });
}

TEST(MaskTokens, TheSharesCanBeChosen) {
  const TokenDataset set = sentences(20, 10, 20);
  MaskingOptions all = {
      .mask = 4, .vocabulary = 1000, .special = {3, 2, 2, 0}, .probability = 1, .masked = 1, .random = 0};
  const TokenBatch before = batch_of(set), after = mask_tokens(before, all);
  const auto was = before.ids.to_vector<int64_t>(), is = after.ids.to_vector<int64_t>();
  for (size_t k = 0; k < was.size(); ++k) EXPECT_EQ(is[k], was[k] < 5 ? was[k] : 4);
  all.masked = 0;
  EXPECT_TRUE(equal(mask_tokens(before, all).ids, before.ids));
  all.random = 1;
  all.vocabulary = 5;  // tokens 1 and 4 alone are not special
  const TokenDataset small({{{2, 4, 1, 4, 1, 1, 3}}});
  std::set<int64_t> seen;
  for (int64_t epoch = 0; epoch < 20; ++epoch)
    for (const int64_t v : mask_tokens(batch_of(small, epoch), all).ids.narrow(1, 1, 5).to_vector<int64_t>())
      seen.insert(v);
  EXPECT_EQ(seen, (std::set<int64_t>{1, 4}));
}

TEST(MaskTokens, RowsWithoutWordsAndTransposedBatches) {
  const TokenDataset set({{{2, 3}}, {{2, 3}}});
  EXPECT_THAT(mask_tokens(batch_of(set), options).labels.to_vector<int64_t>(), Each(-100));
  TokenBatch b = batch_of(sentences(5, 8, 8));
  const TokenBatch plain = mask_tokens(b, options);
  b.ids = b.ids.t().contiguous().t();
  b.mask = b.mask.t().contiguous().t();
  EXPECT_TRUE(equal(mask_tokens(b, options).ids, plain.ids));
}

TEST(MaskTokens, Misuse) {
  const TokenBatch b = batch_of(sentences(2, 3, 3));
  const auto with = [](auto change) {
    MaskingOptions o = options;
    change(o);
    return o;
  };
  EXPECT_EQ(text_of<ValueError>([&] { mask_tokens(b, with([](auto& o) { o.probability = 1.5; })); }),
            "mask_tokens: a probability is from 0 to 1; got probability 1.5");
  EXPECT_THROW(mask_tokens(b, with([](auto& o) { o.masked = std::nan(""); })), ValueError);
  EXPECT_THROW(mask_tokens(b, with([](auto& o) { o.random = 0.3; })), ValueError);  // 1.1 with masked
  EXPECT_THAT(text_of<ValueError>([&] { mask_tokens(b, {}); }), HasSubstr("mask must be a token of the vocabulary"));
  EXPECT_THROW(mask_tokens(b, with([](auto& o) { o.special = {1000}; })), ValueError);
  EXPECT_THROW(mask_tokens(b, {.mask = 0, .vocabulary = 1, .special = {0}}), ValueError);
  EXPECT_THROW(mask_tokens({}, options), ShapeError);
}

}  // namespace
}  // namespace cairn
