#include "cairn/io/npz.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "cairn/base/memory.h"
#include "cairn/io/npy.h"
#include "cairn/io/safetensors.h"
#include "cairn/tensor/create.h"
#include "cairn/tensor/random.h"
#include "io/files.h"
#include "support.h"

namespace cairn {
namespace {

using io::load_npz;
using io::save_npz;
using ::testing::AllOf;
using testing::bytes_of;
using ::testing::ElementsAre;
using testing::Folder;
using ::testing::HasSubstr;
using testing::in_a_child_with_room;
using testing::run_script;
using testing::same_bits;

nn::StateDict npz_tensors() {
  nn::StateDict all;
  all["layer1.0.weight"] = randn({70, 300});
  all["f64 ü"] = from_vector<double>({0.1, -1e300, NAN});
  all["i64"] = from_vector<int64_t>({INT64_MIN, 0, INT64_MAX});
  all["u8"] = from_vector<uint8_t>({0, 1, 127, 128, 255}, {1, 5});
  all["bool"] = tensor({true, false, true});
  all["scalar"] = tensor(42.0);
  all["nothing"] = empty({0, 4});
  all["view"] = randn({6, 5}).t().slice(0, 0, 5, 2);
  all["zeros"] = zeros({300, 300});
  return all;
}

void expect_same(const nn::StateDict& found, const nn::StateDict& expected) {
  EXPECT_EQ(found.size(), expected.size());
  for (const auto& [name, x] : expected) EXPECT_TRUE(found.contains(name) && same_bits(found.at(name), x)) << name;
}

TEST(Npz, GoesThereAndBack) {
  const Folder folder;
  const nn::StateDict all = npz_tensors();
  for (const bool compressed : {false, true}) {
    const std::string file = folder / (compressed ? "packed.npz" : "plain.npz");
    save_npz(file, all, {.compressed = compressed});
    expect_same(load_npz(file), all);
    const std::string bytes = bytes_of(file);
    save_npz(file, all, {.compressed = compressed});
    EXPECT_EQ(bytes_of(file), bytes);
  }
  EXPECT_LT(bytes_of(folder / "packed.npz").size(), bytes_of(folder / "plain.npz").size() - 300000);
  save_npz(folder / "none.npz", {});
  EXPECT_TRUE(load_npz(folder / "none.npz").empty());
  EXPECT_THAT(folder.names(), ElementsAre("none.npz", "packed.npz", "plain.npz"));
}

TEST(Npz, ReadsWhatNumPyWrites) {
  const Folder folder;
  const int status = run_script("arrays.py", "write '" + folder.path() + "'");
  if (status == 77) GTEST_SKIP() << "skipped: NumPy is absent";
  ASSERT_EQ(status, 0);
  nn::StateDict expected = io::load_safetensors(folder / "expected.safetensors").tensors;
  std::erase_if(expected, [](const auto& named) { return named.first.starts_with("by hand"); });
  for (const char* file : {"all.npz", "packed.npz"}) expect_same(load_npz(folder / file), expected);
  EXPECT_TRUE(load_npz(folder / "none.npz").empty());
}

TEST(Npz, NumPyReadsWhatWeWrite) {
  const Folder folder;
  nn::StateDict all = npz_tensors();
  all["f64 ü"] = from_vector<double>({0.1, -0.5});  // halves are written of all of them
  io::save_safetensors(folder / "expected.safetensors", all);
  io::save_safetensors(folder / "half.safetensors", all, {}, io::Floats::f16);
  io::save_safetensors(folder / "brain.safetensors", all, {}, io::Floats::bf16);
  for (const auto& [name, x] : all) io::save_npy(folder / (name + ".npy"), x);
  save_npz(folder / "ours.npz", all);
  save_npz(folder / "ours_packed.npz", all, {.compressed = true});
  const int status = run_script("arrays.py", "read '" + folder.path() + "'");
  if (status == 77) GTEST_SKIP() << "skipped: NumPy is absent";
  EXPECT_EQ(status, 0);
}

TEST(Npz, WhatIsNoFileOfTheFormat) {
  const Folder folder;
  const auto text = [&](const std::string& file) { return text_of<FileError>([&] { load_npz(file); }); };
  EXPECT_THAT(text(folder / "none"), AllOf(HasSubstr("load_npz: there is no such file"), HasSubstr(folder / "none")));
  EXPECT_THAT(text(folder.path()), HasSubstr("this is no file"));
  EXPECT_THAT(text(folder.write("empty", "")), HasSubstr("cannot read the file as zip"));
  EXPECT_THAT(text(folder.write("text", "hello")), HasSubstr("cannot read the file as zip"));
  io::save_npy(folder / "x.npy", ones({3}));
  EXPECT_THAT(text(folder / "x.npy"), HasSubstr("cannot read the file as zip"));

  // Names, in the entry and in the directory behind it, are changed by others of the same length.
  save_npz(folder / "two", {{"aaa", ones({3})}, {"bbb", ones({3})}});
  const std::string two = bytes_of(folder / "two");
  const auto with = [&](const std::string& from, const std::string& to) {
    std::string bytes = two;
    for (size_t at = 0; (at = bytes.find(from, at)) != bytes.npos; at += from.size())
      bytes.replace(at, from.size(), to);
    return folder.write("bad", bytes);
  };
  EXPECT_THAT(text(with("bbb.npy", "bbb.txt")), HasSubstr("the entry 'bbb.txt' is no array: it does not end in .npy"));
  EXPECT_THAT(text(with("bbb", "aaa")), HasSubstr("the array 'aaa' stands there twice"));
  EXPECT_THAT(text(with("'<f4'", "'<c4'")),
              AllOf(HasSubstr("arrays of complex numbers"), HasSubstr("entry 'aaa.npy'")));
  EXPECT_THAT(text(with("(3,)", "(4,)")), HasSubstr("of shape (4,) and type <f4 needs 16 bytes, the file has 12"));
  // One is 0x3f800000.
  EXPECT_THAT(text(with(std::string("\x80\x3f\0", 3), std::string("\x81\x3f\0", 3))),
              HasSubstr("the zip file is damaged"));
}

TEST(Npz, AnEntryLongerThanItsFileCanHoldIsRefusedBeforeItIsUnpacked) {
  const Folder folder;
  save_npz(folder / "x", {{"zeros", zeros({100000})}}, {.compressed = true});
  std::string bytes = bytes_of(folder / "x");
  // The length that it unpacks to stands in both headers: 400,128 becomes 2^30 + 400,128.
  const std::string length("\x00\x1b\x06\x00", 4), longer("\x00\x1b\x06\x40", 4);
  int found = 0;
  for (size_t at = 0; (at = bytes.find(length, at)) != bytes.npos; at += 4, ++found) bytes.replace(at, 4, longer);
  ASSERT_GE(found, 1);
  memory::reset_peak();
  const int64_t before = memory::stats().in_use;
  EXPECT_THAT(text_of<FileError>([&] { load_npz(folder.write("bomb", bytes)); }),
              HasSubstr("the entry 'zeros.npy' would unpack to 1074141952 bytes, more than the file can hold"));
  EXPECT_LE(memory::stats().peak - before, 4096);
}

TEST(Npz, AFileCutOrDamagedAnywhereIsReadOrRefused) {
  const Folder folder;
  for (const bool compressed : {false, true}) {
    save_npz(folder / "whole", {{"w", tensor({1., 2., 3.})}, {"v", tensor({7})}}, {.compressed = compressed});
    const std::string whole = bytes_of(folder / "whole");
    for (size_t length = 0; length < whole.size(); ++length)
      EXPECT_THROW(load_npz(folder.write("cut", whole.substr(0, length))), FileError) << length;
    int refused = 0;
    for (size_t at = 0; at < whole.size(); ++at) {
      std::string damaged = whole;
      damaged[at] = static_cast<char>(damaged[at] ^ (1 << at % 8));
      try {
        load_npz(folder.write("damaged", damaged));
      } catch (const FileError&) {
        ++refused;
      }
    }
    EXPECT_GT(refused, 100);
  }
}

TEST(Npz, AFullDiskLeavesTheOldFile) {
  const Folder folder;
  const std::string file = folder.write("x.npz", "old");
  EXPECT_TRUE(in_a_child_with_room(1000, [&] {
    const std::string text = text_of<FileError>([&] { save_npz(file, {{"w", ones({100000})}}); });
    return text.find("x.npz") != text.npos && text.find("File too large") != text.npos;
  }));
  EXPECT_EQ(bytes_of(file), "old");
  EXPECT_THAT(folder.names(), ElementsAre("x.npz"));
}

TEST(Npz, WhatCannotBeWrittenLeavesTheOldFile) {
  const Folder folder;
  const std::string file = folder.write("x.npz", "old");
  EXPECT_THAT(text_of<ValueError>([&] { save_npz(file, {{"w", Tensor()}}); }), HasSubstr("name 'w'"));
  EXPECT_THAT(text_of<ValueError>([&] { save_npz(file, {{"", ones({1})}}); }), HasSubstr("must not be empty"));
  EXPECT_THAT(text_of<ValueError>([&] { save_npz(file, {{"\xff", ones({1})}}); }), HasSubstr("not UTF-8"));
  EXPECT_THROW(save_npz(folder / "none/x.npz", {}), FileError);
  EXPECT_THROW(save_npz("/dev/full", {{"w", ones({1})}}), FileError);
  EXPECT_EQ(bytes_of(file), "old");
}

}  // namespace
}  // namespace cairn
