#pragma once
// The images that programs learn on: data sets of small pictures in ten classes.

#include <cairn/tensor/tensor.h>

#include <string>
#include <vector>

namespace support {

struct Images {
  cairn::Tensor train_images, train_labels;  ///< (n, c, h, w) u8, (n,) i64
  cairn::Tensor test_images, test_labels;
  std::string source;  ///< "MNIST in data/mnist": for the screen
};

/// A data set that has a folder of its own and a script that fetches it.
struct DataSet {
  std::string name;    ///< "Fashion-MNIST"
  std::string folder;  ///< below $CAIRN_DATA and data/
  std::string script;  ///< below data/
  cairn::Shape image;  ///< sizes of one, without the batch
  std::vector<std::string> classes;
  bool (*complete)(const std::string& folder);
  Images (*load)(const std::string& folder);
};
DataSet mnist();
DataSet fashion_mnist();
DataSet cifar10();

/// A data set from `folder`; without one from $CAIRN_DATA or data/; or from a download.
///   glyphs  whether glyphs() take its place where there is no network either
///   throws  FileError when `folder` does not hold it, what lies there is damaged, or it is not to be had at all
Images find_images(const DataSet& set, const std::string& folder, bool glyphs);

/// Digits in MNIST's form that need neither files nor network: n to train on, and a quarter of that to test on.
Images glyphs(int64_t n = 20000);

}  // namespace support
