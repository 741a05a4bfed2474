#include "support/command.h"

#include <cairn/base/error.h>
#include <cairn/train/run.h>

#include <algorithm>

namespace support {

cxxopts::ParseResult parse_resumable(cxxopts::Options& all, int argc, char** argv,
                                     const std::vector<std::string>& changeable) {
  const cxxopts::ParseResult found = all.parse(argc, argv);
  if (found.count("resume") == 0) return found;
  const std::string folder = found["resume"].as<std::string>();
  const std::vector<std::string> before = cairn::train::Run::command_of(folder);
  if (before.empty()) return found;
  for (const std::string& word : command_of("", found)) {
    const std::string key = word.substr(0, word.find('='));
    const bool fits = !word.starts_with("--") || std::find(before.begin(), before.end(), word) != before.end() ||
                      std::find(changeable.begin(), changeable.end(), key.substr(2)) != changeable.end();
    cairn::require<cairn::ValueError>(fits, "options", "a run goes on with its own options; this one cannot be changed",
                                      word, cairn::given("--resume", folder));
  }
  std::vector<const char*> merged = {argv[0]};
  for (const std::string& word : before)
    if (word.starts_with("--")) merged.push_back(word.c_str());
  merged.insert(merged.end(), argv + 1, argv + argc);
  return all.parse(static_cast<int>(merged.size()), merged.data());
}

std::vector<std::string> command_of(const std::string& program, const cxxopts::ParseResult& found) {
  std::vector<std::string> words = {"./run", program};
  for (const cxxopts::KeyValue& option : found.arguments()) {
    const std::string& key = option.key();
    if (key == "run" || key == "resume" || key == "threads" || key == "ask") continue;
    std::erase_if(words,
                  [&](const std::string& word) { return word.starts_with("--" + key + "="); });  // the last counts
    words.push_back("--" + key + "=" + option.value());
  }
  return words;
}

}  // namespace support
