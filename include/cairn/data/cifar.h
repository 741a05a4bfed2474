#pragma once
// CIFAR-10: photographs in ten classes. Source: Krizhevsky 2009, "Learning multiple layers of features from tiny images".

#include <string>
#include <vector>

#include "cairn/tensor/tensor.h"

namespace cairn::data {

/// Images (n, 3, 32, 32) u8, red, green, blue; labels (n,) i64 in 0 … 9.
struct Cifar10 {
  Tensor train_images, train_labels, test_images, test_labels;
};

struct Cifar10Part {
  Tensor images, labels;
};

/// Reads one file of the binary form, plain or gzip: records of a label byte and 3 · 1024 pixel bytes, as many as fit.
///   throws  FileError when it cannot be read, gzip data are damaged, its length is no multiple of 3073 bytes or is 0, or a label exceeds 9
Cifar10Part read_cifar10(const std::string& path);

/// Reads all files data_batch*.bin and test_batch*.bin of a folder, plain or with .gz at the end, in the order of their
/// names. Of a file that is there both ways the plain one is read.
///   throws  FileError as read_cifar10, and when there is no file of one kind
Cifar10 load_cifar10(const std::string& folder);

/// Whether there are files of both kinds in the folder.
bool has_cifar10(const std::string& folder);

/// "airplane", "automobile", …
std::vector<std::string> cifar10_classes();

}  // namespace cairn::data
