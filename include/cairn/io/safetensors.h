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

/// What floating elements are written as, rounded to nearest and ties to even. Both halves are read back as f32.
enum class Floats {
  same,  ///< F32 and F64, all bits
  f16,   ///< 11 bits of precision, up to 65504
  bf16,  ///< 8 bits of precision, the range of f32
};

/// Replaces a file, whole or not at all (see AtomicFile). Equal input gives equal bytes: the tensors lie in the order
/// of their type (I64, F64, F32, BF16, F16, U8, BOOL, so that each is aligned) and then of their names, as the format's
/// own library lays them out; the header is padded with spaces to a multiple of 8 bytes.
///   throws  FileError for a file that cannot be written; NameError for the name "__metadata__"; ValueError for a
///           tensor that is undefined, for a name or metadata that are not UTF-8, and for a finite number that would
///           become infinite in `floats`
void save_safetensors(const std::string& file, const nn::StateDict& tensors,
                      const std::map<std::string, std::string>& metadata = {}, Floats floats = Floats::same);

struct SafeTensorsOptions {
  /// Leaves f32, f64, i64 and u8 where they are: their tensors lie on the pages of the file, which the system reads when
  /// they are touched and shares between processes; what is written to them stays in this process. Tensors that are not
  /// aligned, and files that cannot be mapped, are read. Replacing the file (as every save here does) leaves such tensors
  /// as they were. Shortening or overwriting it in place does not: elements change, and where the file has gone
  /// the system ends the program (SIGBUS). Without it the file is copied, and no change to it can do harm.
  bool map = false;
};

/// Reads a file, or a pipe. F16 and BF16 become f32, I8, I16, I32, U16, U32 and U64 i64. All is checked against the
/// length of the file before any tensor is allocated: a damaged or malicious file costs no more memory than 8 times its length.
///   throws  FileError naming the file, the tensor and the figures, for whatever is not as it must be, for types that
///           a Tensor does not have and for a U64 from 2^63
SafeTensors load_safetensors(const std::string& file, const SafeTensorsOptions& options = {});

}  // namespace cairn::io
