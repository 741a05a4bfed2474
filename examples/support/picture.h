#pragma once
// Small pictures in the terminal.

#include <cairn/tensor/tensor.h>

#include <string>
#include <vector>

namespace support {

/// Columns of the terminal behind stdout; 80 when there is none.
int terminal_columns();

/// Black and white pictures in half blocks, a line of text above each, side by side as far as `columns` go and then
/// below each other. A cell holds two pixels, one above the other: 28 × 28 pixels take 28 × 14 cells.
///   images    (n, 1, h, w) u8; 128 and above is ink
///   captions  n, of at most w ASCII characters
std::string draw(const cairn::Tensor& images, const std::vector<std::string>& captions, int columns);

}  // namespace support
