#pragma once
// Where a convolution reads: a piece of an image with the zeros around it.

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace cairn::kernels {

// Rows [y0, y0 + rows) and columns [x0, x0 + columns) of an image of h × w pixels with c channels: where it lies when all
// of them exist, else to be copied into room for rows · columns · c numbers, with zeros outside.
template <class S>
struct Window {
  const S* data;
  int64_t row;  // numbers from row to row

  static bool lies_inside(int64_t h, int64_t w, int64_t y0, int64_t rows, int64_t x0, int64_t columns) {
    return y0 >= 0 && y0 + rows <= h && x0 >= 0 && x0 + columns <= w;
  }

  Window(const S* image, int64_t h, int64_t w, int64_t c, int64_t y0, int64_t rows, int64_t x0, int64_t columns,
         S* room)
      : data(image + (y0 * w + x0) * c), row(w * c) {
    if (lies_inside(h, w, y0, rows, x0, columns)) return;
    const int64_t left = std::clamp<int64_t>(-x0, 0, columns), right = std::clamp(w - x0, left, columns);
    const auto zeros = [](S* p, int64_t n) { std::fill_n(p, n, S(0)); };
    for (int64_t i = 0; i < rows; ++i) {
      S* to = room + i * columns * c;
      if (y0 + i < 0 || y0 + i >= h) {
        zeros(to, columns * c);
        continue;
      }
      zeros(to, left * c);
      if (right > left)
        std::memcpy(to + left * c, image + ((y0 + i) * w + x0 + left) * c,
                    static_cast<size_t>((right - left) * c) * sizeof(S));
      zeros(to + right * c, (columns - right) * c);
    }
    data = room;
    row = columns * c;
  }
};

}  // namespace cairn::kernels
