#pragma once
// What a training of a classifier tells its run (train/run.h).

#include <cairn/train/metrics.h>

#include <string>
#include <vector>

#include "support/settings.h"

namespace support {

/// Writes run.json: command, options, and the model as a table.
void describe_run(cairn::train::Run& run, const Settings& s, cairn::nn::Layer& model, const cairn::Shape& input);

/// The events "test" and "mistakes": of the images that were taken for something else, those of which it was most sure.
void log_test(cairn::train::Run& run, const Images& images, const cairn::Tensor& logits,
              const cairn::train::ConfusionMatrix& confusion, const std::vector<std::string>& classes);

}  // namespace support
