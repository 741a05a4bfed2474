#include "cairn/data/wordpiece.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cairn/base/error.h"
#include "support.h"

namespace cairn {
namespace {

using data::basic_tokenize;
using data::Vocabulary;
using data::WordPieceOptions;
using data::WordPieceTokenizer;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

using Words = std::vector<std::string>;

struct Case {
  const char* text;
  Words lower, cased;
};

// Agreed upon with two others: the tokenizers library of Hugging Face (0.23), and the rules written down once more with
// the Unicode tables of Python's unicodedata. The last three are as in BERT's own code and in Python; that library
// reads older tables, has no final sigma and drops characters for private use.
const Case cases[] = {
    {"", {}, {}},
    {" \t\n\r \u00a0\u3000\u2028", {}, {}},
    {"Hello, World!", {"hello", ",", "world", "!"}, {"Hello", ",", "World", "!"}},
    {" \tHeLLo!how  \n Are yoU?  ", {"hello", "!", "how", "are", "you", "?"}, {"HeLLo", "!", "how", "Are", "yoU", "?"}},
    {"H\u00E9llo", {"hello"}, {"H\u00E9llo"}},
    {"re\u0301sume\u0301 Łódź", {"resume", "łodz"}, {"re\u0301sume\u0301", "Łódź"}},
    {"ah\u535A\u63A8zz", {"ah", "\u535A", "\u63A8", "zz"}, {"ah", "\u535A", "\u63A8", "zz"}},
    {"ひらがな カタカナ\U00020000", {"ひらかな", "カタカナ", "\U00020000"}, {"ひらがな", "カタカナ", "\U00020000"}},
    {"\uF900", {"\u8C48"}, {"\uF900"}},
    {"한국", {"\u1112\u1161\u11ab\u1100\u116e\u11a8"}, {"한국"}},
    {"don't $5.00 a_b ^~`|",
     {"don", "'", "t", "$", "5", ".", "00", "a", "_", "b", "^", "~", "`", "|"},
     {"don", "'", "t", "$", "5", ".", "00", "a", "_", "b", "^", "~", "`", "|"}},
    {"\u201Cso\u201D\u2014he\u2026\u3002",
     {"\u201C", "so", "\u201D", "\u2014", "he", "\u2026", "\u3002"},
     {"\u201C", "so", "\u201D", "\u2014", "he", "\u2026", "\u3002"}},
    {"5€ a+b 😀x", {"5€", "a", "+", "b", "😀x"}, {"5€", "a", "+", "b", "😀x"}},
    {"a\x01z\u200B\uFEFF\u00ADb\x7F\uFFFD"
     "c",
     {"azbc"},
     {"azbc"}},
    {"İstanbul Straße ǅ K", {"istanbul", "straße", "ǆ", "k"}, {"İstanbul", "Straße", "ǅ", "K"}},
    {"\u0301 x", {"x"}, {"\u0301", "x"}},
    {"ΟΔΟΣ Σ ΟΔΟΣ.", {"οδος", "σ", "οδος", "."}, {"ΟΔΟΣ", "Σ", "ΟΔΟΣ", "."}},
    {"a\uE000b", {"a\uE000b"}, {"a\uE000b"}},
    {"x\u061Dy", {"x", "\u061D", "y"}, {"x", "\u061D", "y"}},
};

TEST(BasicTokenize, SplitsTextAsBertDoes) {
  for (const Case& c : cases) {
    EXPECT_EQ(basic_tokenize(c.text), c.lower) << c.text;
    EXPECT_EQ(basic_tokenize(c.text, {.lower_case = false}), c.cased) << c.text;
  }
  EXPECT_THAT(basic_tokenize(std::string_view("a\0b", 3)), ElementsAre("ab"));
}

TEST(BasicTokenize, OptionsAreIndependent) {
  EXPECT_THAT(basic_tokenize("É", {.lower_case = true, .strip_accents = false}), ElementsAre("é"));
  EXPECT_THAT(basic_tokenize("É", {.lower_case = false, .strip_accents = true}), ElementsAre("E"));
  EXPECT_THAT(basic_tokenize("İ", {.lower_case = true, .strip_accents = false}), ElementsAre("i\u0307"));
  EXPECT_THAT(basic_tokenize("中文x", {.space_cjk = false}), ElementsAre("中文x"));
}

Vocabulary small() {
  return Vocabulary({"[UNK]", "[CLS]", "[SEP]", "want", "##want", "##ed", "wa", "un", "runn", "##ing", ",", "low",
                     "lowest", "##aff", "##able", "é", "##é", "[PAD]", "[MASK]"});
}

TEST(WordPiece, TakesTheLongestPiecesFromTheLeft) {
  const WordPieceTokenizer t(small());
  EXPECT_THAT(t.tokenize(""), IsEmpty());
  EXPECT_THAT(t.tokenize("unwanted running"), ElementsAre("un", "##want", "##ed", "runn", "##ing"));
  EXPECT_THAT(t.tokenize("UNwant\u00E9d,running"), ElementsAre("un", "##want", "##ed", ",", "runn", "##ing"));
  EXPECT_THAT(t.ids("unaffable"), ElementsAre(7, 13, 14));
  EXPECT_THAT(t.tokenize("lowest"), ElementsAre("lowest"));
  EXPECT_THAT(t.tokenize("unwantedX running"), ElementsAre("[UNK]", "runn", "##ing"));  // the whole word, not a part
  EXPECT_THAT(t.tokenize("lowe"), ElementsAre("[UNK]"));
  EXPECT_THAT(t.tokenize("ed"), ElementsAre("[UNK]"));  // a piece, but not the beginning of a word
  EXPECT_THAT(t.tokenize("##ed"), ElementsAre("[UNK]", "[UNK]", "[UNK]"));
  const WordPieceTokenizer cased(small(), {.lower_case = false});
  EXPECT_THAT(cased.tokenize("éé UN un"), ElementsAre("é", "##é", "[UNK]", "un"));
}

TEST(WordPiece, LongWordsAreUnknown) {
  const WordPieceTokenizer t(small(), {.lower_case = false});
  std::string word;
  for (int i = 0; i < 100; ++i) word += "é";
  EXPECT_EQ(t.ids(word).size(), 100U);  // counted in characters, not in bytes
  EXPECT_THAT(t.tokenize(word + "é"), ElementsAre("[UNK]"));
  const WordPieceTokenizer short_words(small(), {.max_characters = 4});
  EXPECT_THAT(short_words.tokenize("want wanted"), ElementsAre("want", "[UNK]"));
  EXPECT_THROW(WordPieceTokenizer(small(), {.max_characters = 0}), ValueError);
}

TEST(WordPiece, KeepsSpecialTokensWhole) {
  const WordPieceTokenizer t(small());
  EXPECT_THAT(t.tokenize("[CLS] un[MASK]want [SEP]"), ElementsAre("[CLS]", "un", "[MASK]", "want", "[SEP]"));
  const WordPieceTokenizer strict(small(), {.special_in_text = false});
  EXPECT_THAT(strict.tokenize("[MASK]"), ElementsAre("[UNK]", "[UNK]", "[UNK]"));
}

TEST(WordPiece, EncodesAndDecodes) {
  const WordPieceTokenizer t(small());
  const data::Encoding e = t.encode("unaffable", "want, wanted", {.max_length = 9});
  EXPECT_THAT(e.ids, ElementsAre(1, 7, 13, 14, 2, 3, 10, 3, 2));
  EXPECT_THAT(e.types, ElementsAre(0, 0, 0, 0, 0, 1, 1, 1, 1));
  EXPECT_EQ(t.decode(e.ids), "unaffable want , want");
  EXPECT_EQ(t.decode(e.ids, false), "[CLS] unaffable [SEP] want , want [SEP]");
  EXPECT_EQ(t.decode(t.ids("running unwanted")), "running unwanted");
  EXPECT_EQ(t.decode(std::vector<int64_t>{5, 5}), "##eded");
}

TEST(WordPiece, ReadsAVocabularyFile) {
  const testing::Folder folder;
  small().save(folder / "vocab.txt");
  EXPECT_THAT(WordPieceTokenizer::load(folder / "vocab.txt").ids("unaffable"), ElementsAre(7, 13, 14));
  folder.write("other.txt", "un\n##aff\n##able\n");
  EXPECT_THROW(WordPieceTokenizer::load(folder / "other.txt"), FileError);
}

}  // namespace
}  // namespace cairn
