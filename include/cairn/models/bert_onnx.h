#pragma once
// BERT as an ONNX file. In the component cairn::onnx, which needs libonnx and protobuf.
//
//   models::save_onnx(bert, "bert.onnx");

#include <map>
#include <string>

#include "cairn/models/bert.h"

namespace cairn::models {

struct BertOnnxOptions {
  int64_t opset = 17;                                ///< of the operators, 13 to 17
  std::string name = "bert";                         ///< of the graph
  std::map<std::string, std::string> metadata = {};  ///< texts to go with the model
};

/// Writes a BERT (whole or not at all) as it computes in evaluation mode, as io::save_onnx does any Layer; the model stays
/// as it is. All inputs have to be given, under the names that other exporters of BERT use.
///   inputs   input_ids, attention_mask (1 for tokens, 0 for padding), token_type_ids: (n, length) i64, both sizes open,
///            length up to max_position_embeddings
///   outputs  of a BertModel last_hidden_state (n, length, hidden_size) and, if it has a pooler, pooler_output
///            (n, hidden_size); of the others logits, (n, length, vocab_size) or (n, num_labels)
///   throws   ValueError for another opset, an empty name and 2 GB or more (the limit of the format); DtypeError for
///            parameters of several dtypes; FileError when the file cannot be written
void save_onnx(const BertModel& model, const std::string& file, const BertOnnxOptions& options = {});
void save_onnx(const BertForMaskedLM& model, const std::string& file, const BertOnnxOptions& options = {});
void save_onnx(const BertForSequenceClassification& model, const std::string& file,
               const BertOnnxOptions& options = {});

}  // namespace cairn::models
