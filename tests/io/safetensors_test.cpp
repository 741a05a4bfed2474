#include "cairn/io/safetensors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmath>
#include <csignal>
#include <cstring>
#include <limits>
#include <thread>

#include "cairn/base/memory.h"
#include "cairn/ops/arithmetic.h"
#include "cairn/ops/compare.h"
#include "cairn/tensor/create.h"
#include "cairn/tensor/random.h"
#include "io/files.h"
#include "io/source.h"
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
using testing::in_a_child;
using testing::run_script;
using testing::safetensors_file;
using testing::same_bits;

// A file of this header and these data.

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
  expected = safetensors_file(
      expected, std::string("\5\0\0\0\0\0\0\0", 8) + std::string("\0\0\x80\x3f\0\0\0\xc0", 8) + "\7\10\11");
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
  const SafeTensors file = load_safetensors(folder.write("half.safetensors", safetensors_file(header, data)));
  EXPECT_TRUE(same_bits(file.tensors.at("h"),
                        from_vector<float>({1, -2, 0x1p-24F, 65504, std::numeric_limits<float>::infinity(), -0.0F})));
  EXPECT_TRUE(same_bits(file.tensors.at("b"),
                        from_vector<float>({1, -2, 3.140625F, -std::numeric_limits<float>::infinity()}, {2, 2})));
  // More than one piece of the reader's buffer.
  std::string ones;
  for (int i = 0; i < 10000; ++i) ones += std::string("\x00\x3c", 2);
  const std::string many = R"({"h":{"dtype":"F16","shape":[10000],"data_offsets":[0,20000]}})";
  EXPECT_TRUE(equal(load_safetensors(folder.write("many", safetensors_file(many, ones))).tensors.at("h"),
                    cairn::ones({10000})));
}

TEST(SafeTensors, FloatsCanBeWrittenAsHalves) {
  const Folder folder;
  const std::string file = folder / "half";
  for (const io::Floats floats : {io::Floats::f16, io::Floats::bf16}) {
    nn::StateDict state = some_tensors();
    state.erase("weights.f32"), state.erase("a f64 ü");  // too large
    state["a f64"] = from_vector<double>({0.5, -2});
    state["nan and inf"] = tensor({NAN, INFINITY, -INFINITY, -0.0});
    save_safetensors(file, state, {}, floats);
    const SafeTensors back = load_safetensors(file);
    for (const auto& [name, tensor] : state)
      if (name == "nan and inf")
        EXPECT_TRUE(std::isnan(back.tensors.at(name).to_vector<float>()[0]) &&
                    same_bits(back.tensors.at(name).slice(0, 1), tensor.slice(0, 1)));
      else
        EXPECT_TRUE(same_bits(is_float(tensor.dtype()) ? tensor.to(f32) : tensor, back.tensors.at(name))) << name;
  }
  const std::string old = bytes_of(file);
  const struct {
    Tensor x;
    io::Floats floats;
    const char* text;  // null: it is rounded down to the largest
  } cases[] = {
      {tensor({1., 65520.}), io::Floats::f16,
       "a number is too large for F16, which ends at 65504; got name 'w', value 65520"},
      {tensor({-70000.}, f64), io::Floats::f16, "value -70000"},
      {tensor(0x1.ffdffffffffffp15, f64), io::Floats::f16, nullptr},  // the f64 below 65520: its f32 would be 65520
      {tensor(0x1.ffp127), io::Floats::bf16, "a number is too large for BF16, which ends at 3.3895e38; got name 'w'"},
      {tensor(0x1.fefffep127), io::Floats::bf16, nullptr},
      {tensor(1e300, f64), io::Floats::bf16, "value 1e+300"},
  };
  for (const auto& c : cases)
    if (c.text) {
      EXPECT_THAT(text_of<ValueError>([&] { save_safetensors(file, {{"w", c.x}}, {}, c.floats); }), HasSubstr(c.text));
      EXPECT_EQ(bytes_of(file), old);
    } else {
      save_safetensors(folder / "largest", {{"w", c.x}}, {}, c.floats);
      EXPECT_EQ(load_safetensors(folder / "largest").tensors.at("w").item<double>(),
                c.floats == io::Floats::f16 ? 65504 : 0x1.fep127);
    }
}

// Every half, the middle between it and the next, and what lies beside the middle.
TEST(SafeTensors, HalvesAreRoundedToTheNearestAndTiesToEven) {
  const Folder folder;
  for (const io::Floats floats : {io::Floats::f16, io::Floats::bf16}) {
    const bool brain = floats == io::Floats::bf16;
    const int64_t finite = brain ? 0x7f80 : 0x7c00;
    std::string bits;
    for (int64_t i = 0; i < finite; ++i) bits += {static_cast<char>(i & 0xff), static_cast<char>(i >> 8)};
    const std::string header = R"({"h":{"dtype":")" + std::string(brain ? "BF16" : "F16") + R"(","shape":[)" +
                               std::to_string(finite) + R"(],"data_offsets":[0,)" + std::to_string(2 * finite) + "]}}";
    const Tensor all = load_safetensors(folder.write("all", safetensors_file(header, bits))).tensors.at("h").to(f64);
    const Tensor low = all.slice(0, 0, finite - 1), high = all.slice(0, 1), middle = (low + high) * 0.5;
    std::vector<double> even, below, above;
    for (int64_t i = 0; i + 1 < finite; ++i) {
      const double m = middle.data<double>()[i];
      even.push_back(all.data<double>()[i + i % 2]);
      below.push_back(std::nextafter(m, 0));
      above.push_back(std::nextafter(m, 1e300));
    }
    const std::pair<Tensor, Tensor> cases[] = {
        {all, all}, {middle, from_vector(even)}, {from_vector(below), low}, {from_vector(above), high}};
    for (const auto& [x, expected] : cases)
      for (const double sign : {1.0, -1.0}) {
        save_safetensors(folder / "x", {{"f64", x * sign}}, {}, floats);
        EXPECT_TRUE(same_bits(load_safetensors(folder / "x").tensors.at("f64"), (expected * sign).to(f32)));
      }
    // The middle is an f32, but for those of the smallest that need one bit more than f32 has there.
    const Tensor fits = middle.to(f32);
    save_safetensors(folder / "x", {{"f32", fits}}, {}, floats);
    const Tensor back = load_safetensors(folder / "x").tensors.at("f32");
    EXPECT_TRUE(equal(back, from_vector(even).to(f32)));
  }
}

TEST(SafeTensors, ReadsAndIsReadByOthers) {
  const Folder folder;
  save_safetensors(folder / "ours", some_tensors(), some_metadata);
  const int status = run_script("foreign.py", "read '" + folder / "ours" + "'");
  if (status == 77) GTEST_SKIP() << "skipped: Python is absent";
  EXPECT_EQ(status, 0);

  ASSERT_EQ(run_script("foreign.py", "write '" + folder / "theirs" + "'"), 0);
  for (const bool map : {false, true}) {  // most of its tensors are not aligned
    const SafeTensors theirs = load_safetensors(folder / "theirs", {.map = map});
    EXPECT_EQ(theirs.metadata, some_metadata);
    nn::StateDict expected = some_tensors();
    expected["half"] = tensor({1., -2., 0x1p-24, INFINITY});
    expected["brain"] = tensor({1., -2.});
    expected["i8"] = tensor({-128, 0, 127});
    expected["i16"] = tensor({-32768, 0, 32767});
    expected["u16"] = tensor({0, 65535});
    expected["i32"] = tensor({-2147483648L, 0L, 2147483647L});
    expected["u32"] = tensor({0L, 4294967295L});
    expected["u64"] = tensor({0L, INT64_MAX});
    for (const auto& [name, tensor] : expected) EXPECT_TRUE(same_bits(tensor, theirs.tensors.at(name))) << name;
    EXPECT_EQ(theirs.tensors.size(), expected.size());
  }
}

// ---- other ways to the bytes ---------------------------------------------------------------------------------------------

TEST(SafeTensors, MappedTensorsAreThoseOfTheFileAndStayThisProcesss) {
  const Folder folder;
  const std::string file = folder / "m";
  nn::StateDict state = some_tensors();
  state["large"] = randn({300, 200});
  save_safetensors(file, state, some_metadata);
  const std::string bytes = bytes_of(file);
  memory::reset_peak();
  const int64_t before = memory::stats().in_use;
  SafeTensors mapped = load_safetensors(file, {.map = true});
  EXPECT_LE(memory::stats().peak - before, 4096);  // headers of storages; flags are copied, as they are checked
  EXPECT_EQ(mapped.metadata, some_metadata);
  EXPECT_EQ(mapped.tensors.size(), state.size());
  for (const auto& [name, tensor] : state) EXPECT_TRUE(same_bits(tensor, mapped.tensors.at(name))) << name;

  mapped.tensors.at("large").fill_(7);
  EXPECT_EQ(bytes_of(file), bytes);
  const Tensor scalar = mapped.tensors.at("scalar"), large = mapped.tensors.at("large");
  mapped.tensors.clear();  // each tensor keeps the pages
  save_safetensors(file, {{"other", ones({3})}});
  EXPECT_EQ(scalar.item<float>(), 42);
  EXPECT_TRUE(equal(large, full({300, 200}, 7)));

  save_safetensors(file, {{"nothing", empty({0})}});
  EXPECT_EQ(load_safetensors(file, {.map = true}).tensors.at("nothing").numel(), 0);
}

TEST(SafeTensors, AFileCutShortWhileItIsReadIsAnError) {
  const Folder folder;
  const std::string file = folder.write("x", std::string(100000, 'x'));
  io::FileSource in("load_safetensors", file);
  std::string bytes(100000, '\0');
  in.read(bytes.data(), 10);
  ASSERT_EQ(::truncate(file.c_str(), 50000), 0);
  EXPECT_EQ(in.left(100000), 99990);  // as it was
  EXPECT_THAT(text_of<FileError>([&] { in.read(bytes.data(), 99990); }),
              HasSubstr("load_safetensors: the file became shorter while it was read; got '" + file + "'"));
}

// What the contract of `map` warns of, and that nothing else does it: the copy of a file that was shortened is whole.
TEST(SafeTensors, OnlyMappedTensorsNeedTheirFile) {
  const Folder folder;
  const std::string file = folder / "m";
  save_safetensors(file, {{"w", ones({5000})}});
  const Tensor copied = load_safetensors(file).tensors.at("w");
  const Tensor mapped = load_safetensors(file, {.map = true}).tensors.at("w");
  EXPECT_TRUE(equal(copied, mapped));
  ASSERT_EQ(::truncate(file.c_str(), 4096), 0);
  EXPECT_TRUE(equal(copied, ones({5000})));
  EXPECT_FALSE(in_a_child([&] {
    std::signal(SIGBUS, [](int) { ::_exit(1); });
    return mapped.data<float>()[4999] == 1;
  }));
  EXPECT_THAT(text_of<FileError>([&] { load_safetensors(file, {.map = true}); }),
              HasSubstr("lies at the bytes 0 to 20000"));
}

TEST(SafeTensors, APipeIsReadAsAFileIs) {
  const Folder folder;
  nn::StateDict state = some_tensors();
  state["large"] = randn({300, 200});  // more than a pipe holds
  save_safetensors(folder / "m", state);
  const std::string whole = bytes_of(folder / "m");
  const std::pair<std::string, std::string> cases[] = {
      {whole, ""},
      {whole.substr(0, whole.size() - 1), "of the data, the file holds"},
      {whole + "xy", "1 bytes follow the last tensor"},  // it looks no further
      {whole.substr(0, 100), "the file only 92 after its length"},
      {"", "it has 0 bytes"}};
  ASSERT_EQ(::mkfifo((folder / "pipe").c_str(), 0600), 0);
  for (const auto& [bytes, text] : cases)
    for (const bool map : {false, true}) {
      std::thread writer([&, &bytes = bytes] { folder.write("pipe", bytes); });
      if (!text.empty()) {
        EXPECT_THAT(text_of<FileError>([&] { load_safetensors(folder / "pipe", {.map = map}); }), HasSubstr(text));
      } else {
        const SafeTensors back = load_safetensors(folder / "pipe", {.map = map});
        for (const auto& [name, tensor] : state) EXPECT_TRUE(same_bits(tensor, back.tensors.at(name))) << name;
      }
      writer.join();
    }
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
