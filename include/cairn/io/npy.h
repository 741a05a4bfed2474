#pragma once
// One array in a file of NumPy's format .npy, as np.save and np.load write and read it.
//
//   6 bytes   "\x93NUMPY"
//   2 bytes   version: 1.0, 2.0 or 3.0
//   2 bytes   length of the header, little-endian (4 bytes from version 2.0 on)
//   header    a Python dictionary: {'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }
//   data      the elements
//
// Source: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html

#include <string>

#include "cairn/tensor/tensor.h"

namespace cairn::io {

/// Reads a file, or a pipe. All versions, both orders of bytes and of dimensions; the tensor is row-major whatever the
/// file is.
///   dtype   b1 → bool, u1 → u8, i1 to i8 and u2 to u8 → i64, f2 and f4 → f32, f8 → f64
///   throws  FileError for what is no such file, for data that are shorter or longer than the header says (before memory
///           is taken for them), for more than 8 dimensions, a u8 (64 bits, unsigned) from 2^63, and for arrays of other
///           things: complex numbers, texts, dates, records, Python objects
Tensor load_npy(const std::string& file);

/// Replaces a file, whole or not at all (see AtomicFile), with the bytes that np.save writes for a row-major array.
///   x       any dtype and strides: f32 → f4, f64 → f8, i64 → i8, bool → b1, u8 → u1
///   throws  FileError when it cannot be written; ValueError for an undefined tensor
void save_npy(const std::string& file, const Tensor& x);

}  // namespace cairn::io
