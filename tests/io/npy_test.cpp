#include "cairn/io/npy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cmath>
#include <cstring>
#include <thread>

#include "cairn/base/memory.h"
#include "cairn/io/safetensors.h"
#include "cairn/ops/arithmetic.h"
#include "cairn/ops/compare.h"
#include "cairn/tensor/create.h"
#include "cairn/tensor/random.h"
#include "io/files.h"
#include "support.h"

namespace cairn {
namespace {

using io::load_npy;
using io::save_npy;
using ::testing::AllOf;
using testing::bytes_of;
using ::testing::ElementsAre;
using testing::Folder;
using ::testing::HasSubstr;
using testing::run_script;
using testing::same_bits;

// A file of version 1.0 with this header and these data.
std::string npy_file(const std::string& header, const std::string& data, char version = 1) {
  std::string bytes = "\x93NUMPY";
  bytes += {version, 0, static_cast<char>(header.size() & 0xff), static_cast<char>(header.size() >> 8)};
  if (version > 1) bytes += {0, 0};
  return bytes + header + data;
}
std::string array(const std::string& descr, const std::string& shape, const std::string& data,
                  const std::string& order = "False") {
  return npy_file("{'descr': " + descr + ", 'fortran_order': " + order + ", 'shape': " + shape + ", }\n", data);
}

nn::StateDict npy_tensors() {
  nn::StateDict all;
  all["f32"] = from_vector<float>({1.5F, -2.25F, 0.0F, 1e-40F, 3e38F, -0.0F}, {2, 3});
  all["f64"] = from_vector<double>({0.1, -1e300, 1e-310});
  all["i64"] = from_vector<int64_t>({INT64_MIN, 0, INT64_MAX});
  all["u8"] = from_vector<uint8_t>({0, 1, 127, 128, 255}, {1, 5});
  all["bool"] = tensor({true, false, true});
  all["scalar"] = tensor(42.0);
  all["nothing"] = empty({0, 4});
  all["nan and inf"] = tensor({NAN, INFINITY, -INFINITY});
  all["view"] = randn({6, 5}).t().slice(0, 0, 5, 2);
  all["deep"] = randn({1, 2, 1, 2, 1, 2, 1, 2}, f64);
  all["large"] = randn({300, 70});
  return all;
}

TEST(Npy, EveryDtypeGoesThereAndBack) {
  const Folder folder;
  for (const auto& [name, x] : npy_tensors()) {
    save_npy(folder / "x.npy", x);
    EXPECT_TRUE(same_bits(load_npy(folder / "x.npy"), x)) << name;
    EXPECT_TRUE(load_npy(folder / "x.npy").is_contiguous());
  }
  EXPECT_THAT(folder.names(), ElementsAre("x.npy"));
  save_npy(folder / "x.npy", randn({3}).requires_grad_());
  EXPECT_FALSE(load_npy(folder / "x.npy").requires_grad());
}

TEST(Npy, TheBytesAreThoseOfTheFormat) {
  const Folder folder;
  save_npy(folder / "x.npy", from_vector<uint8_t>({7, 8, 9}));
  std::string header = "{'descr': '|u1', 'fortran_order': False, 'shape': (3,), }";
  header += std::string(117 - header.size(), ' ') + "\n";
  EXPECT_EQ(bytes_of(folder / "x.npy"), npy_file(header, "\7\10\11"));
}

TEST(Npy, ReadsWorkedExamples) {
  const Folder folder;
  const auto read = [&](const std::string& bytes) { return load_npy(folder.write("x.npy", bytes)); };
  // 0 to 5 column by column.
  const std::string six("\0\1\2\3\4\5", 6);
  EXPECT_TRUE(same_bits(read(array("'|u1'", "(2, 3)", six, "True")), from_vector<uint8_t>({0, 2, 4, 1, 3, 5}, {2, 3})));
  EXPECT_TRUE(same_bits(read(array("'|u1'", "(2, 3)", six)), from_vector<uint8_t>({0, 1, 2, 3, 4, 5}, {2, 3})));
  EXPECT_TRUE(same_bits(read(array("'>i2'", "(2,)", std::string("\xff\xfe\1\0", 4))), tensor({-2, 256})));
  EXPECT_TRUE(same_bits(read(array("'<i2'", "(2,)", std::string("\xfe\xff\0\1", 4))), tensor({-2, 256})));
  EXPECT_TRUE(same_bits(read(array("'<f2'", "()", std::string("\0\x3c", 2))), tensor(1.0)));
  EXPECT_TRUE(same_bits(read(array("'|b1'", "(2L, 1L)", std::string("\1\0", 2))), tensor({{true}, {false}})));
}

TEST(Npy, ReadsWhatNumPyWrites) {
  const Folder folder;
  const int status = run_script("arrays.py", "write '" + folder.path() + "'");
  if (status == 77) GTEST_SKIP() << "skipped: NumPy is absent";
  ASSERT_EQ(status, 0);
  const nn::StateDict expected = io::load_safetensors(folder / "expected.safetensors").tensors;
  EXPECT_EQ(expected.size(), 12U * 9 * 4 + 12);
  for (const auto& [name, x] : expected) EXPECT_TRUE(same_bits(load_npy(folder / (name + ".npy")), x)) << name;
}

// Also that the halves of save_safetensors are those that NumPy rounds to.
TEST(Npy, NumPyReadsAndWouldHaveWrittenTheSame) {
  const Folder folder;
  nn::StateDict all = npy_tensors();
  all.erase("f64");  // 1e300 is no half
  all["f32"] = randn({70, 300});
  all["small"] = randn({70, 300}) * 1e-6;
  all["small f64"] = randn({70, 300}, f64) * 1e-6;
  io::save_safetensors(folder / "expected.safetensors", all);
  io::save_safetensors(folder / "half.safetensors", all, {}, io::Floats::f16);
  io::save_safetensors(folder / "brain.safetensors", all, {}, io::Floats::bf16);
  for (const auto& [name, x] : all) save_npy(folder / (name + ".npy"), x);
  const int status = run_script("arrays.py", "read '" + folder.path() + "'");
  if (status == 77) GTEST_SKIP() << "skipped: NumPy is absent";
  EXPECT_EQ(status, 0);
}

TEST(Npy, MalformedFilesAreNamedWithTheirFigures) {
  const Folder folder;
  const std::string four(4, '\0'), good = "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }";
  const auto header = [&](const std::string& text) { return npy_file(text, four); };
  std::string lying = npy_file(good, four), endless = npy_file(good, four, 2);
  lying[8] = '\xff';
  endless[10] = '\x7f';
  const struct {
    const char* name;
    std::string bytes, text;
  } cases[] = {
      {"empty file", "", "fewer than 8 bytes"},
      {"seven bytes", "\x93NUMPY\1", "fewer than 8 bytes"},
      {"another format", "PK\3\4 and more", "does not begin with \\x93NUMPY"},
      {"version 0", std::string("\x93NUMPY\0\0\0\0", 10), "of version 0.0; those read are 1.0, 2.0 and 3.0"},
      {"version 1.1", std::string("\x93NUMPY\1\1\0\0", 10), "of version 1.1"},
      {"version 4", std::string("\x93NUMPY\4\0\0\0", 10), "of version 4.0"},
      {"version 255", std::string("\x93NUMPY\xff\0\0\0", 10), "of version 255.0"},
      {"no length", std::string("\x93NUMPY\1\0\5", 9), "cut short: it has no header"},
      {"half a length", std::string("\x93NUMPY\2\0\5\0", 10), "cut short: it has no header"},
      {"header longer than the file", lying, "the header has 255 bytes, the file only"},
      {"header too long", endless, "65535 are allowed"},
      {"no header", header(""), "no dictionary of descr, fortran_order and shape from byte 0 on"},
      {"empty dictionary", header("{}"), "the header has no 'descr'"},
      {"no fortran_order", header("{'descr': '<f4', 'shape': (1,)}"), "the header has no 'fortran_order'"},
      {"no shape", header("{'descr': '<f4', 'fortran_order': False}"), "the header has no 'shape'"},
      {"unknown entry", header("{'descr': '<f4', 'order': 'C'}"), "the header has an unknown entry 'order'"},
      {"descr twice", header("{'descr': '<f4', 'descr': '<f8'}"), "the header has 'descr' twice"},
      {"shape twice", header("{'shape': (1,), 'shape': (1,)}"), "the header has 'shape' twice"},
      {"order twice", header("{'fortran_order': True, 'fortran_order': True}"), "has 'fortran_order' twice"},
      {"text behind", header(good + "+ 1"), "from byte 57 on"},
      {"zero behind", header(good + std::string(1, '\0')), "from byte 57 on"},
      {"a call", header("__import__('os').system('true')"), "from byte 0 on"},
      {"a call within", header("{'descr': str('<f4'), 'fortran_order': False, 'shape': (1,)}"), "from byte 10 on"},
      {"no comma", header("{'descr': '<f4' 'fortran_order': False}"), "from byte 16 on"},
      {"two commas", header("{'descr': '<f4',, 'fortran_order': False}"), "from byte 16 on"},
      {"cut", header("{'descr': '<f4', 'fortran_order': Fal"), "from byte 34 on"},
      {"text without end", header("{'descr': '<f4"), "from byte 10 on"},
      {"quotes that differ", header("{'descr\": '<f4'}"), "from byte 1 on"},
      {"an escape", header("{'d\\x65scr': '<f4'}"), "from byte 1 on"},
      {"order is a number", header("{'fortran_order': 0}"), "from byte 18 on"},
      {"shape is a number", header("{'shape': 3}"), "from byte 10 on"},
      {"shape is a number in brackets", header("{'shape': (3)}"), "from byte 12 on"},
      {"shape is a list", header("{'shape': [3]}"), "from byte 10 on"},
      {"negative size", header("{'shape': (-1,)}"), "from byte 11 on"},
      {"fractional size", header("{'shape': (1.0,)}"), "from byte 12 on"},
      {"size in base 16", header("{'shape': (0x1,)}"), "from byte 12 on"},
      {"size in base 8", header("{'shape': (01,)}"), "from byte 13 on"},
      {"no size", header("{'shape': (,)}"), "from byte 11 on"},
      {"size from 2^63", header("{'shape': (9223372036854775808,)}"), "an impossibly large size"},
      {"nine dimensions", header("{'shape': (1,1,1,1,1,1,1,1,1)}"), "more than 8 dimensions"},
      {"product overflows", array("'|u1'", "(4294967296, 4294967296)", ""), "impossibly large shape (4294967296, 42"},
      {"large beside a zero", array("'|u1'", "(0, 9223372036854775807)", ""), "impossibly large shape"},
      {"larger than the file", array("'<f4'", "(1000000, 1000000)", four),
       "the array of shape (1000000, 1000000) and type <f4 needs 4000000000000 bytes, the file has 4"},
      {"one byte short", array("'<f4'", "(1,)", "123"), "needs 4 bytes, the file has 3"},
      {"bytes behind", array("'<f4'", "(1,)", "12345"), "needs 4 bytes, the file has more"},
      {"records", array("[('a', '<f4')]", "(1,)", four), "arrays of records are not read"},
      {"records by offset", array("('<f4', (1,))", "(1,)", four), "arrays of records are not read"},
      {"objects", array("'|O'", "(1,)", four), "arrays of Python objects are not read; descr is '|O'"},
      {"complex", array("'<c8'", "(1,)", four),
       "arrays of complex numbers are not read; descr is '<c8', those read are "
       "b1, u1, i1, i2, u2, f2, i4, u4, f4, f8, i8, u8 behind '<' or '>'"},
      {"texts", array("'<U1'", "(1,)", four), "arrays of texts are not read"},
      {"bytes", array("'|S4'", "(1,)", four), "arrays of texts are not read"},
      {"dates", array("'<M8[ns]'", "(1,)", four), "arrays of dates and times are not read"},
      {"durations", array("'<m8[s]'", "(1,)", four), "arrays of dates and times are not read"},
      {"raw bytes", array("'|V2'", "(2,)", four), "arrays of records or raw bytes are not read"},
      {"long double", array("'<f16'", "(1,)", four), "arrays of this type are not read; descr is '<f16'"},
      {"no order of bytes", array("'|f4'", "(1,)", four), "arrays of this type are not read; descr is '|f4'"},
      {"this machine's order", array("'=f4'", "(1,)", four), "descr is '=f4'"},
      {"without an order", array("'f4'", "(1,)", four), "descr is 'f4'"},
      {"an empty type", array("''", "(1,)", four), "descr is ''"},
      {"bool of another value", array("'|b1'", "(4,)", std::string("\1\0\2\0", 4)),
       "the array is BOOL but holds the byte 2"},
      {"too large for an i64", array("'>u8'", "(1,)", "\x80" + std::string(7, '\0')),
       "the array is U64 but holds 9223372036854775808, beyond an i64"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    const std::string file = folder.write("bad.npy", c.bytes);
    memory::reset_peak();
    const int64_t before = memory::stats().in_use;
    EXPECT_THAT(text_of<FileError>([&] { load_npy(file); }),
                AllOf(HasSubstr(c.text), HasSubstr("load_npy: "), HasSubstr("got '" + file + "'")));
    EXPECT_LE(memory::stats().peak - before, 4096);  // no tensor before all is checked
  }
  EXPECT_GE(std::size(cases), 50U);
  EXPECT_THAT(text_of<FileError>([&] { load_npy(folder / "none"); }), HasSubstr("there is no such file"));
  EXPECT_THAT(text_of<FileError>([&] { load_npy(folder.path()); }), HasSubstr("this is no file"));
}

TEST(Npy, AFileCutOrDamagedAnywhereIsReadOrRefused) {
  const Folder folder;
  save_npy(folder / "whole", npy_tensors()["f32"]);
  const std::string whole = bytes_of(folder / "whole");
  for (size_t length = 0; length < whole.size(); ++length)
    EXPECT_THROW(load_npy(folder.write("cut", whole.substr(0, length))), FileError) << length;
  int refused = 0;
  for (size_t at = 0; at < whole.size(); ++at)
    for (int bit = 0; bit < 8; ++bit) {
      std::string damaged = whole;
      damaged[at] = static_cast<char>(damaged[at] ^ (1 << bit));
      try {
        load_npy(folder.write("damaged", damaged));
      } catch (const FileError&) {
        ++refused;
      }
    }
  EXPECT_GT(refused, 400);
}

TEST(Npy, APipeIsReadAsAFileIs) {
  const Folder folder;
  const Tensor x = randn({300, 200});  // more than a pipe holds
  save_npy(folder / "x", x);
  ASSERT_EQ(::mkfifo((folder / "pipe").c_str(), 0600), 0);
  for (const int less : {0, 1}) {
    const std::string bytes = bytes_of(folder / "x");
    std::thread writer([&] { folder.write("pipe", bytes.substr(0, bytes.size() - static_cast<size_t>(less))); });
    if (less)
      EXPECT_THAT(text_of<FileError>([&] { load_npy(folder / "pipe"); }),
                  HasSubstr("needs 240000 bytes, the file has 239999"));
    else
      EXPECT_TRUE(same_bits(load_npy(folder / "pipe"), x));
    writer.join();
  }
}

TEST(Npy, WhatCannotBeWrittenLeavesTheOldFile) {
  const Folder folder;
  const std::string file = folder.write("x.npy", "old");
  EXPECT_THAT(text_of<ValueError>([&] { save_npy(file, Tensor()); }), HasSubstr("save_npy: the tensor is undefined"));
  EXPECT_THROW(save_npy(folder / "none/x.npy", ones({1})), FileError);
  EXPECT_EQ(bytes_of(file), "old");
}

}  // namespace
}  // namespace cairn
