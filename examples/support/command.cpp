#include "support/command.h"

#include <cairn/base/error.h>
#include <algorithm>
#include <cctype>
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>

namespace support {

using namespace cairn;

// "--epochs, --save"
static std::string options_of(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "--" : ", --") + name;
  return text.empty() ? "none" : text;
}

// Whether a training has left one in the folder, or in one beneath.
static bool has_checkpoint(const std::filesystem::path& folder) {
  std::error_code error;
  if (std::filesystem::exists(folder / "last.safetensors", error)) return true;
  for (std::filesystem::directory_iterator at(folder, error), end; !error && at != end; at.increment(error))
    if (std::error_code none; std::filesystem::exists(at->path() / "last.safetensors", none)) return true;
  return false;
}

cxxopts::ParseResult parse_resumable(cxxopts::Options& all, const std::string& program, int argc, char** argv,
                                     const std::vector<std::string>& changeable) {
  const cxxopts::ParseResult found = all.parse(argc, argv);
  if (found.count("resume") == 0) return found;
  const std::string folder = found["resume"].as<std::string>();
  const std::vector<std::string> before = train::Run::command_of(folder);
  // Without its options it might go on with other data.
  require<FileError>(!before.empty() || !has_checkpoint(folder), "options",
                     "there is a checkpoint, and no run.json beside it with the command that it is of", folder);
  if (before.empty()) return found;
  require<ValueError>(before.size() < 2 || before[1] == program, "options", "--resume names a run of another program",
                      given("--resume", folder), given("program", before.size() < 2 ? "" : before[1]));
  for (const std::string& word : command_of("", found)) {
    const std::string key = word.substr(0, word.find('='));
    const bool fits = !word.starts_with("--") || std::find(before.begin(), before.end(), word) != before.end() ||
                      std::find(changeable.begin(), changeable.end(), key.substr(2)) != changeable.end();
    if (!fits)
      fail<ValueError>("options",
                       "a run goes on with its own options; those that may be other ones: " + options_of(changeable),
                       word, given("--resume", folder));
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

void require_different_files(const std::vector<std::pair<std::string, std::string>>& files) {
  for (auto a = files.begin(); a != files.end(); ++a)
    for (auto b = a + 1; b != files.end(); ++b) {
      if (a->second.empty() || b->second.empty()) continue;
      std::error_code error;
      const auto first = std::filesystem::weakly_canonical(a->second, error);
      if (error || first != std::filesystem::weakly_canonical(b->second, error) || error) continue;
      fail<ValueError>("options", "--" + a->first + " and --" + b->first + " are one file, which would be lost",
                       a->second);
    }
}

std::string how_to_go_on(const std::string& program, const std::string& folder) {
  constexpr const char* plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_@%+=:,./-";
  std::string word = folder;
  if (word.find_first_not_of(plain) != word.npos) {
    for (size_t at = 0; (at = word.find('\'', at)) != word.npos; at += 4) word.replace(at, 1, "'\\''");
    word = "'" + word + "'";
  }
  return "to go on: ./run " + program + " --resume " + word;
}

void add_run_options(cxxopts::Options& all, const std::string& group, const std::string& otherwise) {
  const auto folder = cxxopts::value<std::string>();
  all.add_options(group)(
      "run", "folder of checkpoints, metrics and report; '' writes none. Without it a new one, " + otherwise, folder,
      "DIR")("resume",
             "go on with the run in that folder, with its options, where it stopped; start one where there is none",
             folder, "DIR");
}

RunPlace run_place(const cxxopts::ParseResult& found, const std::string& otherwise) {
  const bool named = found.count("run") > 0, resumed = found.count("resume") > 0;
  require<ValueError>(!named || !resumed, "options", "--resume names the folder; leave out --run");
  RunPlace place{.folder = otherwise, .resume = resumed, .by_default = !named && !resumed};
  if (!place.by_default) place.folder = found[named ? "run" : "resume"].as<std::string>();
  require<ValueError>(!resumed || !place.folder.empty(), "options", "--resume needs a folder");
  return place;
}

Runs::Runs(const RunPlace& place, const train::RunOptions& options, bool several,
           const std::vector<std::string>& command)
    : options_(options), several_(several) {
  options_.resume = place.resume;
  if (place.folder.empty()) return;
  try {
    whole_ = std::make_unique<train::Run>(place.by_default ? train::fresh_run_folder("", place.folder) : place.folder,
                                          options_);
  } catch (const FileError&) {
    if (!place.by_default) throw;
    return;
  }
  if (several_) whole_->describe({{"command", command}});
}

train::Run* Runs::training(const std::string& name) {
  if (!several_ || !whole_) return whole_.get();
  std::string file = name;
  for (char& c : file)
    if (std::isalnum(static_cast<unsigned char>(c)) == 0 && c != '.' && c != '-') c = '_';
  names_.push_back(file);  // x+1 and x*1 are written alike
  if (const auto equal = std::count(names_.begin(), names_.end(), file); equal > 1) file += "." + std::to_string(equal);
  one_.reset();
  one_ = std::make_unique<train::Run>(whole_->file(file), options_);
  return one_.get();
}

int until_stopped(const std::string& program, const Runs& runs, const std::function<void()>& work) {
  try {
    work();
    return 0;
  } catch (const Stopped&) {
    std::printf("\n\n%s\n", how_to_go_on(program, runs.folder()).c_str());
    return 130;
  }
}

}  // namespace support
