#include "kernels/gemm.h"

#include <algorithm>

#include "cairn/base/threads.h"
#include "kernels/copy.h"
#include "kernels/gemm_dots.h"
#include "kernels/gemm_task.h"
#include "kernels/tile.h"

namespace cairn::kernels {
namespace {

constexpr int64_t least_inner = 256;  // of what one thread adds up while others add up the rest
constexpr int64_t least_sweep = 64;   // the same of a row times a matrix, whose sums are few
constexpr int64_t group_rows = 4096;  // of packed panels of B, half a MiB at most, for the second-level cache
constexpr int64_t strip_rows = 512;   // of strips of B side by side, which are read from where they lie
constexpr int64_t group_tiles = 8;    // whose rows of A are packed together
constexpr int64_t a_in_cache = 1 << 19, b_in_cache = 1 << 16;  // bytes of a block of A, and of B
constexpr int64_t few = 16;                                    // rows too few to be worth packing B
constexpr int64_t few_columns = 12;                            // and columns that leave too much of a tile unused

// ---- a product on one thread -----------------------------------------------------------------------------------------

template <class S>
const S* end_of(const Matrix<S>& x, int64_t rows, int64_t columns) {
  return x.data + std::max<int64_t>(0, (rows - 1) * x.row) + std::max<int64_t>(0, (columns - 1) * x.col) + 1;
}

// A product of one panel of B, small enough for the stack: to plan it would take longer than to do it. False if it is another.
template <class S>
bool one_panel(const Task<S>& t) {
  const int64_t wide = t.n > width<S> ? panel<S> : width<S>;
  if (t.n > panel<S> || t.k * wide > Scratch<S>::nearby || t.m > 4 * tile_rows || (t.a.col != 1 && t.a.row != 1))
    return false;
  const bool direct = t.b.col == 1 && t.n == wide, along_k = t.a.col == 1;
  Scratch<S> packed(direct ? 0 : t.k * wide);
  if (!direct) pack(t.k, t.n, t.b, end_of(t.b, t.k, t.n), packed.data(), wide);
  const S* b = direct ? t.b.data : packed.data();
  for (int64_t i = 0; i < t.m; i += tile_rows) {
    Matrix<S> from = t.start;
    if (from.data) from.data += i * from.row;
    any_tile(std::min<int64_t>(tile_rows, t.m - i), t.n, along_k, one_run, t.k, t.a.data + i * t.a.row,
             along_k ? t.a.row : t.a.col, b, direct ? t.b.row : wide, from, t.c + i * t.c_row, t.c_row);
  }
  return true;
}

// The general way: tiles over packed panels.
template <class S>
void tiles(const Task<S>& t) {
  constexpr int64_t w = width<S>, wide = panel<S>, a_wide = (tile_rows + w - 1) / w * w;
  const int64_t row_tiles = ceil_div(t.m, tile_rows), panels = ceil_div(t.n, wide);
  const Packing<S>& kept = t.packed;
  const int64_t blocks = kept.blocks(), longest = ceil_div(kept.k, blocks);
  const int64_t rows_low = t.m / row_tiles, higher = t.m % row_tiles;  // balanced: 128 = 7 · 12 + 4 · 11
  const auto edge_a = [&](int64_t p) { return p * rows_low + std::min(p, higher); };
  const auto edge_b = [&](int64_t p) { return std::min(t.n, p * wide); };
  const S *end_a = end_of(t.a, t.m, t.k), *end_b = end_of(t.b, t.k, t.n);
  // While A is small enough to stay in the second-level cache, B is read from where it lies, in strips as wide as a panel:
  // to pack it would cost more than it saves. So is a B that is small itself. Where rows are a high power of two apart, a
  // strip's rows fall into few of the cache's sets and would have to come from afar for each tile. Where A has many rows,
  // short strips go side by side, and those of a small B all: who writes C in columns makes the processor fetch what lies
  // below them, which may be another thread's.
  constexpr auto size = static_cast<int64_t>(sizeof(S));
  const bool rows_of_b = !kept.data && t.b.col == 1 && t.b.row >= 0;
  const int64_t b_bytes = t.b.row * size, power = b_bytes & -b_bytes;
  const bool few_tiles = row_tiles <= 4;
  const bool small = rows_of_b && longest * b_bytes <= b_in_cache;
  const bool strips =
      rows_of_b && !small && t.m * longest * size <= a_in_cache && (few_tiles || longest * power <= 1 << 19);
  // One tile's way down a strip is foreseen by the processor unless each row lies on another page than the one before.
  const bool asks = strips && b_bytes > 4096;
  const int64_t direct = !strips && !small ? 0 : t.n % wide == w ? panels : t.n / wide;
  // Rows of A a multiple of a page apart would fall into one set of the cache and push each other out.
  const bool apart = t.a.row * size % 4096 != 0 || t.m <= few;
  const bool direct_a = panels <= 2 ? t.a.col == 1 || t.a.row == 1 : t.a.col == 1 && apart;
  const bool along_k = direct_a && t.a.col == 1;
  const int64_t together = strips ? (few_tiles ? 1 : strip_rows) : group_rows;
  const int64_t group = std::max<int64_t>(1, together / longest);
  const int64_t a_group = strips ? row_tiles : group_tiles;
  Scratch<S> packed_b(kept.data ? 0 : std::min(group, panels - direct) * longest * wide);
  Scratch<S> packed_a(direct_a ? 0 : std::min(a_group, row_tiles) * longest * a_wide);
  for (int64_t block = 0; block < blocks; ++block) {
    const int64_t l = std::max<int64_t>(0, kept.block(block) - kept.l);
    const int64_t inner = std::min(t.k, kept.block(block + 1) - kept.l) - l;
    if (inner <= 0) continue;
    const Matrix<S> start = l == 0 ? t.start : Matrix<S>{t.c, t.c_row, 1};
    const Matrix<S> b_block{t.b.data + l * t.b.row, t.b.row, t.b.col},
        a_block{t.a.data + l * t.a.col, t.a.col, t.a.row};
    for (int64_t g = 0; g < panels; g += group) {
      const int64_t g_end = std::min(panels, g + group), first = std::max(g, direct);
      if (!kept.data) pack_panels(inner, b_block, end_b, first, g_end, edge_b, packed_b.data(), wide);
      for (int64_t r = 0; r < row_tiles; ++r) {
        if (!direct_a && r % a_group == 0 && (g == 0 || a_group < row_tiles))
          pack_panels(inner, a_block, end_a, r, std::min(r + a_group, row_tiles), edge_a, packed_a.data(), a_wide);
        const int64_t i = edge_a(r), rows = edge_a(r + 1) - i;
        const S* a = direct_a ? a_block.data + i * t.a.row : packed_a.data() + r % a_group * inner * a_wide;
        const int64_t a_step = !direct_a ? ceil_div(rows, w) * w : along_k ? t.a.row : t.a.col;
        for (int64_t p = g; p < g_end; ++p) {
          const int64_t j = p * wide, now = std::min(t.n - j, wide);
          const int64_t b_row = p < direct ? t.b.row : now > w ? wide : w;
          const S* b = p < direct ? b_block.data + j
                       : kept.data
                           ? kept.data + kept.at(block, kept.first + p) + (kept.l + l - kept.block(block)) * b_row
                           : packed_b.data() + (p - first) * inner * wide;
          S* c = t.c + i * t.c_row + j;
          Matrix<S> from = start;
          if (from.data) from.data += i * from.row + j * from.col;
          // The next strip is this tile's own next one, or, of another group, that of the first tiles.
          const bool own = p + 1 < g_end;
          if (asks && p + 1 < direct && (own ? r == 0 : r < Ahead::lines<S>))
            tile_for<S, true>(rows, true, along_k)(one_run, inner, a, a_step, b, b_row, from, c, t.c_row,
                                                   Ahead(b + wide, t.b.row, r, own ? 1 : row_tiles));
          else
            any_tile(rows, now, along_k, one_run, inner, a, a_step, b, b_row, from, c, t.c_row);
        }
      }
    }
  }
}

template <class S>
void pack_all(const Packing<S>& p, const Matrix<S>& b, S* to) {
  const S* end = end_of(b, p.k, p.n);
  const auto edge = [&](int64_t i) { return std::min(p.n, i * panel<S>); };
  parallel_for(p.panels(), ceil_div(32768, p.k * panel<S>), [&](int64_t first, int64_t last) {
    for (int64_t block = 0; block < p.blocks(); ++block) {
      const int64_t l = p.block(block);
      pack_panels(p.block(block + 1) - l, Matrix<S>{b.data + l * b.row, b.row, b.col}, end, first, last, edge,
                  to + p.at(block, first), panel<S>);
    }
  });
}

// A row against rows of B that lie along n: B is read once, some rows side by side.
template <class S>
void one_sweep(const Task<S>& t) {
  constexpr int64_t w = width<S>, strip = 4096 / sizeof(S);
  const int64_t whole = t.n / w * w;
  for (int64_t j0 = 0; j0 < whole; j0 += strip) {
    const int64_t n = std::min(strip, whole - j0);
    S* c = t.c + j0;
    for (int64_t j = 0; j < n; j += w) store(c + j, t.start.data ? load(t.start.data + j0 + j) : Vector<S>{});
    const auto add = [&]<int L>(int64_t l) {
      const S* b = t.b.data + l * t.b.row + j0;
      S x[L];
      for (int p = 0; p < L; ++p) x[p] = t.a.data[(l + p) * t.a.col];
      for (int64_t j = 0; j < n; j += w) {
        Vector<S> sum = load(c + j);
#pragma GCC unroll 8
        for (int p = 0; p < L; ++p) sum += x[p] * load(b + p * t.b.row + j);
        store(c + j, sum);
      }
    };
    int64_t l = 0;
    for (; l + 8 <= t.k; l += 8) add.template operator()<8>(l);
    for (; l + 2 <= t.k; l += 2) add.template operator()<2>(l);
    for (; l < t.k; ++l) add.template operator()<1>(l);
  }
  if (whole < t.n) tiles(t.part(0, 1, whole, t.n - whole, 0, t.k));
}

// ---- and on several --------------------------------------------------------------------------------------------------

// How a product is cut. Cutting rows or columns leaves every bit of the result as it is: that goes by the number of
// threads. Cutting the inner dimension does not: that goes by the size alone.
struct Cut {
  int64_t rows = 1, columns = 1, inner = 1, unit = 1;  // columns are cut at multiples of `unit`
};

// What is known of a product before it is cut. Costs are times on one thread, that of an uncut product being 1.
template <class S>
struct Sizes {
  double m, k, a_cost, b_cost, column_cost, inner_cost;  // the last two of cutting there at all
  int64_t unit, units, most_rows, most_inner;

  Sizes(const Task<S>& t, bool few_rows)
      : m(static_cast<double>(t.m)),
        k(static_cast<double>(t.k)),
        // Numbers brought in, weighed in multiplications: those that lie along k cost less.
        a_cost(t.a.col == 1 ? 8 : 16),
        b_cost(t.b.col == 1 ? 10 : 20),
        column_cost(2 / k),
        inner_cost(0.05),
        unit(few_rows ? 4 * width<S> : panel<S>),
        units(ceil_div(t.n, unit)),
        most_rows(few_rows ? 1 : ceil_div(t.m, 3 * tile_rows)),
        most_inner(std::max<int64_t>(1, t.k / least_inner)) {
    if (!few_rows) return;
    // All wait for B, and it comes best as it lies, in the pieces in which an optimiser's threads hold it.
    if (t.b.row == 1) {
      unit = 64 / static_cast<int64_t>(sizeof(S)), units = ceil_div(t.n, unit);
      inner_cost = b_cost / 4 / m;
    } else {
      most_inner = std::max<int64_t>(1, t.k / least_sweep);
      column_cost = b_cost / 4 / m;
    }
  }

  // The wider a piece, the less it costs to bring in A; the taller, the less for B; the deeper, the less to add the
  // sums up. Whole rows of C are what the threads of the next operation look for, each in its own cache. A last round
  // with fewer pieces than threads, or a narrower last piece, leaves threads idle.
  double cost(const Cut& c, int64_t team) const {
    const auto real = [](int64_t x) { return static_cast<double>(x); };
    const int64_t pieces = c.rows * c.columns * c.inner, longest = ceil_div(units, c.columns);
    const double idle = real(ceil_div(pieces, team) * team) / real(pieces) * real(longest * c.columns) / real(units);
    return idle * (1 + a_cost / real(longest * unit) + b_cost * real(c.rows) / m + (c.columns > 1 ? column_cost : 0) +
                   (c.inner > 1 ? 48 * real(c.inner - 1) / k + inner_cost : 0));
  }

  // The cheapest cut that gives each of a team a piece, as far as there are so many.
  Cut best(int64_t team, int64_t inner_from, int64_t inner_to) const {
    Cut found{1, 1, inner_from, unit};
    double lowest = 1e300;
    for (int64_t inner = inner_from; inner <= inner_to; inner *= 2) {
      const int64_t wanted = ceil_div(team, inner);
      for (int64_t rows = 1; rows <= std::min(most_rows, wanted); ++rows) {
        const Cut c{rows, std::min(units, ceil_div(wanted, rows)), inner, unit};
        if (const double now = cost(c, team); now < lowest) lowest = now, found = c;
      }
    }
    return found;
  }
};

template <class S>
Cut cut_of(const Task<S>& t, bool few_rows) {
  Sizes<S> sizes(t, few_rows);
  // In multiplications, 10 to 30 µs. Writing a number of C counts as 16; with few rows it is reading B that takes time.
  constexpr double piece = 1e6;
  const double column = few_rows ? (sizes.m + 16) * sizes.k : sizes.m * (sizes.k + 16);
  const double pieces = column * static_cast<double>(t.n) / piece;
  if (pieces < 2) return {};
  // Deep where eight threads would not find enough rows and columns, or B is a sweep's.
  const int64_t inner =
      sizes.most_inner == 1 ? 1 : sizes.best(static_cast<int64_t>(std::min(pieces, 8.0)), 1, sizes.most_inner).inner;
  const int64_t team = std::min<int64_t>(num_threads(), static_cast<int64_t>(pieces));
  if (t.packed.data) sizes.b_cost = 2;  // after the inner dimension is cut, as that decides bits
  return sizes.best(team, inner, inner);
}

template <class S>
void run(const Task<S>& t, bool few_rows, void (*serial)(const Task<S>&)) {
  const Cut cut = cut_of(t, few_rows);
  if (cut.rows * cut.columns * cut.inner == 1) return serial(t);
  // Pieces of the inner dimension but the first go to matrices of their own, which are added in order.
  Scratch<S> sums((cut.inner - 1) * t.m * t.n);
  const int64_t units = ceil_div(t.n, cut.unit);
  parallel_for(cut.rows * cut.columns * cut.inner, 1, [&](int64_t index, int64_t) {
    const int64_t x = index / cut.rows % cut.columns, y = index % cut.rows, z = index / cut.rows / cut.columns;
    const int64_t j = x * units / cut.columns * cut.unit;
    const int64_t j_end = std::min(t.n, (x + 1) * units / cut.columns * cut.unit);
    const int64_t i = y * t.m / cut.rows, i_end = (y + 1) * t.m / cut.rows;
    const int64_t l = z * t.k / cut.inner, l_end = (z + 1) * t.k / cut.inner;
    Task<S> p = t.part(i, i_end - i, j, j_end - j, l, l_end - l);
    if (z > 0) {
      p.start.data = nullptr;
      p.c = sums.data() + ((z - 1) * t.m + i) * t.n + j;
      p.c_row = t.n, p.c_col = 1;
    }
    serial(p);
  });
  if (cut.inner > 1)
    parallel_for(t.m, ceil_div(65536, cut.inner * t.n), [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i)
        for (int64_t z = 0; z + 1 < cut.inner; ++z)
          for (int64_t j = 0; j < t.n; ++j) t.c[i * t.c_row + j * t.c_col] += sums.data()[(z * t.m + i) * t.n + j];
    });
}

// Few rows: copied to lie along k where they do not.
template <class S>
void with_rows(Task<S> t) {
  const bool copied = t.a.col != 1;
  Scratch<S> rows(copied ? t.m * t.k : 0);
  if (copied) {
    for (int64_t i = 0; i < t.m; ++i)
      for (int64_t l = 0; l < t.k; ++l) rows.data()[i * t.k + l] = t.a.data[i * t.a.row + l * t.a.col];
    t.a = {rows.data(), t.k, 1};
  }
  run(t, true, &few_dots<S>);
}

// Whether to exchange A and B, both along k, so that it is the smaller one, A, that is brought into panels across its
// rows. Against that stand the product, which comes out transposed, and the panels' columns that only fill vectors.
// B must lie so that the tiles can read it where it is, and no sum may be cut elsewhere: that decides bits.
template <class S>
bool better_exchanged(const Task<S>& t) {
  constexpr int64_t w = width<S>, second_cache = 1 << 20, numbers = static_cast<int64_t>(sizeof(S));
  if (t.a.col != 1 || t.b.row != 1 || t.m * t.n * numbers > second_cache) return false;
  if (t.b.col * numbers % 4096 == 0 && t.m > 2 * panel<S>) return false;
  const int64_t filling = ceil_div(t.m, w) * w - t.m;
  if ((t.n - t.m) * t.k <= 4 * t.m * t.n + filling * t.n * t.k / 4) return false;
  return cut_of(t, false).inner == 1 && cut_of(t.transposed(), false).inner == 1;
}

// A piece of such a product, whose C lies along columns: by way of a matrix of the thread's own.
template <class S>
void tiles_across(const Task<S>& t) {
  Scratch<S> sums(t.m * t.n);
  Task<S> u = t;
  u.c = sums.data(), u.c_row = t.n, u.c_col = 1;
  // A bias is one number for each row: as many of them side by side as a panel is wide serve all panels.
  const bool bias = t.start.data && t.start.col == 0;
  Scratch<S> spread(bias ? t.m * panel<S> : 0);
  if (bias) {
    for (int64_t i = 0; i < t.m; ++i)
      std::fill_n(spread.data() + i * panel<S>, panel<S>, t.start.data[i * t.start.row]);
    u.start = {spread.data(), panel<S>, 0};
  } else if (t.start.data) {
    copy_strided({t.m, t.n}, dtype_of<S>, t.start.data, {t.start.row, t.start.col}, dtype_of<S>, u.c, {t.n, 1});
    u.start = {u.c, t.n, 1};
  }
  tiles(u);
  copy_strided({t.n, t.m}, dtype_of<S>, u.c, {1, t.n}, dtype_of<S>, t.c, {t.c_col, 1});
}

}  // namespace

template <class S>
void gemm_reference(int64_t m, int64_t n, int64_t k, Matrix<S> a, Matrix<S> b, S* c, int64_t c_row, Epilogue<S> e) {
  for (int64_t i = 0; i < m; ++i)
    for (int64_t j = 0; j < n; ++j) {
      S sum = e.bias ? e.bias[j] : e.accumulate ? c[i * c_row + j] : S(0);
      for (int64_t l = 0; l < k; ++l) sum += a.data[i * a.row + l * a.col] * b.data[l * b.row + j * b.col];
      c[i * c_row + j] = sum;
    }
}

template <class S>
void gemm(int64_t m, int64_t n, int64_t k, Matrix<S> a, Matrix<S> b, S* c, int64_t c_row, Epilogue<S> e,
          const Packed& packed) {
  if (m == 0 || n == 0) return;
  if (k == 0) return gemm_reference(m, n, k, a, b, c, c_row, e);  // only what is added
  const Matrix<S> start = e.bias         ? Matrix<S>{e.bias, 0, 1}
                          : e.accumulate ? Matrix<S>{c, c_row, 1}
                                         : Matrix<S>{nullptr, 0, 0};
  if (m == 1) a.row = 1;  // the step of a dimension of size 1 may be anything
  if (n == 1) b.col = 1;
  Task<S> t{m, n, k, a, b, start, c, c_row, 1};
  constexpr int64_t w = width<S>;
  const bool swapped = n == 1 && m > 1 && c_row == 1 && !e.bias;  // a column is a row; but its bias is one number
  if (swapped) t = t.transposed();
  const int64_t few_now = std::min(few, k / 16);  // short sums are not worth a reduction each
  if (k >= w && t.b.row == 1 && (t.m == 1 || t.m <= few_now)) return with_rows(t);
  if (k >= w && t.a.col == 1 && (t.n == 1 || (t.n <= std::min(few_columns, few_now) && t.m > few)))
    return with_rows(t.transposed());
  if (t.m == 1 && t.b.col == 1) return run(t, true, &one_sweep<S>);
  if (!packed && !swapped && one_panel(t)) return;
  if (!packed && !swapped && better_exchanged(t)) return run(t.transposed(), false, &tiles_across<S>);
  std::shared_ptr<const void> block;
  if (packed && !swapped) {
    block = packed(0, static_cast<size_t>(t.packed.numbers()) * sizeof(S),
                   [&](void* to) { pack_all(t.packed, t.b, static_cast<S*>(to)); });
    t.packed.data = static_cast<const S*>(block.get());
  }
  run(t, false, &tiles<S>);
}

template void gemm(int64_t, int64_t, int64_t, Matrix<float>, Matrix<float>, float*, int64_t, Epilogue<float>,
                   const Packed&);
template void gemm(int64_t, int64_t, int64_t, Matrix<double>, Matrix<double>, double*, int64_t, Epilogue<double>,
                   const Packed&);
template void gemm_reference(int64_t, int64_t, int64_t, Matrix<float>, Matrix<float>, float*, int64_t, Epilogue<float>);
template void gemm_reference(int64_t, int64_t, int64_t, Matrix<double>, Matrix<double>, double*, int64_t,
                             Epilogue<double>);

}  // namespace cairn::kernels
