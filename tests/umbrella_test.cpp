// cairn/cairn.h holds every public header but those it says it leaves out, in order.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace {

namespace fs = std::filesystem;

TEST(Umbrella, HoldsEveryPublicHeader) {
  const fs::path include = fs::path(CAIRN_SOURCE_DIR) / "include";
  std::vector<std::string> expected, found;
  for (const auto& entry : fs::recursive_directory_iterator(include / "cairn")) {
    const std::string name = fs::relative(entry.path(), include).generic_string();
    const bool component = name == "cairn/data/image.h" || name == "cairn/data/tokenizer.h" ||
                           name == "cairn/data/train_wordpiece.h" || name == "cairn/data/vocabulary.h" ||
                           name == "cairn/data/wordpiece.h" || name == "cairn/io/npz.h" || name == "cairn/io/onnx.h" ||
                           name == "cairn/models/bert_onnx.h";
    const bool left_out = component || name == "cairn/cairn.h" || name == "cairn/testing.h" ||
                          name == "cairn/tensor/eigen.h" ||
                          name == "cairn/activation/catalogue.h";  // a table, not a header
    if (name.ends_with(".h") && !left_out) expected.push_back(name);
  }
  std::sort(expected.begin(), expected.end());
  std::ifstream stream(include / "cairn" / "cairn.h");
  const std::string start = "#include \"";
  for (std::string line; std::getline(stream, line);)
    if (line.starts_with(start)) found.push_back(line.substr(start.size(), line.size() - start.size() - 1));
  EXPECT_EQ(found, expected);
}

}  // namespace
