#include "cairn/data/tokenizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cairn/base/error.h"
#include "cairn/base/random.h"
#include "cairn/data/wordpiece.h"
#include "support.h"

namespace cairn {
namespace {

using data::CharTokenizer;
using data::Encoding;
using data::Malformed;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const CharTokenizer& letters() {  // a is 5, b 6, …
  static const CharTokenizer tokenizer(std::vector<std::string>{"a", "b", "c", "d", "e", "f", "g", "[", " "});
  return tokenizer;
}

// ---- characters -----------------------------------------------------------------------------------------------------

TEST(CharTokenizer, IsMadeFromAText) {
  const CharTokenizer t = CharTokenizer::from_text("bad\nédition 日𝄞");
  EXPECT_THAT(t.vocabulary().tokens(), ElementsAre("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "\n", " ", "a", "b",
                                                   "d", "i", "n", "o", "t", "é", "日", "𝄞"));
  EXPECT_THAT(t.ids("𝄞 é"), ElementsAre(16, 6, 14));
  EXPECT_THAT(t.tokenize("a日z"), ElementsAre("a", "日", "[UNK]"));
  EXPECT_EQ(t.decode(t.ids("日 bad\néd𝄞")), "日 bad\néd𝄞");
  EXPECT_THAT(CharTokenizer::from_text("").vocabulary().tokens(), SizeIs(5));
}

TEST(CharTokenizer, IsSavedAndLoaded) {
  const testing::Folder folder;
  const CharTokenizer t = CharTokenizer::from_text("line\r\n\\ \té");
  t.vocabulary().save(folder / "characters.txt");
  const CharTokenizer again = CharTokenizer::load(folder / "characters.txt");
  EXPECT_EQ(again.vocabulary().tokens(), t.vocabulary().tokens());
  EXPECT_EQ(again.decode(again.ids("\\n\r\n")), "\\n\r\n");
}

TEST(CharTokenizer, TakesCharactersOnly) {
  EXPECT_EQ(text_of<ValueError>([] {
              CharTokenizer({"a", "bc"});
            }),
            "CharTokenizer: a token must be one character, or a special one; got token 'bc', number 6");
  EXPECT_THROW(CharTokenizer({"[PAD]x"}), ValueError);
  EXPECT_THROW(CharTokenizer({"a", "a"}), ValueError);
  EXPECT_NO_THROW(CharTokenizer({"é", "日", "𝄞"}));
}

// ---- special tokens -------------------------------------------------------------------------------------------------

TEST(Tokenizer, SpecialTokensInATextAreThose) {
  EXPECT_THAT(letters().ids("a[MASK]b[SEP]"), ElementsAre(5, 4, 6, 3));
  EXPECT_THAT(letters().ids("[[MASK]"), ElementsAre(12, 4));
  EXPECT_THAT(letters().ids("[MASK"), ElementsAre(12, 1, 1, 1, 1));
  EXPECT_THAT(letters().ids("[mask]"), SizeIs(6));
  EXPECT_THAT(letters().ids(""), IsEmpty());
  const CharTokenizer strict(letters().vocabulary(), {.special_in_text = false});
  EXPECT_THAT(strict.ids("a[PAD]"), ElementsAre(5, 12, 1, 1, 1, 1));
}

TEST(Tokenizer, EncodesOneText) {
  const Encoding e = letters().encode("abc");
  EXPECT_THAT(e.ids, ElementsAre(2, 5, 6, 7, 3));
  EXPECT_THAT(e.types, ElementsAre(0, 0, 0, 0, 0));
  EXPECT_THAT(letters().encode("").ids, ElementsAre(2, 3));
  EXPECT_THAT(letters().encode("abc", {.max_length = 5}).ids, ElementsAre(2, 5, 6, 7, 3));
  EXPECT_THAT(letters().encode("abc", {.max_length = 4}).ids, ElementsAre(2, 5, 6, 3));
  EXPECT_THAT(letters().encode("abc", {.max_length = 2}).ids, ElementsAre(2, 3));
  EXPECT_EQ(text_of<ValueError>([] { letters().encode("abc", {.max_length = 1}); }),
            "Tokenizer: max_length must leave room for the special tokens; got max_length 1, special tokens 2");
  EXPECT_THROW(letters().encode("abc", {.max_length = -1}), ValueError);
}

TEST(Tokenizer, EncodesAPair) {
  const Encoding e = letters().encode("abc", "de");
  EXPECT_THAT(e.ids, ElementsAre(2, 5, 6, 7, 3, 8, 9, 3));
  EXPECT_THAT(e.types, ElementsAre(0, 0, 0, 0, 0, 1, 1, 1));
  EXPECT_THAT(letters().encode("", "").ids, ElementsAre(2, 3, 3));
  EXPECT_THROW(letters().encode("a", "b", {.max_length = 2}), ValueError);
}

// As in BERT's code: from the longer text, from the second when they are as long.
TEST(Tokenizer, CutsTheLongerOfAPair) {
  const auto cut = [](int64_t most) {
    return letters().decode(letters().encode("abcde", "fg", {.max_length = most}).ids, false);
  };
  EXPECT_EQ(cut(10), "[CLS]abcde[SEP]fg[SEP]");
  EXPECT_EQ(cut(9), "[CLS]abcd[SEP]fg[SEP]");
  EXPECT_EQ(cut(7), "[CLS]ab[SEP]fg[SEP]");
  EXPECT_EQ(cut(6), "[CLS]ab[SEP]f[SEP]");
  EXPECT_EQ(cut(5), "[CLS]a[SEP]f[SEP]");
  EXPECT_EQ(cut(4), "[CLS]a[SEP][SEP]");
  EXPECT_EQ(cut(3), "[CLS][SEP][SEP]");
  const Encoding e = letters().encode("ab", "cdefg", {.max_length = 8});
  EXPECT_THAT(e.ids, ElementsAre(2, 5, 6, 3, 7, 8, 9, 3));
  EXPECT_THAT(e.types, ElementsAre(0, 0, 0, 0, 1, 1, 1, 1));
}

TEST(Tokenizer, CutsALongTextInPieces) {
  const auto pieces = letters().encode_pieces("abcdefg", 5);
  ASSERT_EQ(pieces.size(), 3U);
  EXPECT_THAT(pieces[0].ids, ElementsAre(2, 5, 6, 7, 3));
  EXPECT_THAT(pieces[1].ids, ElementsAre(2, 8, 9, 10, 3));
  EXPECT_THAT(pieces[2].ids, ElementsAre(2, 11, 3));
  EXPECT_THAT(pieces[2].types, ElementsAre(0, 0, 0));
  EXPECT_THAT(letters().encode_pieces("", 5), IsEmpty());
  EXPECT_THAT(letters().encode_pieces("abc", 5), SizeIs(1));
  EXPECT_THROW(letters().encode_pieces("abc", 2), ValueError);
}

TEST(Tokenizer, Decodes) {
  const std::vector<int64_t> ids = {2, 5, 4, 6, 3, 0, 0};
  EXPECT_EQ(letters().decode(ids), "ab");
  EXPECT_EQ(letters().decode(ids, false), "[CLS]a[MASK]b[SEP][PAD][PAD]");
  EXPECT_EQ(letters().decode({}), "");
  EXPECT_THROW(letters().decode(std::vector<int64_t>{99}), IndexError);
  EXPECT_THROW(letters().decode(std::vector<int64_t>{-1}), IndexError);
}

// ---- UTF-8 ----------------------------------------------------------------------------------------------------------

struct Bytes {
  const char* text;
  size_t offset;         // of the first malformed byte
  const char* replaced;  // as Unicode recommends, section 3.9: one U+FFFD for as many bytes as could begin a character
};
const Bytes malformed[] = {{"ab\xFF", 2, "ab\uFFFD"},
                           {"\x80"
                            "a",
                            0, "\uFFFDa"},
                           {"é\xC3", 2, "é\uFFFD"},                              // cut short
                           {"a\xE6\x97", 1, "a\uFFFD"},                          // cut short after two of three
                           {"a\xF0\x9D\x84z", 1, "a\uFFFDz"},                    // three of four
                           {"\xC0\xAF", 0, "\uFFFD\uFFFD"},                      // an overlong slash
                           {"x\xE0\x80\xAF", 1, "x\uFFFD\uFFFD\uFFFD"},          // the same in three bytes
                           {"\xED\xA0\x80", 0, "\uFFFD\uFFFD\uFFFD"},            // half of a surrogate pair
                           {"\xF4\x90\x80\x80", 0, "\uFFFD\uFFFD\uFFFD\uFFFD"},  // past U+10FFFF
                           {"\xF8\x88\x80\x80\x80", 0, "\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD"}};

TEST(Utf8, MalformedTextIsAnErrorThatNamesTheOffset) {
  const data::WordPieceTokenizer words(letters().vocabulary());
  for (const Bytes& m : malformed) {
    const std::string where = "at offset " + std::to_string(m.offset);
    EXPECT_THAT(text_of<ValueError>([&] { letters().ids(m.text); }), HasSubstr(where));
    EXPECT_THAT(text_of<ValueError>([&] { words.encode(m.text); }), HasSubstr(where));
    EXPECT_THAT(text_of<ValueError>([&] { data::basic_tokenize(m.text); }), HasSubstr(where));
    EXPECT_THAT(text_of<ValueError>([&] { CharTokenizer::from_text(m.text); }), HasSubstr(where));
  }
  EXPECT_EQ(text_of<ValueError>([] { letters().ids("ab\xFF"); }),
            "Tokenizer: the text must be UTF-8; got byte '0xFF', at offset 2");
}

TEST(Utf8, MalformedTextCanBeReplaced) {
  for (const Bytes& m : malformed) {
    const CharTokenizer t = CharTokenizer::from_text(m.text, {.malformed = Malformed::replace});
    EXPECT_EQ(t.decode(t.ids(m.text)), m.replaced);
  }
  EXPECT_THAT(data::basic_tokenize("na\xEFve \xFF", {.malformed = Malformed::replace}), ElementsAre("nave"));
}

TEST(Utf8, AnyBytesAreTakenOrRefused) {
  Generator random(1, "bytes");
  const data::WordPieceTokenizer words(letters().vocabulary(), {.malformed = Malformed::replace});
  for (int round = 0; round < 2000; ++round) {
    std::string text;
    for (int64_t n = random.integer(24); n > 0; --n) text += static_cast<char>(random.integer(256));
    const CharTokenizer t = CharTokenizer::from_text(text, {.malformed = Malformed::replace, .special_in_text = false});
    EXPECT_NO_THROW(words.encode(text, text, {.max_length = 8}));
    const std::string good = t.decode(t.ids(text));
    EXPECT_EQ(letters().ids(good).size(), t.ids(text).size());
    if (good == text) continue;
    EXPECT_THROW(letters().ids(text), ValueError);
  }
}

}  // namespace
}  // namespace cairn
