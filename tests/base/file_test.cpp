#include "cairn/base/file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "io/files.h"
#include "support.h"

namespace cairn {
namespace {

using testing::bytes_of;
using ::testing::ElementsAre;
using testing::Folder;
using ::testing::HasSubstr;
using testing::in_a_child;
using testing::in_a_child_with_room;
namespace fs = std::filesystem;

void replace(const std::string& path, const std::string& bytes) {
  io::AtomicFile file(path);
  file.write(bytes);
  file.commit();
}

TEST(AtomicFile, WritesAndReplaces) {
  const Folder folder;
  const std::string path = folder / "a.bin";
  replace(path, std::string("one\0two", 7));
  EXPECT_EQ(bytes_of(path), std::string("one\0two", 7));
  replace(path, "");
  EXPECT_EQ(bytes_of(path), "");
  {
    io::AtomicFile file(path);
    for (int i = 0; i < 3; ++i) file.write("abc");
    EXPECT_EQ(bytes_of(path), "");  // not before it is whole
    EXPECT_EQ(folder.names().size(), 2U);
    file.commit();
  }
  EXPECT_EQ(bytes_of(path), "abcabcabc");
  EXPECT_THAT(folder.names(), ElementsAre("a.bin"));
}

TEST(AtomicFile, WithoutACommitNothingHasHappened) {
  const Folder folder;
  const std::string path = folder.write("a.bin", "old");
  try {
    io::AtomicFile file(path);
    file.write("new");
    throw ValueError("in between");
  } catch (const ValueError&) {
  }
  EXPECT_EQ(bytes_of(path), "old");
  EXPECT_THAT(folder.names(), ElementsAre("a.bin"));
}

TEST(AtomicFile, KeepsModeAndLinks) {
  const Folder folder;
  const std::string path = folder.write("a.bin", "old"), link = folder / "link", nowhere = folder / "nowhere";
  ::chmod(path.c_str(), 0640);
  fs::create_symlink("a.bin", link);
  fs::create_symlink("b.bin", nowhere);
  replace(link, "new");
  EXPECT_TRUE(fs::is_symlink(link));
  EXPECT_EQ(bytes_of(path), "new");
  EXPECT_EQ(fs::status(path).permissions(), fs::perms(0640));
  replace(nowhere, "made");
  EXPECT_TRUE(fs::is_symlink(nowhere));
  EXPECT_EQ(bytes_of(folder / "b.bin"), "made");
  const mode_t mask = ::umask(027);
  replace(folder / "fresh.bin", "");
  ::umask(mask);
  EXPECT_EQ(fs::status(folder / "fresh.bin").permissions(), fs::perms(0640));
}

TEST(AtomicFile, LongAndRelativeNames) {
  const Folder folder;
  const std::string longest(255, 'n');
  replace(folder / longest, "x");
  EXPECT_EQ(bytes_of(folder / longest), "x");
  EXPECT_TRUE(in_a_child([&] {
    fs::current_path(folder.path());
    replace("here.bin", "y");
    return bytes_of(folder / "here.bin") == "y";
  }));
}

TEST(AtomicFile, ErrorsNamePathAndReason) {
  const Folder folder;
  EXPECT_THAT(text_of<FileError>([&] { io::AtomicFile(folder / "none/a.bin"); }),
              ::testing::AllOf(HasSubstr("none/a.bin'"), HasSubstr("No such file or directory")));
  EXPECT_THAT(text_of<FileError>([&] { io::AtomicFile(folder.path()); }), HasSubstr("this is a folder"));
  EXPECT_THAT(text_of<FileError>([&] { io::AtomicFile("/dev/full"); }), HasSubstr("this is no plain file"));
  EXPECT_THAT(text_of<FileError>([&] { io::AtomicFile(""); }), HasSubstr("no name of a file; got ''"));
  EXPECT_THAT(text_of<FileError>([&] { io::AtomicFile(folder / "new/"); }), HasSubstr("no name of a file"));
  folder.write("plain", "");
  EXPECT_THAT(text_of<FileError>([&] { io::AtomicFile(folder / "plain/a.bin"); }), HasSubstr("Not a directory"));
  EXPECT_THAT(text_of<FileError>([&] { io::AtomicFile(folder / std::string(256, 'n')); }), HasSubstr("too long"));
  // Nobody, not even root, makes files there.
  EXPECT_THAT(text_of<FileError>([&] { io::AtomicFile("/proc/self/a.bin"); }), HasSubstr("cannot create a file"));
  EXPECT_THAT(folder.names(), ElementsAre("plain"));
}

TEST(AtomicFile, AFullDiskLeavesTheOldFile) {
  const Folder folder;
  const std::string path = folder.write("a.bin", "old");
  EXPECT_TRUE(in_a_child_with_room(1000, [&] {
    const std::string text = text_of<FileError>([&] { replace(path, std::string(5000, 'x')); });
    return text.find("a.bin") != text.npos && text.find("File too large") != text.npos;
  }));
  EXPECT_EQ(bytes_of(path), "old");
  EXPECT_THAT(folder.names(), ElementsAre("a.bin"));
}

TEST(AtomicFile, TheTargetBecameAFolder) {
  const Folder folder;
  const std::string path = folder / "a.bin";
  io::AtomicFile file(path);
  file.write("x");
  fs::create_directory(path);
  EXPECT_THAT(text_of<FileError>([&] { file.commit(); }), HasSubstr("cannot put the file in its place"));
}

}  // namespace
}  // namespace cairn
