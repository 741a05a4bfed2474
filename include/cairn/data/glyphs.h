#pragma once
// Digits without files or network: drawn from strokes, in MNIST's form.

#include <cstdint>

#include "cairn/data/mnist.h"

namespace cairn::data {

struct GlyphOptions {
  int64_t train = 20000, test = 5000;  ///< images of each part
  uint64_t seed = 1;                   ///< every seed gives other images
};

/// Handwriting made up: each digit is drawn along the strokes of one of its usual styles, with random slant, rotation,
/// size, place, pen and wobble, and noise on top. Image i shows the digit i mod 10, so all are equally frequent. An
/// image depends on (seed, part, i) alone: it is the same on any number of threads, and the same when more images are
/// asked for.
///   throws  ValueError unless both counts are at least 1
Mnist glyphs(const GlyphOptions& options = {});

}  // namespace cairn::data
