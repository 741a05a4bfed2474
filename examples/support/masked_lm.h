#pragma once
// A BERT that fills gaps, with whatever belongs to it, as one safetensors file.

#include <cairn/models/bert.h>

#include <map>
#include <memory>
#include <string>

namespace support {

struct SavedMaskedLm {
  std::unique_ptr<cairn::models::BertForMaskedLM> model;  ///< in evaluation mode
  std::map<std::string, std::string> metadata;            ///< what else was written
};

/// Writes the model: its weights, and beside the given metadata its sizes and a checksum.
void save_masked_lm(const cairn::models::BertForMaskedLM& model, const std::string& file,
                    std::map<std::string, std::string> metadata);
/// Building takes no more memory than the weights of the file can fill.
///   throws  FileError for a file that is missing, damaged or another
SavedMaskedLm load_masked_lm(const std::string& file);
/// Whether a safetensors file is one of these.
///   throws  FileError for a file that is missing or damaged
bool is_masked_lm(const std::string& file);

}  // namespace support
