#pragma once
// The page of runs, served while they go on.

#include <string>
#include <vector>

namespace support {

/// Serves the page at http://127.0.0.1:port/ until the process is interrupted, and says so on stdout. It listens to this
/// computer alone, answers GET of "/" and "/data" and nothing else, and only when it is called by the name of this
/// computer: a page of another site cannot read it through a name of its own that leads here.
///   port    0 takes any that is free
///   throws  as train::Report; cairn::Error when the port is taken, or when the program was built without cpp-httplib
void serve_report(const std::vector<std::string>& folders, int port);

}  // namespace support
