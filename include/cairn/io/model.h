#pragma once
// Saved models: the weights, and what it takes to build the model that they belong to.
//
//   io::save(model, "mnist.safetensors", {.normalization = normalization, .input = {784}});
//   io::SavedModel saved = io::load("mnist.safetensors");
//   Tensor scores = (*saved.model)(x);

#include <memory>
#include <string>
#include <vector>

#include "cairn/data/dataset.h"
#include "cairn/nn/module.h"

namespace cairn::io {

/// What a program must know beside the model itself to use it; all of it may be left out.
struct ModelInfo {
  data::Normalization normalization = {};  ///< how bytes became the numbers that it was trained on
  std::vector<std::string> classes = {};   ///< names of the outputs, in order
  Shape input = {};                        ///< sizes of one sample, without the batch
};

struct SavedModel {
  std::unique_ptr<nn::Layer> model;
  ModelInfo info;
};

/// Writes a safetensors file (whole or not at all) that holds the parameters and buffers of a model and, as metadata,
/// its description (nn::describe), the formula of every activation named there, the info and the version of the
/// library. A tensor that stands under several names is written once, and comes back tied.
///   throws  NameError for a layer that is not registered, saying how to register it or to save the state alone;
///           ValueError for info that is not finite or not UTF-8; FileError when the file cannot be written
void save(const nn::Layer& model, const std::string& file, const ModelInfo& info = {});

/// Builds the model of a file that save() wrote. It is in evaluation mode (call train() to go on training), has the
/// dtype of the file, and predicts the same bits where version and kind of machine are the same. Tensors that building
/// allocates are limited by the length of the file, and default_generator() is put back to where it was.
///   throws  FileError for a file that is missing, damaged (the weights have a checksum), of a newer version or no saved
///           model; for layers that are not registered and options that are wrong; for tensors that are missing,
///           unexpected or of other sizes; and for an activation that was another function when the file was written
SavedModel load(const std::string& file);

struct LoadIntoOptions {
  /// Throws FileError, with the whole report, when something is missing, unexpected or of another shape; nothing is
  /// changed then. Otherwise what fits is loaded.
  bool strict = true;
  /// What stands before the names in the file, such as the "module." of a wrapped model: names without it are passed
  /// over, so that a part of a larger model can be taken.
  std::string prefix = {};
};

/// Copies the tensors of a safetensors file into the parameters and buffers of those names, whoever wrote it, as
/// Module::load_state_dict does. The layers here have PyTorch's names and shapes, and the models torchvision's, so that
/// state dicts saved there fit as they are.
nn::LoadReport load_into(nn::Module& model, const std::string& file, const LoadIntoOptions& options = {});
inline nn::LoadReport load_into(nn::Module& model, const std::string& file, bool strict) {
  return load_into(model, file, LoadIntoOptions{.strict = strict});
}

}  // namespace cairn::io
