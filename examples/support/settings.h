#pragma once
// The options of the programs that train a classifier, and what is usual for each model.

#include <cairn/data/augment.h>
#include <cairn/optim/make_optimizer.h>

#include <optional>
#include <string>
#include <vector>

#include "support/command.h"
#include "support/images.h"

namespace support {

/// What one of these programs is about.
struct Task {
  std::string program;           ///< its name, and where it stands in the table of usual options
  std::string description;       ///< for --help
  DataSet set;                   ///< what it learns
  bool digits = false;           ///< glyphs are asked for by --glyphs, and stand in where the set is not to be had
  int64_t crop_padding = 0;      ///< of the augmentations "crop" and "standard"
  bool horizontal_flip = false;  ///< whether "standard" flips: not where left and right mean something
};

struct Settings {
  std::string data, model, norm, optimizer, schedule, augment, curves, save, load;
  bool default_curves = false;  ///< nobody named the file, so the program may do without
  RunPlace run;
  cairn::train::RunOptions run_options = {};
  std::vector<std::string> command;                 ///< what makes this training again
  std::vector<std::string> activations;             ///< one training each; "" stands for the model's own
  std::optional<std::vector<int64_t>> hidden = {};  ///< of an mlp, as dropout
  std::optional<double> dropout = {};
  int64_t glyphs = 0, validation = 0, epochs = 0, batch_size = 0;
  double label_smoothing = 0, clip_grad_norm = 0, ema = 0, max_seconds = 0;
  int64_t accumulate = 1, patience = 0;
  uint64_t seed = 0;
  cairn::optim::CommonOptions rates = {};
  cairn::data::AugmentOptions augmentation = {};
  bool augments = false;  ///< whether `augmentation` does anything
};

/// Reads the command line; --help prints and ends the program. What --resume leaves open is taken from the run's command.
///   throws  Error that names the option
Settings read_settings(int argc, char** argv, const Task& task);

}  // namespace support
