#include "cairn/data/train_wordpiece.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cairn/base/error.h"
#include "cairn/data/grammar.h"
#include "support.h"

namespace cairn {
namespace {

using data::train_wordpiece;
using data::WordPieceTokenizer;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Not;

// Worked out by hand: the pairs of "hug" ×3, "hugs" ×2, "bug" ×2 are h##u 5, ##u##g 7, ##g##s 2, b##u 2.
TEST(TrainWordPiece, MergesTheMostFrequentPairs) {
  const auto v = train_wordpiece("hug hug hug hugs hugs bug bug", 18);
  EXPECT_THAT(v.tokens(), ElementsAre("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "b", "g", "h", "s", "u", "##b",
                                      "##g", "##h", "##s", "##u", "##ug", "hug", "bug"));
  EXPECT_EQ(train_wordpiece("hug hug hug hugs hugs bug bug", 100).size(), 19);  // and "hugs": nothing is left to merge
  EXPECT_EQ(train_wordpiece("hug hug hug hugs hugs bug bug", 100, {.min_frequency = 3}).size(), 17);
}

TEST(TrainWordPiece, PairsWithinOneLetterAndTiesAreDefinite) {
  EXPECT_THAT(train_wordpiece("aaaa aaaa", 8).tokens(), Contains("##aa"));
  const auto v = train_wordpiece("xy xy pq pq", 14);  // both pairs occur twice: the alphabet decides
  EXPECT_EQ(v.token(13), "pq");
}

TEST(TrainWordPiece, ItsTokenizerKnowsEveryWordOfTheText) {
  const data::GrammarText text = data::grammar({.train = 500, .test = 100});
  std::string all;
  for (const std::string& s : text.train.texts) all += s + "\n";
  const WordPieceTokenizer t(train_wordpiece(all, 400));
  for (const auto* part : {&text.train, &text.test})
    for (const std::string& s : part->texts) {
      EXPECT_THAT(t.ids(s), Not(Contains(t.vocabulary().unk())));
      EXPECT_EQ(t.decode(t.ids(s)), s);
    }
  EXPECT_THAT(t.tokenize("the elephant"), ElementsAre("the", "elephant"));
  EXPECT_EQ(train_wordpiece(all, 400).tokens(), t.vocabulary().tokens());  // the same each time
}

TEST(TrainWordPiece, Options) {
  const auto cased = train_wordpiece("Été été", 30, {.words = {.lower_case = false}});
  EXPECT_THAT(cased.tokens(), Contains("É"));
  EXPECT_THAT(train_wordpiece("Été été", 30).tokens(), Not(Contains("é")));
  const auto few = train_wordpiece("aa aa ab z", 30, {.alphabet = 2});  // z is the rarest; b as rare, but before it
  EXPECT_THAT(few.tokens(), Contains("b"));
  EXPECT_THAT(few.tokens(), Not(Contains("z")));
  EXPECT_THAT(train_wordpiece("a, b", 30).tokens(), Not(Contains("##,")));  // always a word of its own
  EXPECT_EQ(train_wordpiece("", 5).size(), 5);
}

TEST(TrainWordPiece, Misuse) {
  EXPECT_EQ(
      text_of<ValueError>([] { train_wordpiece("ab", 8); }),
      "train_wordpiece: size must hold the special tokens and the alphabet; take a larger size or a smaller alphabet; "
      "got size 8, needed 9");
  EXPECT_THROW(train_wordpiece("ab", 0), ValueError);
  EXPECT_THROW(train_wordpiece("ab", 20, {.min_frequency = 0}), ValueError);
  EXPECT_THROW(train_wordpiece("ab", 20, {.alphabet = 0}), ValueError);
  EXPECT_THROW(train_wordpiece("ab\xFF", 20), ValueError);
}

}  // namespace
}  // namespace cairn
