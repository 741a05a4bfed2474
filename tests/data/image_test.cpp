// Compiled when the component cairn::image is built.
#include "cairn/data/image.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <filesystem>

#include "cairn/ops/compare.h"
#include "cairn/tensor/create.h"
#include "data/files.h"

namespace cairn {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Tensor picture(int64_t c, int64_t h, int64_t w) {
  Tensor t = empty({c, h, w}, u8);
  for (int64_t i = 0; i < t.numel(); ++i) t.data<uint8_t>()[i] = static_cast<uint8_t>(i * 37 % 256);
  return t;
}

TEST(Png, WritesAndReadsTheSamePixels) {
  const testing::Folder folder;
  for (const int64_t channels : {1, 3}) {
    const Tensor image = picture(channels, 7, 5);
    data::write_png(folder / "p.png", image);
    EXPECT_TRUE(equal(data::read_png(folder / "p.png"), image));
  }
}

std::string chunk(const std::string& kind_and_bytes) {
  const auto sum = crc32(0, reinterpret_cast<const Bytef*>(kind_and_bytes.data()), kind_and_bytes.size());
  return testing::big_endian(static_cast<int64_t>(kind_and_bytes.size()) - 4) + kind_and_bytes +
         testing::big_endian(static_cast<int64_t>(sum));
}

// A PNG file of one row, as other programs write them: write_png knows two colour types and eight bits only.
std::string png_of_row(int width, int depth, int colour_type, const std::string& row, const std::string& extra = "") {
  const std::string filtered = '\0' + row;
  std::string packed(compressBound(filtered.size()), '\0');
  uLongf size = packed.size();
  compress(reinterpret_cast<Bytef*>(packed.data()), &size, reinterpret_cast<const Bytef*>(filtered.data()),
           filtered.size());
  packed.resize(size);
  const std::string kind = {static_cast<char>(depth), static_cast<char>(colour_type), 0, 0, 0};
  return "\x89PNG\r\n\x1a\n" + chunk("IHDR" + testing::big_endian(width) + testing::big_endian(1) + kind) + extra +
         chunk("IDAT" + packed) + chunk("IEND");
}

TEST(Png, ReadsEveryColourTypeAndDepth) {
  using std::string;
  const testing::Folder folder;
  const string palette = chunk("PLTE" + string("\x0a\x14\x1e\xc8\x64\x32", 6));  // (10, 20, 30), (200, 100, 50)
  const struct {
    string name, bytes;
    int64_t channels;
    std::vector<uint8_t> pixels;  // channel by channel
  } cases[] = {
      {"grey 1", png_of_row(8, 1, 0, "\xb1"), 1, {255, 0, 255, 255, 0, 0, 0, 255}},
      {"grey 2", png_of_row(4, 2, 0, "\x1b"), 1, {0, 85, 170, 255}},
      {"grey 4", png_of_row(2, 4, 0, "\x1f"), 1, {17, 255}},
      {"grey 8", png_of_row(2, 8, 0, "\x80\x40"), 1, {128, 64}},
      // Not linear, whatever the interface of libpng takes by itself: 186 and 136 would come of that.
      {"grey 16", png_of_row(2, 16, 0, "\x80\x80\x40\x40"), 1, {128, 64}},
      {"colour 8", png_of_row(1, 8, 2, "\x80\x40\xff"), 3, {128, 64, 255}},
      {"colour 16", png_of_row(1, 16, 2, "\x80\x80\x40\x40\xff\xff"), 3, {128, 64, 255}},
      {"palette", png_of_row(2, 8, 3, string("\1\0", 2), palette), 3, {200, 10, 100, 20, 50, 30}},
      {"palette 1", png_of_row(2, 1, 3, "\x80", palette), 3, {200, 10, 100, 20, 50, 30}},
      {"clear colour of palette",
       png_of_row(2, 8, 3, string("\1\0", 2), palette + chunk("tRNS" + string("\0\xff", 2))),
       3,
       {200, 0, 100, 0, 50, 0}},
      {"clear grey", png_of_row(2, 8, 0, "\x80\x40", chunk("tRNS" + string("\0\x40", 2))), 1, {128, 0}},
      // Half of the light of 200 on black: 200 · 0.5^(1 / 2.2) ≈ 146.
      {"grey and alpha", png_of_row(3, 8, 4, string("\xc8\xff\xc8\x80\xc8\0", 6)), 1, {200, 146, 0}},
      {"colour and alpha",
       png_of_row(2, 8, 6, string("\xc8\x64\x32\xff\xc8\x64\x32\0", 8)),
       3,
       {200, 0, 100, 0, 50, 0}},
      // 0.5 of the light is 186 in sRGB.
      {"linear", png_of_row(1, 8, 0, "\x80", chunk("gAMA" + testing::big_endian(100000))), 1, {186}},
  };
  for (const auto& c : cases) {
    const Tensor image = data::read_png(folder.write(c.name, c.bytes));
    EXPECT_EQ(image.shape(), Shape({c.channels, 1, static_cast<int64_t>(c.pixels.size()) / c.channels})) << c.name;
    EXPECT_EQ(image.to_vector<uint8_t>(), c.pixels) << c.name;
  }
}

TEST(Png, SaysWhatIsWrong) {
  const testing::Folder folder;
  EXPECT_THAT(text_of<FileError>([&] { data::read_png(folder / "none.png"); }), HasSubstr("no such file"));
  EXPECT_THAT(text_of<FileError>([&] { data::read_png(std::string(5000, 'x')); }), HasSubstr("no such file"));
  EXPECT_THAT(text_of<FileError>([&] { data::read_png(folder.path()); }), HasSubstr("no such file"));
  EXPECT_THAT(text_of<FileError>([&] { data::read_png(folder.write("empty.png", "")); }), HasSubstr("empty.png"));
  const std::string text = folder.write("text.png", "this is no picture");
  EXPECT_THAT(text_of<FileError>([&] { data::read_png(text); }), HasSubstr("cannot be read as a PNG"));
  data::write_png(folder / "whole.png", picture(3, 40, 40));
  const std::string bytes = testing::bytes_of(folder / "whole.png");
  const std::string cut = folder.write("cut.png", bytes.substr(0, bytes.size() / 2));
  EXPECT_THAT(text_of<FileError>([&] { data::read_png(cut); }), HasSubstr("damaged"));
  std::string wrong_sum = bytes;
  wrong_sum[bytes.size() / 2] ^= 1;
  EXPECT_THAT(text_of<FileError>([&] { data::read_png(folder.write("sum.png", wrong_sum)); }), HasSubstr("sum.png"));
  const std::string few = folder.write("few.png", png_of_row(30000, 8, 0, "abc"));
  EXPECT_THAT(text_of<FileError>([&] { data::read_png(few); }), HasSubstr("damaged"));
  EXPECT_THROW(data::write_png(folder / "p.png", zeros({2, 3, 3}, u8)), ShapeError);
  EXPECT_THROW(data::write_png(folder / "p.png", zeros({1, 3, 3})), DtypeError);
  EXPECT_THROW(data::write_png(folder / "no/such/folder.png", picture(1, 2, 2)), FileError);
  EXPECT_THROW(data::write_png("/dev/full", picture(1, 2, 2)), FileError);
}

TEST(ResizeImage, ByHand) {
  const Tensor row = from_vector(std::vector<uint8_t>{0, 100}).reshape({1, 1, 2});
  EXPECT_THAT(data::resize_image(row, {1, 4}).to_vector<uint8_t>(), ElementsAre(0, 25, 75, 100));
  // Halved, a pixel reaches over twice the width: 3/7, 3/7 and 1/7 at the left edge, mirrored at the right.
  const Tensor column = from_vector(std::vector<uint8_t>{70, 140, 210, 0}).reshape({1, 4, 1});
  EXPECT_THAT(data::resize_image(column, {2, 1}).to_vector<uint8_t>(), ElementsAre(120, 110));
  const Tensor image = picture(3, 7, 5);
  EXPECT_TRUE(equal(data::resize_image(image, {7, 5}), image));
  EXPECT_TRUE(equal(data::resize_image(full({3, 9, 4}, 77, u8), {4, 13}), full({3, 4, 13}, 77, u8)));
  const Tensor turned = data::resize_image(image.transpose(1, 2), {3, 8});  // a view, and both directions
  EXPECT_TRUE(equal(turned, data::resize_image(image, {8, 3}).transpose(1, 2).contiguous()));
  EXPECT_THROW(data::resize_image(image, {0, 3}), ValueError);
  EXPECT_THROW(data::resize_image(image.to(f32), 3), DtypeError);
  EXPECT_THROW(data::resize_image(image[0], 3), ShapeError);
  EXPECT_THROW(data::resize_image(zeros({3, 0, 4}, u8), 3), ShapeError);
}

TEST(ImageFolder, ReadsClassesFromFolders) {
  const testing::Folder folder;
  for (const char* name : {"dog", "cat"}) std::filesystem::create_directory(folder / name);
  data::write_png(folder / "dog/b.PNG", picture(1, 4, 3));
  data::write_png(folder / "dog/a.png", picture(3, 4, 3));
  data::write_png(folder / "cat/c.png", picture(3, 4, 3));
  folder.write("cat/notes.txt", "no picture");
  const data::ImageFolder all = data::load_image_folder(folder.path());
  EXPECT_THAT(all.classes, ElementsAre("cat", "dog"));
  EXPECT_EQ(all.labels.to_vector<int64_t>(), (std::vector<int64_t>{0, 1, 1}));
  EXPECT_EQ(all.images.shape(), Shape({3, 3, 4, 3}));
  EXPECT_TRUE(equal(all.images[1], picture(3, 4, 3)));
  EXPECT_TRUE(equal(all.images[2].narrow(0, 2, 1), picture(1, 4, 3)));  // grey in all three
  data::write_png(folder / "cat/d.png", picture(3, 5, 3));
  EXPECT_THAT(text_of<FileError>([&] { data::load_image_folder(folder.path()); }),
              AllOf(HasSubstr("one size"), HasSubstr("d.png")));
  const data::ImageFolder sized = data::load_image_folder(folder.path(), {.size = {4, 3}});
  EXPECT_EQ(sized.images.shape(), Shape({4, 3, 4, 3}));
  EXPECT_TRUE(equal(sized.images[1], data::resize_image(picture(3, 5, 3), {4, 3})));
  EXPECT_TRUE(equal(sized.images[2], picture(3, 4, 3)));
  EXPECT_EQ(data::load_image_folder(folder.path(), {.size = 8}).images.shape(), Shape({4, 3, 8, 8}));
  EXPECT_THROW(data::load_image_folder(folder.path(), {.size = {0, 3}}), ValueError);
  std::filesystem::create_directory(folder / "empty");
  EXPECT_THAT(text_of<FileError>([&] { data::load_image_folder(folder.path()); }), HasSubstr("without pictures"));
  EXPECT_THROW(data::load_image_folder(folder / "none"), FileError);
  EXPECT_THAT(text_of<FileError>([&] { data::load_image_folder(folder / "cat"); }), HasSubstr("a folder is a class"));
}

}  // namespace
}  // namespace cairn
