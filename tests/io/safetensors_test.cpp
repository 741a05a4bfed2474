#include "cairn/io/safetensors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>

#include "cairn/base/memory.h"
#include "cairn/ops/compare.h"
#include "cairn/tensor/create.h"
#include "cairn/tensor/random.h"
#include "support.h"

namespace cairn {
namespace {

using io::load_safetensors;
using io::SafeTensors;
using io::save_safetensors;
using ::testing::AllOf;
using testing::bytes_of;
using ::testing::ElementsAre;
using testing::Folder;
using ::testing::HasSubstr;

// A file of this header and these data.
std::string file_of(const std::string& header, const std::string& data) {
  std::string bytes(8, '\0');
  const uint64_t length = header.size();
  std::memcpy(bytes.data(), &length, 8);
  return bytes + header + data;
}

bool same_bits(const Tensor& a, const Tensor& b) {
  if (a.shape() != b.shape() || a.dtype() != b.dtype()) return false;
  const Tensor x = a.contiguous(), y = b.contiguous();
  return std::memcmp(x.pointer<char>(), y.pointer<char>(), static_cast<size_t>(x.numel()) * size_of(x.dtype())) == 0;
}

// The tensors of foreign.py that every dtype of ours can hold.
nn::StateDict some_tensors() {
  nn::StateDict state;
  state["weights.f32"] = from_vector<float>({1.5F, -2.25F, 0.0F, 1e-40F, 3e38F, -0.0F}, {2, 3});
  state["a f64 ü"] = from_vector<double>({0.1, -1e300});
  state["counts"] = from_vector<int64_t>({INT64_MIN, 0, INT64_MAX});
  state["bytes"] = from_vector<uint8_t>({0, 1, 127, 128, 255}, {1, 5});
  state["flags"] = tensor({true, false, true});
  state["scalar"] = tensor(42.0);
  state["nothing"] = empty({0, 4});
  return state;
}
const std::map<std::string, std::string> some_metadata = {{"made by", "struct"}, {"text", "line\n\"quoted\" \\ ü"}};

TEST(SafeTensors, EveryDtypeGoesThereAndBack) {
  const Folder folder;
  nn::StateDict state = some_tensors();
  state["nan and inf"] = tensor({NAN, INFINITY, -INFINITY});
  state["view"] = randn({6, 5}).t().slice(0, 0, 5, 2);
  state["deep"] = randn({1, 2, 1, 2, 1, 2, 1, 2});
  const std::string file = folder / "all.safetensors";
  save_safetensors(file, state, some_metadata);
  const SafeTensors back = load_safetensors(file);
  EXPECT_EQ(back.metadata, some_metadata);
  EXPECT_EQ(back.tensors.size(), state.size());
  for (const auto& [name, tensor] : state) EXPECT_TRUE(same_bits(tensor, back.tensors.at(name))) << name;
  EXPECT_THAT(folder.names(), ElementsAre("all.safetensors"));

  save_safetensors(folder / "none.safetensors", {});
  EXPECT_TRUE(load_safetensors(folder / "none.safetensors").tensors.empty());
  EXPECT_TRUE(load_safetensors(folder / "none.safetensors").metadata.empty());
}

TEST(SafeTensors, TheBytesAreThoseOfTheFormat) {
  const Folder folder;
  const std::string file = folder / "a.safetensors";
  save_safetensors(file, {{"b", from_vector<uint8_t>({7, 8, 9})}, {"a", tensor({1., -2.})}, {"c", tensor({5})}});
  const std::string header = R"({"a":{"data_offsets":[8,16],"dtype":"F32","shape":[2]},)"
                             R"("b":{"data_offsets":[16,19],"dtype":"U8","shape":[3]},)"
                             R"("c":{"data_offsets":[0,8],"dtype":"I64","shape":[1]}})";
  std::string expected = header + std::string((8 - header.size() % 8) % 8, ' ');
  expected =
      file_of(expected, std::string("\5\0\0\0\0\0\0\0", 8) + std::string("\0\0\x80\x3f\0\0\0\xc0", 8) + "\7\10\11");
  EXPECT_EQ(bytes_of(file), expected);
}

TEST(SafeTensors, EqualInputGivesEqualBytes) {
  const Folder folder;
  save_safetensors(folder / "a", some_tensors(), some_metadata);
  save_safetensors(folder / "b", some_tensors(), some_metadata);
  const SafeTensors back = load_safetensors(folder / "a");
  save_safetensors(folder / "c", back.tensors, back.metadata);
  EXPECT_EQ(bytes_of(folder / "a"), bytes_of(folder / "b"));
  EXPECT_EQ(bytes_of(folder / "a"), bytes_of(folder / "c"));
}

TEST(SafeTensors, HalvesAreWidened) {
  const Folder folder;
  // 1, −2, the smallest and the largest number, infinity, −0; then as BF16: 1, −2, π rounded to 8 bits, −infinity.
  const std::string data("\x00\x3c\x00\xc0\x01\x00\xff\x7b\x00\x7c\x00\x80\x80\x3f\x00\xc0\x49\x40\x80\xff", 20);
  const std::string header = R"({"h":{"dtype":"F16","shape":[6],"data_offsets":[0,12]},)"
                             R"("b":{"dtype":"BF16","shape":[2,2],"data_offsets":[12,20]}})";
  const SafeTensors file = load_safetensors(folder.write("half.safetensors", file_of(header, data)));
  EXPECT_TRUE(same_bits(file.tensors.at("h"),
                        from_vector<float>({1, -2, 0x1p-24F, 65504, std::numeric_limits<float>::infinity(), -0.0F})));
  EXPECT_TRUE(same_bits(file.tensors.at("b"),
                        from_vector<float>({1, -2, 3.140625F, -std::numeric_limits<float>::infinity()}, {2, 2})));
  // More than one piece of the reader's buffer.
  std::string ones;
  for (int i = 0; i < 10000; ++i) ones += std::string("\x00\x3c", 2);
  const std::string many = R"({"h":{"dtype":"F16","shape":[10000],"data_offsets":[0,20000]}})";
  EXPECT_TRUE(equal(load_safetensors(folder.write("many", file_of(many, ones))).tensors.at("h"), cairn::ones({10000})));
}

TEST(SafeTensors, ReadsAndIsReadByOthers) {
  if (std::system("python3 -c '' >/dev/null 2>&1") != 0) GTEST_SKIP() << "there is no python3";
  const Folder folder;
  const std::string script = "python3 '" CAIRN_SOURCE_DIR "/tests/io/foreign.py' ";
  save_safetensors(folder / "ours", some_tensors(), some_metadata);
  EXPECT_EQ(std::system((script + "read '" + folder / "ours" + "'").c_str()), 0);

  ASSERT_EQ(std::system((script + "write '" + folder / "theirs" + "'").c_str()), 0);
  const SafeTensors theirs = load_safetensors(folder / "theirs");
  EXPECT_EQ(theirs.metadata, some_metadata);
  const nn::StateDict expected = some_tensors();
  for (const auto& [name, tensor] : expected) EXPECT_TRUE(same_bits(tensor, theirs.tensors.at(name))) << name;
  EXPECT_EQ(theirs.tensors.size(), expected.size() + 2);
  EXPECT_TRUE(same_bits(theirs.tensors.at("half"), tensor({1., -2., 0x1p-24, INFINITY})));
  EXPECT_TRUE(same_bits(theirs.tensors.at("brain"), tensor({1., -2.})));
}

// ---- what is no file of the format ---------------------------------------------------------------------------------------

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
  std::string overlong = file_of("{}", "");
  overlong[3] = '\x7f';  // a header of 2 GB
  const struct {
    const char* name;
    std::string bytes, text;
  } cases[] = {
      {"empty file", "", "cut short: it has 0 bytes"},
      {"seven bytes", "1234567", "cut short: it has 7 bytes"},
      {"header too long for the format", overlong, "its header would have 2130706434 bytes"},
      {"header longer than the file", file_of("{}", "").substr(0, 9), "the header has 2 bytes, the file only 1"},
      {"no header", file_of("", ""), "does not begin with '{'"},
      {"not JSON", file_of("hello", ""), "does not begin with '{'"},
      {"space first", file_of(" {}", ""), "does not begin with '{'"},
      {"byte order mark", file_of("\xEF\xBB\xBF{}", ""), "does not begin with '{'"},
      {"list", file_of("[]", ""), "does not begin with '{'"},
      {"cut JSON", file_of("{\"a\":", ""), "it is no JSON from byte"},
      {"two objects", file_of("{}{}", ""), "it is no JSON from byte"},
      {"comment", file_of("{/**/}", ""), "it is no JSON from byte"},
      {"not UTF-8", file_of("{\"\xff\":{}}", ""), "it is no JSON from byte"},
      {"zeros behind", file_of(std::string("{}\0\0", 4), ""), "it is no JSON from byte"},
      {"tensor is a number", file_of(R"({"w":3})", ""), "'w' must be an object, and is the number 3"},
      {"tensor is null", file_of(R"({"w":null})", ""), "'w' must be an object, and is null"},
      {"tensor is a list", file_of(R"({"w":[]})", ""), "'w' must be an object, and is a list"},
      {"tensor is a text", file_of(R"({"w":"F32"})", ""), "'w' must be an object, and is the text 'F32'"},
      {"metadata is a list", file_of(R"({"__metadata__":[]})", ""), "'__metadata__' must be an object"},
      {"metadata is a number", file_of(R"({"__metadata__":{"a":1}})", ""),
       "metadata must be texts; 'a' is the number 1"},
      {"metadata is an object", file_of(R"({"__metadata__":{"a":{}}})", ""),
       "metadata must be texts; 'a' is an object"},
      {"metadata is true", file_of(R"({"__metadata__":{"a":true}})", ""), "metadata must be texts; 'a' is true"},
      {"metadata twice", file_of(R"({"__metadata__":{},"__metadata__":{}})", ""),
       "the header has '__metadata__' twice"},
      {"member of the metadata twice", file_of(R"({"__metadata__":{"a":"","a":""}})", ""), "the header has 'a' twice"},
      {"tensor twice", file_of("{" + good + "," + good + "}", four), "the header has 'v' twice"},
      {"dtype twice", file_of(R"({"w":{"dtype":"F32","dtype":"F64","shape":[],"data_offsets":[0,4]}})", four),
       "tensor 'w' has 'dtype' twice"},
      {"unknown member", file_of(R"({"w":{"dtype":"F32","shape":[1],"offsets":[0,4]}})", four),
       "tensor 'w' has an unknown member 'offsets'"},
      {"no dtype", file_of(R"({"w":{"shape":[1],"data_offsets":[0,4]}})", four), "tensor 'w' has no dtype"},
      {"no shape", file_of(R"({"w":{"dtype":"F32","data_offsets":[0,4]}})", four), "tensor 'w' has no shape"},
      {"no offsets", file_of(R"({"w":{"dtype":"F32","shape":[1]}})", four), "tensor 'w' has no data_offsets"},
      {"dtype is a list", file_of(R"({"w":{"dtype":["F32"],"shape":[1],"data_offsets":[0,4]}})", four),
       "tensor 'w' has a list as its dtype"},
      {"shape is a number", file_of(one("F32", "1", "[0,4]"), four), "tensor 'w' has the number 1 as its shape"},
      {"shape is a text", file_of(one("F32", "\"1\"", "[0,4]"), four), "tensor 'w' has the text '1' as its shape"},
      {"negative size", file_of(one("F32", "[-1]", "[0,4]"), four), "the negative number -1 in its shape"},
      {"fractional size", file_of(one("F32", "[1.5]", "[0,4]"), four), "the number 1.5 in its shape"},
      {"whole, but floating", file_of(one("F32", "[1.0]", "[0,4]"), four), "the number 1.0 in its shape"},
      {"null in the shape", file_of(one("F32", "[null]", "[0,4]"), four), "null in its shape"},
      {"list in the shape", file_of(one("F32", "[[1]]", "[0,4]"), four), "a list in its shape"},
      {"size from 2^63", file_of(one("F32", "[9223372036854775808]", "[0,4]"), four), "impossibly large number"},
      {"size from 2^64", file_of(one("F32", "[18446744073709551616]", "[0,4]"), four),
       "the number 18446744073709551616"},
      {"nine dimensions", file_of(one("F32", "[1,1,1,1,1,1,1,1,1]", "[0,4]"), four), "has more than 8 dimensions"},
      {"product overflows", file_of(one("F32", "[4294967296,4294967296]", "[0,0]"), ""),
       "impossibly large shape (4294967296, 4294967296)"},
      {"product overflows to the right size", file_of(one("U8", "[4294967296,4294967296]", "[0,0]"), ""),
       "impossibly large"},
      {"large beside a zero", file_of(one("F32", "[0,9223372036854775807]", "[0,0]"), ""), "impossibly large shape"},
      {"larger than the file", file_of(one("F32", "[1000000,1000000]", "[0,4000000000000]"), four),
       "lies at the bytes 0 to 4000000000000 of the data, the file holds 4"},
      {"one offset", file_of(one("F32", "[1]", "[0]"), four), "fewer than two data_offsets"},
      {"three offsets", file_of(one("F32", "[1]", "[0,4,8]"), four), "more than two data_offsets"},
      {"negative offset", file_of(one("F32", "[1]", "[-4,0]"), four), "the negative number -4 in its data_offsets"},
      {"offsets in the wrong order", file_of(one("F32", "[1]", "[4,0]"), four), "in the wrong order: 4 to 0"},
      {"too few bytes", file_of(one("F32", "[2]", "[0,4]"), four),
       "of shape (2,) and dtype F32 needs 8 bytes, its data_offsets 0 to 4 hold 4"},
      {"too many bytes", file_of(one("F32", "[1]", "[0,8]"), eight), "needs 4 bytes, its data_offsets 0 to 8 hold 8"},
      {"scalar of no bytes", file_of(one("F32", "[]", "[0,0]"), ""), "of shape () and dtype F32 needs 4 bytes"},
      {"hole at the beginning", file_of(one("F32", "[1]", "[4,8]"), eight),
       "a hole before tensor 'w': no tensor covers the bytes 0 to 4"},
      {"hole between", file_of("{" + good + "," + entry("w", "U8", "[1]", "[7,8]") + "}", eight),
       "no tensor covers the bytes 4 to 7"},
      {"overlap", file_of("{" + good + "," + entry("w", "F32", "[1]", "[2,6]") + "}", four + "12"),
       "tensor 'w' overlaps another one at the bytes 2 to 4"},
      {"the same bytes", file_of("{" + good + "," + entry("w", "F32", "[1]", "[0,4]") + "}", four),
       "overlaps another one"},
      {"an empty one inside another", file_of("{" + good + "," + entry("w", "F32", "[0]", "[2,2]") + "}", four),
       "overlaps another one"},
      {"bytes behind", file_of("{" + good + "}", four + "x"), "1 bytes follow the last tensor, which ends at byte 4"},
      {"bytes without tensors", file_of("{}", four), "4 bytes follow the last tensor"},
      {"dtype of others", file_of(one("I32", "[1]", "[0,4]"), four),
       "tensor 'w' is of dtype 'I32'; F64, F32, F16, BF16, I64, U8 and BOOL are read"},
      {"no dtype at all", file_of(one("f32", "[1]", "[0,4]"), four), "tensor 'w' is of dtype 'f32'"},
      {"bool of another value", file_of(one("BOOL", "[3]", "[0,3]"), "\1\2\1"),
       "tensor 'w' is BOOL but holds the byte 2"},
      {"nested without end", file_of("{\"a\":{\"shape\":" + std::string(1000000, '['), ""), "a list in its shape"},
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

TEST(SafeTensors, AFileCutAnywhereIsRefused) {
  const Folder folder;
  save_safetensors(folder / "whole", some_tensors(), some_metadata);
  const std::string whole = bytes_of(folder / "whole");
  for (size_t length = 0; length < whole.size(); ++length)
    EXPECT_THROW(load_safetensors(folder.write("cut", whole.substr(0, length))), FileError) << length;
  EXPECT_NO_THROW(load_safetensors(folder.write("cut", whole)));
}

TEST(SafeTensors, AFlippedBitIsReadOrRefusedButNeverFollowed) {
  const Folder folder;
  save_safetensors(folder / "whole", some_tensors(), some_metadata);
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

TEST(SafeTensors, RefusesToWriteWhatCannotBeRead) {
  const Folder folder;
  const std::string file = folder.write("a.safetensors", "old");
  EXPECT_THAT(text_of<ValueError>([&] { save_safetensors(file, {{"w", Tensor()}}); }), HasSubstr("name 'w'"));
  EXPECT_THROW(save_safetensors(file, {{"__metadata__", ones({1})}}), NameError);
  EXPECT_THAT(text_of<ValueError>([&] { save_safetensors(file, {{"\xff", ones({1})}}); }), HasSubstr("not UTF-8"));
  EXPECT_THROW(save_safetensors(file, {}, {{"a", "\xc3"}}), ValueError);
  EXPECT_THROW(save_safetensors(folder.path(), {}), FileError);
  EXPECT_EQ(bytes_of(file), "old");
  EXPECT_THAT(folder.names(), ElementsAre("a.safetensors"));
}

}  // namespace
}  // namespace cairn
