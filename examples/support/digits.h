#pragma once
// The images that programs learn on.

#include <cairn/data/dataset.h>
#include <cairn/data/mnist.h>

#include <string>

namespace support {

struct Digits {
  cairn::data::Mnist images;
  std::string source;  ///< "MNIST in data/mnist": for the screen
};

/// MNIST from `folder`; without one from $CAIRN_DATA/mnist or data/mnist; from a download; and where there is no
/// network either, glyphs().
///   throws  FileError when `folder` does not hold it, or what lies there is damaged
Digits find_digits(const std::string& folder = "");

/// Digits that need neither files nor network: n to train on, and a quarter of that to test on.
Digits glyphs(int64_t n = 20000);

/// Mean and deviation of the pixels, of the first 10,000 images.
///   images  (n, 1, h, w) u8
cairn::data::Normalization normalization_of(const cairn::Tensor& images);

}  // namespace support
