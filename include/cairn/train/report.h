#pragma once
// A training run, or several beside each other, as one page for a browser.
//
//   train::write_report("report.html", {"runs/relu", "runs/gelu"});

#include <memory>
#include <string>
#include <vector>

namespace cairn::train {

/// What runs left in their folders, read again while they go on.
///
/// Of a folder two files are read, and neither has to be there: run.json (name, command, options, machine, model) and
/// metrics.jsonl, an object a line with an "event": start, resume, step, epoch, meters, histograms, test, mistakes, end.
/// Events and members that are not known are passed over, and what is missing leaves a part of the page out; null stands
/// for a number that is not finite. A last line that has not been written to its end waits for the rest. After a resume
/// what had been written beyond its step is forgotten, after another start everything is.
class Report {
 public:
  /// Reads nothing yet.
  ///   folders  one or more; each a folder
  ///   throws   ValueError without any; FileError for what is no folder
  explicit Report(const std::vector<std::string>& folders);
  ~Report();
  Report(Report&&) noexcept;
  Report& operator=(Report&&) noexcept;

  /// Reads what was written since the last call.
  ///   returns  whether there was anything
  ///   throws   FileError naming file and line for damage, for a file that a link puts outside its folder, and for a
  ///            folder with neither file. The text holds nothing of what stands in the file
  bool update();

  /// What the page shows, as JSON in ASCII without a '<'. Curves of more than a thousand points are thinned; the least
  /// and the greatest of what a kept point stands for are kept.
  std::string data() const;

  /// The page: one file without any other, for light and dark, wide and narrow. It draws with Chart.js when that was
  /// there as Cairn was configured (Debian: libjs-chart.js), and else shows the curves of svg_curves and says so.
  ///   live  it asks for a new "data" beside itself every other second
  std::string page(bool live = false) const;

 private:
  struct Inside;
  std::unique_ptr<Inside> inside_;
};

/// The page of these runs as a file, written whole or not at all.
///   throws  as Report; FileError when it cannot be written
void write_report(const std::string& file, const std::vector<std::string>& folders);

}  // namespace cairn::train
