// Compiled when the component cairn::image is built.
#include "cairn/data/image.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "cairn/ops/compare.h"
#include "cairn/tensor/create.h"
#include "support.h"

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

TEST(Png, SaysWhatIsWrong) {
  const testing::Folder folder;
  EXPECT_THAT(text_of<FileError>([&] { data::read_png(folder / "none.png"); }), HasSubstr("no such file"));
  const std::string text = folder.write("text.png", "this is no picture");
  EXPECT_THAT(text_of<FileError>([&] { data::read_png(text); }), HasSubstr("cannot be read as a PNG"));
  data::write_png(folder / "whole.png", picture(3, 40, 40));
  const std::string bytes = testing::bytes_of(folder / "whole.png");
  const std::string cut = folder.write("cut.png", bytes.substr(0, bytes.size() / 2));
  EXPECT_THAT(text_of<FileError>([&] { data::read_png(cut); }), HasSubstr("damaged"));
  EXPECT_THROW(data::write_png(folder / "p.png", zeros({2, 3, 3}, u8)), ShapeError);
  EXPECT_THROW(data::write_png(folder / "p.png", zeros({1, 3, 3})), DtypeError);
  EXPECT_THROW(data::write_png(folder / "no/such/folder.png", picture(1, 2, 2)), FileError);
}

TEST(ImageFolder, ReadsClassesFromFolders) {
  const testing::Folder folder;
  for (const char* name : {"dog", "cat"}) std::filesystem::create_directory(folder / name);
  data::write_png(folder / "dog/b.png", picture(1, 4, 3));
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
  std::filesystem::create_directory(folder / "empty");
  EXPECT_THAT(text_of<FileError>([&] { data::load_image_folder(folder.path()); }), HasSubstr("without pictures"));
  EXPECT_THROW(data::load_image_folder(folder / "none"), FileError);
}

}  // namespace
}  // namespace cairn
