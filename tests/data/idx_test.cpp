#include "cairn/data/idx.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cairn/base/memory.h"
#include "data/files.h"

namespace cairn {
namespace {

using testing::gzip;
using ::testing::HasSubstr;
using testing::idx;

TEST(Idx, ReadsPlainAndCompressed) {
  const testing::Folder folder;
  const std::string bytes = idx({2, 3}, std::string("\0\x01\x02\xfd\xfe\xff", 6));
  for (const std::string& path :
       {folder.write("plain", bytes), folder.write("packed", gzip(bytes)), folder.write("misnamed.gz", bytes)}) {
    const Tensor x = data::read_idx(path);
    EXPECT_EQ(x.shape(), Shape({2, 3})) << path;
    EXPECT_EQ(x.dtype(), u8);
    EXPECT_EQ(x.to_vector<uint8_t>(), (std::vector<uint8_t>{0, 1, 2, 253, 254, 255}));
  }
}

TEST(Idx, ReadsSeveralMembersAndPieces) {
  const testing::Folder folder;
  std::string elements(5'000'000, '\0');  // more than one piece of unpacking
  for (size_t i = 0; i < elements.size(); ++i) elements[i] = static_cast<char>(i * 2654435761U >> 24);
  const std::string bytes = idx({5, 1000, 1000}, elements);
  const std::string members =
      gzip(bytes.substr(0, 10)) + gzip(bytes.substr(10, 3'000'000)) + gzip(bytes.substr(3'000'010));
  for (const std::string& path : {folder.write("one", gzip(bytes)), folder.write("three", members)}) {
    const Tensor x = data::read_idx(path);
    ASSERT_EQ(x.numel(), 5'000'000);
    EXPECT_EQ(std::string(x.pointer<char>(), elements.size()), elements) << path;
  }
}

TEST(Idx, ReadsNoElements) {
  const testing::Folder folder;
  EXPECT_EQ(data::read_idx(folder.write("a", idx({0, 28, 28}, ""))).shape(), Shape({0, 28, 28}));
  EXPECT_EQ(data::read_idx(folder.write("b", gzip(idx({0}, "")))).shape(), Shape({0}));
}

TEST(Idx, EveryDamageIsNamed) {
  const testing::Folder folder;
  const std::string good = idx({2, 3}, "abcdef"), packed = gzip(good);
  std::string wrong_sum = packed, wrong_bits = gzip(idx({2, 3000}, std::string(6000, 'x')));
  wrong_sum[wrong_sum.size() - 8] ^= 1;  // the checksum stands in the last 8 bytes
  wrong_bits[12] ^= 0x55;
  const struct {
    std::string name, bytes, message;
  } cases[] = {
      {"empty", "", "the file is empty"},
      {"empty.gz", gzip(""), "the file is empty"},
      {"magic", "\x89PNG\r\n\x1a\n", "not an IDX file (it begins with 89504e47"},
      {"magic.gz", gzip("hello, world"), "not an IDX file"},
      {"short magic", std::string("\0\0\x08", 3), "the header is cut short"},
      {"short sizes", good.substr(0, 10), "the header is cut short"},
      {"short sizes.gz", gzip(good.substr(0, 10)), "the header is cut short"},
      {"type", idx({3}, std::string(12, '\0'), 0x0D), "the file holds 32-bit floats, only bytes are read"},
      {"unknown type", idx({3}, "abc", 0x07), "not an IDX file"},
      {"no rank", idx({}, "a"), "the file says 0 dimensions"},
      {"rank", idx(std::vector<int64_t>(9, 1), "a"), "the file says 9 dimensions, 1 to 8 are read"},
      {"cut", good.substr(0, good.size() - 1), "sizes (2, 3) need 6 bytes, the file has 5 after the header"},
      {"cut.gz", gzip(good.substr(0, good.size() - 2)), "sizes (2, 3) need 6 bytes, the file has 4 after the header"},
      {"long", good + "g", "sizes (2, 3) need 6 bytes, the file has 7 after the header"},
      {"long.gz", gzip(good + "g"), "sizes (2, 3) need 6 bytes, the file has more"},
      {"lie", idx({4'000'000'000, 1000}, "abc"), "need 4000000000000 bytes, the file has 3 after the header"},
      {"lie.gz", gzip(idx({4'000'000'000, 1000}, "abc")), "need 4000000000000 bytes, the file has 3 after the header"},
      {"overflow", idx({4'000'000'000, 4'000'000'000, 4'000'000'000}, "abc"), "are impossibly large"},
      {"overflow.gz", gzip(idx({4'000'000'000, 4'000'000'000, 4'000'000'000}, "abc")), "are impossibly large"},
      {"half.gz", packed.substr(0, packed.size() / 2), "the gzip data are cut short"},
      {"no sum.gz", packed.substr(0, packed.size() - 4), "the gzip data are cut short"},
      {"header.gz", packed.substr(0, 2), "the gzip data are cut short"},
      {"sum.gz", wrong_sum, "the gzip data are damaged (incorrect data check)"},
      {"bits.gz", wrong_bits, "the gzip data are damaged"},
      {"tail.gz", packed + "and more", "bytes that are no gzip follow the gzip data"},
  };
  const int64_t before = memory::stats().in_use;
  memory::reset_peak();
  for (const auto& c : cases) {
    const std::string path = folder.write(c.name, c.bytes);
    try {
      data::read_idx(path);
      ADD_FAILURE() << c.name << " was read";
    } catch (const FileError& e) {
      EXPECT_THAT(e.what(), HasSubstr(c.message)) << c.name;
      EXPECT_THAT(e.what(), HasSubstr("'" + path + "'")) << c.name;
    }
  }
  EXPECT_EQ(memory::stats().in_use, before);
  EXPECT_LT(memory::stats().peak - before, 1 << 20) << "memory was allocated for sizes that lie";
}

TEST(Idx, ABombIsGivenUpOn) {
  const testing::Folder folder;
  const std::string path = folder.write("bomb.gz", gzip(idx({10}, std::string(50'000'000, '\0'))));
  try {
    data::read_idx(path);
    FAIL();
  } catch (const FileError& e) {
    EXPECT_THAT(e.what(), HasSubstr("sizes (10,) need 10 bytes, the file has more"));
  }
}

TEST(Idx, WhatIsNoFile) {
  const testing::Folder folder;
  for (const auto& [path, message] :
       {std::pair<std::string, const char*>{folder.path() + "/none", "there is no such file"},
        {folder.path(), "this is no file"}}) {
    try {
      data::read_idx(path);
      FAIL();
    } catch (const FileError& e) {
      EXPECT_THAT(e.what(), HasSubstr(message));
      EXPECT_THAT(e.what(), HasSubstr(path));
    }
  }
}

}  // namespace
}  // namespace cairn
