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
/// Of a folder two files are read, and neither has to be there. run.json holds an object:
///   name, version, started   texts
///   command                  the words of the command line
///   options, machine         objects; their values are shown as they are
///   seed                     a number
///   model                    {text, parameters, layers: [{name, type, output, parameters}]}
/// metrics.jsonl holds an object a line, with what it tells of in "event":
///   start        epochs, batches: all that stands before it is forgotten
///   resume       epoch, step: what stands before it and is of a later step is forgotten
///   step         step, loss, accuracy, lr, grad_norm
///   epoch        epoch, step, loss, accuracy, lr, seconds, samples_per_second, peak_memory, validation: {loss, …}
///   meters       epoch, layers: [{name, dead, saturated, zero, gradient_norm, …}]
///   histograms   epoch, weights and activations: [{name, low, high, counts}]
///   test         loss, accuracy, classes, confusion: a row for each label
///   mistakes     items: [{image: "data:image/png;base64,…", label, prediction, confidence}]; in the place of `image` also
///                shape: [c, h, w] and pixels: "00ff…", its bytes in hexadecimal digits
///   end          reason
/// Epochs are counted from 0, steps from 1. null stands for a number that is not finite. Events and members that are not
/// known are passed over, those that are missing leave a part of the page out, and a last line that has not been written
/// to its end waits for the rest.
class Report {
 public:
  /// Reads nothing yet.
  ///   folders  one or more; one in which a program keeps several trainings, as `compare` does, stands for all of these
  ///   throws   ValueError without any; FileError for what is no folder
  explicit Report(const std::vector<std::string>& folders);
  ~Report();
  Report(Report&&) noexcept;
  Report& operator=(Report&&) noexcept;

  /// Reads what was written since the last call, trainings that began since then included.
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
