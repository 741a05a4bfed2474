// Every file of every corpus through its target: what a fuzzer once found stays mended. Argument: the folder of corpora.
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "targets.h"

int main(int argc, char** argv) {
  if (argc != 2) return std::fprintf(stderr, "usage: cairn-fuzz-replay FOLDER\n"), 2;
  int failed = 0;
  for (const auto& target : cairn::fuzz::targets()) {
    int files = 0;
    for (const auto& entry : std::filesystem::directory_iterator(std::string(argv[1]) + "/" + target.name)) {
      std::ifstream file(entry.path(), std::ios::binary);
      const std::string bytes{std::istreambuf_iterator<char>(file), {}};
      try {
        cairn::fuzz::run(target, bytes);
      } catch (const std::exception& e) {
        std::printf("%s: %s\n", entry.path().c_str(), e.what());
        ++failed;
      }
      ++files;
    }
    std::printf("%-12s %3d files\n", target.name, files);
    if (files == 0) ++failed;
  }
  return failed == 0 ? 0 : 1;
}
