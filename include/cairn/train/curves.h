#pragma once
// Training curves as a picture, for one training or several side by side.
//
//   train::write_curves("curves.svg", {{"relu", history_1}, {"gelu", history_2}}, "ResNet-20, Fashion-MNIST");

#include <string>
#include <vector>

#include "cairn/train/trainer.h"

namespace cairn::train {

/// A training, and what the legend shall call it.
struct NamedHistory {
  std::string name;
  History history;
};

/// An SVG picture, 900 units wide, of loss and, where there is any, accuracy over the epochs: one colour a training,
/// drawn with dashes for the training data and solid for the validation. Losses that span more than a factor of 20 are
/// shown on a logarithmic scale, which the axis says. The picture has a ground of its own and follows the light or dark
/// scheme of what shows it; a pointer resting on a dot is told its epoch and value. Numbers that are not finite leave a
/// gap.
///   histories  1 to 8 with at least one epoch in all; names and title are plain text in UTF-8
///   throws     ValueError for other counts
std::string svg_curves(const std::vector<NamedHistory>& histories, const std::string& title = "");

/// The same as a file, written whole or not at all.
///   throws  ValueError as svg_curves, FileError when the file cannot be written
void write_curves(const std::string& file, const std::vector<NamedHistory>& histories, const std::string& title = "");

}  // namespace cairn::train
