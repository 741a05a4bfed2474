#pragma once
// The folder of a training run: what it writes, and what makes it go on after a stop.
//
//   train::Run run("runs/lenet5", {.resume = true});      // goes on if something is there, else starts
//   train::Trainer trainer(model, optimizer, {.epochs = 20, .run = &run});
//   trainer.fit(loader, &validation_loader);
//
//   last.safetensors      the newest checkpoint (train/checkpoint.h)
//   best.safetensors      the model of the best epoch, for io::load
//   metrics.jsonl         one JSON object a line: {"event": "epoch", "step": 4690, "loss": 0.0123, …}
//   run.json              command, options, seed, version and machine
//   lock                  held while somebody writes

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "cairn/base/json.h"

namespace cairn::train {

struct RunOptions {
  bool resume = false;             ///< goes on with the run that is there; without one it starts
  int64_t keep = 1;                ///< newest checkpoints that stay
  int64_t checkpoint_steps = 0;    ///< steps between checkpoints inside an epoch; 0: by time alone
  double checkpoint_seconds = 60;  ///< seconds between checkpoints inside an epoch; 0: by steps alone
  int64_t log_steps = 20;          ///< steps between two events "step"
  bool meters = true;              ///< measures activations and weights after every epoch, on one batch
};

/// A run's folder, locked as long as this object lives.
class Run {
 public:
  /// Makes the folder, and those above it, where they are missing.
  ///   throws  FileError when another process, which is named, or another object writes there; when the folder cannot
  ///           be made or written to; and, unless `resume`, when there is a run already. ValueError for options out of
  ///           range
  explicit Run(std::string folder, RunOptions options = {});
  ~Run();
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;

  const std::string& folder() const { return folder_; }
  const RunOptions& options() const { return options_; }
  /// A file in the folder.
  std::string file(const std::string& name) const { return folder_ + "/" + name; }
  /// Whether there is a checkpoint to go on from.
  bool has_checkpoint() const;
  /// The newest of the older checkpoints that `keep` has left beside it, with a file of its own; "" where there is none.
  std::string older_checkpoint() const;

  /// Writes run.json: `facts` (an object) and the name of the folder, the version of the library, the machine and the
  /// time. On a resumed run the first file stays: what is told later is found under "resumed", a list.
  ///   throws  FileError
  void describe(const Json& facts);
  /// What describe() told when the run began; null when there is no run.json.
  ///   throws  FileError for a file that is damaged
  Json description() const;
  /// The last "command" in run.json of a folder, which need not be open; empty when there is none.
  ///   throws  FileError for a run.json that is damaged
  static std::vector<std::string> command_of(const std::string& folder);

  /// Appends a line to metrics.jsonl: the event's name, `step` where it is ≥ 0, and the fields. Numbers that are not
  /// finite become null.
  ///   throws  FileError
  void log(const std::string& event, const Json& fields, int64_t step = -1);
  /// Drops what was logged after a checkpoint: what came of `epoch` and later ones, where a line has no epoch (and of the
  /// event "step") what came after `step`, and "end". A last line that was cut short goes too.
  ///   throws  FileError
  void rewind(int64_t epoch, int64_t step);

  /// Writes a checkpoint: `write` gets the file's name. With `keep` above 1 it stays as step-000004690.safetensors too,
  /// and the oldest beyond that many are removed.
  ///   throws  FileError; the checkpoints that were there are untouched then
  void checkpoint(int64_t step, const std::function<void(const std::string& file)>& write);

 private:
  std::string folder_;
  RunOptions options_;
  int lock_ = -1, metrics_ = -1;  // descriptors
};

/// A folder below `parent` that holds no run yet: "runs/mnist-lenet5", or with -2, -3, … behind.
std::string fresh_run_folder(const std::string& parent, const std::string& name);

}  // namespace cairn::train
