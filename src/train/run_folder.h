#pragma once
// The files of a run, read as far as they go and then from there on.

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "cairn/base/json.h"
#include "cairn/train/trainer.h"
#include "train/series.h"

namespace cairn::train {

/// A number as it was written; NaN where that was null.
using Values = std::vector<std::pair<std::string, double>>;

struct Histogram {
  std::string name;
  double low = 0, high = 0;
  std::vector<double> counts;
};

struct Histograms {
  std::vector<Histogram> weights, activations;
};

struct Confusion {
  std::vector<std::string> classes;
  std::vector<std::vector<double>> counts;  // row: label, column: prediction
};

struct Mistake {
  std::string image, label, prediction;
  double confidence = 0;
};

class RunFolder {
 public:
  /// throws  FileError for what is no folder
  explicit RunFolder(const std::string& folder);

  /// As Report::update.
  bool update();
  /// The results of its epochs as fit() returned them.
  History history() const;

  std::string folder;                 // as given
  std::shared_ptr<const Json> about;  // of run.json what the page shows, or an empty object
  double epochs = 0, batches = 0;
  std::map<std::string, Series> steps, results;  // by name: "loss", and among results "validation loss" too
  std::map<int64_t, std::vector<std::pair<std::string, Values>>> meters;  // of an epoch, by layer
  std::map<int64_t, Histograms> histograms;                               // of an epoch
  Values test;
  Confusion confusion;
  std::vector<Mistake> mistakes;
  std::string end;  // why it ended, or empty

 private:
  bool update_about(const std::filesystem::path& file);
  bool update_metrics(const std::filesystem::path& file);
  void take(const Json& event);
  void forget();
  void resume(double step, double epoch);

  std::filesystem::path place_;
  std::filesystem::file_time_type about_time_ = std::filesystem::file_time_type::min();
  uintmax_t read_ = 0;  // bytes of metrics.jsonl
  uint64_t inode_ = 0;  // of the file that was read
  int64_t lines_ = 0;
};

/// Gives the epochs of a history, counted from 0, the seconds and speeds that the run's metrics.jsonl tells of them. Where
/// that is damaged it leaves them: it is no part of what a training goes on from.
void recall_times(const std::string& folder, History& history);

}  // namespace cairn::train
