#pragma once
// Small pictures in the terminal, and in the channels that a model wants.

#include <cairn/tensor/tensor.h>

#include <string>
#include <vector>

namespace support {

/// Columns of the terminal behind stdout; 80 when there is none.
int terminal_columns();

/// How pixels become characters. A cell holds two pixels, one above the other: 28 × 28 pixels take 28 × 14 cells.
enum class Ink {
  strokes,  ///< black and white half blocks; 128 and above is ink
  shades,   ///< five greys, of both pixels together
  colours,  ///< half blocks in the 256 colours of terminals, by control sequences
};
/// What shows photographs: colours on a terminal, shades in a file.
Ink ink_for_photographs();

/// Pictures side by side as far as `columns` go, and then below each other, each under its caption.
///   images    (n, c, h, w) u8, c 1 or 3
///   captions  n, of one or more lines of ASCII; what exceeds w characters is cut
std::string draw(const cairn::Tensor& images, const std::vector<std::string>& captions, int columns, Ink ink);

/// The same picture in grey (one channel, by Rec. 601 luma) or in three channels.
///   image  (c, h, w) u8, c and `channels` 1 or 3
cairn::Tensor with_channels(const cairn::Tensor& image, int64_t channels);

}  // namespace support
