// What is no file of the format is refused, with its figures, whatever stands in it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "cairn/base/memory.h"
#include "cairn/io/safetensors.h"
#include "cairn/tensor/create.h"
#include "io/files.h"
#include "support.h"

namespace cairn {
namespace {

using io::load_safetensors;
using io::save_safetensors;
using ::testing::AllOf;
using testing::bytes_of;
using testing::Folder;
using ::testing::HasSubstr;
using testing::safetensors_file;

// A file of this header and these data.

const std::string four(4, '\0'), eight(8, '\0');

std::string entry(const std::string& name, const std::string& dtype, const std::string& shape,
                  const std::string& offsets) {
  return '"' + name + R"(":{"dtype":")" + dtype + R"(","shape":)" + shape + R"(,"data_offsets":)" + offsets + "}";
}
std::string one(const std::string& dtype, const std::string& shape, const std::string& offsets) {
  return "{" + entry("w", dtype, shape, offsets) + "}";
}

TEST(SafeTensors, MalformedFilesAreNamedWithTheirFigures) {
  const Folder folder;
  const std::string good = entry("v", "F32", "[1]", "[0,4]");
  std::string overlong = safetensors_file("{}", "");
  overlong[3] = '\x7f';  // a header of 2 GB
  const struct {
    const char* name;
    std::string bytes, text;
  } cases[] = {
      {"empty file", "", "cut short: it has 0 bytes"},
      {"seven bytes", "1234567", "cut short: it has 7 bytes"},
      {"header too long for the format", overlong, "its header would have 2130706434 bytes"},
      {"header longer than the file", safetensors_file("{}", "").substr(0, 9),
       "the header has 2 bytes, the file only 1"},
      {"no header", safetensors_file("", ""), "does not begin with '{'"},
      {"not JSON", safetensors_file("hello", ""), "does not begin with '{'"},
      {"space first", safetensors_file(" {}", ""), "does not begin with '{'"},
      {"byte order mark", safetensors_file("\xEF\xBB\xBF{}", ""), "does not begin with '{'"},
      {"list", safetensors_file("[]", ""), "does not begin with '{'"},
      {"cut JSON", safetensors_file("{\"a\":", ""), "it is no JSON from byte"},
      {"two objects", safetensors_file("{}{}", ""), "it is no JSON from byte"},
      {"comment", safetensors_file("{/**/}", ""), "it is no JSON from byte"},
      {"not UTF-8", safetensors_file("{\"\xff\":{}}", ""), "it is no JSON from byte"},
      {"zeros behind", safetensors_file(std::string("{}\0\0", 4), ""), "it is no JSON from byte"},
      {"tensor is a number", safetensors_file(R"({"w":3})", ""), "'w' must be an object, and is the number 3"},
      {"tensor is null", safetensors_file(R"({"w":null})", ""), "'w' must be an object, and is null"},
      {"tensor is a list", safetensors_file(R"({"w":[]})", ""), "'w' must be an object, and is a list"},
      {"tensor is a text", safetensors_file(R"({"w":"F32"})", ""), "'w' must be an object, and is the text 'F32'"},
      {"metadata is a list", safetensors_file(R"({"__metadata__":[]})", ""), "'__metadata__' must be an object"},
      {"metadata is a number", safetensors_file(R"({"__metadata__":{"a":1}})", ""),
       "metadata must be texts; 'a' is the number 1"},
      {"metadata is an object", safetensors_file(R"({"__metadata__":{"a":{}}})", ""),
       "metadata must be texts; 'a' is an object"},
      {"metadata is true", safetensors_file(R"({"__metadata__":{"a":true}})", ""),
       "metadata must be texts; 'a' is true"},
      {"metadata twice", safetensors_file(R"({"__metadata__":{},"__metadata__":{}})", ""),
       "the header has '__metadata__' twice"},
      {"member of the metadata twice", safetensors_file(R"({"__metadata__":{"a":"","a":""}})", ""),
       "the header has 'a' twice"},
      {"tensor twice", safetensors_file("{" + good + "," + good + "}", four), "the header has 'v' twice"},
      {"dtype twice", safetensors_file(R"({"w":{"dtype":"F32","dtype":"F64","shape":[],"data_offsets":[0,4]}})", four),
       "tensor 'w' has 'dtype' twice"},
      {"unknown member", safetensors_file(R"({"w":{"dtype":"F32","shape":[1],"offsets":[0,4]}})", four),
       "tensor 'w' has an unknown member 'offsets'"},
      {"no dtype", safetensors_file(R"({"w":{"shape":[1],"data_offsets":[0,4]}})", four), "tensor 'w' has no dtype"},
      {"no shape", safetensors_file(R"({"w":{"dtype":"F32","data_offsets":[0,4]}})", four), "tensor 'w' has no shape"},
      {"no offsets", safetensors_file(R"({"w":{"dtype":"F32","shape":[1]}})", four), "tensor 'w' has no data_offsets"},
      {"dtype is a list", safetensors_file(R"({"w":{"dtype":["F32"],"shape":[1],"data_offsets":[0,4]}})", four),
       "tensor 'w' has a list as its dtype"},
      {"shape is a number", safetensors_file(one("F32", "1", "[0,4]"), four),
       "tensor 'w' has the number 1 as its shape"},
      {"shape is a text", safetensors_file(one("F32", "\"1\"", "[0,4]"), four),
       "tensor 'w' has the text '1' as its shape"},
      {"negative size", safetensors_file(one("F32", "[-1]", "[0,4]"), four), "the negative number -1 in its shape"},
      {"fractional size", safetensors_file(one("F32", "[1.5]", "[0,4]"), four), "the number 1.5 in its shape"},
      {"whole, but floating", safetensors_file(one("F32", "[1.0]", "[0,4]"), four), "the number 1.0 in its shape"},
      {"null in the shape", safetensors_file(one("F32", "[null]", "[0,4]"), four), "null in its shape"},
      {"list in the shape", safetensors_file(one("F32", "[[1]]", "[0,4]"), four), "a list in its shape"},
      {"size from 2^63", safetensors_file(one("F32", "[9223372036854775808]", "[0,4]"), four),
       "impossibly large number"},
      {"size from 2^64", safetensors_file(one("F32", "[18446744073709551616]", "[0,4]"), four),
       "the number 18446744073709551616"},
      {"nine dimensions", safetensors_file(one("F32", "[1,1,1,1,1,1,1,1,1]", "[0,4]"), four),
       "has more than 8 dimensions"},
      {"product overflows", safetensors_file(one("F32", "[4294967296,4294967296]", "[0,0]"), ""),
       "impossibly large shape (4294967296, 4294967296)"},
      {"product overflows to the right size", safetensors_file(one("U8", "[4294967296,4294967296]", "[0,0]"), ""),
       "impossibly large"},
      {"large beside a zero", safetensors_file(one("F32", "[0,9223372036854775807]", "[0,0]"), ""),
       "impossibly large shape"},
      {"larger than the file", safetensors_file(one("F32", "[1000000,1000000]", "[0,4000000000000]"), four),
       "lies at the bytes 0 to 4000000000000 of the data, the file holds 4"},
      {"one offset", safetensors_file(one("F32", "[1]", "[0]"), four), "fewer than two data_offsets"},
      {"three offsets", safetensors_file(one("F32", "[1]", "[0,4,8]"), four), "more than two data_offsets"},
      {"negative offset", safetensors_file(one("F32", "[1]", "[-4,0]"), four),
       "the negative number -4 in its data_offsets"},
      {"offsets in the wrong order", safetensors_file(one("F32", "[1]", "[4,0]"), four), "in the wrong order: 4 to 0"},
      {"too few bytes", safetensors_file(one("F32", "[2]", "[0,4]"), four),
       "of shape (2,) and dtype F32 needs 8 bytes, its data_offsets 0 to 4 hold 4"},
      {"too many bytes", safetensors_file(one("F32", "[1]", "[0,8]"), eight),
       "needs 4 bytes, its data_offsets 0 to 8 hold 8"},
      {"scalar of no bytes", safetensors_file(one("F32", "[]", "[0,0]"), ""),
       "of shape () and dtype F32 needs 4 bytes"},
      {"hole at the beginning", safetensors_file(one("F32", "[1]", "[4,8]"), eight),
       "a hole before tensor 'w': no tensor covers the bytes 0 to 4"},
      {"hole between", safetensors_file("{" + good + "," + entry("w", "U8", "[1]", "[7,8]") + "}", eight),
       "no tensor covers the bytes 4 to 7"},
      {"overlap", safetensors_file("{" + good + "," + entry("w", "F32", "[1]", "[2,6]") + "}", four + "12"),
       "tensor 'w' overlaps another one at the bytes 2 to 4"},
      {"the same bytes", safetensors_file("{" + good + "," + entry("w", "F32", "[1]", "[0,4]") + "}", four),
       "overlaps another one"},
      {"an empty one inside another",
       safetensors_file("{" + good + "," + entry("w", "F32", "[0]", "[2,2]") + "}", four), "overlaps another one"},
      {"bytes behind", safetensors_file("{" + good + "}", four + "x"),
       "1 bytes follow the last tensor, which ends at byte 4"},
      {"bytes without tensors", safetensors_file("{}", four), "4 bytes follow the last tensor"},
      {"dtype of others", safetensors_file(one("F8_E5M2", "[4]", "[0,4]"), four),
       "tensor 'w' is of dtype 'F8_E5M2'; those read are BOOL, U8, I8, I16, U16, F16, BF16, I32, U32, F32, F64, I64, "
       "U64"},
      {"too large for an i64",
       safetensors_file(one("U64", "[2]", "[0,16]"), eight + std::string("\1\0\0\0\0\0\0\x80", 8)),
       "tensor 'w' is U64 but holds 9223372036854775809, beyond an i64"},
      {"no dtype at all", safetensors_file(one("f32", "[1]", "[0,4]"), four), "tensor 'w' is of dtype 'f32'"},
      {"bool of another value", safetensors_file(one("BOOL", "[3]", "[0,3]"), "\1\2\1"),
       "tensor 'w' is BOOL but holds the byte 2"},
      {"nested without end", safetensors_file("{\"a\":{\"shape\":" + std::string(1000000, '['), ""),
       "a list in its shape"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    const std::string file = folder.write("bad.safetensors", c.bytes);
    memory::reset_peak();
    const int64_t before = memory::stats().in_use;
    EXPECT_THAT(text_of<FileError>([&] { load_safetensors(file); }),
                AllOf(HasSubstr(c.text), HasSubstr("load_safetensors: "), HasSubstr("got '" + file + "'")));
    EXPECT_LE(memory::stats().peak - before, 4096);  // no tensor before all is checked
  }
  EXPECT_GE(std::size(cases), 30U);
}

TEST(SafeTensors, WhatIsNoFile) {
  const Folder folder;
  EXPECT_THAT(text_of<FileError>([&] { load_safetensors(folder / "none"); }), HasSubstr("there is no such file"));
  EXPECT_THAT(text_of<FileError>([&] { load_safetensors(folder.path()); }), HasSubstr("this is no file"));
  EXPECT_THAT(text_of<FileError>([&] { load_safetensors("/dev/zero"); }), HasSubstr("this is no file"));
}

nn::StateDict several() {
  return {{"weights", tensor({{1.5, -2.25}, {0., 1e-40}})},
          {"ü", tensor({0.1, -1e300}, f64)},
          {"counts", tensor({INT64_MIN, INT64_MAX})},
          {"flags", tensor({true, false, true})},
          {"nothing", empty({0, 4})}};
}

TEST(SafeTensors, AFileCutAnywhereIsRefused) {
  const Folder folder;
  save_safetensors(folder / "whole", several(), {{"text", "line\n\"quoted\" \\ ü"}});
  const std::string whole = bytes_of(folder / "whole");
  for (size_t length = 0; length < whole.size(); ++length)
    EXPECT_THROW(load_safetensors(folder.write("cut", whole.substr(0, length))), FileError) << length;
  EXPECT_NO_THROW(load_safetensors(folder.write("cut", whole)));
}

TEST(SafeTensors, AFlippedBitIsReadOrRefusedButNeverFollowed) {
  const Folder folder;
  save_safetensors(folder / "whole", several(), {{"text", "line\n\"quoted\" \\ ü"}});
  const std::string whole = bytes_of(folder / "whole");
  int refused = 0;
  for (size_t at = 0; at < whole.size(); ++at) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ (1 << at % 7));
    try {
      load_safetensors(folder.write("damaged", damaged));
    } catch (const FileError&) {
      ++refused;
    }
  }
  EXPECT_GT(refused, 100);  // those in the structure of the header
}

}  // namespace
}  // namespace cairn
