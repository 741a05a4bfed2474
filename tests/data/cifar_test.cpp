#include "cairn/data/cifar.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "cairn/data/augment.h"
#include "cairn/ops/arithmetic.h"
#include "cairn/ops/reduce.h"
#include "data/files.h"

namespace cairn {
namespace {

using testing::gzip;
using ::testing::HasSubstr;

std::string record(char label, char red, char green, char blue) {
  return std::string(1, label) + std::string(1024, red) + std::string(1024, green) + std::string(1024, blue);
}

TEST(Cifar10, ReadsAFolderInTheOrderOfNames) {
  const testing::Folder folder;
  folder.write("data_batch_2.bin", record(7, 1, 2, 3));
  folder.write("data_batch_1.bin.gz", gzip(record(3, 4, 5, 6) + record(9, 7, 8, 9)));
  EXPECT_FALSE(data::has_cifar10(folder.path()));
  folder.write("test_batch.bin", record(0, 10, 11, 12));
  EXPECT_TRUE(data::has_cifar10(folder.path()));
  const data::Cifar10 c = data::load_cifar10(folder.path());
  EXPECT_EQ(c.train_labels.to_vector<int64_t>(), (std::vector<int64_t>{3, 9, 7}));
  EXPECT_EQ(c.train_images.shape(), Shape({3, 3, 32, 32}));
  EXPECT_EQ(c.train_images[1].select(0, 2).select(0, 31).select(0, 31).item<int>(), 9);
  EXPECT_EQ(c.test_images[0].select(0, 1).select(0, 0).select(0, 0).item<int>(), 11);
  EXPECT_EQ(data::cifar10_classes().size(), 10u);
}

TEST(Cifar10, ReadsAFileThatIsThereBothWaysOnce) {
  const testing::Folder folder;
  folder.write("data_batch_1.bin", record(1, 1, 2, 3));
  folder.write("data_batch_1.bin.gz", gzip(record(1, 1, 2, 3)));
  folder.write("data_batch_2.bin.gz", gzip(record(2, 1, 2, 3)));
  folder.write("test_batch.bin.gz", gzip(record(3, 1, 2, 3)));
  const data::Cifar10 c = data::load_cifar10(folder.path());
  EXPECT_EQ(c.train_labels.to_vector<int64_t>(), (std::vector<int64_t>{1, 2}));
  EXPECT_EQ(c.test_labels.to_vector<int64_t>(), (std::vector<int64_t>{3}));
}

TEST(Cifar10, ReadsMoreThanAPieceAndSeveralMembers) {
  const testing::Folder folder;
  std::string bytes;
  for (int i = 0; i < 3000; ++i) bytes += record(static_cast<char>(i % 10), static_cast<char>(i), 0, 1);  // 9 MB
  const std::string members = gzip(bytes.substr(0, 5'000'000)) + gzip(bytes.substr(5'000'000));
  for (const std::string& path : {folder.write("plain", bytes), folder.write("members", members)}) {
    const data::Cifar10Part part = data::read_cifar10(path);
    ASSERT_EQ(part.images.shape(), Shape({3000, 3, 32, 32})) << path;
    EXPECT_EQ(part.labels[2999].item<int>(), 9);
    EXPECT_EQ(part.images[2999][0][31][31].item<int>(), 2999 % 256);
    EXPECT_EQ(part.images[1700][2][0][0].item<int>(), 1);
  }
}

TEST(Cifar10, SaysWhatIsWrong) {
  const testing::Folder folder;
  const auto read = [&](const std::string& bytes) {
    const std::string file = folder.write("f.bin", bytes);
    return text_of<FileError>([&] { data::read_cifar10(file); });
  };
  EXPECT_THAT(read(record(1, 1, 1, 1) + "x"),
              AllOf(HasSubstr("multiple of 3073"), HasSubstr("bytes 3074"), HasSubstr("f.bin")));
  EXPECT_THAT(read(""), HasSubstr("multiple of 3073"));
  EXPECT_THAT(read(record(1, 1, 1, 1) + record(10, 1, 1, 1)), AllOf(HasSubstr("label 10"), HasSubstr("of image 1")));
  std::string cut = gzip(record(1, 1, 2, 3));
  cut.resize(cut.size() - 9);
  EXPECT_THAT(read(cut), AllOf(HasSubstr("read_cifar10: the gzip data are cut short"), HasSubstr("f.bin")));
  std::string damaged = gzip(record(4, 1, 2, 3));
  damaged[0] ^= 1;  // as a second member: its images must not just be missing
  EXPECT_THAT(read(gzip(record(1, 1, 2, 3)) + damaged), HasSubstr("no gzip follow"));
  EXPECT_THAT(text_of<FileError>([&] { data::read_cifar10(folder / "none"); }), HasSubstr("there is no such file"));
  EXPECT_THAT(text_of<FileError>([&] { data::load_cifar10(folder / "none"); }), HasSubstr("no such folder"));
  EXPECT_THAT(text_of<FileError>([&] { data::load_cifar10(folder.path()); }), HasSubstr("fetch_cifar10.sh"));
}

TEST(Cifar10, ReadsTheRealFiles) {
  const char* root = std::getenv("CAIRN_DATA");
  const std::string folder = std::string(root ? root : "") + "/cifar-10";
  if (!root || !data::has_cifar10(folder)) GTEST_SKIP() << "no CIFAR-10 in $CAIRN_DATA/cifar-10";
  const data::Cifar10 c = data::load_cifar10(folder);
  EXPECT_EQ(c.train_images.size(0), c.train_labels.size(0));
  EXPECT_GE(c.test_images.size(0), 1000);
  const data::Normalization n = data::channel_statistics(c.train_images);
  EXPECT_NEAR(n.mean[0], 0.491, 0.02);  // published: 0.4914, 0.4822, 0.4465
  EXPECT_NEAR(n.mean[2], 0.447, 0.02);
  EXPECT_NEAR(n.deviation[1], 0.244, 0.02);
}

}  // namespace
}  // namespace cairn
