#pragma once
// What a training of a classifier tells its run (train/run.h).

#include <cairn/train/metrics.h>

#include <memory>
#include <string>
#include <vector>

#include "support/settings.h"

namespace support {

/// The run's folder, opened; null when there shall be none, and where nobody asked for one and it cannot be had.
///   activation  "", or what is trained there when several are, each in a folder of its own
std::unique_ptr<cairn::train::Run> open_run(const Settings& s, const std::string& activation);

/// Writes run.json: command, options, and the model as a table.
void describe_run(cairn::train::Run& run, const Settings& s, cairn::nn::Layer& model, const cairn::Shape& input);

/// The events "test" and "mistakes": of the images that were taken for something else, those of which it was most sure.
void log_test(cairn::train::Run& run, const Images& images, const cairn::Tensor& logits,
              const cairn::train::ConfusionMatrix& confusion, const std::vector<std::string>& classes);

}  // namespace support
