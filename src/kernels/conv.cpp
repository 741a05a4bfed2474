#include "kernels/conv.h"

#include <algorithm>
#include <optional>
#include <type_traits>
#include <vector>

#include "cairn/base/threads.h"
#include "kernels/conv_depthwise.h"
#include "kernels/conv_window.h"
#include "kernels/tile.h"
#include "kernels/winograd.h"

namespace cairn::kernels {
namespace {

// A weight of the window: its place in the kernel, and in the input relative to the window's origin.
struct Tap {
  int64_t y, x, dy, dx;
};

// What convolution and its transpose come down to: outputs on a lattice (first + i · step), each the sum over taps and
// channels of inputs at (i · stride + tap) times weights. A transpose with stride s is s² of these, one for each
// remainder that an output's place leaves.
template <class S>
struct Pass {
  const S* in;
  int64_t n, in_h, in_w, in_c, channels;  // channels of one group
  int64_t stride_h, stride_w;
  S* out;
  int64_t out_h, out_w, out_c, filters;  // filters of one group
  int64_t first_h, first_w, step_h, step_w, rows, columns;
  int64_t groups;
  std::vector<Tap> taps;
  const S* bias;

  // Taps that lie side by side in memory are one run of the inner dimension.
  int64_t run_taps = 1;
  int64_t low_h = 0, high_h = 0, low_w = 0, high_w = 0;  // of the taps' places
  int64_t inner = 0, panels = 0;

  void prepare() {
    std::sort(taps.begin(), taps.end(),
              [](const Tap& a, const Tap& b) { return a.dy != b.dy ? a.dy < b.dy : a.dx < b.dx; });
    if (!taps.empty()) low_h = high_h = taps[0].dy, low_w = high_w = taps[0].dx;
    for (const Tap& t : taps) {
      low_h = std::min(low_h, t.dy), high_h = std::max(high_h, t.dy);
      low_w = std::min(low_w, t.dx), high_w = std::max(high_w, t.dx);
    }
    const auto across =
        static_cast<int64_t>(std::count_if(taps.begin(), taps.end(), [&](const Tap& t) { return t.dy == taps[0].dy; }));
    if (groups == 1 && across > 1 && high_w - low_w == across - 1) run_taps = across;
    inner = static_cast<int64_t>(taps.size()) * channels;
    panels = ceil_div(filters, panel<S>);
  }

  /// The same as a plain convolution of 3 × 3, if it is one and Winograd's way is the faster.
  std::optional<Winograd> winograd() const {
    if (!std::is_same_v<S, float> || taps.size() != 9 || run_taps != 3 || high_h - low_h != 2 || groups != 1 ||
        stride_h != 1 || stride_w != 1 || step_h != 1 || step_w != 1)
      return {};
    const Winograd g{n, channels, in_h, in_w, filters, out_h, out_w, -low_h, -low_w};
    return g.serves() ? std::optional(g) : std::nullopt;
  }

  int64_t filters_of(int64_t p) const { return std::min<int64_t>(filters - p * panel<S>, panel<S>); }
  S* place(int64_t image, int64_t i, int64_t j) const {
    return out + ((image * out_h + first_h + i * step_h) * out_w + first_w + j * step_w) * out_c;
  }
};

// The weights of a pass: those of a filter and a channel are a kernel of k numbers, k_w a row, side by side in memory.
template <class S>
struct Weights {
  const S* data;
  int64_t k_w, k, filter, channel;  // numbers from filter to filter and from channel to channel
};

// weight as panels [group][panel][tap][channel][filters of the panel, in whole vectors]: squares of filters × what lies
// side by side in memory, transposed. Filters that do not exist repeat the last: what comes of them is thrown away.
template <class S>
void pack_weights(const Pass<S>& p, const Weights<S>& weights, S* to) {
  constexpr int64_t w = width<S>;
  std::vector<int64_t> place(static_cast<size_t>(weights.k), -1);  // of a number of the kernel among the taps
  for (size_t t = 0; t < p.taps.size(); ++t)
    place[static_cast<size_t>(p.taps[t].y * weights.k_w + p.taps[t].x)] = static_cast<int64_t>(t);
  const int64_t group_size = p.filters * p.channels * weights.k;
  const S* end_of = weights.data + p.groups * group_size;
  const bool whole = weights.channel == weights.k;  // all channels of a filter lie side by side
  const int64_t strips = whole ? 1 : p.channels, length = whole ? p.channels * weights.k : weights.k;

  const auto pack_vector = [&](const S* first, int64_t n, S* block, int64_t step) {
    const S* columns[w];
    alignas(64) S edge[w * w], square[w * w];
    for (int64_t strip = 0; strip < strips; ++strip)
      for (int64_t at = 0; at < length; at += w) {
        for (int64_t i = 0; i < w; ++i) {
          const S* from = first + std::min(i, n - 1) * weights.filter + strip * weights.channel + at;
          const bool inside = end_of - from >= w;
          if (!inside) std::copy(from, end_of, edge + i * w);
          columns[i] = inside ? from : edge + i * w;
        }
        transpose<S>(columns, 0, square, w);
        for (int64_t i = 0; i < std::min(w, length - at); ++i) {
          const int64_t channel = strip + (at + i) / weights.k, tap = place[size_t((at + i) % weights.k)];
          if (tap >= 0) store(block + (tap * p.channels + channel) * step, load(square + i * w));
        }
      }
  };
  parallel_for(p.groups * p.panels, std::max<int64_t>(1, 65536 / std::max<int64_t>(1, p.inner * panel<S>)),
               [&](int64_t begin, int64_t end) {
                 for (int64_t index = begin; index < end; ++index) {
                   const int64_t n = p.filters_of(index % p.panels), step = n > w ? panel<S> : w;
                   const S* first =
                       weights.data + index / p.panels * group_size + index % p.panels * panel<S> * weights.filter;
                   for (int64_t v = 0; v < step; v += w)
                     pack_vector(first + std::min(v, n - 1) * weights.filter, std::max<int64_t>(1, n - v),
                                 to + index * p.inner * panel<S> + v, step);
                 }
               });
}

template <class S>
Matrix<S> bias_of(const Pass<S>& p, int64_t filter) {
  return {p.bias ? p.bias + filter : nullptr, 0, 1};
}

// Output rows [begin, end) of an image, tile by tile along its rows, straight from the image or its padded copy.
template <class S>
void sweep_rows(const Pass<S>& p, const S* weights, int64_t image, int64_t begin, int64_t end, S* room,
                std::vector<int64_t>& offsets) {
  const int64_t rows = (end - begin - 1) * p.stride_h + p.high_h - p.low_h + 1;
  const int64_t columns = (p.columns - 1) * p.stride_w + p.high_w - p.low_w + 1;
  const Window<S> window(p.in + image * p.in_h * p.in_w * p.in_c, p.in_h, p.in_w, p.in_c, begin * p.stride_h + p.low_h,
                         rows, p.low_w, columns, room);
  for (size_t r = 0; r < offsets.size(); ++r) {
    const Tap& t = p.taps[r * static_cast<size_t>(p.run_taps)];
    offsets[r] = (t.dy - p.low_h) * window.row + (t.dx - p.low_w) * p.in_c;
  }
  const Runs runs{static_cast<int64_t>(offsets.size()), offsets.data()};
  const int64_t tiles = ceil_div(p.columns, tile_rows), run = p.run_taps * p.channels;
  for (int64_t index = 0; index < p.groups * p.panels; ++index) {
    const int64_t group = index / p.panels, n = p.filters_of(index % p.panels);
    const int64_t filter = group * p.filters + index % p.panels * panel<S>;
    const S* b = weights + index * p.inner * panel<S>;
    for (int64_t i = begin; i < end; ++i)
      for (int64_t t = 0; t < tiles; ++t) {
        const int64_t j = t * p.columns / tiles, pixels = (t + 1) * p.columns / tiles - j;
        const S* a = window.data + (i - begin) * p.stride_h * window.row + j * p.stride_w * p.in_c + group * p.channels;
        any_tile(pixels, n, true, runs, run, a, p.stride_w * p.in_c, b, n > width<S> ? panel<S> : width<S>,
                 bias_of(p, filter), p.place(image, i, j) + filter, p.step_w * p.out_c);
      }
  }
}

// Outputs [begin, end) in the order of the lattice, whatever rows and images they belong to: their windows are brought
// side by side first. For images so narrow that a tile along a row would waste registers.
template <class S>
void sweep_gathered(const Pass<S>& p, const S* weights, int64_t begin, int64_t end, S* room) {
  std::vector<S*> places(static_cast<size_t>(end - begin));
  alignas(64) S line[tile_rows * panel<S>];
  const int64_t tiles = ceil_div(end - begin, tile_rows);
  for (int64_t group = 0; group < p.groups; ++group) {
    S* to = room;
    for (int64_t at = begin; at < end; ++at) {
      const int64_t j = at % p.columns, i = at / p.columns % p.rows, image = at / p.columns / p.rows;
      places[static_cast<size_t>(at - begin)] = p.place(image, i, j);
      const S* from = p.in + image * p.in_h * p.in_w * p.in_c + group * p.channels;
      for (const Tap& t : p.taps) {
        const int64_t y = i * p.stride_h + t.dy, x = j * p.stride_w + t.dx;
        if (y < 0 || y >= p.in_h || x < 0 || x >= p.in_w)
          std::fill_n(to, p.channels, S(0));
        else
          std::memcpy(to, from + (y * p.in_w + x) * p.in_c, static_cast<size_t>(p.channels) * sizeof(S));
        to += p.channels;
      }
    }
    for (int64_t q = 0; q < p.panels; ++q) {
      const int64_t n = p.filters_of(q), step = n > width<S> ? panel<S> : width<S>;
      const int64_t filter = group * p.filters + q * panel<S>;
      const S* b = weights + (group * p.panels + q) * p.inner * panel<S>;
      for (int64_t t = 0; t < tiles; ++t) {
        const int64_t first = t * (end - begin) / tiles, pixels = (t + 1) * (end - begin) / tiles - first;
        any_tile(pixels, n, true, one_run, p.inner, room + first * p.inner, p.inner, b, step, bias_of(p, filter), line,
                 step);
        for (int64_t r = 0; r < pixels; ++r)
          copy_few(places[static_cast<size_t>(first + r)] + filter, line + r * step, n);
      }
    }
  }
}

template <class S>
void run(Pass<S>& p, const Weights<S>& unpacked, const Packed& packed = {}) {
  if (p.n == 0 || p.rows == 0 || p.columns == 0) return;
  p.prepare();
  const std::optional<Winograd> tiles = p.winograd();
  const int64_t plain = p.groups * p.panels * p.inner * panel<S>, numbers = tiles ? winograd_numbers(*tiles) : plain;
  const auto pack = [&](S* to) {
    if constexpr (std::is_same_v<S, float>)
      if (tiles) {
        Scratch<S> panels(plain);
        pack_weights(p, unpacked, panels.data());
        return winograd_transform(*tiles, panels.data(), to);
      }
    pack_weights(p, unpacked, to);
  };
  std::shared_ptr<const void> kept;
  if (packed)
    kept =
        packed(tiles ? 1 : 0, static_cast<size_t>(numbers) * sizeof(S), [&](void* to) { pack(static_cast<S*>(to)); });
  Scratch<S> own(kept ? 0 : numbers);
  if (!kept) pack(own.data());
  const S* weights = kept ? static_cast<const S*>(kept.get()) : own.data();
  if constexpr (std::is_same_v<S, float>)
    if (tiles) return cairn::kernels::winograd(*tiles, p.in, weights, p.bias, p.out);
  // Products an output; where no tap meets it, there is only the bias to write.
  const auto work = static_cast<double>(std::max<int64_t>(1, p.inner) * p.filters * p.groups);
  if (p.columns < tile_rows / 2 && p.rows * p.n > 1) {
    const int64_t outputs = p.n * p.rows * p.columns, most = std::max<int64_t>(tile_rows, 196608 / (p.inner + 1));
    const int64_t piece = std::min({most, int64_t{8 * tile_rows}, ceil_div(outputs, 8)});
    parallel_for(outputs, std::max(piece, static_cast<int64_t>(1e5 / work)), [&](int64_t begin, int64_t end) {
      Scratch<S> room(std::min(piece, end - begin) * p.inner);
      for (int64_t from = begin; from < end; from += piece)
        sweep_gathered(p, weights, from, std::min(end, from + piece), room.data());
    });
    return;
  }
  // Bands of rows: few enough to stay in the cache with their padding, and enough of them for several threads.
  const int64_t columns = (p.columns - 1) * p.stride_w + p.high_w - p.low_w + 1, window = p.high_h - p.low_h;
  const int64_t fit = std::max<int64_t>(1, (131072 / (columns * p.in_c) - window - 1) / p.stride_h);
  const auto least = static_cast<int64_t>(2e5 / (work * static_cast<double>(p.columns))) + 1;
  const int64_t shared = std::max(ceil_div(p.rows * p.n, 8), least);
  const int64_t bands = ceil_div(p.rows, std::min({p.rows, fit, shared}));
  const bool alone = work * static_cast<double>(p.n * p.rows * p.columns) < worth_sharing;
  const int64_t grain = alone ? p.n * bands : std::max<int64_t>(1, least * bands / p.rows);
  parallel_for(p.n * bands, grain, [&](int64_t begin, int64_t end) {
    const int64_t rows = (ceil_div(p.rows, bands) - 1) * p.stride_h + window + 1;
    Scratch<S> room(rows * columns * p.in_c);
    std::vector<int64_t> offsets(p.taps.size() / static_cast<size_t>(p.run_taps));
    for (int64_t index = begin; index < end; ++index) {
      const int64_t band = index % bands;
      sweep_rows(p, weights, index / bands, band * p.rows / bands, (band + 1) * p.rows / bands, room.data(), offsets);
    }
  });
}

}  // namespace

template <class S>
void conv(const Conv& g, const S* x, const S* weight, const S* bias, S* y, const Packed& packed) {
  if (is_depthwise(g)) return conv_depthwise(g, x, weight, bias, y);
  Pass<S> p{x, g.n, g.h, g.w, g.c,   g.c / g.groups, g.stride_h, g.stride_w, y,   g.y_h, g.y_w, g.o, g.o / g.groups,
            0, 0,   1,   1,   g.y_h, g.y_w,          g.groups,   {},         bias};
  for (int64_t a = 0; a < g.k_h; ++a)
    for (int64_t b = 0; b < g.k_w; ++b)
      p.taps.push_back({a, b, a * g.dilation_h - g.padding_h, b * g.dilation_w - g.padding_w});
  const int64_t k = g.k_h * g.k_w;
  run(p, {weight, g.k_w, k, p.channels * k, k}, packed);
}

template <class S>
void conv_transpose(const Conv& g, const S* y, const S* weight, const S* bias, S* x) {
  if (is_depthwise(g)) return conv_transpose_depthwise(g, y, weight, bias, x);
  const int64_t channels = g.c / g.groups, filters = g.o / g.groups;
  for (int64_t r_h = 0; r_h < std::min(g.stride_h, g.h); ++r_h)
    for (int64_t r_w = 0; r_w < std::min(g.stride_w, g.w); ++r_w) {
      Pass<S> p{y,
                g.n,
                g.y_h,
                g.y_w,
                g.o,
                filters,
                1,
                1,
                x,
                g.h,
                g.w,
                g.c,
                channels,
                r_h,
                r_w,
                g.stride_h,
                g.stride_w,
                ceil_div(g.h - r_h, g.stride_h),
                ceil_div(g.w - r_w, g.stride_w),
                g.groups,
                {},
                bias};
      // The output at r + stride · i meets tap a of the output i + (r + padding − a · dilation) / stride, if that is whole.
      for (int64_t a = 0; a < g.k_h; ++a)
        for (int64_t b = 0; b < g.k_w; ++b) {
          const int64_t h = r_h + g.padding_h - a * g.dilation_h, w = r_w + g.padding_w - b * g.dilation_w;
          if (h % g.stride_h == 0 && w % g.stride_w == 0) p.taps.push_back({a, b, h / g.stride_h, w / g.stride_w});
        }
      const int64_t k = g.k_h * g.k_w;
      run(p, {weight, g.k_w, k, k, channels * k});
    }
}

template void conv(const Conv&, const float*, const float*, const float*, float*, const Packed&);
template void conv(const Conv&, const double*, const double*, const double*, double*, const Packed&);
template void conv_transpose(const Conv&, const float*, const float*, const float*, float*);
template void conv_transpose(const Conv&, const double*, const double*, const double*, double*);

}  // namespace cairn::kernels
