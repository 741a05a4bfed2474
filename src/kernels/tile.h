#pragma once
// The one tile that matrix products are made of, and what brings matrices into its form.

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <utility>

#include "cairn/base/memory.h"
#include "cairn/math/lanes.h"
#include "kernels/gemm.h"

namespace cairn::kernels {
inline namespace CAIRN_ISA {

template <class S>
using Vector = typename detail::Vectors<S>::Values;
template <class S>
inline constexpr int width = static_cast<int>(detail::vector_bytes / sizeof(S));
template <class S>
inline constexpr int panel = 2 * width<S>;  // columns of the widest tile

// Rows of the tallest tile: its accumulators, a row of B and one number of A fill the register file.
#if defined(__AVX512F__)
inline constexpr int tile_rows = 12;
#elif defined(__AVX2__) && defined(__FMA__)
inline constexpr int tile_rows = 6;
#elif defined(__ARM_NEON)
inline constexpr int tile_rows = 8;
#else
inline constexpr int tile_rows = 4;
#endif

inline int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

template <class S>
[[gnu::always_inline]] inline Vector<S> load(const S* p) {
  return *reinterpret_cast<const typename detail::Vectors<S>::Memory*>(p);
}
template <class S>
[[gnu::always_inline]] inline void store(S* p, Vector<S> x) {
  *reinterpret_cast<typename detail::Vectors<S>::Memory*>(p) = x;
}

// Holds x in a register: GCC would load it again for each use where a tile of few rows leaves registers free.
template <class V>
[[gnu::always_inline]] inline void keep_loaded([[maybe_unused]] V& x) {
#if defined(__AVX__)
  asm("" : "+v"(x));
#endif
}

// Holds p in a register of its own: GCC would compute it from another pointer.
template <class S>
[[gnu::always_inline]] inline void keep_pointer(const S*& p) {
  asm("" : "+r"(p));
}

// The inner dimension in runs of k, of which each begins at another place of A: the rows of a convolution's window.
struct Runs {
  int64_t count;
  const int64_t* offset;
};
inline constexpr int64_t at_once = 0;
inline constexpr Runs one_run{1, &at_once};

// What a tile that asks brings nearer at each step of k, as later tiles will read it: of the strip of B that comes next, as
// wide as a panel, the lines that fall to tile `r` of all the tiles that go over a strip.
struct Ahead {
  static constexpr int64_t line = 64;
  template <class S>
  static constexpr int64_t lines = std::max<int64_t>(1, panel<S>* static_cast<int64_t>(sizeof(S)) / line);

  const char* data = nullptr;
  int64_t step = 0, second = 0;  // bytes from step to step, and to another line of the same step

  Ahead() = default;
  // Wherever a strip begins, its first numbers lie in a line that the one before ends with: the ends of lines are asked for.
  template <class S>
  Ahead(const S* strip, int64_t row, int64_t r, int64_t tiles)
      : data(reinterpret_cast<const char*>(strip) + r * line + line - 1),
        step(row * static_cast<int64_t>(sizeof(S))),
        second(tiles < lines<S> ? line : 0) {}
};

// R rows × V vectors of C, held in registers throughout. Sums start at `start`, or at zero where that is null. A number
// of A is read from where it lies: rows along k (along_k, `a_step` from row to row) or columns (`a_step` from one k to
// the next). Two steps go in a round: fewer instructions count where another program has the core's other thread.
// `start` goes by reference: on the stack it would be stored in parts and read whole, which waits for all stores before.
template <class S, int V, bool along_k, bool asks, int R>
void tile(Runs runs, int64_t k, const S* a0, int64_t a_step, const S* b, int64_t b_row, const Matrix<S>& start, S* c,
          int64_t c_row, const Ahead& ahead) {
  [[maybe_unused]] Ahead at = ahead;
  // Rows that one pointer serves: a register for each would be too many.
  constexpr int each = std::min(R, along_k ? 3 : tile_rows);
  Vector<S> sum[R][V];
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) sum[r][v] = start.data ? load(start.data + r * start.row + v * width<S>) : Vector<S>{};
  for (int64_t run = 0; run < runs.count; ++run) {
    const S* a[(R + each - 1) / each];
#pragma GCC unroll 6
    for (int r = 0; r < R; r += each) a[r / each] = a0 + runs.offset[run] + r * a_step;
#pragma GCC unroll 2
    for (int64_t l = 0; l < k; ++l) {
      if constexpr (asks) {
        __builtin_prefetch(at.data);
        __builtin_prefetch(at.data + at.second);
        at.data += at.step;
      }
      Vector<S> row[V];
#pragma GCC unroll 4
      for (int v = 0; v < V; ++v) {
        row[v] = load(b + v * width<S>);
        if constexpr (R > 1) keep_loaded(row[v]);
      }
#pragma GCC unroll 16
      for (int r = 0; r < R; ++r) {
        const S x = a[r / each][r % each * (along_k ? a_step : 1)];
#pragma GCC unroll 4
        for (int v = 0; v < V; ++v) sum[r][v] += x * row[v];
      }
#pragma GCC unroll 6
      for (int r = 0; r < R; r += each) keep_pointer(a[r / each] += along_k ? 1 : a_step);
      b += b_row;
    }
  }
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) store(c + r * c_row + v * width<S>, sum[r][v]);
}

template <class S>
using Tile = void (*)(Runs, int64_t, const S*, int64_t, const S*, int64_t, const Matrix<S>&, S*, int64_t, const Ahead&);

template <class S, int V, bool along_k, bool asks>
inline constexpr auto tiles_of = []<int... R>(std::integer_sequence<int, R...>) {
  return std::array<Tile<S>, tile_rows>{&tile<S, V, along_k, asks, R + 1>...};
}
(std::make_integer_sequence<int, tile_rows>());

template <class S, bool asks>
Tile<S> tile_for(int64_t rows, bool wide, bool along_k) {
  const auto& tiles = wide ? (along_k ? tiles_of<S, 2, true, asks> : tiles_of<S, 2, false, asks>)
                           : (along_k ? tiles_of<S, 1, true, asks> : tiles_of<S, 1, false, asks>);
  return tiles[static_cast<size_t>(rows - 1)];
}

// n < 2 · size numbers in pieces of fixed size: a call of memcpy costs more than they do.
template <class S, int size = panel<S>>
[[gnu::always_inline]] inline void copy_few(S* to, const S* from, int64_t n) {
  const bool now = (n & size) != 0;
  if (now) std::memcpy(to, from, size * sizeof(S));
  if constexpr (size > 1) copy_few<S, size / 2>(to + (now ? size : 0), from + (now ? size : 0), n);
}

// A tile of which only n columns exist: the rest is computed aside, so that every element goes through the same code.
template <class S>
[[gnu::noinline]] void partial_tile(int64_t rows, int64_t n, bool along_k, Runs runs, int64_t k, const S* a,
                                    int64_t a_step, const S* b, int64_t b_row, const Matrix<S>& start, S* c,
                                    int64_t c_row) {
  alignas(64) S line[tile_rows * panel<S>];
  const bool wide = n > width<S>;
  const int64_t step = wide ? panel<S> : width<S>;
  if (start.data)
    for (int64_t r = 0; r < rows; ++r) copy_few(line + r * step, start.data + r * start.row, n);
  tile_for<S, false>(rows, wide, along_k)(runs, k, a, a_step, b, b_row, start.data ? Matrix<S>{line, step, 1} : start,
                                          line, step, {});
  for (int64_t r = 0; r < rows; ++r) copy_few(c + r * c_row, line + r * step, n);
}

// A tile of n ≤ panel columns, whole or not.
template <class S>
[[gnu::always_inline]] inline void any_tile(int64_t rows, int64_t n, bool along_k, Runs runs, int64_t k, const S* a,
                                            int64_t a_step, const S* b, int64_t b_row, const Matrix<S>& start, S* c,
                                            int64_t c_row) {
  if (n == panel<S> || n == width<S>)
    tile_for<S, false>(rows, n == panel<S>, along_k)(runs, k, a, a_step, b, b_row, start, c, c_row, {});
  else
    partial_tile(rows, n, along_k, runs, k, a, a_step, b, b_row, start, c, c_row);
}

template <class S, size_t... I>
[[gnu::always_inline]] inline void interleave(const Vector<S>& x, const Vector<S>& y, Vector<S>& low, Vector<S>& high,
                                              std::index_sequence<I...>) {
  constexpr int n = width<S>;
  low = __builtin_shufflevector(x, y, (static_cast<int>(I) / 2 + static_cast<int>(I) % 2 * n)...);
  high = __builtin_shufflevector(x, y, (static_cast<int>(I) / 2 + n / 2 + static_cast<int>(I) % 2 * n)...);
}

// The sums of four vectors, in the first four numbers: interleaving sets two vectors' numbers side by side.
template <class S, size_t... I>
[[gnu::always_inline]] inline Vector<S> sums_of(const Vector<S>* x, std::index_sequence<I...> all) {
  constexpr int w = width<S>;
  const auto fold = [&](const Vector<S>& p, const Vector<S>& q) {
    Vector<S> low, high;
    interleave<S>(p, q, low, high, all);
    return low + high;
  };
  Vector<S> sum = fold(fold(x[0], x[2]), fold(x[1], x[3]));
  if constexpr (w > 8) sum += __builtin_shufflevector(sum, sum, (static_cast<int>(I + 8) % w)...);
  if constexpr (w > 4) sum += __builtin_shufflevector(sum, sum, (static_cast<int>(I + 4) % w)...);
  return sum;
}

// A square of numbers, transposed: interleaving row i with row i + n/2, for all i, log n times.
template <class S>
[[gnu::always_inline]] inline void transpose(const S* const* columns, int64_t at, S* to, int64_t to_row) {
  constexpr int n = width<S>;
  Vector<S> x[n], y[n];
#pragma GCC unroll 16
  for (int i = 0; i < n; ++i) x[i] = load(columns[i] + at);
#pragma GCC unroll 4
  for (int round = 1; round < n; round *= 2) {
#pragma GCC unroll 8
    for (int i = 0; i < n / 2; ++i)
      interleave<S>(x[i], x[i + n / 2], y[2 * i], y[2 * i + 1], std::make_index_sequence<n>());
#pragma GCC unroll 16
    for (int i = 0; i < n; ++i) x[i] = y[i];
  }
#pragma GCC unroll 16
  for (int i = 0; i < n; ++i) store(to + i * to_row, x[i]);
}

inline constexpr int64_t rows_at_once = 8;  // that are packed of several panels before the next ones

// n columns of B as [k][step], step = n rounded up to whole vectors. Columns that do not exist hold anything: their
// sums are thrown away. Nothing at or beyond `limit`, the end of B, is read. What is packed next, the following rows of
// these columns or the same rows of the following ones, is asked for on the way: B comes from afar.
template <class S>
void pack(int64_t k, int64_t n, const Matrix<S>& b, const S* limit, S* to, int64_t step) {
  constexpr int64_t w = width<S>;
  const auto whole_rows = [&](auto wide) {
    const S* from = b.data;
    for (int64_t l = 0; l < k; ++l, from += b.row, to += wide)
      for (int64_t v = 0; v < wide; v += w) {
        __builtin_prefetch(from + rows_at_once * b.row + v);
        store(to + v, load(from + v));
      }
  };
  if (b.col == 1 && b.row >= 0 && limit - (b.data + (k - 1) * b.row) >= step) {
    if (step == w)
      whole_rows(std::integral_constant<int64_t, w>{});
    else if (step == panel<S>)
      whole_rows(std::integral_constant<int64_t, panel<S>>{});
    else
      whole_rows(step);
  } else if (b.col == 1) {
    // n may be two panels: eight rows of doubles on NEON.
    for (int64_t l = 0; l < k; ++l) copy_few<S, 2 * panel<S>>(to + l * step, b.data + l * b.row, n);
  } else if (b.row == 1 && k >= w) {
    for (int64_t v = 0; v < step; v += w) {
      const S* columns[w];
      for (int64_t i = 0; i < w; ++i) columns[i] = b.data + std::min(v + i, n - 1) * b.col;
      for (int64_t l = 0; l < k; l += w) {
        const int64_t at = std::min(l, k - w);  // the last square overlaps the one before
#pragma GCC unroll 16
        for (int64_t i = 0; i < w; ++i) __builtin_prefetch(columns[i] + step * b.col + at);
        transpose<S>(columns, at, to + at * step + v, step);
      }
    }
  } else {
    for (int64_t l = 0; l < k; ++l)
      for (int64_t j = 0; j < n; ++j) to[l * step + j] = b.data[l * b.row + j * b.col];
  }
}

// Panels first … last − 1 of a block, panel p being columns edge(p) … edge(p + 1) − 1, each in room for `widest`
// columns.
template <class S, class Edge>
void pack_panels(int64_t k, const Matrix<S>& b, const S* limit, int64_t first, int64_t last, Edge edge, S* to,
                 int64_t widest) {
  // Rows that are whole in memory are read some at a time over all panels: each touches its pages and lines once.
  const int64_t chunk = b.col == 1 ? rows_at_once : k;
  for (int64_t l = 0; l < k; l += chunk)
    for (int64_t p = first; p < last; ++p) {
      const int64_t j = edge(p), n = edge(p + 1) - j, step = ceil_div(n, width<S>) * width<S>;
      pack(std::min(chunk, k - l), n, Matrix<S>{b.data + l * b.row + j * b.col, b.row, b.col}, limit,
           to + (p - first) * k * widest + l * step, step);
    }
}

// Room for packed panels: on the stack when they are small.
template <class S>
class Scratch {
 public:
  static constexpr int64_t nearby = 4096 / sizeof(S);  // numbers on the stack

  explicit Scratch(int64_t count)
      : bytes_(static_cast<size_t>(count) * sizeof(S)),
        heap_(bytes_ > sizeof(stack_) ? memory::allocate(bytes_) : nullptr) {}
  ~Scratch() { memory::deallocate(heap_, bytes_); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  S* data() { return heap_ ? static_cast<S*>(heap_) : stack_; }

 private:
  size_t bytes_;
  void* heap_;
  alignas(64) S stack_[nearby];
};

}  // namespace CAIRN_ISA
}  // namespace cairn::kernels
