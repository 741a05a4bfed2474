#pragma once
// A product as its ways of being computed see it.

#include <algorithm>
#include <cstdint>

#include "kernels/tile.h"

namespace cairn::kernels {
inline namespace CAIRN_ISA {

// Numbers of the inner dimension in a block: the rows of A of one tile stay in the first-level cache (24 KiB with AVX-512, 12
// with AVX2), and C is read and written once a block.
template <class S>
inline constexpr int64_t depth = 2048 / static_cast<int64_t>(sizeof(S));

// B (k, n) packed before: blocks of the inner dimension, of each the panels one after the other. A product of a part of B
// reads the part of these blocks and panels from (l, panel) on; the blocks' ends matter to no bit.
template <class S>
struct Packing {
  int64_t k = 0, n = 0;
  const S* data = nullptr;  // null: nothing is packed
  int64_t l = 0, first = 0;

  int64_t blocks() const { return std::max<int64_t>(1, ceil_div(k, depth<S>)); }
  int64_t block(int64_t b) const { return b * k / blocks(); }
  int64_t panels() const { return ceil_div(n, panel<S>); }
  int64_t wide() const { return ceil_div(n, width<S>) * width<S>; }  // columns, with those that only fill a vector
  int64_t numbers() const { return k * wide(); }
  int64_t at(int64_t b, int64_t p) const { return block(b) * wide() + p * panel<S> * (block(b + 1) - block(b)); }
};

// What is to be done. Sums start at `start`, or at zero where its data is null.
template <class S>
struct Task {
  int64_t m, n, k;
  Matrix<S> a, b, start;
  S* c;
  int64_t c_row, c_col;
  Packing<S> packed{k, n};

  // Rows [i, i + rows), columns [j, j + columns), inner [l, l + inner) of it.
  Task part(int64_t i, int64_t rows, int64_t j, int64_t columns, int64_t l, int64_t inner) const {
    Task t = *this;
    t.m = rows, t.n = columns, t.k = inner;
    t.a.data += i * a.row + l * a.col;
    t.b.data += l * b.row + j * b.col;
    if (start.data) t.start.data += i * start.row + j * start.col;
    t.c += i * c_row + j * c_col;
    if (packed.data)
      t.packed.l += l, t.packed.first += j / panel<S>;
    else
      t.packed = {inner, columns};
    return t;
  }
  Task transposed() const {
    const auto t = [](const Matrix<S>& x) { return Matrix<S>{x.data, x.col, x.row}; };
    return {n, m, k, t(b), t(a), t(start), c, c_col, c_row};
  }
};

}  // namespace CAIRN_ISA
}  // namespace cairn::kernels
