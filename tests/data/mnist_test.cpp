#include "cairn/data/mnist.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "cairn/ops/arithmetic.h"
#include "cairn/ops/reduce.h"
#include "data/files.h"

namespace cairn {
namespace {

using testing::gzip;
using ::testing::HasSubstr;
using testing::idx;

// A folder with three training images and two test images.
struct Small : testing::Folder {
  Small() {
    write("train-images-idx3-ubyte", idx({3, 28, 28}, std::string(3 * 784, '\x07')));
    write("train-labels-idx1-ubyte.gz", gzip(idx({3}, std::string("\x00\x09\x05", 3))));
    write("t10k-images-idx3-ubyte.gz", gzip(idx({2, 28, 28}, std::string(2 * 784, '\x01'))));
    write("t10k-labels-idx1-ubyte", idx({2}, "\x01\x02"));
  }
  std::string error() const {
    try {
      data::load_mnist(path());
      return "no error";
    } catch (const FileError& e) {
      return e.what();
    }
  }
};

TEST(Mnist, ReadsAFolder) {
  const Small folder;
  EXPECT_TRUE(data::has_mnist(folder.path()));
  const data::Mnist m = data::load_mnist(folder.path());
  EXPECT_EQ(m.train_images.shape(), Shape({3, 1, 28, 28}));
  EXPECT_EQ(m.train_images.dtype(), u8);
  EXPECT_EQ(m.train_labels.to_vector<int64_t>(), (std::vector<int64_t>{0, 9, 5}));
  EXPECT_EQ(m.test_images.shape(), Shape({2, 1, 28, 28}));
  EXPECT_EQ(m.test_labels.dtype(), i64);
}

TEST(Mnist, WhatDoesNotFitIsNamed) {
  Small missing;
  std::filesystem::remove(missing.path() + "/t10k-labels-idx1-ubyte");
  EXPECT_FALSE(data::has_mnist(missing.path()));
  EXPECT_THAT(missing.error(), HasSubstr("neither t10k-labels-idx1-ubyte nor t10k-labels-idx1-ubyte.gz"));
  EXPECT_THAT(missing.error(), HasSubstr("fetch_mnist.sh"));

  Small counts;
  counts.write("t10k-labels-idx1-ubyte", idx({3}, "\x01\x02\x03"));
  EXPECT_THAT(counts.error(), HasSubstr("one label an image"));
  EXPECT_THAT(counts.error(), HasSubstr("images (2, 28, 28) u8, labels (3,) u8"));

  Small label;
  label.write("t10k-labels-idx1-ubyte", idx({2}, "\x01\x0a"));
  EXPECT_THAT(label.error(), HasSubstr("labels must be 0 to 9"));
  EXPECT_THAT(label.error(), HasSubstr("label 10, of image 1"));

  Small sizes;
  sizes.write("train-images-idx3-ubyte", idx({3, 28, 27}, std::string(3 * 28 * 27, '\0')));
  EXPECT_THAT(sizes.error(), HasSubstr("images must be (n, 28, 28)"));

  Small swapped;
  swapped.write("train-images-idx3-ubyte", idx({3}, "abc"));
  EXPECT_THAT(swapped.error(), HasSubstr("images must be (n, 28, 28)"));

  Small none;
  none.write("t10k-images-idx3-ubyte.gz", gzip(idx({0, 28, 28}, "")));
  none.write("t10k-labels-idx1-ubyte", idx({0}, ""));
  EXPECT_THAT(none.error(), HasSubstr("there are no images"));

  EXPECT_THROW(data::load_mnist("/no/such/folder"), FileError);
}

TEST(FindData, KnowsThePlacesInTheirOrder) {
  const char* set = std::getenv("CAIRN_DATA");
  const std::string before = set ? set : "";
  const testing::Folder environment, source, given;
  namespace fs = std::filesystem;
  fs::create_directories(source.path() + "/data/marbles");
  ::setenv("CAIRN_DATA", environment.path().c_str(), 1);
  EXPECT_EQ(data::find_data("marbles"), "");
  EXPECT_EQ(data::find_data("marbles", "", source.path()), source.path() + "/data/marbles");
  fs::create_directories(environment.path() + "/marbles");
  EXPECT_EQ(data::find_data("marbles", "", source.path()), environment.path() + "/marbles");
  EXPECT_EQ(data::find_data("marbles", "", source.path(), data::has_mnist), "");  // neither is complete
  EXPECT_EQ(data::find_data("marbles", given.path(), source.path()), given.path());
  EXPECT_THROW(data::find_data("marbles", given.path() + "/none"), FileError);
  if (set)
    ::setenv("CAIRN_DATA", before.c_str(), 1);
  else
    ::unsetenv("CAIRN_DATA");
}

TEST(Mnist, TheRealFiles) {
  const std::string folder = data::find_data("mnist", "", CAIRN_SOURCE_DIR, data::has_mnist);
  if (folder.empty()) GTEST_SKIP() << "MNIST is neither in $CAIRN_DATA/mnist nor in data/mnist";
  const data::Mnist m = data::load_mnist(folder);
  EXPECT_EQ(m.train_images.shape(), Shape({60000, 1, 28, 28}));
  EXPECT_EQ(m.test_images.shape(), Shape({10000, 1, 28, 28}));
  // The well-known mean of the training pixels, and the first labels.
  EXPECT_NEAR(mean(m.train_images.to(f32) / 255.0).item<double>(), 0.1307, 5e-5);
  const auto labels = m.train_labels.to_vector<int64_t>();
  EXPECT_EQ(std::vector<int64_t>(labels.begin(), labels.begin() + 5), (std::vector<int64_t>{5, 0, 4, 1, 9}));
}

TEST(Mnist, FashionHasNamesInTheOrderOfItsLabels) {
  const std::vector<std::string> names = data::fashion_mnist_classes();
  ASSERT_EQ(names.size(), 10u);
  EXPECT_EQ(names[0], "T-shirt/top");
  EXPECT_EQ(names[9], "Ankle boot");
}

}  // namespace
}  // namespace cairn
