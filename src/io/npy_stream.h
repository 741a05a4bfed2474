#pragma once
// An .npy file as bytes, wherever they come from.

#include <string>

#include "cairn/tensor/tensor.h"
#include "io/source.h"

namespace cairn::io {

/// Reads an array that takes all of `in`.
///   throws  FileError, as load_npy
Tensor read_npy(Source& in);

/// What stands in front of the elements of x.
std::string npy_head(const Tensor& x);

}  // namespace cairn::io
