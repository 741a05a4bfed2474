#pragma once
// Tensors by name in a file of the safetensors format, which other frameworks read and write.
//
//   8 bytes   length of the header, little-endian
//   header    JSON {"__metadata__": {text: text}, name: {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, …}
//   data      the elements, row-major and little-endian, without holes
//
// Source: https://huggingface.co/docs/safetensors

#include <map>
#include <string>

#include "cairn/nn/module.h"

namespace cairn::io {

struct SafeTensors {
  nn::StateDict tensors;
  std::map<std::string, std::string> metadata;
};

/// Replaces a file, whole or not at all (see AtomicFile). Equal input gives equal bytes: the tensors lie in the order
/// of their dtype (i64, f64, f32, u8, bool, so that each is aligned) and then of their names, as the format's own
/// library lays them out; the header is padded with spaces to a multiple of 8 bytes.
///   throws  FileError for a file that cannot be written; NameError for the name "__metadata__"; ValueError for a
///   tensor that is
///           undefined, and for a name or metadata that are not UTF-8
void save_safetensors(const std::string& file, const nn::StateDict& tensors,
                      const std::map<std::string, std::string>& metadata = {});

/// Reads a file. F16 and BF16 are converted to f32. All is checked against the length of the file before any tensor is
/// allocated: a damaged or malicious file costs no more memory than its length.
///   throws  FileError naming the file, the tensor and the figures, for whatever is not as it must be, and for the
///   dtypes that a
///           Tensor does not have
SafeTensors load_safetensors(const std::string& file);

}  // namespace cairn::io
