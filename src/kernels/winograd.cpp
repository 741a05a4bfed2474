#include "kernels/winograd.h"

#include <vector>

#include "cairn/base/threads.h"
#include "kernels/tile.h"

namespace cairn::kernels {
namespace {

using V = Vector<float>;
constexpr int64_t w = width<float>, wide = panel<float>;
constexpr int side = 6, outputs = 4, taps = 3, spots = side * side;

// ---- the transformations of a row: d, of three numbers or four, as a polynomial and its values at the places ------------

constexpr float a = 0.70710678118654752f, b = 1.4142135623730951f;  // √½ and √2: a² = 1/2, b² = 2, a b = 1
// The derivative of x (x² − a²) (x² − b²) at ±a and ±b: what the interpolation divides by.
constexpr float at_a = -1 / 1.5f, at_b = 1 / 6.0f;

// The values at ±a and ±b of a polynomial whose even and odd parts at a and b are given.
[[gnu::always_inline]] inline void at_the_roots(V even_a, V odd_a, V even_b, V odd_b, V (&t)[side]) {
  t[1] = even_a + odd_a, t[2] = even_a - odd_a;
  t[3] = even_b + odd_b, t[4] = even_b - odd_b;
}

struct Data {  // Bᵀ
  static constexpr int from = side, to = side;
  [[gnu::always_inline]] static void of(const V (&d)[from], V (&t)[to]) {
    const V even_a = d[4] - 2 * d[2], odd_a = a * (d[3] - 2 * d[1]);
    const V even_b = d[4] - 0.5f * d[2], odd_b = b * (d[3] - 0.5f * d[1]);
    t[0] = d[0] - 2.5f * d[2] + d[4];
    at_the_roots(even_a, odd_a, even_b, odd_b, t);
    t[5] = d[1] - 2.5f * d[3] + d[5];
  }
};

struct Kernel {  // G
  static constexpr int from = taps, to = side;
  [[gnu::always_inline]] static void of(const V (&g)[from], V (&t)[to]) {
    const V even_a = at_a * (g[0] + 0.5f * g[2]), odd_a = (at_a * a) * g[1];
    const V even_b = at_b * (g[0] + 2 * g[2]), odd_b = (at_b * b) * g[1];
    t[0] = g[0];
    at_the_roots(even_a, odd_a, even_b, odd_b, t);
    t[5] = g[2];
  }
};

struct Result {  // Aᵀ
  static constexpr int from = side, to = outputs;
  [[gnu::always_inline]] static void of(const V (&m)[from], V (&y)[to]) {
    const V sum_a = m[1] + m[2], sum_b = m[3] + m[4];
    const V odd_a = a * (m[1] - m[2]), odd_b = b * (m[3] - m[4]);
    y[0] = m[0] + sum_a + sum_b;
    y[1] = odd_a + odd_b;
    y[2] = 0.5f * sum_a + 2 * sum_b;
    y[3] = 0.5f * odd_a + 2 * odd_b + m[5];
  }
};

struct ResultGradient {  // A
  static constexpr int from = outputs, to = side;
  [[gnu::always_inline]] static void of(const V (&y)[from], V (&t)[to]) {
    const V even_a = y[0] + 0.5f * y[2], odd_a = a * (y[1] + 0.5f * y[3]);
    const V even_b = y[0] + 2 * y[2], odd_b = b * (y[1] + 2 * y[3]);
    t[0] = y[0];
    at_the_roots(even_a, odd_a, even_b, odd_b, t);
    t[5] = y[3];
  }
};

struct KernelGradient {  // Gᵀ
  static constexpr int from = side, to = taps;
  [[gnu::always_inline]] static void of(const V (&u)[from], V (&g)[to]) {
    const V sum_a = at_a * (u[1] + u[2]), sum_b = at_b * (u[3] + u[4]);
    g[0] = u[0] + sum_a + sum_b;
    g[1] = (at_a * a) * (u[1] - u[2]) + (at_b * b) * (u[3] - u[4]);
    g[2] = 0.5f * sum_a + 2 * sum_b + u[5];
  }
};

// The transformation of the columns, then of the rows of a square, read and written one by one.
template <class T, class Read, class Write>
[[gnu::always_inline]] inline void both(Read read, Write write) {
  V half[T::to][T::from];
#pragma GCC unroll 6
  for (int j = 0; j < T::from; ++j) {
    V column[T::from], t[T::to];
#pragma GCC unroll 6
    for (int i = 0; i < T::from; ++i) column[i] = read(i * T::from + j);
    T::of(column, t);
#pragma GCC unroll 6
    for (int i = 0; i < T::to; ++i) half[i][j] = t[i];
  }
#pragma GCC unroll 6
  for (int i = 0; i < T::to; ++i) {
    V t[T::to];
    T::of(half[i], t);
#pragma GCC unroll 6
    for (int j = 0; j < T::to; ++j) write(i * T::to + j, t[j]);
  }
}

// ---- tiles of images ---------------------------------------------------------------------------------------------------

// The tiles of all images, in the order of images, rows, columns.
struct Tiles {
  int64_t across, image, count;
  explicit Tiles(const Winograd& g)
      : across(ceil_div(g.y_w, outputs)), image(ceil_div(g.y_h, outputs) * across), count(g.n * image) {}
};

int64_t padded(int64_t channels) { return ceil_div(channels, w) * w; }

// The first n ≤ w numbers of a vector in memory.
[[gnu::always_inline]] inline V load_few(const float* p, int64_t n) {
  alignas(64) float line[w] = {};
  copy_few(line, p, n);
  return load(line);
}
[[gnu::always_inline]] inline void store_few(float* p, V v, int64_t n) {
  alignas(64) float line[w];
  store(line, v);
  copy_few(p, line, n);
}

// One place for each pixel of a square of images x (h, w, c): where it lies, or `outside`.
template <int n, class P>
void squares(P* x, int64_t h, int64_t width_, int64_t c, int64_t image, int64_t y0, int64_t x0, P* outside,
             P* (&pixels)[n * n]) {
  for (int64_t i = 0; i < n; ++i)
    for (int64_t j = 0; j < n; ++j) {
      const bool inside = y0 + i >= 0 && y0 + i < h && x0 + j >= 0 && x0 + j < width_;
      pixels[i * n + j] = inside ? x + ((image * h + y0 + i) * width_ + x0 + j) * c : outside;
    }
}

// Transformed tiles [first, last) and their channels [c0, c0 + channels) of images x (h, w, c), as [spot][tile][channel],
// with the channels padded to whole vectors; a tile begins at (4 i − padding_h, 4 j − padding_w). The spots stand `plane`
// apart.
template <class T>
void transform_tiles(const Tiles& tiles, const float* x, int64_t h, int64_t width_, int64_t c, int64_t padding_h,
                     int64_t padding_w, int64_t first, int64_t last, int64_t c0, int64_t channels, const float* zeros,
                     float* to, int64_t plane) {
  const float* pixels[T::from * T::from];
  for (int64_t tile = first; tile < last; ++tile, to += padded(channels)) {
    const int64_t in_image = tile % tiles.image;
    squares<T::from>(x, h, width_, c, tile / tiles.image, in_image / tiles.across * outputs - padding_h,
                     in_image % tiles.across * outputs - padding_w, zeros, pixels);
    const auto write = [&](int64_t k) { return [=](int i, const V& v) { store(to + i * plane + k, v); }; };
    int64_t k = 0;
    for (; k < channels && c0 + k + w <= c; k += w) both<T>([&](int i) { return load(pixels[i] + c0 + k); }, write(k));
    if (k < channels) both<T>([&](int i) { return load_few(pixels[i] + c0 + k, channels - k); }, write(k));
  }
}

// Tiles a multiple of a page apart would push each other out of the cache: planes are never a multiple of it.
int64_t plane_of(int64_t tiles, int64_t channels) { return tiles * channels + w; }

// How many tiles go through at once, so that what they need stays in the second-level cache.
int64_t tiles_at_once(int64_t numbers_a_tile, int64_t count) {
  return std::min(count, std::clamp<int64_t>(160000 / (spots * numbers_a_tile), 24, 48));
}

// m rows of A (m, k) times a panel of B, tile by tile.
void product(int64_t m, int64_t n, bool along_k, int64_t k, const float* x, int64_t x_step, const float* p,
             int64_t p_row, bool add, float* c, int64_t c_row) {
  const int64_t pieces = ceil_div(m, tile_rows);
  for (int64_t t = 0; t < pieces; ++t) {
    const int64_t i = t * m / pieces, rows = (t + 1) * m / pieces - i;
    float* to = c + i * c_row;
    any_tile(rows, n, along_k, one_run, k, x + i * (along_k ? x_step : 1), x_step, p, p_row,
             Matrix<float>{add ? to : nullptr, c_row, 1}, to, c_row);
  }
}

}  // namespace

bool Winograd::serves() const {
  // Multiplications of the direct way beside those of this one and, in the same measure, its transformations.
  const auto filters = static_cast<double>(padded(o));
  const double direct = 9.0 * static_cast<double>(y_h * y_w * c) * filters;
  const double here = static_cast<double>(ceil_div(y_h, outputs) * ceil_div(y_w, outputs)) *
                      (static_cast<double>(spots * c) * filters + 400 * (static_cast<double>(padded(c)) + filters));
  return here < 0.8 * direct;
}

int64_t winograd_numbers(const Winograd& g) { return ceil_div(g.o, wide) * spots * g.c * wide; }

// To [panel][spot][channel][filter].
void winograd_transform(const Winograd& g, const float* panels, float* to) {
  const int64_t count = ceil_div(g.o, wide);
  parallel_for(count * g.c, std::max<int64_t>(1, 65536 / (spots * wide)), [&](int64_t begin, int64_t end) {
    for (int64_t at = begin; at < end; ++at) {
      const int64_t p = at / g.c, channel = at % g.c, step = g.o - p * wide > w ? wide : w;
      const float* from = panels + p * taps * taps * g.c * wide + channel * step;
      float* out = to + p * spots * g.c * wide + channel * step;
      for (int64_t f = 0; f < step; f += w)
        both<Kernel>([&](int i) { return load(from + i * g.c * step + f); },
                     [&](int i, const V& v) { store(out + i * g.c * step + f, v); });
    }
  });
}

void winograd(const Winograd& g, const float* x, const float* weights, const float* bias, float* y) {
  const Tiles tiles(g);
  const int64_t count = ceil_div(g.o, wide), channels = padded(g.c), most = tiles_at_once(channels + wide, tiles.count);
  const std::vector<float> zeros(static_cast<size_t>(g.c));
  // As many blocks for each thread, of some tiles and some work: no bit of a tile depends on those beside it.
  const double all = static_cast<double>(spots * tiles.count * g.c * g.o);
  const int64_t team =
      std::clamp<int64_t>(std::min(tiles.count / 8, static_cast<int64_t>(all / 5e5)), 1, num_threads());
  const int64_t blocks = ceil_div(ceil_div(tiles.count, most), team) * team;
  // Where there are few tiles, the panels are dealt out too; each piece then transforms the tiles for itself.
  const int64_t parts = std::clamp<int64_t>(16 / blocks, 1, ceil_div(count, 2));
  const double work = all / static_cast<double>(blocks * parts);
  const int64_t grain = all < worth_sharing ? blocks * parts : std::max<int64_t>(1, static_cast<int64_t>(2e5 / work));
  parallel_for(blocks * parts, grain, [&](int64_t begin, int64_t end) {
    const int64_t plane = plane_of(most, channels), sums_plane = plane_of(most, wide);
    Scratch<float> data(spots * plane), sums(spots * sums_plane);
    Scratch<float> nowhere(g.o);
    float* pixels[outputs * outputs];
    for (int64_t task = begin; task < end; ++task) {
      const int64_t block = task / parts, part = task % parts;
      const int64_t first = block * tiles.count / blocks, last = (block + 1) * tiles.count / blocks;
      transform_tiles<Data>(tiles, x, g.h, g.w, g.c, g.padding_h, g.padding_w, first, last, 0, g.c, zeros.data(),
                            data.data(), plane);
      for (int64_t p = part * count / parts; p < (part + 1) * count / parts; ++p) {
        const int64_t step = g.o - p * wide > w ? wide : w;
        for (int64_t spot = 0; spot < spots; ++spot)
          product(last - first, step, true, g.c, data.data() + spot * plane, channels,
                  weights + (p * spots * wide + spot * step) * g.c, step, false, sums.data() + spot * sums_plane, step);
        for (int64_t tile = first; tile < last; ++tile) {
          const int64_t in_image = tile % tiles.image;
          squares<outputs>(y, g.y_h, g.y_w, g.o, tile / tiles.image, in_image / tiles.across * outputs,
                           in_image % tiles.across * outputs, nowhere.data(), pixels);
          for (int64_t f = 0; f < step; f += w) {
            const int64_t at = p * wide + f, n = std::min(w, g.o - at);
            const V start = !bias ? V{} : n == w ? load(bias + at) : load_few(bias + at, n);
            const auto read = [&](int i) { return load(sums.data() + i * sums_plane + (tile - first) * step + f); };
            if (n == w)
              both<Result>(read, [&](int i, const V& v) { store(pixels[i] + at, v + start); });
            else
              both<Result>(read, [&](int i, const V& v) { store_few(pixels[i] + at, v + start, n); });
          }
        }
      }
    }
  });
}

void winograd_weight(const Winograd& g, const float* x, const float* y, float* weight) {
  const Tiles tiles(g);
  constexpr int64_t block = 128;  // channels and filters that are summed together
  const int64_t all_filters = padded(g.o), c_parts = ceil_div(g.c, block), o_parts = ceil_div(g.o, block);
  const int64_t c_block = padded(ceil_div(g.c, c_parts)), o_block = padded(ceil_div(g.o, o_parts));
  const int64_t most = tiles_at_once(c_block + o_block, tiles.count);
  // Enough pieces for several threads, but none of so few tiles that its sums cost more than they.
  const int64_t chunks = std::clamp<int64_t>(16 / (c_parts * o_parts), 1, std::max<int64_t>(1, tiles.count / 96));
  const int64_t total = spots * g.c * all_filters;
  Scratch<float> sums(chunks * total);
  const std::vector<float> zeros(static_cast<size_t>(std::max(g.c, g.o)));
  const int64_t tasks = chunks * c_parts * o_parts;
  const double work = static_cast<double>(tiles.count) * static_cast<double>(total);
  parallel_for(tasks, work < 2e5 ? tasks : 1, [&](int64_t begin, int64_t end) {
    const int64_t data_plane = plane_of(most, c_block), grad_plane = plane_of(most, o_block);
    Scratch<float> data(spots * data_plane), grad(spots * grad_plane);
    for (int64_t task = begin; task < end; ++task) {
      const int64_t chunk = task / (c_parts * o_parts), c0 = task / o_parts % c_parts * c_block,
                    o0 = task % o_parts * o_block;
      const int64_t channels = std::min(c_block, g.c - c0), filters = std::min(o_block, g.o - o0);
      if (channels <= 0 || filters <= 0) continue;  // whole vectors left nothing for the last part
      const int64_t start = chunk * tiles.count / chunks, end_of = (chunk + 1) * tiles.count / chunks;
      for (int64_t first = start; first < end_of; first += most) {
        const int64_t last = std::min(first + most, end_of);
        transform_tiles<Data>(tiles, x, g.h, g.w, g.c, g.padding_h, g.padding_w, first, last, c0, channels,
                              zeros.data(), data.data(), data_plane);
        transform_tiles<ResultGradient>(tiles, y, g.y_h, g.y_w, g.o, 0, 0, first, last, o0, filters, zeros.data(),
                                        grad.data(), grad_plane);
        for (int64_t spot = 0; spot < spots; ++spot)
          for (int64_t f = 0; f < filters; f += wide)
            product(channels, std::min(wide, padded(filters) - f), false, last - first, data.data() + spot * data_plane,
                    padded(channels), grad.data() + spot * grad_plane + f, padded(filters), first > start,
                    sums.data() + chunk * total + (spot * g.c + c0) * all_filters + o0 + f, all_filters);
      }
    }
  });
  parallel_for(g.c, std::max<int64_t>(1, 65536 / (spots * all_filters * chunks)), [&](int64_t begin, int64_t end) {
    for (int64_t c = begin; c < end; ++c)
      for (int64_t f = 0; f < all_filters; f += w)
        both<KernelGradient>(
            [&](int i) {
              const float* from = sums.data() + (i * g.c + c) * all_filters + f;
              V sum = load(from);
              for (int64_t chunk = 1; chunk < chunks; ++chunk) sum += load(from + chunk * total);
              return sum;
            },
            [&](int i, const V& v) { store(weight + (i * g.c + c) * all_filters + f, v); });
  });
}

}  // namespace cairn::kernels
