#include <algorithm>
#include <vector>

#include "cairn/base/threads.h"
#include "kernels/conv.h"
#include "kernels/conv_depthwise.h"
#include "kernels/conv_window.h"
#include "kernels/tile.h"
#include "kernels/winograd.h"

namespace cairn::kernels {
namespace {

// The gradient of the weight is a product: its rows are the window's numbers (tap, channel), its columns the filters,
// and its inner dimension all places of all images. Rows that lie side by side in memory (the taps of a row of the
// window and their channels) go through the tile together, for some places at a time.
template <class S>
struct Sums {
  const Conv& g;
  const S *x, *y;
  int64_t channels, filters, filter_step, across;  // across: taps side by side that make one block of rows
  int64_t window_w;                                // columns of the padded input that all windows of a row cover
  int64_t rows_at_once;                            // output rows of an image that go through together …
  int64_t images_at_once;                          // … or else whole images
  bool packed;                                     // whether filters of a place are copied to fill whole vectors

  Sums(const Conv& sizes, const S* x, const S* y)
      : g(sizes),
        x(x),
        y(y),
        channels(g.c / g.groups),
        filters(g.o / g.groups),
        filter_step(ceil_div(filters, width<S>) * width<S>),
        across(g.groups == 1 && g.dilation_w == 1 ? g.k_w : 1),
        window_w((g.y_w - 1) * g.stride_w + (g.k_w - 1) * g.dilation_w + 1),
        rows_at_once(std::clamp<int64_t>(places / g.y_w, 1, g.y_h)),
        images_at_once(rows_at_once < g.y_h ? 1 : std::max<int64_t>(1, places / (g.y_h * g.y_w))),
        packed(filters % width<S> != 0 || g.groups > 1) {}

  static constexpr int64_t places = 256;  // that go through at once: what they read stays in the first-level cache

  int64_t window_h(int64_t rows) const { return (rows - 1) * g.stride_h + 1; }
  int64_t taps() const { return g.k_h * g.k_w; }
  int64_t total() const { return g.groups * taps() * channels * filter_step; }

  // Adds images [image, last), kernel rows [a0, a1) and filters [f0, f1) of each group to sums [group][tap][channel][filter].
  void add(int64_t image, int64_t last, int64_t a0, int64_t a1, int64_t f0, int64_t f1, S* sums) const {
    const int64_t height = window_h(rows_at_once) + (a1 - a0 - 1) * g.dilation_h, piece = height * window_w * g.c;
    Scratch<S> room(images_at_once * piece);
    Scratch<S> columns(packed ? images_at_once * rows_at_once * g.y_w * filter_step : 0);
    std::vector<int64_t> offsets(static_cast<size_t>(images_at_once * rows_at_once));
    for (; image < last; image += images_at_once)
      for (int64_t row = 0; row < g.y_h; row += rows_at_once) {
        const int64_t rows = std::min(rows_at_once, g.y_h - row), images = std::min(images_at_once, last - image);
        const S* base = nullptr;
        int64_t window_row = 0;
        for (int64_t m = 0; m < images; ++m) {
          const Window<S> window(
              x + (image + m) * g.h * g.w * g.c, g.h, g.w, g.c, row * g.stride_h + a0 * g.dilation_h - g.padding_h,
              window_h(rows) + (a1 - a0 - 1) * g.dilation_h, -g.padding_w, window_w, room.data() + m * piece);
          if (m == 0) base = window.data, window_row = window.row;
          for (int64_t i = 0; i < rows; ++i)
            offsets[static_cast<size_t>(m * rows + i)] = window.data - base + i * g.stride_h * window.row;
        }
        const Runs runs{images * rows, offsets.data()};
        const S* grad = y + (image * g.y_h + row) * g.y_w * g.o;
        for (int64_t group = 0; group < g.groups; ++group) {
          const S* b = grad;
          if (packed) {
            for (int64_t at = 0; at < runs.count * g.y_w; ++at)
              std::copy_n(grad + at * g.o + group * filters, filters, columns.data() + at * filter_step);
            b = columns.data();
          }
          multiply(runs, base + group * channels, window_row, b, a0, a1, f0, f1,
                   sums + group * taps() * channels * filter_step);
        }
      }
  }

 private:
  void multiply(Runs runs, const S* base, int64_t window_row, const S* b, int64_t a0, int64_t a1, int64_t f0,
                int64_t f1, S* sums) const {
    const int64_t b_row = packed ? filter_step : g.o, height = across * channels, tiles = ceil_div(height, tile_rows);
    for (int64_t a = a0; a < a1; ++a)
      for (int64_t k = 0; k < g.k_w; k += across) {
        const S* from = base + (a - a0) * g.dilation_h * window_row + k * g.dilation_w * g.c;
        S* to = sums + (a * g.k_w + k) * channels * filter_step;
        for (int64_t f = f0; f < f1; f += panel<S>) {
          const int64_t n = std::min<int64_t>(f1 - f, panel<S>);
          for (int64_t t = 0; t < tiles; ++t) {
            const int64_t r = t * height / tiles, now = (t + 1) * height / tiles - r;
            S* c = to + r * filter_step + f;
            any_tile(now, n, false, runs, g.y_w, from + r, g.stride_w * g.c, b + f, b_row, {c, filter_step, 1}, c,
                     filter_step);
          }
        }
      }
  }
};

}  // namespace

template <class S>
void conv_weight(const Conv& g, const S* x, const S* y, S* weight) {
  if (is_depthwise(g)) return conv_weight_depthwise(g, x, y, weight);
  const Sums<S> sums(g, x, y);
  // Small weights: parts of the batch, summed at the end in their order. Large ones: rows of the kernel and filters.
  const int64_t total = sums.total();
  const Winograd plain{g.n, g.c, g.h, g.w, g.o, g.y_h, g.y_w, g.padding_h, g.padding_w};
  const bool in_tiles = std::is_same_v<S, float> && g.n > 0 && g.k_h == 3 && g.k_w == 3 && g.groups == 1 &&
                        g.stride_h == 1 && g.stride_w == 1 && g.dilation_h == 1 && g.dilation_w == 1 && plain.serves();
  const int64_t chunks = in_tiles ? 1 : std::clamp<int64_t>(g.n, 1, total <= 1 << 15 ? 16 : total <= 1 << 17 ? 4 : 1);
  const int64_t kernel_parts = chunks < 8 ? g.k_h : 1;
  const int64_t filter_block = chunks < 8 ? 4 * panel<S> : sums.filter_step;
  const int64_t filter_parts = ceil_div(sums.filter_step, filter_block);
  Scratch<S> parts(chunks * total);
  const double work = static_cast<double>(g.n * g.y_h * g.y_w) * static_cast<double>(total);
  const int64_t tasks = chunks * kernel_parts * filter_parts;
  if constexpr (std::is_same_v<S, float>)
    if (in_tiles) winograd_weight(plain, x, y, parts.data());
  parallel_for(in_tiles ? 0 : tasks, work < 2e5 ? tasks : 1, [&](int64_t begin, int64_t end) {
    for (int64_t task = begin; task < end; ++task) {
      const int64_t filter = task % filter_parts, part = task / filter_parts % kernel_parts,
                    chunk = task / filter_parts / kernel_parts;
      const int64_t a0 = kernel_parts == 1 ? 0 : part, a1 = kernel_parts == 1 ? g.k_h : part + 1;
      const int64_t f0 = filter * filter_block, f1 = std::min(sums.filter_step, f0 + filter_block);
      S* to = parts.data() + chunk * total;
      for (int64_t group = 0; group < g.groups; ++group)
        for (int64_t l = a0 * g.k_w * sums.channels; l < a1 * g.k_w * sums.channels; ++l) {
          S* line = to + (group * sums.taps() * sums.channels + l) * sums.filter_step;
          std::fill(line + f0, line + f1, S(0));
        }
      sums.add(chunk * g.n / chunks, (chunk + 1) * g.n / chunks, a0, a1, f0, f1, to);
    }
  });
  const int64_t kernel = sums.channels * sums.taps();
  parallel_for(g.o, std::max<int64_t>(1, 16384 / (kernel * chunks)), [&](int64_t begin, int64_t end) {
    for (int64_t o = begin; o < end; ++o)
      for (int64_t tap = 0; tap < sums.taps(); ++tap)
        for (int64_t c = 0; c < sums.channels; ++c) {
          const int64_t row = (o / sums.filters * sums.taps() + tap) * sums.channels + c;
          const S* from = parts.data() + row * sums.filter_step + o % sums.filters;
          S sum = from[0];
          for (int64_t chunk = 1; chunk < chunks; ++chunk) sum += from[chunk * total];
          weight[o * kernel + c * sums.taps() + tap] = sum;
        }
  });
}

template void conv_weight(const Conv&, const float*, const float*, float*);
template void conv_weight(const Conv&, const double*, const double*, double*);

}  // namespace cairn::kernels
