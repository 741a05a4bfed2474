#pragma once
// The command line of a training, so that it can be made again and gone on with.

#include <cairn/train/run.h>

#include <cxxopts.hpp>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace support {

/// The options of the run that --resume names, if it is given and there, with those of the command line.
///   changeable  what may be given anew; everything else must be as it was
///   program     the word behind ./run
///   throws      ValueError for a run of another program or an option that is another now, FileError for a run.json that is damaged
cxxopts::ParseResult parse_resumable(cxxopts::Options& all, const std::string& program, int argc, char** argv,
                                     const std::vector<std::string>& changeable);

/// {"./run", program, "--epochs=3", …}: the options that were given, the last of each, but for where it runs and
/// what is done with it: --run, --resume, --threads, --ask.
std::vector<std::string> command_of(const std::string& program, const cxxopts::ParseResult& found);

/// throws  ValueError when two of these files, given as (option, path), are one; "" is none
void require_different_files(const std::vector<std::pair<std::string, std::string>>& files);

/// "to go on: ./run mnist --resume 'runs/the first'", as a shell takes it
std::string how_to_go_on(const std::string& program, const std::string& folder);

/// Where a training writes: what --run, --resume, or neither stands for.
struct RunPlace {
  std::string folder;       ///< "" for none
  bool resume = false;      ///< goes on with what is there
  bool by_default = false;  ///< nobody named it: a new one, and none where it cannot be had
};

/// Adds the options --run and --resume.
///   otherwise  the folder when neither is given
void add_run_options(cxxopts::Options& all, const std::string& group, const std::string& otherwise);
/// throws  ValueError when both are given, or --resume names nothing
RunPlace run_place(const cxxopts::ParseResult& found, const std::string& otherwise);

/// The folder of a program, and beneath it one for each training where it makes several.
class Runs {
 public:
  /// command  what makes all of it again, for run.json where there are several; else that is told with the training
  /// throws   FileError for a folder that was named and cannot be had
  Runs(const RunPlace& place, const cairn::train::RunOptions& options, bool several,
       const std::vector<std::string>& command);

  /// That of a training, until the next one is asked for; null where nothing is to be written.
  cairn::train::Run* training(const std::string& name);
  /// "" where nothing is written.
  std::string folder() const { return whole_ ? whole_->folder() : ""; }

 private:
  cairn::train::RunOptions options_;
  bool several_;
  std::unique_ptr<cairn::train::Run> whole_, one_;
  std::vector<std::string> names_;
};

/// What a program throws whose training was interrupted in the depth of its work.
struct Stopped {};
/// Works until that comes. The status to end with: 130 then, as of programs that Ctrl-C ended, and it says how to go on.
int until_stopped(const std::string& program, const Runs& runs, const std::function<void()>& work);

}  // namespace support
