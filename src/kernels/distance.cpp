#include "kernels/distance.h"

#include <algorithm>
#include <cmath>

#include "cairn/base/threads.h"
#include "kernels/tail.h"

namespace cairn::kernels {
namespace {

// Terms that are added up in one run: sums in two levels keep rounding errors small.
constexpr int64_t run = 64;

template <class S>
int64_t lines_of(int64_t m) {
  return (m + Lanes<S>::size - 1) / Lanes<S>::size;
}

// Pieces of some 10 µs, in whole groups of four, where one costs `work` products.
int64_t grain(int64_t work) { return std::max<int64_t>(1, (1 << 17) / std::max<int64_t>(1, work) / 4) * 4; }

// Squared distances of R rows to the points of a panel: each line of it is loaded once for all rows.
template <int R, class S>
[[gnu::always_inline]] inline void to_panel(const S* x, const S* panel, int64_t d, Lanes<S>* squares) {
  using L = Lanes<S>;
  for (int r = 0; r < R; ++r) squares[r] = 0.0;
  for (int64_t begin = 0; begin < d; begin += run) {
    L part[R];
    for (int r = 0; r < R; ++r) part[r] = 0.0;
    const int64_t end = std::min(d, begin + run);
    for (int64_t k = begin; k < end; ++k) {
      const L p = L::load(panel + k * L::size);
      for (int r = 0; r < R; ++r) {
        const L difference = L(x[r * d + k]) - p;
        part[r] = fma(difference, difference, part[r]);
      }
    }
    for (int r = 0; r < R; ++r) squares[r] += part[r];
  }
}

// f(row, squares) for the rows from first to last.
template <class S, class F>
[[gnu::always_inline]] inline void each_row(const S* x, int64_t first, int64_t last, const S* panel, int64_t d, F f) {
  int64_t i = first;
  for (; i + 4 <= last; i += 4) {
    Lanes<S> squares[4];
    to_panel<4>(x + i * d, panel, d, squares);
    for (int r = 0; r < 4; ++r) f(i + r, squares[r]);
  }
  for (; i < last; ++i) {
    Lanes<S> square;
    to_panel<1>(x + i * d, panel, d, &square);
    f(i, square);
  }
}

}  // namespace

template <class S>
int64_t packed_size(int64_t m, int64_t d) {
  return lines_of<S>(m) * Lanes<S>::size * d;
}
template int64_t packed_size<float>(int64_t, int64_t);
template int64_t packed_size<double>(int64_t, int64_t);

template <class S>
void pack_points(const S* points, int64_t m, int64_t d, S* panels) {
  constexpr int64_t w = Lanes<S>::size;
  parallel_for(lines_of<S>(m), grain(8 * w * d), [=](int64_t first, int64_t last) {
    for (int64_t p = first; p < last; ++p)
      for (int64_t l = 0; l < w; ++l) {
        const int64_t j = p * w + l;
        for (int64_t k = 0; k < d; ++k) panels[(p * d + k) * w + l] = j < m ? points[j * d + k] : S(0);
      }
  });
}
template void pack_points(const float*, int64_t, int64_t, float*);
template void pack_points(const double*, int64_t, int64_t, double*);

template <class S>
void squared_distances(const S* x, int64_t rows, const S* panels, const S* scale, int64_t m, int64_t d, S* q) {
  constexpr int64_t w = Lanes<S>::size;
  const int64_t lines = lines_of<S>(m);
  // A panel stays in cache for all rows of a piece.
  const auto block = [=](int64_t first_row, int64_t last_row, int64_t first_line, int64_t last_line) {
    for (int64_t p = first_line; p < last_line; ++p) {
      const int64_t j = p * w, count = std::min(w, m - j);
      const Lanes<S> s = scale ? load_tail(scale + j, count, scale + m) : Lanes<S>(1.0);
      each_row(x, first_row, last_row, panels + j * d, d,
               [=](int64_t i, Lanes<S> squares) { store_tail(squares * s, q + i * m + j, count); });
    }
  };
  if (rows >= lines)
    parallel_for(rows, grain(lines * w * (d + 1)), [=](int64_t a, int64_t b) { block(a, b, 0, lines); });
  else
    parallel_for(lines, grain(rows * w * (d + 1)), [=](int64_t a, int64_t b) { block(0, rows, a, b); });
}
template void squared_distances(const float*, int64_t, const float*, const float*, int64_t, int64_t, float*);
template void squared_distances(const double*, int64_t, const double*, const double*, int64_t, int64_t, double*);

template <class S>
void weighted_differences(const S* x, const S* a, int64_t rows, const S* panels, int64_t m, int64_t d, S* y) {
  using L = Lanes<S>;
  constexpr int64_t w = L::size;
  constexpr int C = 4;  // coordinates at a time: their lines of all panels stay in cache for the rows of a piece
  const int64_t lines = lines_of<S>(m);
  parallel_for(rows, grain(lines * w * (d + 1)), [=](int64_t first, int64_t last) {
    for (int64_t k = 0; k < d; k += C) {
      int64_t at[C];  // past the end the last one again, which is not stored
      for (int c = 0; c < C; ++c) at[c] = std::min(k + c, d - 1);
      for (int64_t i = first; i < last; ++i) {
        L v[C], total[C];
        for (int c = 0; c < C; ++c) v[c] = x[i * d + at[c]], total[c] = 0.0;
        for (int64_t begin = 0; begin < lines; begin += run) {
          L part[C];
          for (int c = 0; c < C; ++c) part[c] = 0.0;
          const int64_t end = std::min(lines, begin + run);
          for (int64_t p = begin; p < end; ++p) {
            const L weight = load_tail(a + i * m + p * w, std::min(w, m - p * w), a + rows * m);
            const S* panel = panels + p * w * d;
            for (int c = 0; c < C; ++c) part[c] = fma(weight, v[c] - L::load(panel + at[c] * w), part[c]);
          }
          for (int c = 0; c < C; ++c) total[c] += part[c];
        }
        for (int c = 0; c < C && k + c < d; ++c) y[i * d + k + c] = total[c].sum();
      }
    }
  });
}
template void weighted_differences(const float*, const float*, int64_t, const float*, int64_t, int64_t, float*);
template void weighted_differences(const double*, const double*, int64_t, const double*, int64_t, int64_t, double*);

template <class S>
void nearest_points(const S* x, int64_t rows, const S* panels, int64_t m, int64_t d, int64_t* index, S* square) {
  using L = Lanes<S>;
  constexpr int64_t w = L::size;
  const int64_t lines = lines_of<S>(m);
  parallel_for(rows, grain(lines * w * (d + 1)), [=](int64_t first, int64_t last) {
    constexpr int64_t block = 64;  // rows for which a panel stays in cache
    L best[block], where_best[block];
    for (int64_t from = first; from < last; from += block) {
      const int64_t to = std::min(last, from + block);
      for (int64_t r = 0; r < block; ++r) best[r] = INFINITY, where_best[r] = 0.0;
      for (int64_t p = 0; p < lines; ++p) {
        const int64_t count = std::min(w, m - p * w);
        each_row(x, from, to, panels + p * w * d, d, [&](int64_t i, L found) {
          const L q = keep_first(found, count, static_cast<S>(INFINITY));
          const auto nearer = q < best[i - from];
          best[i - from] = where(nearer, q, best[i - from]);
          where_best[i - from] = where(nearer, L(static_cast<double>(p)), where_best[i - from]);
        });
      }
      for (int64_t i = from; i < to; ++i) {
        alignas(64) S least[w], line[w];
        best[i - from].store(least);
        where_best[i - from].store(line);
        const auto place = [&](int64_t l) { return static_cast<int64_t>(line[l]) * w + l; };
        int64_t l = 0;
        for (int64_t o = 1; o < w; ++o)
          if (least[o] < least[l] || (least[o] == least[l] && place(o) < place(l))) l = o;
        index[i] = place(l);
        square[i] = least[l];
      }
    }
  });
}
template void nearest_points(const float*, int64_t, const float*, int64_t, int64_t, int64_t*, float*);
template void nearest_points(const double*, int64_t, const double*, int64_t, int64_t, int64_t*, double*);

}  // namespace cairn::kernels
