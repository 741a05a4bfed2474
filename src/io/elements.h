#pragma once
// How numbers lie in files of others, and how they become elements of tensors.

#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "cairn/tensor/tensor.h"
#include "io/source.h"

namespace cairn::io {

/// A type of numbers in files. It is read as `dtype`, which holds each of its values exactly.
struct Stored {
  const char* safetensors;  ///< its name there: "BF16"
  const char* numpy;        ///< kind and bytes: "f4"; empty where NumPy has none
  int64_t size;             ///< bytes of an element
  Dtype dtype;
  /// n elements at `from` (any alignment) to elements of dtype; null where the bytes are those of the dtype.
  void (*widen)(const char* from, int64_t n, void* to);
};

/// All of them, in the order of the safetensors library.
std::span<const Stored> stored_types();
/// The one of that name; null for a name of none.
const Stored* stored_type(std::string_view safetensors);
const Stored* stored_numpy(std::string_view numpy);
/// The one whose bytes are those of the dtype.
const Stored& stored_as(Dtype dtype);

/// Bytes of a tensor in a file.
///   throws  FileError, beginning with `what`, for a shape that no tensor can have
int64_t bytes_needed(const Source& in, const Stored& type, const Shape& shape, const std::string& what);

/// Reads a tensor of that many elements, row-major.
///   swapped  the bytes of each element are in the other order than here
///   throws   FileError, beginning with `what`, for bytes that are no element: a bool other than 0 and 1, or a U64 from
///            2^63; as Source::read. What the shape needs must be known to be there.
Tensor read_elements(Source& in, const Stored& type, const Shape& shape, bool swapped, const std::string& what);

/// Hands the bytes of all elements, row-major, to `write`.
///   type    that of the dtype; or for floats F16 or BF16: rounded to nearest, ties to even, NaN stays NaN
///   throws  ValueError, from `operation`, for a finite number that would become infinite; as `write`
void write_elements(const Tensor& t, const Stored& type, const char* operation, const std::string& name,
                    const std::function<void(const void*, size_t)>& write);

}  // namespace cairn::io
