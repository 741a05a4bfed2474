// data/fetch_*.sh, with a curl of our own in its place.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <utility>

#include "cairn/data/cifar.h"
#include "cairn/data/mnist.h"
#include "cairn/data/text.h"
#include "support.h"

namespace cairn {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// Runs a script with a curl that is the given lines of Bash, which find the URL in $url and the file to write in $to. Other
// programs can be put in place before.
struct Fetch : testing::Folder {
  std::string name, text;
  int status = 0;
  explicit Fetch(std::string set) : name(std::move(set)) { std::filesystem::create_directory(*this / "bin"); }
  Fetch(std::string set, const std::string& curl) : Fetch(std::move(set)) { run(curl); }
  void program(const std::string& file, const std::string& lines) const {
    write("bin/" + file, "#!/usr/bin/env bash\n" + lines + "\n");
    std::filesystem::permissions(*this / ("bin/" + file), std::filesystem::perms::owner_all);
  }
  void run(const std::string& curl) {
    program("curl", "while (($#)); do case $1 in --output) to=$2 ;; esac; url=$1; shift; done\n" + curl);
    status = std::system(("PATH='" + *this / "bin" + "':\"$PATH\" bash '" CAIRN_SOURCE_DIR "/data/fetch_" + name +
                          ".sh' '" + *this / name + "' >'" + *this / "text" + "' 2>&1")
                             .c_str());
    text = testing::bytes_of(*this / "text");
  }
  bool folder_exists() const { return std::filesystem::exists(*this / name); }
};

TEST(FetchMnist, SaysSoWhenNoMirrorAnswersAndLeavesNothing) {
  const Fetch fetch("mnist", "echo half >\"$to\"; exit 6");
  EXPECT_NE(fetch.status, 0);
  EXPECT_THAT(fetch.text, HasSubstr("no mirror gave train-images-idx3-ubyte.gz; tried:"));
  EXPECT_THAT(fetch.text, HasSubstr("https://ossci-datasets"));
  EXPECT_THAT(fetch.text, HasSubstr("https://storage.googleapis.com"));
  EXPECT_THAT(fetch.text, HasSubstr("by hand"));
  EXPECT_FALSE(fetch.folder_exists());
}

TEST(FetchMnist, TakesNoOtherFileForTheRightOne) {
  const Fetch fetch("mnist", "echo '<html>please log in</html>' >\"$to\"");
  EXPECT_NE(fetch.status, 0);
  EXPECT_THAT(fetch.text, HasSubstr("is not the file we know (its SHA-256 differs)"));
  EXPECT_FALSE(fetch.folder_exists());
}

TEST(FetchMnist, GoesOnToTheNextMirror) {
  const std::string from = data::find_data("mnist", "", CAIRN_SOURCE_DIR, data::has_mnist);
  if (from.empty() || !std::filesystem::exists(from + "/train-images-idx3-ubyte.gz"))
    GTEST_SKIP() << "MNIST is neither in $CAIRN_DATA/mnist nor in data/mnist";
  const Fetch fetch(
      "mnist", "[[ $url == https://storage.googleapis.com/* ]] || exit 22\ncp '" + from + "'/\"${url##*/}\" \"$to\"");
  EXPECT_EQ(fetch.status, 0) << fetch.text;
  EXPECT_THAT(fetch.text, HasSubstr("MNIST is in " + fetch / "mnist"));
  EXPECT_TRUE(data::has_mnist(fetch / "mnist"));
}

TEST(FetchFashionMnist, NamesItsMirrorsAndSumsAndTakesNoOtherFile) {
  const Fetch fetch("fashion_mnist", "echo '<html>please log in</html>' >\"$to\"");
  EXPECT_NE(fetch.status, 0);
  EXPECT_THAT(fetch.text,
              HasSubstr("fashion-mnist/master/data/fashion/train-images-idx3-ubyte.gz is not the file we know"));
  EXPECT_THAT(fetch.text, HasSubstr("3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84"));
  EXPECT_FALSE(fetch.folder_exists());
}

TEST(FetchFashionMnist, TakesTheRealFiles) {
  const std::string from = data::find_data("fashion-mnist", "", CAIRN_SOURCE_DIR, data::has_mnist);
  if (from.empty() || !std::filesystem::exists(from + "/train-images-idx3-ubyte.gz"))
    GTEST_SKIP() << "Fashion-MNIST is neither in $CAIRN_DATA/fashion-mnist nor in data/fashion-mnist";
  const Fetch fetch("fashion_mnist", "cp '" + from + "'/\"${url##*/}\" \"$to\"");
  EXPECT_EQ(fetch.status, 0) << fetch.text;
  EXPECT_THAT(fetch.text, HasSubstr("Fashion-MNIST is in " + fetch / "fashion_mnist"));
  EXPECT_TRUE(data::has_mnist(fetch / "fashion_mnist"));
}

TEST(FetchTinyShakespeare, TakesTheRealFileAndNoOther) {
  const Fetch wrong("tiny_shakespeare", "echo '<html>please log in</html>' >\"$to\"");
  EXPECT_NE(wrong.status, 0);
  EXPECT_THAT(wrong.text, HasSubstr("char-rnn/master/data/tinyshakespeare/input.txt is not the file we know"));
  EXPECT_FALSE(wrong.folder_exists());
  const std::string from = data::find_data("tiny-shakespeare", "", CAIRN_SOURCE_DIR, data::has_tiny_shakespeare);
  if (from.empty() || !std::filesystem::exists(from + "/input.txt"))
    GTEST_SKIP() << "Tiny Shakespeare is neither in $CAIRN_DATA/tiny-shakespeare nor in data/tiny-shakespeare";
  const Fetch fetch("tiny_shakespeare", "cp '" + from + "'/\"${url##*/}\" \"$to\"");
  EXPECT_EQ(fetch.status, 0) << fetch.text;
  EXPECT_TRUE(data::has_tiny_shakespeare(fetch / "tiny_shakespeare"));
}

TEST(FetchCifar10, SaysHowToDoItByHandAndLeavesNothing) {
  const Fetch fetch("cifar10", "echo half >\"$to\"; exit 6");
  EXPECT_NE(fetch.status, 0);
  EXPECT_THAT(fetch.text, HasSubstr("by hand, unpack https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"));
  EXPECT_FALSE(fetch.folder_exists());
}

TEST(FetchCifar10, TakesNoOtherFileForTheRightOne) {
  const Fetch fetch("cifar10", "echo '<html>please log in</html>' >\"$to\"");
  EXPECT_NE(fetch.status, 0);
  EXPECT_THAT(fetch.text, HasSubstr("is not the file we know (its MD5 differs)"));
  EXPECT_FALSE(fetch.folder_exists());
}

// An archive of the right form with a sum that is said to be right; its files are holes, so nothing of their 184 MB is
// written.
TEST(FetchCifar10, UnpacksTheArchiveAndLeavesAWholeSetAlone) {
  Fetch fetch("cifar10");
  fetch.program("md5sum", "echo 'c32a1d4ab5d03f1284b67883e8d87530  -'");
  const std::string files = "data_batch_{1,2,3,4,5}.bin test_batch.bin";
  fetch.run("cd '" + fetch.path() + "'; mkdir cifar-10-batches-bin; (cd cifar-10-batches-bin; truncate -s 30730000 " +
            files + "); tar -czSf \"$to\" cifar-10-batches-bin");
  EXPECT_EQ(fetch.status, 0) << fetch.text;
  EXPECT_THAT(fetch.text, HasSubstr("CIFAR-10 is in " + fetch / "cifar10"));
  EXPECT_TRUE(data::has_cifar10(fetch / "cifar10"));
  EXPECT_EQ(std::filesystem::file_size(fetch / "cifar10/data_batch_5.bin"), 30730000u);
  int64_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(fetch / "cifar10")) count += entry.is_regular_file();
  EXPECT_EQ(count, 6);  // and the archive is gone

  fetch.run("echo fetched again; exit 6");
  EXPECT_EQ(fetch.status, 0) << fetch.text;
  EXPECT_THAT(fetch.text, Not(HasSubstr("fetched")));
}

}  // namespace
}  // namespace cairn
