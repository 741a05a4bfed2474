// A training run as one page for a browser: `report --help` lists the options.
#include <cairn/cairn.h>

#include <cstdio>
#include <cxxopts.hpp>
#include <filesystem>

#include "support/options.h"
#include "support/output.h"
#include "support/report_server.h"

using namespace cairn;

namespace {

struct Options {
  std::vector<std::string> folders;
  std::string output;
  bool live;
  int port;
};

Options read_options(int argc, char** argv) {
  cxxopts::Options all("report", "Shows a training, or several beside each other, as one page for a browser.");
  all.positional_help("runs/NAME ...");
  // clang-format off
  all.add_options()
    ("output", "the page; by default report.html in the folder of the run, or beside the first of several",
     cxxopts::value<std::string>(), "FILE")
    ("live", "serves the page to this computer instead, and keeps it up to date while the training goes on")
    ("port", "of --live; 0 takes any that is free", cxxopts::value<std::string>()->default_value("8300"), "N")
    ("h,help", "this text");
  all.add_options("hidden")("folders", "", cxxopts::value<std::vector<std::string>>());
  // clang-format on
  all.parse_positional({"folders"});
  const cxxopts::ParseResult found = all.parse(argc, argv);
  if (found.count("help") > 0) {
    std::printf("%s", all.help({""}).c_str());
    std::exit(0);
  }
  require<ValueError>(found.count("folders") > 0, "options", "the folder of a run is missing: report runs/NAME");
  Options o{.folders = found["folders"].as<std::vector<std::string>>(),
            .output = found.count("output") > 0 ? found["output"].as<std::string>() : "",
            .live = found.count("live") > 0,
            .port = support::number("port", found["port"].as<std::string>(), 0, 65535)};
  require<ValueError>(!o.live || o.output.empty(), "options", "--live writes no file, so --output has no meaning");
  require<ValueError>(o.output.empty() || o.output.ends_with(".html"), "options",
                      "--output must end in .html, so that no other file is lost", o.output);
  require<ValueError>(o.live || found.count("port") == 0, "options", "--port belongs to --live");
  return o;
}

std::string default_output(const std::vector<std::string>& folders) {
  const auto first = std::filesystem::path(folders[0]).lexically_normal() / "";  // with one slash at the end
  return (folders.size() == 1 ? first / "report.html" : first.parent_path().parent_path() / "report.html").string();
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const Options options = read_options(argc, argv);
    if (options.live) {
      support::serve_report(options.folders, options.port);
      return 0;
    }
    const std::string file = options.output.empty() ? default_output(options.folders) : options.output;
    train::write_report(file, options.folders);
    std::printf("%s\n", file.c_str());
    support::finish_output();
    return 0;
  } catch (const std::exception& e) {
    std::fflush(stdout);
    const std::string text = e.what();
    std::fprintf(stderr, "%s%s\n", text.starts_with("report: ") ? "" : "report: ", text.c_str());
    return 2;
  }
}
