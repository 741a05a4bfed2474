#pragma once
// The command line of a training, so that it can be made again and gone on with.

#include <cxxopts.hpp>
#include <string>
#include <vector>

namespace support {

/// The options of the run that --resume names, if it is given, and behind them, so that they count, those of the command
/// line.
///   throws  FileError for a run.json that is damaged
cxxopts::ParseResult parse_resumable(cxxopts::Options& all, int argc, char** argv);

/// {"./run", program, "--epochs=3", …}: the options that were given, but for where it runs: --run, --resume, --threads.
std::vector<std::string> command_of(const std::string& program, const cxxopts::ParseResult& found);

}  // namespace support
