#pragma once
// Several arrays in a zip file of NumPy's, as np.savez and np.savez_compressed write it, through libarchive: the optional
// component cairn::npz (find_package(cairn COMPONENTS npz)).

#include <string>

#include "cairn/nn/module.h"

namespace cairn::io {

/// Reads all arrays, by their names without ".npy". See load_npy (io/npy.h) for dtypes.
///   throws  FileError for what is no such file or is damaged (each array has a checksum), for entries that are no
///           array, a name used twice, and for arrays that unpack to more than zip can have packed into that
///           file: before memory is taken for them
nn::StateDict load_npz(const std::string& file);

struct NpzOptions {
  bool compressed = false;  ///< as np.savez_compressed
};

/// Replaces a file, whole or not at all (see AtomicFile), with one that np.load reads. Equal input gives equal bytes.
///   throws  FileError when it cannot be written; ValueError for an undefined tensor, and for a name that is empty, has
///           a zero byte or is not UTF-8
void save_npz(const std::string& file, const nn::StateDict& tensors, const NpzOptions& options = {});

}  // namespace cairn::io
