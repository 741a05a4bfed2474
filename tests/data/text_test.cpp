#include "cairn/data/text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "cairn/data/mnist.h"
#include "data/files.h"
#include "support.h"

namespace cairn {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

TEST(ReadText, TakesPlainAndCompressedFiles) {
  const testing::Folder folder;
  std::string text("a\0b\r\n\xFF", 6);
  for (int i = 0; i < 100000; ++i) text += "0123456789abcdefghijk\n";  // more than is read at a time
  folder.write("plain", text);
  folder.write("packed", testing::gzip(text));
  folder.write("empty", "");
  EXPECT_EQ(data::read_text(folder / "plain"), text);
  EXPECT_EQ(data::read_text(folder / "packed"), text);
  EXPECT_EQ(data::read_text(folder / "empty"), "");
  folder.write("cut", testing::gzip(text).substr(0, 500));
  EXPECT_THROW(data::read_text(folder / "cut"), FileError);
  EXPECT_THROW(data::read_text(folder / "none"), FileError);
  EXPECT_THROW(data::read_text(folder.path()), FileError);
}

TEST(SplitText, CutsWhereALineBegins) {
  const auto [train, test] = data::split_text("one\ntwo\nthree\nfour\n", 0.4);
  EXPECT_EQ(train, "one\ntwo\n");
  EXPECT_EQ(test, "three\nfour\n");
  EXPECT_EQ(data::split_text("0123456789", 0.3).test, "789");
  EXPECT_EQ(data::split_text("abédef", 0.5).train, "a");  // not inside of é, nor beside it
}

TEST(SplitText, Misuse) {
  for (const double share : {0.0, 1.0, -0.1, std::nan("")})
    EXPECT_THROW(data::split_text("abc\ndef\n", share), ValueError);
  EXPECT_THAT(text_of<ValueError>([] { data::split_text(""); }), HasSubstr("too short to hold a part of it out"));
  EXPECT_THROW(data::split_text("a"), ValueError);
  EXPECT_THROW(data::split_text("ééé", 0.5), ValueError);
}

TEST(TinyShakespeare, SaysWhatIsMissing) {
  const testing::Folder folder;
  EXPECT_FALSE(data::has_tiny_shakespeare(folder.path()));
  EXPECT_THAT(text_of<FileError>([&] { data::load_tiny_shakespeare(folder.path()); }),
              AllOf(HasSubstr(folder.path()), HasSubstr("fetch_tiny_shakespeare.sh")));
  folder.write("input.txt", "");
  EXPECT_TRUE(data::has_tiny_shakespeare(folder.path()));
  EXPECT_THAT(text_of<FileError>([&] { data::load_tiny_shakespeare(folder.path()); }),
              HasSubstr("the file holds no text to speak of"));
}

TEST(TinyShakespeare, IsReadPlainOrCompressed) {
  const testing::Folder folder;
  std::string text;
  for (int i = 0; i < 10; ++i) text += "line\n";
  folder.write("input.txt.gz", testing::gzip(text));
  EXPECT_EQ(data::load_tiny_shakespeare(folder.path()).test, "line\n");
}

TEST(TinyShakespeare, TheRealOne) {
  const std::string folder = data::find_data("tiny-shakespeare", "", CAIRN_SOURCE_DIR, data::has_tiny_shakespeare);
  if (folder.empty()) GTEST_SKIP() << "Tiny Shakespeare is neither in $CAIRN_DATA/tiny-shakespeare nor in data/";
  const auto [train, test] = data::load_tiny_shakespeare(folder);
  EXPECT_EQ(train.size() + test.size(), 1115394U);
  EXPECT_NEAR(static_cast<double>(test.size()), 111539, 100);  // a line is shorter
  EXPECT_THAT(train, StartsWith("First Citizen:\nBefore we proceed"));
  EXPECT_EQ(train.back(), '\n');
}

}  // namespace
}  // namespace cairn
