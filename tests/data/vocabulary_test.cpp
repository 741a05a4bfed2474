#include "cairn/data/vocabulary.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cairn/base/error.h"
#include "support.h"

namespace cairn {
namespace {

using data::Vocabulary;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

const std::vector<std::string> five = {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"};

std::vector<std::string> with(const std::vector<std::string>& more) {
  std::vector<std::string> all = five;
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

TEST(Vocabulary, NumbersTokensAndFindsThem) {
  const Vocabulary v({"the", "[MASK]", "[SEP]", "[CLS]", "[UNK]", "[PAD]", "##s", "é"});
  EXPECT_EQ(v.size(), 8);
  EXPECT_EQ(v.token(7), "é");
  EXPECT_EQ(v.find("##s"), 6);
  EXPECT_EQ(v.find("s"), -1);
  EXPECT_EQ(v.id("the"), 0);
  EXPECT_THAT(v.special(), ElementsAre(5, 4, 3, 2, 1));
  EXPECT_THAT(std::vector({v.pad(), v.unk(), v.cls(), v.sep(), v.mask()}), ElementsAre(5, 4, 3, 2, 1));
  EXPECT_TRUE(v.is_special(1));
  EXPECT_FALSE(v.is_special(0));
  EXPECT_THROW(v.token(8), IndexError);
  EXPECT_THROW(v.token(-1), IndexError);
  EXPECT_EQ(text_of<NameError>([&] { v.id("a"); }), "Vocabulary: no such token; got 'a'");
}

TEST(Vocabulary, StaysTheSameWhenCopiedAndMoved) {
  Vocabulary first(with({"a", "b"}));
  Vocabulary copy = first;
  const Vocabulary moved = std::move(first);
  EXPECT_EQ(copy.find("b"), 6);
  EXPECT_EQ(moved.find("b"), 6);
}

TEST(Vocabulary, RefusesWhatIsNone) {
  const auto text = [](const std::vector<std::string>& tokens) {
    return text_of<ValueError>([&] { Vocabulary v(tokens); });
  };
  EXPECT_EQ(text(with({"a", ""})), "Vocabulary: token 6 is empty");
  EXPECT_EQ(text(with({"a", "b", "a"})), "Vocabulary: token 7 is 'a', as is token 5; a token has one number");
  EXPECT_EQ(text(with({"ab\xFFz"})), "Vocabulary: token 5 is no UTF-8, at byte 2 of it");
  for (const char* odd : {"a\nb", "\n\n", "a\r", "\\n", "\\r"})  // to be read as others than they are
    EXPECT_EQ(text(with({"a", odd})), "Vocabulary: token 6 is nothing that a line of a file can hold");
  EXPECT_EQ(text({"\xEF\xBB\xBF", "a"}), "Vocabulary: token 0 is nothing that a line of a file can hold");
  EXPECT_EQ(text({"[PAD]", "[UNK]", "[CLS]", "[SEP]"}),
            "Vocabulary: the special token [MASK] is missing; got 4 tokens");
  EXPECT_EQ(text({}), "Vocabulary: the special token [PAD] is missing; got 0 tokens");
}

TEST(Vocabulary, IsSavedAndLoaded) {
  const testing::Folder folder;
  const Vocabulary v(with({"\n", "\r", "a\rb", " ", "\t", "\\", "n", "\\nn", "日", "##é", "\xEF\xBB\xBF"}));
  v.save(folder / "vocab.txt");
  EXPECT_EQ(Vocabulary::load(folder / "vocab.txt").tokens(), v.tokens());
  EXPECT_THAT(text_of<FileError>([&] { v.save(folder / "none/vocab.txt"); }), HasSubstr("none/vocab.txt'"));
  EXPECT_THAT(text_of<FileError>([&] { v.save("/dev/full"); }), HasSubstr("this is no plain file"));
  EXPECT_THAT(folder.names(), ElementsAre("vocab.txt"));
}

TEST(Vocabulary, ReadsFilesOfOtherEditors) {
  const testing::Folder folder;
  const std::string lines = "[PAD]\r\n[UNK]\r\n[CLS]\r\n[SEP]\r\n[MASK]\r\nthe";  // no line feed at the end
  folder.write("vocab.txt", "\xEF\xBB\xBF" + lines);
  EXPECT_EQ(Vocabulary::load(folder / "vocab.txt").tokens(), with({"the"}));
}

TEST(Vocabulary, NamesFileAndLineOfDamage) {
  const testing::Folder folder;
  const std::string start = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n";
  const auto text = [&](const std::string& bytes) {
    folder.write("v.txt", bytes);
    return text_of<FileError>([&] { Vocabulary::load(folder / "v.txt"); });
  };
  EXPECT_THAT(text(start + "a\n\nb\n"), AllOf(HasSubstr("line 7 is empty"), HasSubstr(folder / "v.txt")));
  EXPECT_THAT(text(start + "a\n[UNK]\n"), HasSubstr("line 7 is '[UNK]', as is line 2"));
  EXPECT_THAT(text(start + "caf\xE9\n"), HasSubstr("line 6 is no UTF-8, at byte 3 of it"));
  EXPECT_THAT(text("the\na\n"), HasSubstr("the special token [PAD] is missing"));
  EXPECT_THAT(text(""), HasSubstr("the special token [PAD] is missing; got 0 tokens"));
  EXPECT_THAT(text_of<FileError>([&] { Vocabulary::load(folder / "none.txt"); }), HasSubstr("there is no such file"));
}

}  // namespace
}  // namespace cairn
