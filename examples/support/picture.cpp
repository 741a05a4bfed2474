#include "support/picture.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>

namespace support {

int terminal_columns() {
  winsize size{};
  return ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

std::string draw(const cairn::Tensor& images, const std::vector<std::string>& captions, int columns) {
  const int64_t n = images.size(0), h = images.size(2), w = images.size(3), gap = 2;
  const int64_t in_a_row = std::clamp((columns + gap) / (w + gap), int64_t{1}, std::max<int64_t>(n, 1));
  const std::vector<uint8_t> pixels = images.to_vector<uint8_t>();
  const auto ink = [&](int64_t i, int64_t y, int64_t x) {
    return y < h && pixels[static_cast<size_t>((i * h + y) * w + x)] >= 128;
  };
  std::string text;
  for (int64_t first = 0; first < n; first += in_a_row) {
    const int64_t end = std::min(first + in_a_row, n);
    const auto row_of = [&](const auto& piece) {  // a piece of w columns from every picture
      std::string row;
      for (int64_t i = first; i < end; ++i) row += piece(i) + std::string(static_cast<size_t>(gap), ' ');
      text += row.erase(row.find_last_not_of(' ') + 1) + "\n";
    };
    row_of([&](int64_t i) {
      std::string caption = captions[static_cast<size_t>(i)];
      caption.resize(static_cast<size_t>(w), ' ');
      return caption;
    });
    for (int64_t y = 0; y < h; y += 2)
      row_of([&](int64_t i) {
        std::string cells;
        for (int64_t x = 0; x < w; ++x) {
          const bool upper = ink(i, y, x), lower = ink(i, y + 1, x);
          cells += upper && lower ? "█" : upper ? "▀" : lower ? "▄" : " ";
        }
        return cells;
      });
  }
  return text;
}

}  // namespace support
