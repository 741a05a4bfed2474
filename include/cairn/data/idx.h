#pragma once
// The IDX format of MNIST and its kin: a magic number, sizes, then the elements; plain or compressed with gzip.
// Source: Y. LeCun, "THE MNIST DATABASE of handwritten digits", file formats.

#include <string>

#include "cairn/tensor/tensor.h"

namespace cairn::data {

/// Reads an IDX file of bytes. Whether it is gzip is told by its content, not by its name.
///   shape   as the file says, 1 to 8 dimensions
///   dtype   u8
///   throws  FileError that names the file and what is wrong: missing, empty, no IDX, another element type, cut short,
///           longer than its sizes say, damaged. Sizes are never believed before the bytes are there.
Tensor read_idx(const std::string& path);

}  // namespace cairn::data
