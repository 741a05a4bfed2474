#pragma once
// MNIST, and data sets of the same form such as Fashion-MNIST.

#include <string>
#include <vector>

#include "cairn/tensor/tensor.h"

namespace cairn::data {

/// Images (n, 1, 28, 28) u8, 0 is background; labels (n,) i64 in 0 … 9.
struct Mnist {
  Tensor train_images, train_labels, test_images, test_labels;
};

/// Reads the four IDX files of a folder, plain or with .gz at the end of their names.
///   throws  FileError when one is missing or damaged, counts of images and labels differ, or a label exceeds 9
Mnist load_mnist(const std::string& folder);

/// Whether all four files are in the folder.
bool has_mnist(const std::string& folder);

/// The classes of Fashion-MNIST: "T-shirt/top", "Trouser", … (Xiao, Rasul and Vollgraf 2017).
std::vector<std::string> fashion_mnist_classes();

/// The folder of a data set: `folder` when it is not empty, else the first of $CAIRN_DATA/<name>, data/<name> below the
/// working directory and data/<name> below `source_root` that is there and complete; "" when none is.
///   complete  tells whether all files are in a folder; without it, an existing folder will do
///   throws    FileError when `folder` is none
std::string find_data(const std::string& name, const std::string& folder = "", const std::string& source_root = "",
                      bool (*complete)(const std::string& folder) = nullptr);

}  // namespace cairn::data
