#include "support/command.h"

#include <cairn/train/run.h>

#include <algorithm>

namespace support {

cxxopts::ParseResult parse_resumable(cxxopts::Options& all, int argc, char** argv) {
  cxxopts::ParseResult found = all.parse(argc, argv);
  if (found.count("resume") == 0) return found;
  const std::vector<std::string> before = cairn::train::Run::command_of(found["resume"].as<std::string>());
  std::vector<const char*> merged = {argv[0]};
  for (const std::string& word : before)
    if (word.starts_with("--")) merged.push_back(word.c_str());
  merged.insert(merged.end(), argv + 1, argv + argc);
  return all.parse(static_cast<int>(merged.size()), merged.data());
}

std::vector<std::string> command_of(const std::string& program, const cxxopts::ParseResult& found) {
  std::vector<std::string> words = {"./run", program};
  for (const cxxopts::KeyValue& option : found.arguments())
    if (const std::string& key = option.key(); key != "run" && key != "resume" && key != "threads")
      words.push_back("--" + key + "=" + option.value());
  return words;
}

}  // namespace support
