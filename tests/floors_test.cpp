// The floors of the house: a file includes its own floor or lower ones. That keeps the parts apart for good, so it is
// held by a test and not by a promise.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <sstream>
#include <string>
#include <vector>

namespace {

namespace fs = std::filesystem;

// From the ground up. "umbrella" stands for include/cairn/*.h, which may include everything.
const std::vector<std::string> floors = {"base",       "math", "tensor", "kernels", "graph", "ops",   "autograd",
                                         "activation", "nn",   "optim",  "data",    "io",    "train", "models"};
const std::vector<std::string> umbrellas = {"cairn.h", "testing.h"};

struct File {
  std::string path;  // from the root of the repository
  std::string text;
};

// Height of the floor that a path below include/cairn/ or src/ belongs to, or -1 when there is no such floor.
int height(const std::string& path) {
  const auto slash = path.find('/');
  const auto& names = slash == std::string::npos ? umbrellas : floors;
  const auto at = std::find(names.begin(), names.end(), path.substr(0, slash));
  if (at == names.end()) return -1;
  return slash == std::string::npos ? static_cast<int>(floors.size()) : static_cast<int>(at - names.begin());
}

// The path below include/cairn/ or src/: "ops/matmul.cpp" for "src/ops/matmul.cpp".
std::string inside(const std::string& path) {
  for (const std::string root : {"include/cairn/", "src/"}) {
    if (path.starts_with(root)) return path.substr(root.size());
  }
  return path;
}

struct Include {
  int line;
  std::string name;  // as inside() gives it
};

// The includes of our own headers: "cairn/x/y.h" or <cairn/x/y.h> for public ones, "x/y.h" for those in src/.
std::vector<Include> own_includes(const std::string& text) {
  std::vector<Include> found;
  std::istringstream lines(text);
  std::string line;
  for (int number = 1; std::getline(lines, line); ++number) {
    std::string code;  // without blanks: #include"cairn/x/y.h"
    std::copy_if(line.begin(), line.end(), std::back_inserter(code), [](char c) { return c != ' ' && c != '\t'; });
    const bool quoted = code.starts_with("#include\"");
    if (!quoted && !code.starts_with("#include<cairn/")) continue;
    const std::string name = code.substr(9, code.find(quoted ? '"' : '>', 9) - 9);
    found.push_back({number, name.starts_with("cairn/") ? name.substr(6) : name});
  }
  return found;
}

// What breaks the rules in these files, one line each.
std::vector<std::string> violations(const std::vector<File>& files) {
  std::vector<std::string> found;
  const auto exists = [&](const std::string& path) {
    return std::any_of(files.begin(), files.end(), [&](const File& file) { return file.path == path; });
  };
  for (const File& file : files) {
    const std::string path = inside(file.path);
    const int own = height(path);
    if (own < 0) {
      found.push_back(file.path + ": in no known folder");
      continue;
    }
    const std::vector<Include> includes = own_includes(file.text);
    for (const Include& include : includes) {
      const std::string where = file.path + ":" + std::to_string(include.line) + ": ";
      const int other = height(include.name);
      if (other < 0) {
        found.push_back(where + include.name + " is in no known folder; includes start at include/ or src/");
      } else if (other > own) {
        found.push_back(where + "a step up to " + include.name);
      }
    }
    // A header that its own source includes first is known to stand alone; tests/headers.cmake relies on it.
    if (!file.path.ends_with(".cpp")) continue;
    const std::string header = path.substr(0, path.size() - 3) + "h";
    if (!exists("include/cairn/" + header) && !exists("src/" + header)) continue;
    const auto first = std::min(file.text.find("#include"), file.text.size());
    if (file.text.substr(first, file.text.find('\n', first) - first).find(header) == std::string::npos) {
      found.push_back(file.path + ": does not include its own header " + header + " first");
    }
  }
  return found;
}

std::vector<File> repository() {
  std::vector<File> files;
  for (const std::string root : {"include/cairn", "src"}) {
    for (const auto& entry : fs::recursive_directory_iterator(fs::path(CAIRN_SOURCE_DIR) / root)) {
      const fs::path path = entry.path();
      if (path.extension() != ".h" && path.extension() != ".cpp") continue;
      std::ifstream stream(path);
      std::ostringstream text;
      text << stream.rdbuf();
      files.push_back({fs::relative(path, CAIRN_SOURCE_DIR).generic_string(), text.str()});
    }
  }
  std::sort(files.begin(), files.end(), [](const File& a, const File& b) { return a.path < b.path; });
  return files;
}

using Lines = std::vector<std::string>;

TEST(Floors, NobodyIncludesAHigherFloor) {
  const std::vector<File> files = repository();
  EXPECT_GT(files.size(), 2U) << "found hardly a file under " << CAIRN_SOURCE_DIR;
  for (const std::string& violation : violations(files)) ADD_FAILURE() << violation;
}

TEST(Floors, AStepUpIsSeen) {
  EXPECT_EQ(violations({{"src/tensor/print.cpp", "#include <vector>\n#include \"cairn/ops/matmul.h\"\n"}}),
            Lines{"src/tensor/print.cpp:2: a step up to ops/matmul.h"});
  EXPECT_EQ(violations({{"include/cairn/graph/node.h", "  #  include <cairn/autograd/backward.h>\n"}}),
            Lines{"include/cairn/graph/node.h:1: a step up to autograd/backward.h"});
  EXPECT_EQ(violations({{"src/tensor/copy.cpp", "#include \"kernels/copy.h\"\n"}}),
            Lines{"src/tensor/copy.cpp:1: a step up to kernels/copy.h"});
  EXPECT_EQ(violations({{"src/models/mlp.cpp", "#include \"cairn/cairn.h\"\n"}}),
            Lines{"src/models/mlp.cpp:1: a step up to cairn.h"});
}

// "src/ops/pool.cpp: Windows" for each `using kernels::Windows;` at the start of a line of a source that does not say
// Windows again.
Lines unused_names(const std::vector<File>& files) {
  static const std::regex declaration("\\nusing ([A-Za-z_:]+::)([A-Za-z_]+);");
  Lines found;
  for (const File& file : files) {
    if (!file.path.ends_with(".cpp")) continue;
    for (std::sregex_iterator i(file.text.begin(), file.text.end(), declaration), end; i != end; ++i) {
      const std::string name = (*i)[2];
      const std::regex word("\\b" + name + "\\b");
      if (std::distance(std::sregex_iterator(file.text.begin(), file.text.end(), word), end) < 2)
        found.push_back(file.path + ": " + name);
    }
  }
  return found;
}

TEST(Floors, NamesThatAreDeclaredAreUsed) {
  for (const std::string& name : unused_names(repository())) ADD_FAILURE() << name;
  EXPECT_EQ(unused_names({{"src/a.cpp", "\nusing b::c;\nusing b::d;\nint e = d(cc);\n"}}), Lines{"src/a.cpp: c"});
}

TEST(Floors, OwnAndLowerFloorsAreAllowed) {
  EXPECT_EQ(violations({{"src/ops/matmul.cpp",
                         "#include <Eigen/Core>\n#include \"cairn/ops/reduce.h\"\n#include \"cairn/base/error.h\"\n"
                         "#include \"kernels/gemm.h\"\n"},
                        {"include/cairn/cairn.h", "#include \"cairn/models/bert.h\"\n"},
                        {"include/cairn/testing.h", "#include \"cairn/autograd/gradcheck.h\"\n"}}),
            Lines{});
}

TEST(Floors, AnUnknownFolderIsSeen) {
  EXPECT_EQ(violations({{"src/util/string.cpp", ""}}), Lines{"src/util/string.cpp: in no known folder"});
  EXPECT_EQ(violations({{"include/cairn/more.h", ""}}), Lines{"include/cairn/more.h: in no known folder"});
  EXPECT_EQ(violations({{"src/ops/sum.cpp", "#include \"helper.h\"\n"}}),
            Lines{"src/ops/sum.cpp:1: helper.h is in no known folder; includes start at include/ or src/"});
  EXPECT_EQ(violations({{"src/ops/sum.cpp", "#include \"cairn/detail/x.h\"\n"}}),
            Lines{"src/ops/sum.cpp:1: detail/x.h is in no known folder; includes start at include/ or src/"});
}

TEST(Floors, TheOwnHeaderComesFirst) {
  const File header = {"include/cairn/ops/sum.h", ""};
  EXPECT_EQ(violations({header, {"src/ops/sum.cpp", "// Sums.\n#include \"cairn/ops/sum.h\"\n\n#include <vector>\n"}}),
            Lines{});
  const Lines late = {"src/ops/sum.cpp: does not include its own header ops/sum.h first"};
  EXPECT_EQ(violations({header, {"src/ops/sum.cpp", "#include <vector>\n\n#include \"cairn/ops/sum.h\"\n"}}), late);
  EXPECT_EQ(violations({header, {"src/ops/sum.cpp", ""}}), late);
  EXPECT_EQ(violations({{"src/kernels/gemm.h", ""}, {"src/kernels/gemm.cpp", "#include \"kernels/tile.h\"\n"}}),
            Lines{"src/kernels/gemm.cpp: does not include its own header kernels/gemm.h first"});
}

}  // namespace
