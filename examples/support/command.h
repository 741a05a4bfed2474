#pragma once
// The command line of a training, so that it can be made again and gone on with.

#include <cxxopts.hpp>
#include <string>
#include <vector>

namespace support {

/// The options of the run that --resume names, if it is given and there, with those of the command line.
///   changeable  what may be given anew; everything else must be as it was
///   throws      ValueError for an option that is another now, FileError for a run.json that is damaged
cxxopts::ParseResult parse_resumable(cxxopts::Options& all, int argc, char** argv,
                                     const std::vector<std::string>& changeable);

/// {"./run", program, "--epochs=3", …}: the options that were given, the last of each, but for where it runs and
/// what is done with it: --run, --resume, --threads, --ask.
std::vector<std::string> command_of(const std::string& program, const cxxopts::ParseResult& found);

}  // namespace support
