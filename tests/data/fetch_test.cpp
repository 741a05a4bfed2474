// data/fetch_mnist.sh, with a curl of our own in its place.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "cairn/data/mnist.h"
#include "support.h"

namespace cairn {
namespace {

using ::testing::HasSubstr;

// Runs the script with a curl that is the given lines of Bash, which find the URL in $url and the file to write in $to.
struct Fetch : testing::Folder {
  std::string text;
  int status;
  explicit Fetch(const std::string& curl) {
    std::filesystem::create_directory(*this / "bin");
    write("bin/curl",
          "#!/usr/bin/env bash\nwhile (($#)); do case $1 in --output) to=$2 ;; esac; url=$1; shift; done\n" + curl +
              "\n");
    std::filesystem::permissions(*this / "bin/curl", std::filesystem::perms::owner_all);
    status = std::system(("PATH='" + *this / "bin" + "':\"$PATH\" bash '" CAIRN_SOURCE_DIR "/data/fetch_mnist.sh' '" +
                          *this / "mnist" + "' >'" + *this / "text" + "' 2>&1")
                             .c_str());
    text = testing::bytes_of(*this / "text");
  }
  bool folder_exists() const { return std::filesystem::exists(*this / "mnist"); }
};

TEST(FetchMnist, SaysSoWhenNoMirrorAnswersAndLeavesNothing) {
  const Fetch fetch("echo half >\"$to\"; exit 6");
  EXPECT_NE(fetch.status, 0);
  EXPECT_THAT(fetch.text, HasSubstr("no mirror gave train-images-idx3-ubyte.gz; tried:"));
  EXPECT_THAT(fetch.text, HasSubstr("https://ossci-datasets"));
  EXPECT_THAT(fetch.text, HasSubstr("https://storage.googleapis.com"));
  EXPECT_THAT(fetch.text, HasSubstr("by hand"));
  EXPECT_FALSE(fetch.folder_exists());
}

TEST(FetchMnist, TakesNoOtherFileForTheRightOne) {
  const Fetch fetch("echo '<html>please log in</html>' >\"$to\"");
  EXPECT_NE(fetch.status, 0);
  EXPECT_THAT(fetch.text, HasSubstr("is not the file we know (its SHA-256 differs)"));
  EXPECT_FALSE(fetch.folder_exists());
}

TEST(FetchMnist, GoesOnToTheNextMirror) {
  const std::string from = data::find_data("mnist", "", CAIRN_SOURCE_DIR, data::has_mnist);
  if (from.empty() || !std::filesystem::exists(from + "/train-images-idx3-ubyte.gz"))
    GTEST_SKIP() << "MNIST is neither in $CAIRN_DATA/mnist nor in data/mnist";
  const Fetch fetch("[[ $url == https://storage.googleapis.com/* ]] || exit 22\ncp '" + from +
                    "'/\"${url##*/}\" \"$to\"");
  EXPECT_EQ(fetch.status, 0) << fetch.text;
  EXPECT_THAT(fetch.text, HasSubstr("MNIST is in " + fetch / "mnist"));
  EXPECT_TRUE(data::has_mnist(fetch / "mnist"));
}

}  // namespace
}  // namespace cairn
